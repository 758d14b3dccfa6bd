"""`strict`: what is written inside the mask is computed from the pixels outside it, and from nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import Mask, Pixels
    from p3m_anon.faces.patch import Patch

SMALL_SIDE = 96  # the fill is smooth, so it is computed at this size
ENOUGH = 1e-3  # weight of known pixels from which a local mean is trusted


def filled(pixels: Pixels, patch: Patch, hidden: Mask, width: float) -> Pixels:
    """What surrounds a face, carried smoothly across it.

    pixels: uint8 or uint16 (H, W) or (H, W, C); not written into. patch: where to write.
    hidden: bool (H, W), every masked pixel of the picture, other faces' too: none of them is read.
    width: the face's width in pixels. Returns an array like `pixels[patch.slices]`.
    """
    import cv2

    reach = max(2, round(width / 2))
    (rows, cols), (height, full_width) = patch.slices, pixels.shape[:2]
    y0, y1 = max(rows.start - reach, 0), min(rows.stop + reach, height)
    x0, x1 = max(cols.start - reach, 0), min(cols.stop + reach, full_width)
    known = (~hidden[y0:y1, x0:x1]).astype(np.float32)
    near = pixels[y0:y1, x0:x1].astype(np.float32).reshape(y1 - y0, x1 - x0, -1)
    shrink = max(1.0, max(known.shape) / SMALL_SIDE)
    small = (max(1, round(known.shape[1] / shrink)), max(1, round(known.shape[0] / shrink)))
    weight = np.asarray(cv2.resize(known, small, interpolation=cv2.INTER_AREA), np.float32)
    colour = np.asarray(cv2.resize(near * known[..., None], small, interpolation=cv2.INTER_AREA), np.float32)
    middle = (np.iinfo(pixels.dtype).max + 1) / 2
    smooth = _spread(colour.reshape(*weight.shape, -1), weight, middle)
    large = cv2.resize(smooth, (x1 - x0, y1 - y0), interpolation=cv2.INTER_CUBIC).reshape(near.shape)
    inside = large[rows.start - y0 : rows.stop - y0, cols.start - x0 : cols.stop - x0]
    most = np.iinfo(pixels.dtype).max
    whole = np.clip(np.rint(inside), 0, most)  # cubic enlargement overshoots
    filling: Pixels = whole.astype(pixels.dtype.type).reshape(pixels[patch.slices].shape)  # type: ignore[assignment]  # the stubs lose the type
    return filling


def _spread(colour: npt.NDArray[np.float32], weight: npt.NDArray[np.float32], middle: float) -> npt.NDArray[np.float32]:
    """Known colour (h, w, C), already multiplied by its weight (h, w), extended over the unknown.

    Local means of growing reach (normalised convolution), from the widest to the closest that still
    sees enough known pixels; mid-grey where nothing is known at all.
    """
    import cv2

    total = float(weight.sum())
    mean = colour.sum((0, 1)) / total if total > 0 else np.full(colour.shape[2], middle, np.float32)
    out = np.broadcast_to(mean, colour.shape).astype(np.float32)
    for sigma in (32.0, 16.0, 8.0, 4.0, 2.0):
        near = cv2.GaussianBlur(weight, (0, 0), sigma)[..., None]
        value = cv2.GaussianBlur(colour, (0, 0), sigma).reshape(colour.shape) / np.maximum(near, ENOUGH)
        trust = np.clip(near / 0.25, 0, 1) * (near > ENOUGH)  # fade, so that no step shows
        out = out * (1 - trust) + value * trust
    return out
