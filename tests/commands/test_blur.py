"""`p3m-anon blur` as a person calls it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import skimage.data
from click.testing import CliRunner
from PIL import Image

from p3m_anon.cli import cli


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(skimage.data.astronaut()).save(folder / "astronaut.png")
    Image.fromarray(skimage.data.rocket()).save(folder / "rocket.jpg")
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def call(*arguments: object) -> object:
    return CliRunner().invoke(cli, ["blur", *map(str, arguments)])


def test_a_run_names_every_picture_that_was_not_released(photos):
    result = call(photos, "--no-alpha")
    assert result.exit_code == 1
    assert "broken.jpg: not a picture that we know" in result.output
    assert "rocket.jpg" in result.output
    assert "1  released" in result.output
    assert (photos.with_name("photos-anonymized") / "blurred_image" / "astronaut.png").is_file()


def test_exit_code_3_when_only_review_is_left(photos):
    (photos / "broken.jpg").unlink()
    assert call(photos).exit_code == 3
    (photos / "rocket.jpg").unlink()
    assert call(photos).exit_code == 0


def test_the_json_summary_is_all_there_is_on_stdout(photos):
    result = call(photos, "--json")
    summary = json.loads(result.stdout)
    assert summary["counts"] == {"accepted": 1, "failed": 1, "needs_review": 1}
    assert summary["exit_code"] == result.exit_code == 1


def test_a_dry_run_says_how_many(photos):
    result = call(photos, "--dry-run")
    assert result.exit_code == 0
    assert "3 pictures, of them 3 to be worked on" in result.output
    assert [p.name for p in photos.parent.iterdir()] == ["photos"]


def test_the_smallest_face_and_disagreement_are_what_the_run_works_by(photos):
    (photos / "broken.jpg").unlink()
    (photos / "rocket.jpg").unlink()
    assert call(photos, "--smallest-face", 40, "--on-disagreement", "review").exit_code == 0
    request = json.loads((photos.with_name("photos-anonymized.private") / "request.json").read_text())
    assert request["smallest_face"] == 40
    assert request["settings"]["on_disagreement"] == "review"


def test_a_no_face_list_is_read(photos, tmp_path):
    (tmp_path / "list.txt").write_text("rocket.jpg\n\n")
    assert "2  released" in call(photos, "--no-face-list", tmp_path / "list.txt").output


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--sigma", "0.1"), "sigma must be"),
        (("--no-alpha", "--require-alpha"), "--no-alpha goes with"),
        (("--require-alpha",), "no alphas"),
        (("--detector", "landmark-files"), "--landmarks"),
        (("--out", "photos/out"), "inside one another"),
        (("--smallest-face", "2"), "--smallest-face"),
        (("--on-disagreement", "ignore"), "--on-disagreement"),
    ],
)
def test_wrong_usage_is_one_line_and_writes_nothing(photos, monkeypatch, options, words):
    monkeypatch.chdir(photos.parent)
    result = call("photos", *options)
    assert result.exit_code == 2
    assert words in result.output
    assert [p.name for p in photos.parent.iterdir()] == ["photos"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_cleanly(tmp_path, number, code):
    folder = tmp_path / "photos"
    folder.mkdir()
    for n in range(24):
        Image.fromarray(skimage.data.astronaut()[: 450 + n]).save(folder / f"{n}.bmp")
    command = [sys.executable, "-m", "p3m_anon", "blur", str(folder), "--no-alpha"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    done = folder.with_name("photos-anonymized") / "blurred_image"
    end = time.monotonic() + 60
    while not (done.is_dir() and len(list(done.iterdir())) > 3) and time.monotonic() < end:
        time.sleep(0.01)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in errors
    assert not list(folder.parent.rglob(".p3m-tmp-*"))
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert len(list(done.iterdir())) == 24
