"""The JSON-LD, validated and read by `mlcroissant`."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from p3m_anon.dataset.rows import FILE_KEYS, KEYS
from p3m_anon.errors import ImageError
from p3m_anon.files.dataset_facts import DatasetFacts
from p3m_anon.files.dataset_rows import MANIFEST, read_rows
from p3m_anon.files.export_croissant import describe, write_croissant
from p3m_anon.files.export_croissant_terms import MEANINGS, SETS
from p3m_anon.files.export_source import Source, survey
from tests.files.export_cases import build_dataset, level, spread

IDS = {"train": ["a.b", "sub/c", "0001"], "P3M-500-P": ["2020-01-31"], "P3M-500-NP": ["n"]}
LAYERS = {"train": ["alpha"], "P3M-500-P": ["alpha", "trimap"], "P3M-500-NP": ["alpha", "trimap"]}


@pytest.fixture
def exported(tmp_path):
    source = survey(build_dataset(tmp_path / "ds", IDS, LAYERS))
    write_croissant(source, tmp_path / "out", "hard", spread, lambda: None)
    return source, tmp_path / "out"


def test_mlcroissant_validates_it_and_yields_records(exported):
    croissant = pytest.importorskip("mlcroissant")
    source, out = exported
    dataset = croissant.Dataset(jsonld=out / "croissant.json")
    assert not dataset.metadata.ctx.issues.errors
    assert all("datePublished" in one for one in dataset.metadata.ctx.issues.warnings)  # nobody said it
    rows = list(source.rows())
    records = [plain(one, "pictures") for one in dataset.records("pictures")]
    for record, row in zip(records, rows, strict=True):
        assert {key: value for key, value in record.items() if value is not None} == {
            key: value for key, value in row.items() if value is not None
        }
    numbers = {row["image"]: number for number, row in enumerate(rows)}
    images = [plain(one, "images") for one in dataset.records("images")]
    masks = {one["path"]: one["content"] for one in (plain(r, "masks") for r in dataset.records("masks"))}
    assert {one["path"] for one in images} == set(numbers)
    for one in images:
        number = numbers[one["path"]]
        assert round(np.asarray(one["content"]).mean()) == level(number)
        assert round(np.asarray(masks[rows[number]["alpha"]]).mean()) == level(number) + 1
    assert len(list(dataset.records("trimaps"))) == 2


def plain(record, name):
    """mlcroissant gives text as bytes."""
    found = {key.removeprefix(f"{name}/"): value for key, value in record.items()}
    return {key: value.decode() if isinstance(value, bytes) else value for key, value in found.items()}


def test_privacy_terms_are_understood(exported):
    croissant = pytest.importorskip("mlcroissant")
    metadata = croissant.Dataset(jsonld=exported[1] / "croissant.json").metadata
    assert "1 are not blurred on purpose" in metadata.personal_sensitive_information[0]
    assert "0.3 face widths" in metadata.data_preprocessing_protocol[0]
    assert metadata.machine_annotation_tools[0].startswith("p3m-anon ")
    assert metadata.data_limitations
    assert "not stated" in metadata.data_collection
    assert "skin tones" in metadata.data_biases[0]


def test_files_and_digests_are_true(exported):
    source, out = exported
    said = json.loads((out / "croissant.json").read_bytes())
    for one in said["distribution"]:
        if one["@type"] == "cr:FileObject":
            data = (out / one["contentUrl"]).read_bytes()
            assert (hashlib.sha256(data).hexdigest(), f"{len(data)} B") == (one["sha256"], one["contentSize"])
    assert (out / MANIFEST).read_bytes() == (source.root / MANIFEST).read_bytes()
    sets = {one["@id"]: one for one in said["distribution"] if one["@type"] == "cr:FileSet"}
    assert sets["trimaps-files"]["includes"] == ["validation/P3M-500-NP/trimap/*", "validation/P3M-500-P/trimap/*"]
    assert sets["masks-files"]["encodingFormat"] == "image/png"
    for row in read_rows(out / MANIFEST):
        for key in FILE_KEYS:
            if row.get(key):
                assert (out / row[key]).read_bytes() == (source.root / row[key]).read_bytes()


def test_the_same_dataset_gives_the_same_bytes(exported, tmp_path):
    source, out = exported
    write_croissant(source, tmp_path / "again", "copy", spread, lambda: None)
    names = sorted(path.relative_to(out) for path in out.rglob("*") if path.is_file())
    assert names == sorted(p.relative_to(tmp_path / "again") for p in (tmp_path / "again").rglob("*") if p.is_file())
    assert all((out / name).read_bytes() == (tmp_path / "again" / name).read_bytes() for name in names)


def test_what_is_not_known_is_left_out(exported):
    source, out = exported
    said = describe(Source(**{**vars(source), "facts": DatasetFacts()}), out)
    assert not {"license", "version", "citeAs", "datePublished"} & set(said)
    assert "not stated" in said["name"]


def test_every_column_has_a_meaning():
    assert set(MEANINGS) == set(KEYS)
    assert set(SETS) == set(FILE_KEYS)


def test_a_changed_file_stops_before_the_description(tmp_path):
    root = build_dataset(tmp_path / "ds", {"train": ["a", "b"]})
    (root / "train/mask/b.png").write_bytes(b"x")
    with pytest.raises(ImageError, match=r"b\.png"):
        write_croissant(survey(root), tmp_path / "out", "copy", spread, lambda: None)
    assert not (tmp_path / "out" / "croissant.json").exists()
    assert not (tmp_path / "out" / MANIFEST).exists()
