"""What is trained on: which pixels, which pictures, and never a test picture."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import cv2
import numpy as np
import pytest

from p3m_anon.errors import UsageError
from p3m_anon.files.dataset_rows import read_rows, write_rows
from p3m_anon.files.images import read
from p3m_anon.jobs.manifest.build import BuildRequest, build_manifest
from p3m_anon.jobs.train import leaks as train_leaks
from p3m_anon.jobs.train.inputs import TrainInputs, training_set
from p3m_anon.jobs.train.leaks import CACHE, LEAKS
from tests.jobs.eval.cases import HEIGHT, WIDTH, disc, eight, save

BLURRED, MASK = "train/blurred_image", "train/mask"


def photo(number: int) -> np.ndarray:
    """Different enough from each other that perceptual hashes tell them apart."""
    coarse = np.random.default_rng(number).integers(0, 256, (10, 14, 3), dtype=np.uint8)
    return cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)


def fill(root: Path, folder: str, numbers: range) -> None:
    for number in numbers:
        save(root / folder / f"p_{number}.jpg", photo(number))
        save((root / folder).parent / "mask" / f"p_{number}.png", eight(disc(number)))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    fill(root, BLURRED, range(4))
    fill(root, "validation/P3M-500-P/blurred_image", range(10, 12))
    fill(root, "validation/P3M-500-NP/original_image", range(20, 22))
    return root


@pytest.fixture
def originals(root: Path) -> Path:
    folder = root.with_name("data.private") / "originals"
    for number in range(4):
        save(folder / "train" / f"p_{number}.png", photo(100 + number))
    return folder


def with_manifest(root: Path) -> list[dict]:
    build_manifest(BuildRequest(root))
    return list(read_rows(root / "manifest.jsonl"))


def test_a_download_without_a_manifest(root):
    found = training_set(TrainInputs(root))
    assert [row.id for row in found.rows] == ["p_0", "p_1", "p_2", "p_3"]
    assert {Path(row.image).parent for row in found.rows} == {root / BLURRED}
    assert {Path(row.alpha).parent for row in found.rows} == {root / MASK}
    assert (found.problems, found.manifest_sha256) == ((), None)


def test_the_order_of_the_manifest_does_not_matter(root):
    rows = with_manifest(root)
    first = training_set(TrainInputs(root))
    write_rows(root / "manifest.jsonl", reversed(rows))
    second = training_set(TrainInputs(root))
    assert first.rows == second.rows
    assert first.digest == second.digest
    assert first.manifest_sha256 != second.manifest_sha256


def test_the_digest_is_of_the_bytes(root):
    first = training_set(TrainInputs(root)).digest
    save(root / BLURRED / "p_3.jpg", photo(50))
    assert training_set(TrainInputs(root)).digest != first


def test_b_takes_no_picture_that_was_left_clear(root):
    rows = with_manifest(root)
    rows[0] |= {"status": "normal", "release_basis": "consent"}
    write_rows(root / "manifest.jsonl", rows)
    found = training_set(TrainInputs(root))
    assert [row.id for row in found.rows] == ["p_1", "p_2", "p_3"]
    assert found.problems == ("p_0: its face was left as it is, and protocol B trains on blurred pictures only",)


def test_b_takes_no_picture_from_a_folder_of_clear_ones(root):
    rows = with_manifest(root)
    for row, folder in zip(rows, ("train/original_image", "validation/P3M-500-NP/original_image"), strict=False):
        (root / folder).mkdir(exist_ok=True)
        shutil.move(root / row["image"], root / folder)
        row["image"] = f"{folder}/{Path(row['image']).name}"
    write_rows(root / "manifest.jsonl", rows)
    found = training_set(TrainInputs(root))
    assert [row.id for row in found.rows] == ["p_2", "p_3"]
    assert len(found.problems) == 2


def test_n_takes_originals_and_nothing_else(root, originals):
    found = training_set(TrainInputs(root, "N"))
    assert {Path(row.image).parent for row in found.rows} == {originals / "train"}
    assert {Path(row.alpha).parent for row in found.rows} == {root / MASK}
    (originals / "train" / "p_2.png").unlink()
    found = training_set(TrainInputs(root, "N"))
    assert [row.id for row in found.rows] == ["p_0", "p_1", "p_3"]
    assert found.problems == ("p_2: no original of this name",)


def test_n_does_not_use_layers_of_blurred_pictures(root, originals):
    for number in range(4):
        save(root / "train/fg" / f"p_{number}.png", photo(number))
        save(root / "train/bg" / f"p_{number}.jpg", photo(number))
    assert training_set(TrainInputs(root)).composition
    found = training_set(TrainInputs(root, "N"))
    assert not found.composition
    assert all(row.foreground is None for row in found.rows)


@pytest.mark.parametrize("foreground", ["png", "jpg"])
@pytest.mark.parametrize("background", ["png", "jpg"])
def test_layers_of_either_format(root, foreground, background):
    for number in range(4):
        save(root / "train/fg" / f"p_{number}.{foreground}", photo(number))
        assert training_set(TrainInputs(root)).rows[number].foreground is None
        save(root / "train/bg" / f"p_{number}.{background}", photo(number))
    found = training_set(TrainInputs(root))
    assert found.composition
    assert found.rows[3].foreground == str(root / f"train/fg/p_3.{foreground}")
    assert found.rows[3].background == str(root / f"train/bg/p_3.{background}")


def test_n_without_originals_says_so_in_one_line(root):
    with pytest.raises(UsageError, match=r"no originals in .*--originals DIR \(the public P3M-10k has none\)") as found:
        training_set(TrainInputs(root, "N"))
    assert "\n" not in str(found.value)


def test_blurred_pictures_among_the_originals_are_refused(root, originals):
    with_manifest(root)
    assert len(training_set(TrainInputs(root, "N")).rows) == 4
    (originals / "train/p_1.png").unlink()
    shutil.copy(root / BLURRED / "p_1.jpg", originals / "train")
    with pytest.raises(UsageError, match=r"blurred pictures of the dataset \(1\): p_1; name the folder"):
        training_set(TrainInputs(root, "N"))


def test_originals_inside_the_dataset_are_refused(root):
    (root / "train/original_image").mkdir()
    with pytest.raises(UsageError, match="lie outside of the dataset"):
        training_set(TrainInputs(root, "N", originals=root / "train/original_image"))


def test_b_with_originals_is_a_mistake(root, originals):
    with pytest.raises(UsageError, match="use --protocol N"):
        training_set(TrainInputs(root, "B", originals=originals))


@pytest.mark.parametrize(
    "test", ["validation/P3M-500-P/blurred_image/p_10.jpg", "validation/P3M-500-NP/original_image/p_21.jpg"]
)
def test_a_test_picture_under_another_name_is_refused(root, test):
    shutil.copy(root / test, root / BLURRED / "p_2.jpg")
    with pytest.raises(UsageError, match=r"^train holds test pictures.*\(1\): p_2 and P3M-500-.*the same bytes"):
        training_set(TrainInputs(root))


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_test_picture_that_was_saved_again_is_refused(root, mirrored):
    pixels = cv2.imread(str(root / "validation/P3M-500-NP/original_image/p_20.jpg"))
    pixels = cv2.resize(pixels[:, ::-1] if mirrored else pixels, (WIDTH, HEIGHT))
    cv2.imwrite(str(root / BLURRED / "p_1.jpg"), pixels, [cv2.IMWRITE_JPEG_QUALITY, 60])
    with pytest.raises(UsageError, match=r"p_1 and P3M-500-NP/p_20 \(\d of 64 bits differ\).*--leave-out") as found:
        training_set(TrainInputs(root))
    listed = root.with_name("data.private") / LEAKS
    assert str(listed) in str(found.value)
    assert listed.read_text() == "p_1\n"
    rows = training_set(TrainInputs(root, leave_out=frozenset(listed.read_text().split()))).rows
    assert [row.id for row in rows] == ["p_0", "p_2", "p_3"]


def test_an_original_of_a_test_picture_is_refused(root, originals):
    save(originals / "P3M-500-P/p_10.png", photo(102))
    with pytest.raises(UsageError, match=r"p_2 and P3M-500-P/p_10 \(original\)"):
        training_set(TrainInputs(root, "N"))


def test_without_test_splits_there_is_nothing_to_compare_with(root):
    shutil.rmtree(root / "validation")
    assert len(training_set(TrainInputs(root)).rows) == 4


def test_a_known_digest_is_not_computed_again(root, monkeypatch):
    training_set(TrainInputs(root))
    hashed = []
    real = train_leaks.file_sha256
    monkeypatch.setattr(train_leaks, "file_sha256", lambda path: hashed.append(Path(path).name) or real(path))
    training_set(TrainInputs(root))
    assert hashed == []
    save(root / MASK / "p_2.png", eight(disc(5)))
    training_set(TrainInputs(root))
    assert hashed == ["p_2.png"]


def test_every_picture_is_read_once_and_what_is_known_is_private(root, monkeypatch):
    counted = []
    training_set(TrainInputs(root), lambda: counted.append(1))
    assert len(counted) == 12  # and four alphas
    private = root.with_name("data.private")
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert stat.S_IMODE((private / CACHE).stat().st_mode) == 0o600
    opened = []
    monkeypatch.setattr("p3m_anon.jobs.train.leaks.read", lambda path: opened.append(path.name) or read(path))
    training_set(TrainInputs(root))
    assert opened == []
    save(root / BLURRED / "p_3.jpg", photo(60))
    training_set(TrainInputs(root))
    assert opened == ["p_3.jpg"]


def test_a_private_folder_that_cannot_be_used_costs_only_time(root, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    found = training_set(TrainInputs(root, private=tmp_path / "file"))
    assert len(found.rows) == 4
    assert "compared again in each run" in found.notices[-1]
    shutil.copy(root / BLURRED / "p_1.jpg", root / "validation/P3M-500-P/blurred_image/p_10.jpg")
    with pytest.raises(UsageError, match="FILE, an id a line"):
        training_set(TrainInputs(root, private=tmp_path / "file"))


def test_unreadable_pictures_are_named_and_left_to_the_loader(root):
    (root / BLURRED / "p_0.jpg").write_bytes(b"no picture")
    (root / "validation/P3M-500-P/blurred_image/p_10.jpg").write_bytes(b"no picture")
    found = training_set(TrainInputs(root))
    assert [row.id for row in found.rows] == ["p_0", "p_1", "p_2", "p_3"]
    unread, uncompared = found.notices[-2:]
    assert unread.startswith("p_0: it will stop the training, or be skipped with --skip-bad: p_0.jpg: not a picture")
    assert uncompared.startswith("P3M-500-P/p_10: not compared with train, as p_10.jpg: not a picture")


def test_a_picture_without_an_alpha_is_named(root):
    (root / MASK / "p_1.png").unlink()
    found = training_set(TrainInputs(root))
    assert found.problems == ("p_1: no alpha of this name",)
    assert len(found.rows) == 3


def test_nothing_to_train_on(root):
    shutil.rmtree(root / MASK)
    (root / MASK).mkdir()
    with pytest.raises(UsageError, match="none of the pictures of train can be trained on; p_0: no alpha"):
        training_set(TrainInputs(root))
