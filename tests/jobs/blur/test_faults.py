"""Faults of the world: what is lost is named, what is finished stays, and a rerun completes it."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import skimage.data
from PIL import Image

COUNT = 24


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Pictures of one face in different sizes."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(COUNT):
        Image.fromarray(skimage.data.astronaut()[: 420 + number]).save(folder / f"{number:02}.jpg")
    return folder


def command(photos: Path, *options: object) -> list[str]:
    return [sys.executable, "-m", "p3m_anon", "blur", str(photos), "--no-alpha", *map(str, options)]


def run(photos: Path, *options: object, **keywords) -> subprocess.CompletedProcess[str]:
    end = subprocess.run(command(photos, *options), capture_output=True, text=True, check=False, **keywords)
    assert "Traceback" not in end.stderr, end.stderr
    return end


def counts(photos: Path) -> dict[str, int]:
    return json.loads(run(photos, "--json").stdout)["counts"]


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def released(photos: Path) -> int:
    return len(list((photos.with_name("photos-anonymized") / "blurred_image").glob("[0-9]*")))


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="looks for child processes in /proc")
def test_a_child_that_is_killed_costs_one_picture(photos):
    process = subprocess.Popen(
        command(photos, "--workers", 1), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while released(photos) < 3 and process.poll() is None:
        time.sleep(0.005)
    workers = [child for child in children(process.pid) if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]
    assert workers
    os.kill(workers[-1], signal.SIGKILL)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    assert "was ended by SIGKILL" in out
    assert f"{COUNT - 1}  released" in out
    assert counts(photos) == {"accepted": COUNT}


@pytest.mark.parametrize("limit", [2_000, 20_000, 60_000])
def test_a_full_disk_stops_the_run_and_keeps_what_is_finished(photos, limit):
    """A limit on the size of files stands for the disk: it hits the ledger, a page, or a picture."""

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    end = run(photos, preexec_fn=full)
    assert end.returncode == 4, end.stderr
    assert len(end.stderr.strip().splitlines()[-1]) < 300
    assert not list(photos.parent.rglob(".p3m-tmp-*"))
    before = released(photos)
    assert counts(photos) == {"accepted": COUNT}
    assert released(photos) == COUNT >= before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_one_line(photos):
    photos.parent.chmod(0o500)
    try:
        assert run(photos).returncode in (2, 4)
    finally:
        photos.parent.chmod(0o700)


def test_an_input_that_vanishes_or_changes_meanwhile_is_named_or_done(photos):
    process = subprocess.Popen(
        command(photos, "--workers", 1), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while released(photos) < 2 and process.poll() is None:
        time.sleep(0.005)
    (photos / f"{COUNT - 1:02}.jpg").unlink()
    (photos / f"{COUNT - 2:02}.jpg").write_bytes(b"\xff\xd8\xff overwritten")
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Traceback" not in errors
    assert f"{COUNT - 1:02}.jpg: cannot be read" in out
    assert f"{COUNT - 2:02}.jpg:" in out
    assert f"{COUNT - 2}  released" in out


def test_two_runs_on_one_release_are_told_apart(photos):
    process = subprocess.Popen(command(photos, "--workers", 1), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while released(photos) < 1 and process.poll() is None:
        time.sleep(0.005)
    second = run(photos)
    assert second.returncode == 4
    assert "another run is working" in second.stderr
    process.communicate(timeout=120)
    assert process.returncode == 0


def test_what_is_no_regular_file_is_not_opened(photos, tmp_path):
    os.mkfifo(photos / "pipe.jpg")
    (photos / "link.jpg").symlink_to("/etc/hostname")
    (photos / "loop").symlink_to(photos)
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(photos / "00.jpg", tmp_path / "elsewhere" / "far.jpg")
    (photos / "far.jpg").symlink_to(tmp_path / "elsewhere" / "far.jpg")
    end = run(photos, timeout=120)
    assert end.returncode == 0, end.stdout
    assert released(photos) == COUNT
    assert "far" not in "".join(files(photos.with_name("photos-anonymized")))
    assert run(photos, "--follow-links", timeout=120).returncode == 1  # /etc/hostname is no picture
    assert (photos.with_name("photos-anonymized") / "blurred_image" / "far.jpg").is_file()


@pytest.mark.parametrize(
    "name", ["new\nline.jpg", "tab\t and \x1b[31mred.jpg", "[x] [bold]b.jpg", "e\u0301.jpg", "\u202egpj.jpg"]
)
def test_odd_names_are_worked_on_and_shown_safely(photos, name):
    for file in photos.iterdir():
        file.unlink()
    Image.fromarray(skimage.data.astronaut()).save(photos / "x.jpg")
    (photos / "x.jpg").rename(photos / name)
    (photos / f"broken {name}").write_bytes(b"no picture")
    end = run(photos)
    assert end.returncode == 1
    assert "1  released" in end.stdout
    assert "\x1b" not in end.stdout
    assert end.stdout.count("not a picture that we know") == 1


def test_zero_bytes_wrong_endings_and_no_endings(photos):
    (photos / "00.jpg").rename(photos / "jpeg.png")
    (photos / "01.jpg").rename(photos / "none")
    (photos / "02.jpg").write_bytes(b"")
    assert counts(photos) == {"accepted": COUNT - 1, "failed": 1}
