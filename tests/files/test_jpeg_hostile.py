"""Damaged and made-up JPEGs before libjpeg's coefficient functions, which may end the process when they object."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from p3m_anon.errors import ImageError
from p3m_anon.files.images import read
from p3m_anon.files.jpeg_markers import CannotSplice, parse
from p3m_anon.files.masked import encode_masked
from tests.files.jpegs import Kind, face, stored

MUTATE = """
import sys
import numpy as np
from pathlib import Path
from p3m_anon.files.jpeg_blocks import read_blocks, write_blocks
from p3m_anon.files.jpeg_markers import CannotSplice, parse

rng = np.random.default_rng(int(sys.argv[1]))
sources = [path.read_bytes() for path in map(Path, sys.argv[3:])]
copied = refused = 0
for _ in range(int(sys.argv[2])):
    data = bytearray(sources[rng.integers(len(sources))])
    for _ in range(rng.integers(1, 6)):
        at = int(rng.integers(2, min(len(data), 700) if rng.random() < 0.8 else len(data)))
        way = rng.integers(4)
        if way == 0:
            data[at] = rng.integers(256)
        elif way == 1:
            data[at] ^= 1 << int(rng.integers(8))
        elif way == 2:
            del data[at : at + int(rng.integers(1, 20))]
        else:
            data[at:at] = rng.bytes(int(rng.integers(1, 20)))
    try:
        layout = parse(bytes(data))
        if layout.frame.width * layout.frame.height < 1_000_000:
            write_blocks(layout.frame, read_blocks(layout), None)
            copied += 1
    except CannotSplice:
        refused += 1
print(copied, refused)
"""


def mutate(folder: Path, seed: int, count: int) -> tuple[int, int]:
    """Change files at random and hand them to the library in a process of its own: (copied, refused)."""
    kinds = [Kind(40, 56, s, 60, p, r) for s, p, r in [("4:4:4", True, 0), ("4:2:0", False, 2), ("4:2:2", True, 2)]]
    paths = [folder / f"{k}.jpg" for k in range(len(kinds))]
    for path, kind in zip(paths, kinds, strict=True):
        path.write_bytes(stored(kind))
    command = [sys.executable, "-c", MUTATE, str(seed), str(count), *map(str, paths)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert done.returncode == 0, f"ended with {done.returncode}: {done.stderr[-500:]}"
    copied, refused = map(int, done.stdout.split())
    return copied, refused


def test_mutated_files_never_end_the_process(tmp_path: Path) -> None:
    copied, refused = mutate(tmp_path, 1, 4000)
    assert copied > 500
    assert refused > 500


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 6))
def test_many_mutated_files_never_end_the_process(tmp_path: Path, seed: int) -> None:
    assert sum(mutate(tmp_path, seed, 100_000)) > 50_000


def test_a_scan_that_names_components_out_of_order_is_refused() -> None:
    """Found by mutation: libjpeg objects while jpeglib has no open file yet, and the process ends."""
    source = bytearray(stored(Kind()))
    scan = source.index(b"\xff\xda")
    source[scan + 5], source[scan + 7] = 2, 1
    with pytest.raises(CannotSplice, match="scan header"):
        parse(bytes(source))


@pytest.mark.shared
def test_the_collection_of_hostile_files(shared_data: Path) -> None:
    """What can be read can be written, in one way or the other, and says in which."""
    ways: dict[str, str] = {}
    for path in sorted((shared_data / "bad").iterdir()):
        try:
            decoded = read(path)
        except ImageError:
            continue
        if decoded.source is None or decoded.pixels.size > 10_000_000:
            continue
        pixels, mask = decoded.pixels.copy(), face(decoded.pixels.shape)
        pixels[mask] = 99
        made = encode_masked(decoded, pixels, mask)
        ways[path.name] = made.note.get("reencoded_because", made.fidelity)
    assert len(ways) >= 20
    assert sum(way == "mcu" for way in ways.values()) >= 12
    assert ways["testimgari.jpg"] == "arithmetic coding"
    assert ways["pil_sample_cmyk.jpg"] == ways["giunchedi_cmyk_orient.jpg"] == "CMYK"
    assert ways["hopper_gray.jpg"] == "mcu"
