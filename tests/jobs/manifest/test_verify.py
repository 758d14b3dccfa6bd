"""Whatever changes below a root is found."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from p3m_anon.errors import UsageError
from p3m_anon.files.dataset_facts import DatasetFacts, read_facts, seal, write_facts
from p3m_anon.files.dataset_rows import read_rows, write_rows
from p3m_anon.files.dataset_schema import schema
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder
from p3m_anon.jobs.manifest.build import BuildRequest, build_manifest
from p3m_anon.jobs.manifest.verify import verify_dataset
from tests.jobs.trees import HEIGHT, WIDTH, make_tree, save

TRAIN = "train/blurred_image/p_train_0.jpg"
MASK = "train/mask/p_train_0.png"


def found(root: Path) -> list[tuple[str, str]]:
    summary = verify_dataset(root)
    assert summary.exit_code == (1 if len(summary.findings) else 0)
    return [(one.kind, one.file) for one in summary.findings]


def rewrite(root: Path, change) -> None:
    """Change the rows, and dataset.json and seal with them, as one who wants to hide it would."""
    rows = [change(row) for row in read_rows(root / "manifest.jsonl")]
    write_rows(root / "manifest.jsonl", rows)
    counts: dict[str, dict[str, int]] = {}
    for row in rows:
        of = counts.setdefault(row["split"] or "unsplit", {})
        of[row["status"]] = of.get(row["status"], 0) + 1
    write_facts(root, DatasetFacts(counts=counts))
    seal(root)


@pytest.fixture(scope="session")
def sound(tmp_path_factory):
    root = make_tree(tmp_path_factory.mktemp("verify") / "tree")
    (root / "LICENSE").write_text("MIT")
    for number in (0, 1):
        save(root / f"train/facemask/p_train_{number}.png", np.zeros((HEIGHT, WIDTH), bool))
    build_manifest(BuildRequest(root))
    rewrite(root, lambda row: row | {"release_basis": "consent" if row["status"] == "normal" else None})
    return root


@pytest.fixture
def root(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "tree")


def test_a_sound_tree_has_no_findings(root):
    summary = verify_dataset(root)
    assert (list(summary.findings), summary.rows, summary.notes) == ([], 6, [])
    assert summary.files == 6 * 3 + 2 + 3
    assert len(summary.seal) == 64


def test_the_fewest_threads_find_the_same(root):
    (root / TRAIN).unlink()
    assert list(verify_dataset(root, 1).findings) == list(verify_dataset(root, 3).findings)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_anywhere_is_found(root, data):
    files = sorted(path for path in root.rglob("*") if path.is_file())
    path = data.draw(st.sampled_from(files))
    whole = path.read_bytes()
    at, bit = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 7))
    path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
    try:
        assert found(root) != []
    except UsageError:  # dataset.json and manifest.jsonl may be past reading
        pytest.fail("verify must report, not stop")
    finally:
        path.write_bytes(whole)
    assert found(root) == []


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_that_is_cut_gone_or_new_is_found(root, data):
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name != "manifest.jsonl")
    path = data.draw(st.sampled_from(files))
    name, whole = path.relative_to(root).as_posix(), path.read_bytes()
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    assert {file for _, file in found(root)} & {name, "checksums.txt", "dataset.json"}
    path.unlink()
    assert {file for kind, file in found(root)} & {name}
    path.write_bytes(whole)
    extra = path.with_name("extra.bin")
    extra.write_bytes(whole)
    assert found(root) == [("extra", extra.relative_to(root).as_posix())]
    extra.unlink()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda r: (r / TRAIN).unlink(), [("missing", TRAIN)]),
        (lambda r: (r / TRAIN).write_bytes((r / TRAIN).read_bytes()[:-30]), [("truncated", TRAIN)]),
        (lambda r: (r / TRAIN).write_bytes(b""), [("truncated", TRAIN)]),
        (lambda r: (r / TRAIN).write_bytes(b"x"), [("changed", TRAIN)]),
        (lambda r: (r / MASK).write_bytes(b"\x89PNG\r\n\x1a\n"), [("changed", MASK)]),
        (lambda r: (r / ".DS_Store").touch(), [("extra", ".DS_Store")]),
        (lambda r: (r / "train/x").symlink_to("/etc"), [("link", "train/x")]),
        (lambda r: (r / "checksums.txt").unlink(), [("seal", "checksums.txt")]),
        (lambda r: (r / "LICENSE").write_text("none"), [("changed", "LICENSE")]),
        (lambda r: (r / "LICENSE2").write_text("new"), [("seal", "LICENSE2")]),
        (lambda r: (r / "dataset.json").unlink(), [("missing", "dataset.json"), ("missing", "dataset.json")]),
        (lambda r: save(r / "train/facemask/p_train_9.png", np.zeros((2, 2), bool)), [
            ("extra", "train/facemask/p_train_9.png"), ("seal", "train/facemask/p_train_9.png")]),
        (lambda r: shutil.copy(r / TRAIN, r / "train/original_image.jpg"), [("extra", "train/original_image.jpg")]),
    ],
)  # fmt: skip
def test_what_is_found_is_named(root, change, expected):
    change(root)
    assert found(root) == expected


def test_a_link_in_place_of_a_file_is_not_followed(root):
    (root / "train/copy.jpg").write_bytes((root / TRAIN).read_bytes())
    (root / TRAIN).unlink()
    (root / TRAIN).symlink_to("../copy.jpg")
    assert found(root) == [("missing", TRAIN), ("extra", "train/copy.jpg"), ("link", TRAIN)]


def test_bad_lines_and_twins_are_named_with_their_line(root):
    lines = (root / "manifest.jsonl").read_text().splitlines(keepends=True)
    (root / "manifest.jsonl").write_text("".join([lines[0], "no json\n", *lines]))
    summary = verify_dataset(root)
    said = [one for one in summary.findings if one.kind in ("row", "duplicate")]
    assert ("row", "manifest.jsonl, line 2", "not JSON") in said
    assert ("duplicate", "manifest.jsonl, line 3", "the id p_train_0 is there already") in said
    assert ("duplicate", TRAIN) in [one[:2] for one in said]


class TestRows:
    """Rows that break a rule, in a tree that is sealed all the same."""

    @pytest.mark.parametrize(
        ("split", "change", "kind"),
        [
            ("train", {"status": "normal", "release_basis": "consent"}, "unblurred"),
            ("P3M-500-NP", {"status": "anonymized"}, "unblurred"),
            ("P3M-500-NP", {"release_basis": None}, "basis"),
            ("P3M-500-NP", {"release_basis": "because"}, "row"),
            ("train", {"split": "P3M-500-P"}, "row"),
            ("train", {"split": None}, "row"),
            ("train", {"width": 0}, "row"),
            ("train", {"detector": 3}, "row"),
            ("train", {"alpha": "train/mask/p_train_1.png"}, "row"),
            ("train", {"settings_digest": "0" * 16}, "facts"),
            ("train", {"id": "P_TRAIN_1"}, "duplicate"),
        ],
    )
    def test_each_is_found(self, root, split, change, kind):
        names = {"train": "p_train_0", "P3M-500-NP": "p_P3M-500-NP_0"}
        rewrite(root, lambda row: row | (change if row["id"] == names[split] else {}))
        assert kind in {one for one, _ in found(root)}

    def test_a_clear_picture_of_train_is_found_even_if_listed(self, root):
        (root / "train/original_image").mkdir()
        shutil.move(root / TRAIN, root / "train/original_image/p_train_0.jpg")
        moved = {"image": "train/original_image/p_train_0.jpg", "status": "normal", "release_basis": "consent"}
        rewrite(root, lambda row: row | (moved if row["id"] == "p_train_0" else {}))
        assert ("unblurred", moved["image"]) in found(root)

    def test_a_field_that_is_not_public_is_found(self, root):
        lines = [json.loads(line) for line in (root / "manifest.jsonl").read_text().splitlines()]
        lines[0]["source_sha256"] = "0" * 64
        (root / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        seal(root)
        assert found(root) == [("row", "manifest.jsonl, line 1")]

    def test_counts_must_be_those_of_the_rows(self, root):
        write_facts(root, DatasetFacts(counts={"train": {"anonymized": 3}}))
        seal(root)
        assert found(root) == [("facts", "dataset.json")]


def test_what_only_a_row_may_list_is_not_hidden_by_the_seal(root):
    (root / "train/original.jpg").write_bytes(b"clear")
    lines = (root / "checksums.txt").read_text()
    (root / "checksums.txt").write_text(f"{lines}{'0' * 64}  train/original.jpg\n")
    assert found(root) == [("extra", "train/original.jpg"), ("seal", "train/original.jpg")]


def test_a_face_in_a_face_mask_is_found_even_if_sealed(root):
    save(root / "train/facemask/p_train_0.png", np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH), np.uint8))
    seal(root)
    assert found(root) == [("values", "train/facemask/p_train_0.png")]


def test_no_manifest_is_wrong_usage(tmp_path):
    for root in (tmp_path, tmp_path / "none"):
        with pytest.raises(UsageError):
            verify_dataset(root)


class TestRelease:
    """The folder that `blur` wrote."""

    @pytest.fixture
    def out(self, photos, stub, tmp_path):
        request = BlurRequest(photos, tmp_path / "out", publish_facemask=True)
        blur_folder(request)
        return tmp_path / "out"

    def test_it_is_verified_too(self, out):
        summary = verify_dataset(out)
        assert (list(summary.findings), summary.rows) == ([], 3)
        assert "without checksums.txt" in summary.notes[0]
        assert read_facts(out) is None

    def test_its_rows_fit_the_schema(self, out):
        rows = list(read_rows(out / "manifest.jsonl"))
        assert len(rows) == 3
        for row in rows:
            Draft202012Validator(schema("row")).validate(row)

    def test_what_changes_is_found(self, out):
        path = next((out / "blurred_image").glob("a.*"))
        path.write_bytes(path.read_bytes() + b"\0")
        mask = out / "facemask/b.png"
        mask.write_bytes(mask.read_bytes()[:-8])
        (out / "secret.jpg").write_bytes(b"\xff\xd8\xff")
        assert found(out) == [
            ("extra", "secret.jpg"),
            ("changed", f"blurred_image/{path.name}"),
            ("truncated", "facemask/b.png"),
        ]
