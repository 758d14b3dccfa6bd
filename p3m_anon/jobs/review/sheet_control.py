"""The control of a sheet: a public-domain face pasted into a copy of a picture, which a person who looks will mark."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB, Box

FACES = {"astronaut": (168, 50, 286, 190), "grace_hopper": (158, 110, 372, 340)}
"""Boxes of the head, x0, y0, x1, y1, in the portraits that scikit-image and matplotlib bring along."""
LEAST = 24  # pixels of the picture that a pasted face is high
SHOWN = (0.15, 0.34)  # height of a pasted face over that of the picture, where no place gives its size
MOST = 0.6  # of the picture's shorter side
TILT = 14.0  # degrees to either side
TONE = (0.75, 1.2)  # how far a face is made darker or lighter, towards its surroundings
EDGE = 0.28  # share of the radius over which a face fades into the picture
AT_A_PLACE = 0.5  # chance that the face takes a place that a look saw, where there is one


@dataclass(frozen=True)
class Paste:
    """What was drawn for one control. face: key of FACES; box: where it goes; turned, in degrees; flipped."""

    face: str
    box: Box
    turned: float
    flipped: bool


def draw_paste(size: tuple[int, int], places: tuple[Box, ...], rng: np.random.Generator) -> Paste:
    """Draw face, place and size for a picture.

    Args:
        size: width and height of the picture, pixels.
        places: boxes that looks saw in it, and which are shown as crops.
        rng: where the draw comes from.

    Returns:
        A paste inside the picture. The crops stay where they are: nothing else tells this picture from others.
    """
    face = str(rng.choice(sorted(FACES)))
    x0, y0, x1, y1 = FACES[face]
    most = max(MOST * min(size), 1.0)
    if places and rng.random() < AT_A_PLACE:
        box = places[int(rng.integers(len(places)))]
        height = min(max(box[3] - box[1], LEAST), most)
        middle = np.array([box[0] + box[2], box[1] + box[3]]) / 2
    else:
        height = min(max(float(rng.uniform(*SHOWN)) * size[1], LEAST), most)
        middle = rng.random(2) * size
    half = np.array([height * (x1 - x0) / (y1 - y0), height]) / 2
    middle = np.clip(middle, half, np.array(size) - half)
    (left, top), (right, bottom) = middle - half, middle + half
    turned = float(rng.uniform(-TILT, TILT))
    return Paste(face, (float(left), float(top), float(right), float(bottom)), turned, bool(rng.random() < 0.5))


def pasted(rgb: RGB, paste: Paste) -> RGB:
    """A copy of rgb, uint8 (H, W, 3), with the face in it: an oval that fades out, in the tone of the picture."""
    head = _head(paste.face)
    x0, y0 = (max(int(np.floor(v)), 0) for v in paste.box[:2])
    x1 = min(int(np.ceil(paste.box[2])), rgb.shape[1])
    y1 = min(int(np.ceil(paste.box[3])), rgb.shape[0])
    width, height = x1 - x0, y1 - y0
    if paste.flipped:
        head = head[:, ::-1]
    how = cv2.INTER_AREA if height < head.shape[0] else cv2.INTER_CUBIC
    small = cv2.resize(np.ascontiguousarray(head), (width, height), interpolation=how)
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), paste.turned, 1.0)
    small = cv2.warpAffine(small, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    out = rgb.copy()
    part = out[y0:y1, x0:x1]
    tone = np.clip((part.mean() + 40) / (small.mean() + 40), *TONE)
    weight = _oval(width, height)
    part[:] = np.clip(np.rint(weight * small * tone + (1 - weight) * part), 0, 255).astype(np.uint8)
    return out


def _oval(width: int, height: int) -> npt.NDArray[np.float64]:
    """How much of the face each pixel takes, float64 (H, W, 1)."""
    y, x = np.mgrid[:height, :width]
    radius = np.hypot((x - (width - 1) / 2) / (width / 2), (y - (height - 1) / 2) / (height / 2))
    return np.asarray(np.clip((1 - radius) / EDGE, 0, 1)[..., None], np.float64)


@cache
def _head(name: str) -> RGB:
    """A head, uint8 (H, W, 3), cut from the portrait that it comes with."""
    if name == "astronaut":
        from skimage import data

        rgb = np.asarray(data.astronaut(), np.uint8)
    else:
        from matplotlib.cbook import get_sample_data
        from PIL import Image

        with Image.open(str(get_sample_data("grace_hopper.jpg", asfileobj=False))) as portrait:
            rgb = np.asarray(portrait.convert("RGB"), np.uint8)
    x0, y0, x1, y1 = FACES[name]
    return rgb[y0:y1, x0:x1]
