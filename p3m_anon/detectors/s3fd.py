"""S3FD face boxes (Zhang et al., "S3FD: Single Shot Scale-invariant Face Detector", ICCV 2017), batched over pictures.

The network is face-alignment's `s3fd` class; everything around it is ours. Constants and the order "threshold, then
suppress overlaps" follow face-alignment 1.5.0, `detection/sfd/detect.py`, `bbox.py` and `sfd_detector.py`, so that
boxes agree with that package on a picture that needs no shrinking.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from p3m_anon.errors import WeightsError

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB

    Boxes: TypeAlias = npt.NDArray[np.float64]  # (n, 5): x0, y0, x1, y1, score

MEAN_RGB = (123, 117, 104)  # subtracted from 0..255 values; the network itself takes BGR
STRIDES = (4, 8, 16, 32, 64, 128)  # of the six output levels
ANCHOR = 4.0  # side of a level's anchor, in strides
VARIANCES = (0.1, 0.2)  # of centre and size, as in SSD
MAX_OVERLAP = 0.3
TILE = 64
"""Canvas sides are multiples of this: few sizes, so that pictures share batches and CUDA plans are reused."""


@dataclass(frozen=True, eq=False)
class BoxFinder:
    """Finds face boxes; runs on the device that holds `net`.

    long_side: pictures are shrunk, never enlarged, until their longer side is at most this many pixels.
    batch_size: how many pictures go through the network at once.
    """

    net: nn.Module
    long_side: int
    batch_size: int
    score_threshold: float

    def find(self, images: Sequence[RGB]) -> list[Boxes]:
        """Per picture float64 (n, 5): x0, y0, x1, y1 in its own pixels and the score, best first.

        Boxes may reach over the frame's border but never lie outside the frame. Raises WeightsError when the
        network's output is not finite: no box would then mean nothing.
        """
        found: list[Boxes] = [np.empty((0, 5))] * len(images)
        for canvas, members in _by_canvas([rgb.shape[:2] for rgb in images], self.long_side).items():
            for part in _chunks(members, self.batch_size):
                small = [shrink(images[i], self.long_side) for i in part]
                boxes = self._find_in_canvases(letterbox(small, canvas))
                for i, one, candidates in zip(part, small, boxes, strict=True):
                    found[i] = _to_picture(candidates, one.shape[:2], images[i].shape[:2])
        return found

    @torch.inference_mode()
    def _find_in_canvases(self, canvases: npt.NDArray[np.uint8]) -> list[Boxes]:
        device = next(self.net.parameters()).device
        batch = torch.from_numpy(canvases).to(device).permute(0, 3, 1, 2).float()
        mean = torch.tensor(MEAN_RGB, device=device, dtype=torch.float32).view(1, 3, 1, 1)
        scores, boxes = decode(self.net((batch - mean).flip(1)))
        picture, anchor = torch.nonzero(scores > self.score_threshold, as_tuple=True)
        rows = torch.cat((boxes[picture, anchor], scores[picture, anchor, None]), 1).double().cpu().numpy()
        if not bool(torch.isfinite(scores).all()) or not np.isfinite(rows).all():
            raise WeightsError("S3FD gave values that are not finite: damaged weights or a faulty device")
        owner = picture.cpu().numpy()
        return [suppress(rows[owner == i]) for i in range(len(canvases))]


def shrink(rgb: RGB, long_side: int) -> RGB:
    """`rgb` with its longer side at most `long_side`; area-averaged, so that no detail aliases."""
    height, width = _small_size(rgb.shape[:2], long_side)
    if (height, width) == rgb.shape[:2]:
        return rgb
    small: RGB = np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return small


def letterbox(images: Sequence[RGB], canvas: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """uint8 (n, H, W, 3): each picture at the top left, the rest in the mean colour, which the network sees as 0."""
    batch = np.empty((len(images), *canvas, 3), dtype=np.uint8)
    batch[:] = MEAN_RGB
    for row, rgb in zip(batch, images, strict=True):
        row[: rgb.shape[0], : rgb.shape[1]] = rgb
    return batch


def decode(outputs: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Scores (B, N) in 0..1 and boxes (B, N, 4) in canvas pixels, for all anchors of all levels.

    outputs: the network's list, class logits (B, 2, h, w) and offsets (B, 4, h, w) per level, finest first.
    """
    logits, offsets = outputs[0::2], outputs[1::2]
    scores = torch.cat([level.softmax(1)[:, 1].flatten(1) for level in logits], 1)
    offset = torch.cat([level.flatten(2) for level in offsets], 2).transpose(1, 2)
    anchors = _anchors(tuple((level.shape[2], level.shape[3]) for level in logits)).to(offset)
    centre = anchors[:, :2] + VARIANCES[0] * anchors[:, 2:] * offset[..., :2]
    half = (anchors[:, 2:] * torch.exp(VARIANCES[1] * offset[..., 2:]) / 2).clamp(min=0.5)  # no box without area
    return scores, torch.cat((centre - half, centre + half), 2)


