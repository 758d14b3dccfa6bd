"""Drawn JPEGs of every kind for the tests, and a look at what lies inside a JPEG file."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
from PIL import Image

from p3m_anon.files.decode import decode
from p3m_anon.files.headers import inspect
from p3m_anon.files.jpeg_blocks import recode, write_blocks
from p3m_anon.files.jpeg_markers import Component, Frame
from p3m_anon.files.orientation import turn_upright
from tests.files.drawn import photo

SAMPLINGS = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}


class Kind(NamedTuple):
    """What a drawn JPEG is like; sizes as stored. `sampling`: one of SAMPLINGS, or "grey"."""

    height: int = 48
    width: int = 64
    sampling: str = "4:2:0"
    quality: int = 90
    progressive: bool = False
    restart: int = 0
    orientation: int = 1


def stored(kind: Kind, **options: object) -> bytes:
    """A JPEG file written by Pillow."""
    out, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = kind.orientation
    pixels = photo(kind.height, kind.width, 1 if kind.sampling == "grey" else 3)
    if kind.sampling != "grey":
        options["subsampling"] = SAMPLINGS[kind.sampling]
    Image.fromarray(pixels).save(
        out,
        "JPEG",
        quality=kind.quality,
        progressive=kind.progressive,
        restart_marker_blocks=kind.restart,
        exif=exif,
        **options,
    )
    return out.getvalue()


def sampled(factors: list[tuple[int, int]], height: int = 50, width: int = 70) -> bytes:
    """A colour JPEG with these sampling factors (across, down), which Pillow cannot write."""
    steps = [tuple(2 + (7 * i + 5 * k) % 23 for i in range(64)) for k in range(3)]  # three tables, none symmetric
    frame = Frame(width, height, tuple(Component(*f, s) for f, s in zip(factors, steps, strict=True)), "ycc")
    blocks = [np.zeros((*frame.grid(c), 8, 8), np.int16) for c in frame.components]
    recode(frame, blocks, photo(height, width), np.ones((height, width), bool))
    return write_blocks(frame, blocks, None)


def upright(data: bytes) -> np.ndarray:
    """The pixels that a file shows."""
    found = decode(data, inspect(io.BytesIO(data), "x"), "x")
    return turn_upright(found.pixels, found.orientation)


def face(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """An ellipse somewhere in the picture, bool (H, W), at least one pixel."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]]
    centre = rng.uniform((0, 0), shape[:2])
    axes = rng.uniform(0.5, 0.5 + 0.4 * max(shape[:2]), 2)
    mask = ((y - centre[0]) / axes[0]) ** 2 + ((x - centre[1]) / axes[1]) ** 2 <= 1
    mask[int(centre[0]), int(centre[1])] = True
    return mask


def markers(data: bytes) -> list[str]:
    """Names of all segments in order; fails on bytes that belong to none, also behind the end."""
    names = {0xD8: "SOI", 0xD9: "EOI", 0xDA: "SOS", 0xDB: "DQT", 0xC4: "DHT", 0xDD: "DRI", 0xFE: "COM"}
    at, found = 0, []
    while at < len(data):
        assert data[at] == 0xFF, f"bytes between the segments at {at}"
        code = data[at + 1]
        found.append(names.get(code, f"SOF{code - 0xC0}" if code < 0xD0 else f"APP{code - 0xE0}"))
        at += 2
        if code == 0xD9:
            assert at == len(data), "bytes behind the end marker"
        if code not in (0xD8, 0xD9):
            at += int.from_bytes(data[at : at + 2], "big")
        if code == 0xDA:
            while data[at] != 0xFF or data[at + 1] == 0:
                at += 1
    return found
