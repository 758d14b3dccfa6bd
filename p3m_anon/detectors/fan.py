"""2D-FAN4 landmarks (Bulat and Tzimiropoulos, "How far are we from solving the 2D & 3D Face Alignment problem?",
ICCV 2017), batched over the faces of many pictures.

The network is face-alignment's `FAN` class; crops and decoding are ours. Constants and the crop's geometry follow
face-alignment 1.5.0, `api.py` and `utils.py` (`crop`, `get_preds_fromhm`), since the weights were trained with them;
ours differs in that it keeps fractions of pixels and is vectorised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from p3m_anon.errors import WeightsError

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB, Box

    Points: TypeAlias = npt.NDArray[np.float64]  # (n, 68, 2)

CROP = 256  # side of the network's input
HEATMAP = 64  # side of its output
SPREAD = 200 / 195  # the crop's side, as a share of the box's width + height
RISE = 0.12  # the crop's centre lies this share of the box height above the box centre
MAX_WINDOW = 4096
"""Larger windows are thinned out first: the crop has 256 pixels anyway, and memory stays bounded."""

_PAIRS = (
    *((i, 16 - i) for i in range(17)),  # cheeks and chin
    *((i, 43 - i) for i in range(17, 27)),  # eyebrows
    *((i, i) for i in range(27, 31)),  # bridge of the nose
    *((i, 66 - i) for i in range(31, 36)),  # nostrils
    *((i, 81 - i) for i in range(36, 40)),  # eyes: corners and upper lids
    *((i, 87 - i) for i in range(40, 42)),  # lower lids
    *((i, 81 - i) for i in range(42, 46)),
    *((i, 87 - i) for i in range(46, 48)),
    *((i, 102 - i) for i in range(48, 55)),  # lips, outer then inner
    *((i, 114 - i) for i in range(55, 60)),
    *((i, 124 - i) for i in range(60, 65)),
    *((i, 132 - i) for i in range(65, 68)),
)
MIRROR = tuple(partner for _, partner in _PAIRS)
"""MIRROR[i]: the iBUG landmark that i becomes in a mirrored face."""


@dataclass(frozen=True)
class Window:
    """The square around a face, in picture pixels, borders between pixels: centre and side."""

    x: float
    y: float
    side: float

    @staticmethod
    def around(box: Box) -> Window:
        """The window for an S3FD box. Raises ValueError for a box that is not finite or has no area."""
        x0, y0, x1, y1 = box
        if not all(abs(value) < 1e7 for value in box) or x1 <= x0 or y1 <= y0:  # also true for nan and inf
            raise ValueError(f"box must be finite with x0 < x1 and y0 < y1, got {box}")
        width, height = x1 - x0, y1 - y0
        return Window((x0 + x1) / 2, (y0 + y1) / 2 - RISE * height, SPREAD * (width + height))


@dataclass(frozen=True, eq=False)
class LandmarkFinder:
    """Finds 68 landmarks per face box; runs on the device that holds `net`.

    batch_size: faces per pass; each also goes mirrored, in the same pass, and the two heatmaps are added.
    fixed_sizes: fill passes up to the next power of two, so that only a few batch sizes ever occur.
    """

    net: nn.Module
    batch_size: int
    fixed_sizes: bool

    def find(self, faces: Sequence[tuple[RGB, Box]]) -> Points:
        """float64 (n, 68, 2), x then y, pixels of each face's own picture; whole numbers are pixel centres.

        faces: the picture, uint8 (H, W, 3), and a box in it. Raises ValueError for a box without area or a crop
        without a pixel of the picture; WeightsError when the network's output is not finite.
        """
        parts = []
        for start in range(0, len(faces), self.batch_size):
            chunk = faces[start : start + self.batch_size]
            windows = [Window.around(box) for _, box in chunk]
            crops = np.stack([cut(rgb, window) for (rgb, _), window in zip(chunk, windows, strict=True)])
            parts.append(to_picture(self._find_in_crops(crops), windows))
        return np.concatenate(parts) if parts else np.empty((0, 68, 2))

    @torch.inference_mode()
    def _find_in_crops(self, crops: npt.NDArray[np.uint8]) -> Points:
        device = next(self.net.parameters()).device
        count = len(crops)
        batch = torch.from_numpy(crops).to(device).permute(0, 3, 1, 2).float() / 255
        if self.fixed_sizes:
            rows = min(self.batch_size, 1 << (count - 1).bit_length())
            batch = torch.cat((batch, batch.new_zeros(rows - count, *batch.shape[1:])))
        outputs = self.net(torch.cat((batch, batch.flip(-1))))
        heatmaps = outputs[-1] if isinstance(outputs, list) else outputs  # the last of the four stacked hourglasses
        straight, mirrored = heatmaps.float().chunk(2)
        heatmaps = (straight + mirrored[:, list(MIRROR)].flip(-1))[:count]
        if not bool(torch.isfinite(heatmaps).all()):
            raise WeightsError("FAN gave values that are not finite: damaged weights or a faulty device")
        points: Points = decode(heatmaps).double().cpu().numpy()
        return points


def cut(rgb: RGB, window: Window) -> npt.NDArray[np.uint8]:
    """The window as uint8 (256, 256, 3), black where it leaves the picture.

    The window starts one crop pixel late and at whole pixels, as the network was trained (`utils.crop`).
    Raises ValueError when it holds no pixel of the picture.
    """
    low = [c - window.side / 2 + window.side / CROP for c in (window.x, window.y)]
    high = [c + window.side / 2 for c in (window.x, window.y)]
    step = int(window.side) // MAX_WINDOW + 1
    rgb = rgb[::step, ::step]
    (x0, y0), (x1, y1) = ([int(value) // step for value in corner] for corner in (low, high))
    x1, y1 = max(x1, x0 + 1), max(y1, y0 + 1)
    height, width = rgb.shape[:2]
    left, right, top, bottom = max(0, x0), min(width, x1), max(0, y0), min(height, y1)
    if left >= right or top >= bottom:
        raise ValueError(f"{window} lies outside the picture of {height} x {width} pixels")
    part = rgb[top:bottom, left:right]
    if part.shape[:2] != (y1 - y0, x1 - x0):
        framed = np.zeros((y1 - y0, x1 - x0, 3), dtype=np.uint8)
        framed[top - y0 : bottom - y0, left - x0 : right - x0] = part
        part = framed
    return np.asarray(cv2.resize(part, (CROP, CROP), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def decode(heatmaps: Tensor) -> Tensor:
    """float32 (n, 68, 2): x, y of each maximum of (n, 68, 64, 64), in heatmap pixels with 0 at the left border.

    A quarter pixel towards the higher neighbour, as in `get_preds_fromhm`; at the border the maximum itself.
    """
    size = heatmaps.shape[-1]
    best = heatmaps.flatten(2).argmax(2)
    cell = torch.stack((best % size, best.div(size, rounding_mode="floor")), -1)
    inner = cell.clamp(1, size - 2)
    x, y = inner.unbind(-1)
    faces, marks = (torch.arange(n, device=heatmaps.device) for n in heatmaps.shape[:2])
    at = (faces[:, None], marks[None, :])
    slope = torch.stack(
        (heatmaps[(*at, y, x + 1)] - heatmaps[(*at, y, x - 1)], heatmaps[(*at, y + 1, x)] - heatmaps[(*at, y - 1, x)]),
        -1,
    )
    is_inner = (inner == cell).all(-1, keepdim=True)
    return cell + 0.5 + torch.where(is_inner, slope.sign() / 4, 0.0)


def to_picture(points: Points, windows: Sequence[Window]) -> Points:
    """Heatmap pixels (n, 68, 2) to picture pixels, whole numbers at pixel centres.

    face-alignment cuts the value off to a whole number where we take off the half pixel: at most half a pixel apart.
    """
    centres = np.array([(window.x, window.y) for window in windows]).reshape(-1, 1, 2)
    sides = np.array([window.side for window in windows]).reshape(-1, 1, 1)
    placed: Points = centres + (points / HEATMAP - 0.5) * sides - 0.5
    return placed