def suppress(rows: Boxes, max_overlap: float = MAX_OVERLAP) -> Boxes:
    """Rows (n, 5), best first, without those that overlap a better one by more than `max_overlap`.

    Sides count a pixel more than x1 - x0, as in face-alignment's `bbox.nms`.
    """
    rest = rows[np.argsort(-rows[:, 4], kind="stable")]
    kept = []
    while len(rest):
        kept.append(rest[0])
        rest = rest[1:][_overlap(rest[0], rest[1:]) <= max_overlap]
    return np.array(kept) if kept else rows[:0]


def _overlap(box: npt.NDArray[np.float64], boxes: Boxes) -> npt.NDArray[np.float64]:
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:4], boxes[:, 2:4])
    shared = np.clip(high - low + 1, 0, None).prod(1)
    areas = (boxes[:, 2:4] - boxes[:, :2] + 1).prod(1)
    area = (box[2:4] - box[:2] + 1).prod()
    ratio: npt.NDArray[np.float64] = shared / (area + areas - shared)
    return ratio


@lru_cache(maxsize=32)
def _anchors(sizes: tuple[tuple[int, int], ...]) -> Tensor:
    """float32 (N, 4): centre x, y and sides of every anchor of levels with these (h, w)."""
    levels = []
    for stride, (height, width) in zip(STRIDES, sizes, strict=True):
        y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        centres = torch.stack((x, y), -1).reshape(-1, 2) * stride + stride / 2
        levels.append(torch.cat((centres, torch.full_like(centres, ANCHOR * stride)), 1))
    return torch.cat(levels)


def _to_picture(rows: Boxes, small: tuple[int, int], size: tuple[int, int]) -> Boxes:
    """Boxes of the shrunk picture in the picture's pixels; those wholly in the letterbox's margin are no faces."""
    scale = np.array([size[1] / small[1], size[0] / small[0]])
    boxes = rows[:, :4] * np.tile(scale, 2)
    inside = (boxes[:, 2:] > 0).all(1) & (boxes[:, :2] < np.array(size[::-1])).all(1)
    return np.column_stack((boxes, rows[:, 4]))[inside]


def _small_size(size: tuple[int, int], long_side: int) -> tuple[int, int]:
    scale = min(1.0, long_side / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _by_canvas(sizes: Sequence[tuple[int, int]], long_side: int) -> dict[tuple[int, int], list[int]]:
    """Canvas (H, W) -> the indices of the pictures that go on it; a picture's canvas depends on nothing else."""
    groups: dict[tuple[int, int], list[int]] = {}
    for i, size in enumerate(sizes):
        height, width = _small_size(size, long_side)
        groups.setdefault((-(-height // TILE) * TILE, -(-width // TILE) * TILE), []).append(i)
    return groups


def _chunks(members: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (members[start : start + size] for start in range(0, len(members), size))
