"""kill -9 at random moments: a rerun ends as an uninterrupted run would have."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

from p3m_anon.files.atomic import PREFIX
from p3m_anon.files.ledger import Ledger

PICTURES, KILLS = 40, 20


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """The astronaut, shifted and darkened in forty ways, as PNG and JPEG."""
    folder = tmp_path_factory.mktemp("kill") / "photos"
    folder.mkdir()
    whole = skimage.data.astronaut()
    for number in range(PICTURES):
        part = whole[: 400 + number, number : 400 + number]
        part = (part * (1 - number / 200)).astype(np.uint8)
        Image.fromarray(part).save(folder / f"{number:02}.{'png' if number % 2 else 'jpg'}")
    return folder


def command(photos: Path, out: Path) -> list[str]:
    return [sys.executable, "-m", "p3m_anon", "blur", str(photos), "--no-alpha", "--out", str(out)]


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def timings(out: Path) -> dict[str, dict[str, float]]:
    """CPU times of the pictures that are finished; no two runs have the same."""
    with Ledger.copy_of(out.with_name(out.name + ".private") / "ledger.sqlite") as ledger:
        return {row.path: row.timings for row in ledger.rows() if row.status != "pending"}


def released(out: Path) -> int:
    return len(list((out / "blurred_image").glob("[0-9]*")))


def kill_soon(process: subprocess.Popen[bytes], out: Path, more: int, pause: float) -> bool:
    """Kill a run `pause` seconds after it has released `more` pictures; was it still at work?"""
    enough = released(out) + more
    while process.poll() is None and released(out) < enough:
        time.sleep(0.002)
    time.sleep(pause)
    running = process.poll() is None
    process.kill()
    process.wait()
    return running


def test_a_run_killed_at_random_moments_ends_like_an_uninterrupted_one(photos, tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "out"
    subprocess.run(command(photos, whole), capture_output=True, check=True)

    draw = random.Random(7)
    finished: dict[str, dict[str, float]] = {}
    killed = 0
    for _ in range(KILLS):
        process = subprocess.Popen(command(photos, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        killed += kill_soon(process, out, draw.choice((0, 1, 1, 2, 3)), draw.uniform(0, 0.05))
        if (out.with_name("out.private") / "ledger.sqlite").exists():
            now = timings(out)
            assert all(now[path] == spent for path, spent in finished.items())  # nothing is done twice
            finished = now
    assert killed > 0.8 * KILLS
    assert len(finished) > PICTURES / 4
    end = subprocess.run(command(photos, out), capture_output=True, text=True, check=False)
    assert end.returncode == 0, end.stderr

    assert all(timings(out)[path] == spent for path, spent in finished.items())
    assert len(timings(out)) == PICTURES
    assert files(out) == files(whole)
    private = [files(folder.with_name(folder.name + ".private")) for folder in (out, whole)]
    masks = [{k: v for k, v in one.items() if k.startswith(("facemask", "thumbnails"))} for one in private]
    assert masks[0] == masks[1]
    assert len(masks[0]) == 2 * PICTURES
    assert not [name for name in (*files(out), *private[0]) if PREFIX in name]
