"""Faces of one set of pictures pasted into others: bystanders of a known width, for measuring what is overlooked.

Everything is drawn from a seed; faces and backgrounds come from folders that the caller names. Used by
`measure_small_faces.py` and by the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

RGB: TypeAlias = npt.NDArray[np.uint8]
Box: TypeAlias = tuple[float, float, float, float]

SURROUND = 1.9  # side of what is cut out around a face, over the longer side of its box
CLEARANCE = 0.6  # of a pasted head's side, that stays free around the faces of the background
TILT = 30.0  # degrees
DIM = 0.35
JPEG_QUALITY = 60
PICTURES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True, eq=False)
class Head:
    """A face cut out with its surroundings: rgb uint8 (S, S, 3), box of the face in it, name of its picture, view."""

    rgb: RGB
    box: Box
    name: str
    view: str = "frontal"


@dataclass(frozen=True, eq=False)
class Pasted:
    """A background with one more face. box: where; kind: how it was spoilt."""

    rgb: RGB
    box: Box
    kind: str


def _plain(rgb: RGB) -> RGB:
    return rgb


def _dim(rgb: RGB) -> RGB:
    return np.asarray(rgb * DIM, np.uint8)


def _grey(rgb: RGB) -> RGB:
    return np.repeat(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2).astype(np.uint8)


def _jpeg(rgb: RGB) -> RGB:
    data = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


KINDS: dict[str, Callable[[RGB], RGB]] = {
    "plain": _plain,
    "dim": _dim,
    "grey": _grey,
    "tilted": _plain,  # the head is turned before it is pasted
    "jpeg": _jpeg,
}
"""What is done to the whole picture after pasting."""

COVERED = {"mask": (0.55, 1.05, (200, 215, 225)), "hat": (-0.35, 0.22, (40, 45, 60))}
"""Part of the face's box, from above, that is painted over before pasting, and its colour."""
KINDS |= dict.fromkeys(COVERED, _plain)
USUAL = ("plain", "dim", "grey", "tilted", "jpeg")


def read_pictures(folder: Path) -> dict[str, RGB]:
    """Name -> rgb uint8 (H, W, 3), upright, of every picture in a folder; mattes (`*.alpha.*`) are left out."""
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in PICTURES and ".alpha" not in p.name)
    return {p.name: np.asarray(ImageOps.exif_transpose(Image.open(p)).convert("RGB")) for p in files}


def cut_head(rgb: RGB, box: Box, name: str, view: str = "frontal") -> Head | None:
    """The square around a face; None where it reaches over the picture's edge."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    side = round(SURROUND * max(box[2] - box[0], box[3] - box[1]))
    left, top = round(x - side / 2), round(y - side / 2)
    if left < 0 or top < 0 or left + side > rgb.shape[1] or top + side > rgb.shape[0]:
        return None
    part = rgb[top : top + side, left : left + side]
    return Head(part, (box[0] - left, box[1] - top, box[2] - left, box[3] - top), name, view)


def paste(background: RGB, head: Head, width: float, corner: tuple[int, int], kind: str) -> Pasted:
    """The background with `head` at `corner` (x, y), its face `width` pixels wide, with blended edges."""
    scale = width / (head.box[2] - head.box[0])
    head = _covered(head, kind)
    side = max(2, round(head.rgb.shape[0] * scale))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    small = cv2.resize(head.rgb, (side, side), interpolation=how)
    centre = (side - 1) / 2
    if kind == "tilted":
        turn = cv2.getRotationMatrix2D((centre, centre), TILT, 1.0)
        small = cv2.warpAffine(small, turn, (side, side), borderMode=cv2.BORDER_REFLECT)
    y, x = np.mgrid[:side, :side] - centre
    near = np.clip((1 - np.hypot(x, y) / (side / 2)) / 0.25, 0, 1)[..., None]
    out = background.copy()
    left, top = corner
    part = out[top : top + side, left : left + side]
    part[:] = np.round(near * small + (1 - near) * part)
    moved = [v * scale for v in head.box]
    box = (moved[0] + left, moved[1] + top, moved[2] + left, moved[3] + top)
    return Pasted(KINDS[kind](out), box, kind)


def _covered(head: Head, kind: str) -> Head:
    """The head with a mask over mouth and nose, or a hat over the forehead."""
    if kind not in COVERED:
        return head
    upper, lower, colour = COVERED[kind]
    x0, y0, x1, y1 = head.box
    top, bottom = (max(0, round(y0 + share * (y1 - y0))) for share in (upper, lower))
    rgb = head.rgb.copy()
    rgb[top:bottom, max(0, round(x0)) : round(x1)] = colour
    return Head(rgb, head.box, head.name, head.view)


def side_of(head: Head, width: float) -> int:
    """Side, in pixels, of the square that `paste` draws for a face of `width` pixels."""
    return max(2, round(head.rgb.shape[0] * width / (head.box[2] - head.box[0])))


def free_corner(rng: np.random.Generator, size: tuple[int, int], side: int, taken: list[Box]) -> tuple[int, int] | None:
    """A random place (x, y) for a square in a (height, width) picture, clear of `taken`; None if 200 draws miss."""
    height, width = size
    if side >= min(height, width):
        return None
    room = CLEARANCE * side
    for _ in range(200):
        x, y = int(rng.integers(0, width - side)), int(rng.integers(0, height - side))
        if all(x > b[2] + room or x + side < b[0] - room or y > b[3] + room or y + side < b[1] - room for b in taken):
            return x, y
    return None
