"""What lies below a root, and what a picture file says of itself, without a decoder where possible."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from p3m_anon.errors import ImageError, UsageError
from p3m_anon.files.dataset_files import damage, examine, levels, walk

GREY = np.array([[0, 128], [255, 0]], np.uint8)


@pytest.fixture
def pixels():
    return np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)


def test_a_walk_names_all_and_follows_no_link(tmp_path):
    root = tmp_path / "root"
    (root / "a/b").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/secret").touch()
    for name in ("x", "a/.hidden", "a/b/y"):
        (root / name).touch()
    (root / "out").symlink_to("../outside")
    (root / "a/in").symlink_to("../x")
    os.mkfifo(root / "pipe")
    with open(os.fsencode(root) + b"/\xff.png", "wb"):
        pass
    found = {(entry.file, entry.kind) for entry in walk(root)}
    files = {("x", "file"), ("a/.hidden", "file"), ("a/b/y", "file"), ("\\xff.png", "file")}
    assert found == files | {("out", "link"), ("a/in", "link"), ("pipe", "other")}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_is_wrong_usage(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    with pytest.raises(UsageError, match="cannot be listed"):
        list(walk(tmp_path))


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".bmp", ".tif"])
def test_whole_files_and_cut_ones(tmp_path, pixels, ending):
    path = tmp_path / f"a{ending}"
    Image.fromarray(pixels).save(path)
    data = path.read_bytes()
    found = examine(str(path))
    assert (found.sha256, found.size, found.orientation, found.problem) == (
        hashlib.sha256(data).hexdigest(),
        (60, 40),
        1,
        None,
    )
    assert damage(str(path)) is None
    path.write_bytes(data[: len(data) * 3 // 4])
    if ending == ".tif":  # its directory may lie at the end
        return
    assert examine(str(path)).problem[0] == "truncated"
    assert damage(str(path))


def test_a_thumbnail_does_not_pass_for_the_end(tmp_path, pixels):
    small = tmp_path / "small.jpg"
    Image.fromarray(pixels[:8, :8]).save(small)
    path = tmp_path / "a.jpg"
    exif = b"Exif\0\0II*\0" + small.read_bytes()
    Image.fromarray(pixels).save(path, exif=exif)
    assert damage(str(path)) is None
    path.write_bytes(path.read_bytes()[:-40])
    assert "without its end" in damage(str(path))


def test_orientation_turns_the_size(tmp_path, pixels):
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(pixels).save(path, exif=exif)
    assert (examine(str(path)).size, examine(str(path)).orientation) == ((40, 60), 6)
    path = tmp_path / "a.png"
    Image.fromarray(pixels).save(path, exif=exif)
    assert examine(str(path)).size == (40, 60)


def test_empty_foreign_and_missing_files_are_problems(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("hello")
    assert examine(str(tmp_path / "empty.png")).problem == ("empty", "an empty file")
    assert examine(str(tmp_path / "text.png")).problem[0] == "unreadable"
    assert examine(str(tmp_path / "none.png")).problem[0] == "unreadable"
    assert damage(str(tmp_path / "none.png")) is None
    (tmp_path / "link.png").symlink_to("text.png")
    assert examine(str(tmp_path / "link.png")).sha256 == ""


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "1"])
def test_levels_of_one_channel_however_it_is_stored(tmp_path, mode):
    grey = GREY if mode != "1" else np.where(GREY > 128, 255, 0).astype(np.uint8)
    Image.fromarray(grey).convert(mode).save(tmp_path / "a.png")
    assert levels(str(tmp_path / "a.png")) == set(grey.ravel().tolist())


def test_levels_of_what_is_no_grey_png_are_refused(tmp_path, pixels):
    path = tmp_path / "a.png"
    for bad in (Image.fromarray(pixels), Image.fromarray(GREY).convert("LA"), Image.fromarray(GREY.astype(np.uint16))):
        bad.save(path)
        with pytest.raises(ImageError):
            levels(str(path))
    Image.fromarray(GREY).save(tmp_path / "a.bmp")
    with pytest.raises(ImageError, match="not an 8-bit PNG"):
        levels(str(tmp_path / "a.bmp"))
    Image.fromarray(np.tile(GREY, (99, 99))).save(path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ImageError, match="damaged"):
        levels(str(path))
    with pytest.raises(ImageError, match="cannot be read"):
        levels(str(tmp_path / "none.png"))


def test_no_opencv_and_no_torch_is_loaded():
    jobs = "from p3m_anon.jobs.manifest import build, verify, diff"
    code = f"import sys\n{jobs}\nassert not set(sys.modules) & {{'cv2', 'torch'}}, 'heavy'"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
