"""Names, digests and what is counted before an export."""

from __future__ import annotations

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p3m_anon.errors import UsageError
from p3m_anon.files.dataset_rows import MANIFEST, read_rows, write_rows
from p3m_anon.files.export_source import Digesting, Unfit, files_of, name_id, role_folder, safe_name, survey
from tests.files.export_cases import build_dataset

IDS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


@given(IDS, IDS)
def test_names_are_safe_and_come_back(one, other):
    name = safe_name(one)
    assert name_id(name) == one
    assert not set(name) & set('./\\%:*?"<>| \n\0')
    assert not name.startswith("__")
    assert (safe_name(other) == name) == (one == other)


@pytest.mark.parametrize(
    ("text", "name"),
    [("p_01", "p_01"), ("a.b", "a~2eb"), ("sub/c", "sub~2fc"), ("~", "~7e"), ("ä", "~c3~a4"), ("__x__", "~5f_x__")],
)
def test_how_names_look(text, name):
    assert safe_name(text) == name


def test_what_goes_out_is_counted(tmp_path):
    root = build_dataset(
        tmp_path / "ds",
        {"train": ["a", "2020-01-31"], "P3M-500-NP": ["n"]},
        {"train": ["alpha"], "P3M-500-NP": ["alpha", "trimap"]},
    )
    source = survey(root)
    assert source.splits == ["train", "P3M-500-NP"]
    assert {split: dict(counts) for split, counts in source.counts.items()} == {
        "train": {"anonymized": 2},
        "P3M-500-NP": {"normal": 1},
    }
    assert (source.pictures, source.filled["alpha"], source.filled["trimap"]) == (3, 3, 1)
    assert source.folders["image"] == {"train/blurred_image", "validation/P3M-500-NP/original_image"}
    assert source.endings == {"image": {"jpg"}, "alpha": {"png"}, "trimap": {"png"}}
    assert source.dated == {"id"}
    assert [row["id"] for row in survey(root, "train").rows()] == ["a", "2020-01-31"]


def test_nothing_to_export_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match=MANIFEST):
        survey(tmp_path)
    root = build_dataset(tmp_path / "ds", {"train": ["a"]})
    with pytest.raises(UsageError, match="no picture of P3M-500-P"):
        survey(root, "P3M-500-P")


def test_a_manifest_that_changes_meanwhile_is_noticed(tmp_path):
    root = build_dataset(tmp_path / "ds", {"train": ["a", "b"]})
    rows = survey(root).rows()
    next(rows)
    write_rows(root / MANIFEST, list(read_rows(root / MANIFEST)))
    with pytest.raises(Unfit, match="changed while"):
        list(rows)


def test_rows_half_split_and_files_without_digests_are_refused(tmp_path):
    root = build_dataset(tmp_path / "ds", {"train": ["a", "b"]})
    first, second = read_rows(root / MANIFEST)
    write_rows(root / MANIFEST, [first, {**second, "split": None}])
    with pytest.raises(Unfit, match="others have none"):
        survey(root)
    write_rows(root / MANIFEST, [first, {**second, "alpha_sha256": None}])
    with pytest.raises(Unfit, match="no sha256"):
        survey(root)


def test_files_of_a_row_and_their_folders():
    row = {"image": "train/blurred_image/a.JPEG", "image_sha256": "0", "trimap": None}
    assert [(one.key, one.ending) for one in files_of(row)] == [("image", "jpg")]
    assert role_folder("validation/P3M-500-P/mask/x/y.png") == "validation/P3M-500-P/mask"
    assert role_folder("P3M-500-P/mask/x/y.png") == "P3M-500-P/mask"
    assert role_folder("blurred_image/x/y.png") == "blurred_image"


def test_digests_are_those_of_what_passed():
    data = bytes(range(256)) * 9
    digest = hashlib.sha256(data).hexdigest()
    reader, written = Digesting(io.BytesIO(data)), io.BytesIO()
    writer = Digesting(written)
    while part := reader.read(100):
        writer.write(part)
    assert (reader.sha256, writer.sha256, writer.tell(), written.getvalue()) == (digest, digest, len(data), data)
