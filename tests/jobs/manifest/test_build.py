"""An existing tree gets its manifest; what is missing or odd is said precisely."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from PIL import Image

from p3m_anon.dataset.layout import folder
from p3m_anon.errors import UsageError
from p3m_anon.files.atomic import PREFIX, _host
from p3m_anon.files.dataset_facts import check_seal, read_facts
from p3m_anon.files.dataset_rows import read_rows, write_rows
from p3m_anon.files.dataset_schema import schema
from p3m_anon.jobs.manifest import facts as manifest_facts
from p3m_anon.jobs.manifest.build import BuildRequest, build_manifest
from p3m_anon.jobs.manifest.verify import verify_dataset
from tests.jobs.trees import HEIGHT, WIDTH, add, make_tree, save

WRITTEN = ("manifest.jsonl", "dataset.json", "checksums.txt")
TRAIN = "train/blurred_image/p_train_0.jpg"
GREY = np.full((HEIGHT, WIDTH), 128, np.uint8)


def build(root: Path, **options: object):
    return build_manifest(BuildRequest(root, **options))


def said(summary) -> list[tuple[str, str]]:
    """Kinds and files, without what every NP picture of a foreign tree lacks."""
    return [(one.kind, one.file) for one in summary.findings if one.kind != "basis"]


@pytest.fixture
def tree(tmp_path):
    return make_tree(tmp_path / "P3M-10k")


@pytest.fixture
def small_facts(monkeypatch):
    """Published facts that fit the tree."""
    real = manifest_facts.read_published("p3m-10k")
    small = manifest_facts.Published(**{**vars(real), "counts": dict.fromkeys(real.counts, 2)})
    monkeypatch.setattr("p3m_anon.jobs.manifest.build.read_published", lambda name: small)


@pytest.mark.parametrize("validation", [True, False])
def test_a_sound_download_is_indexed_without_findings(tmp_path, small_facts, validation):
    root = make_tree(tmp_path / "tree", validation=validation)
    summary = build(root, facts="p3m-10k")
    assert (list(summary.findings), summary.exit_code, summary.rows) == ([], 0, 6)
    rows = list(read_rows(root / "manifest.jsonl"))
    assert [row["id"] for row in rows][:3] == ["p_train_0", "p_train_1", "p_P3M-500-P_0"]
    assert {(row["width"], row["height"]) for row in rows} == {(WIDTH, HEIGHT)}
    assert all(
        row["image"] == f"{folder(row['split'], 'image', validation=validation)}/{row['id']}.jpg" for row in rows
    )
    assert all(row["alpha"] and row["trimap"] for row in rows)
    assert check_seal(root) == []
    verified = verify_dataset(root)
    assert (list(verified.findings), verified.seal, verified.files) == ([], summary.seal, 6 * 3 + 2)


def test_rows_say_nothing_that_nobody_knows(tree, small_facts):
    build(tree, facts="p3m-10k")
    for row in read_rows(tree / "manifest.jsonl"):
        assert (row["detector"], row["faces"], row["settings_digest"], row["fidelity"]) == (None,) * 4
        is_np = row["split"] == "P3M-500-NP"
        assert row["status"] == ("normal" if is_np else "anonymized")
        assert row["release_basis"] == ("stated_by_publisher" if is_np else None)
        assert row["source"].startswith("P3M-10k")
        assert ("celebrity" in row["source"]) == is_np
    facts = read_facts(tree)
    assert (facts.name, facts.license, facts.created, facts.settings) == ("P3M-10k", None, None, ())
    assert facts.counts == {"train": {"anonymized": 2}, "P3M-500-P": {"anonymized": 2}, "P3M-500-NP": {"normal": 2}}


def test_without_facts_clear_pictures_need_a_basis(tree):
    summary = build(tree)
    assert summary.findings.counts == {"basis": 2}
    assert build(tree, facts="p3m-10k").findings.counts == {"count": 3}  # what was empty is filled
    assert next(read_rows(tree / "manifest.jsonl"))["source"] == "P3M-10k"


def test_a_second_run_gives_the_same_bytes(tree):
    build(tree, name="Ours", version="1", license="MIT", citation="We")
    before = [(tree / name).read_bytes() for name in WRITTEN]
    build(tree)
    assert [(tree / name).read_bytes() for name in WRITTEN] == before
    assert read_facts(tree).citation == "We"
    build(tree, workers=1, version="2")
    assert (tree / "manifest.jsonl").read_bytes() == before[0]
    assert read_facts(tree).version == "2"


def test_the_counts_of_the_paper_are_held_against_the_tree(tree):
    summary = build(tree, facts="p3m-10k", dry_run=True)
    assert [(one.file, one.detail) for one in summary.findings] == [
        ("P3M-500-NP", "2 pictures, published were 500"),
        ("P3M-500-P", "2 pictures, published were 500"),
        ("train", "2 pictures, published were 9421"),
    ]
    assert manifest_facts.read_published("p3m-10k").counts == {"train": 9421, "P3M-500-P": 500, "P3M-500-NP": 500}


def test_a_dry_run_writes_nothing(tree):
    before = sorted(tree.rglob("*"))
    summary = build(tree, dry_run=True)
    assert (summary.seal, summary.rows, sorted(tree.rglob("*"))) == (None, 6, before)


def test_what_is_written_fits_the_schemas(tree, small_facts):
    build(tree, facts="p3m-10k")
    rows = list(read_rows(tree / "manifest.jsonl"))
    assert {row["split"] for row in rows} == {"train", "P3M-500-P", "P3M-500-NP"}
    for row in rows:
        Draft202012Validator(schema("row")).validate(row)
    Draft202012Validator(schema("dataset")).validate(json.loads((tree / "dataset.json").read_text()))


CASES = {
    "no alpha": (lambda r: (r / "train/mask/p_train_0.png").unlink(), [("missing", "train/mask/p_train_0")]),
    "no trimap in a test set": (
        lambda r: (r / "validation/P3M-500-P/trimap/p_P3M-500-P_1.png").unlink(),
        [("missing", "validation/P3M-500-P/trimap/p_P3M-500-P_1")],
    ),
    "a layer that others have": (
        lambda r: save(r / "train/fg/p_train_1.png", GREY),
        [("missing", "train/fg/p_train_0")],
    ),
    "an alpha without a picture": (lambda r: save(r / "train/mask/other.png", GREY), [("odd", "train/mask/other.png")]),
    "another size": (lambda r: save(r / "train/mask/p_train_0.png", GREY[1:]), [("size", "train/mask/p_train_0.png")]),
    "trimap values": (
        lambda r: save(r / "train/trimap/p_train_0.png", GREY + 1),
        [("values", "train/trimap/p_train_0.png")],
    ),
    "a face mask that is a picture": (
        lambda r: save(r / "train/facemask/p_train_0.png", GREY),
        [("values", "train/facemask/p_train_0.png")],
    ),
    "a face mask": (lambda r: save(r / "train/facemask/p_train_0.png", GREY * 0), []),
    "two pictures of one stem": (
        lambda r: save(r / "train/blurred_image/p_train_0.png", np.dstack([GREY] * 3)),
        [("duplicate", "train/blurred_image/p_train_0.png")],
    ),
    "an id in two splits": (
        lambda r: shutil.copytree(r / "train", r / "P3M-500-P"),
        [
            *(("duplicate", f"P3M-500-P/blurred_image/p_train_{n}.jpg") for n in (0, 1) for what in ("id", "bytes")),
            ("odd", "validation/P3M-500-P"),
        ],
    ),
    "the same picture twice": (
        lambda r: shutil.copy(r / TRAIN, r / "train/blurred_image/copy.jpg"),
        [("missing", "train/mask/copy"), ("missing", "train/trimap/copy"), ("duplicate", TRAIN)],
    ),
    "a clear picture": (
        lambda r: save(r / "train/original_image/p_train_0.jpg", GREY),
        [("unblurred", "train/original_image/p_train_0.jpg")],
    ),
    "a strange folder": (lambda r: save(r / "train/masks/a.png", GREY), [("odd", "train/masks/a.png")]),
    "another ending": (lambda r: save(r / "train/mask/p_train_0.bmp", GREY), [("odd", "train/mask/p_train_0.bmp")]),
    "a hidden file": (lambda r: (r / "train/mask/.x.png").touch(), [("odd", "train/mask/.x.png")]),
    "an empty picture": (lambda r: (r / TRAIN).write_bytes(b""), [("truncated", TRAIN)]),
    "a cut picture": (lambda r: (r / TRAIN).write_bytes((r / TRAIN).read_bytes()[:-9]), [("truncated", TRAIN)]),
    "no picture": (lambda r: (r / TRAIN).write_text("hello"), [("unreadable", TRAIN)]),
    "an alpha in colour": (
        lambda r: save(r / "train/mask/p_train_0.png", np.dstack([GREY] * 4)),
        [("odd", "train/mask/p_train_0.png")],
    ),
    "a link": (lambda r: (r / "train/mask/l.png").symlink_to("p_train_0.png"), [("link", "train/mask/l.png")]),
    "a licence": (lambda r: (r / "LICENSE.txt").write_text("MIT"), []),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_odd_is_said(tree, case):
    change, expected = CASES[case]
    assert said(build(tree)) == []
    for name in WRITTEN:
        (tree / name).unlink()
    change(tree)
    assert sorted(said(build(tree))) == sorted(expected)


def test_a_turned_picture_is_said_and_its_size_is_as_shown(tree):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.open(tree / TRAIN).copy().save(tree / TRAIN, exif=exif)
    found = said(build(tree))
    assert ("odd", TRAIN) in found
    assert ("size", "train/mask/p_train_0.png") in found
    assert next(read_rows(tree / "manifest.jsonl"))["width"] == HEIGHT


class TestProvenance:
    """A manifest that is there already."""

    @pytest.fixture
    def ours(self, tree):
        build(tree)
        rows = list(read_rows(tree / "manifest.jsonl"))
        known = {"detector": "stub", "faces": 1, "profile": "p3m", "fidelity": "mcu", "settings_digest": "0" * 16}
        basis = {"P3M-500-NP": {"release_basis": "consent"}}
        write_rows(tree / "manifest.jsonl", (row | known | basis.get(row["split"], {}) for row in rows))
        return tree

    def test_it_is_kept_and_files_are_refreshed(self, ours):
        for number in (0, 1):
            save(ours / f"train/fg/p_train_{number}.png", GREY)
        save(ours / "train/mask/p_train_0.png", GREY)
        summary = build(ours)
        assert (list(summary.findings), summary.kept) == ([], 6)
        rows = list(read_rows(ours / "manifest.jsonl"))
        assert {row["detector"] for row in rows} == {"stub"}
        assert rows[0]["foreground"] == "train/fg/p_train_0.png"
        assert read_facts(ours).settings == ({"digest": "0" * 16, "blur": None},)
        assert list(verify_dataset(ours).findings) == []

    def test_it_is_not_passed_on_to_another_picture(self, ours):
        before = next(read_rows(ours / "manifest.jsonl"))
        save(ours / TRAIN, np.dstack([GREY] * 3))
        for _ in range(2):
            assert said(build(ours)) == [("changed", TRAIN)]
            assert next(read_rows(ours / "manifest.jsonl")) == before
        assert said(verify_dataset(ours)) == [("changed", TRAIN)]

    def test_damage_does_not_take_a_row_away(self, ours):
        (ours / TRAIN).write_bytes(b"")
        assert said(build(ours)) == [("truncated", TRAIN)]
        assert said(verify_dataset(ours)) == [("truncated", TRAIN)]

    def test_a_picture_that_moved_or_came_from_nowhere_is_left_out(self, ours):
        for path in ours.rglob("p_train_0.*"):
            shutil.move(path, ours / "validation/P3M-500-P" / path.parent.name / path.name)
        moved = "validation/P3M-500-P/blurred_image/p_train_0.jpg"
        new = add(ours, "train", 7).relative_to(ours).as_posix()
        assert said(build(ours)) == [("unblurred", new), ("unblurred", moved), ("missing", TRAIN)]
        assert "p_train_0" not in [row["id"] for row in read_rows(ours / "manifest.jsonl")]
        assert {new, moved} <= {file for kind, file in said(verify_dataset(ours)) if kind == "extra"}

    def test_a_bad_line_stops_the_build(self, ours):
        with (ours / "manifest.jsonl").open("a") as stream:
            stream.write("{}\n")
        with pytest.raises(UsageError, match="line 7"):
            build(ours)

    def test_bad_facts_are_written_anew(self, ours):
        (ours / "dataset.json").write_text("?")
        assert said(build(ours)) == [("facts", "dataset.json")]
        assert said(build(ours)) == []


def test_a_release_and_an_empty_folder_are_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match="no pictures"):
        build(tmp_path)
    row = {"id": "a", "status": "anonymized", "image": "blurred_image/a.jpg", "image_sha256": "0" * 64}
    write_rows(tmp_path / "manifest.jsonl", [row])
    with pytest.raises(UsageError, match="is a release"):
        build(tmp_path)
    with pytest.raises(UsageError, match="not a folder"):
        build(tmp_path / "none")


def test_a_build_that_is_stopped_leaves_the_old_manifest(tree):
    build(tree)
    before = [(tree / name).read_bytes() for name in WRITTEN]
    add(tree, "train", 9)

    def stop(count):
        if count == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_manifest(BuildRequest(tree), stop)
    assert [(tree / name).read_bytes() for name in WRITTEN] == before
    assert not list(tree.glob(".p3m-tmp-*"))
    assert not [one for one in threading.enumerate() if one.name.startswith("manifest")]


def test_temporary_files_of_a_killed_build_go(tree):
    leftover = tree / f"{PREFIX}{_host()}-999999999-{'0' * 16}"
    leftover.write_bytes(b"half a manifest")
    build(tree)
    assert not leftover.exists()
    assert not [one for one in verify_dataset(tree).findings if PREFIX in str(one)]
