"""How much of a face's detail is left: the band of spatial frequencies in which eyes, nose and mouth are drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB, Mask
    from p3m_anon.faces.patch import Patch

    Grey = npt.NDArray[np.float32]  # (H, W), 0..255

FINE, COARSE = 0.03, 0.10
"""The band lies between two Gaussians of these sigmas, in face widths: finer is noise, coarser is light and shade."""

SIDE = 96.0
"""Faces are measured at this width in pixels; larger ones are shrunk, so that the camera does not decide the cost."""


@dataclass(frozen=True)
class Detail:
    """What is left of a region.

    after: RMS of the band in the output, in grey levels 0..255. before: the same in the source. kept: regression of the
    output's band on the source's: 1 for a copy, 0 where nothing of the source is left, whatever was put in its place.
    likeness: correlation of both bands, -1..1, blind to how weak the output's is. psnr: in dB over the region, of the
    output against the source. All but `after` are None without a source.
    """

    after: float
    before: float | None = None
    kept: float | None = None
    likeness: float | None = None
    psnr: float | None = None


def grey(rgb: RGB) -> Grey:
    """Luma (ITU-R BT.601) of rgb uint8 (H, W, 3): float32 (H, W), 0..255."""
    return np.asarray(rgb @ np.array([0.299, 0.587, 0.114], np.float32), np.float32)


def measure(after: RGB, before: RGB | None, region: Patch, width: float) -> Detail:
    """The detail in `region` of the output, and how much of the source's it is.

    after, before: rgb uint8 (H, W, 3) of one size. width: of the face, in pixels. No pixel outside the region has any
    influence, so neither a mask's hard edge nor a collar is taken for a face. A region without pixels has no detail.
    """
    if before is not None and before.shape != after.shape:
        raise ValueError(f"output and source must have one size, got {after.shape} and {before.shape}")
    if not region.area:
        return Detail(0.0)
    out, weight = framed(grey(after[region.slices]), region.mask, width)
    fine = band(out, weight, scale_of(width) * width)
    rms = _rms(fine, weight)
    if before is None:
        return Detail(rms)
    source, _ = framed(grey(before[region.slices]), region.mask, width)
    drawn = band(source, weight, scale_of(width) * width)
    cross, own = float((fine * drawn * weight).sum()), float((drawn**2 * weight).sum())
    other = float((fine**2 * weight).sum())
    error = np.square(after[region.slices].astype(np.float32) - before[region.slices])[region.mask].mean()
    return Detail(
        after=rms,
        before=_rms(drawn, weight),
        kept=cross / own if own > 0 else 0.0,
        likeness=cross / float(np.sqrt(own * other)) if own > 0 and other > 0 else 0.0,
        psnr=float(10 * np.log10(255**2 / max(float(error), 1e-9))),
    )


def band(picture: Grey, weight: Grey, width: float) -> Grey:
    """The band of a region: float32 (h, w), 0 outside; `weight` float32 (h, w) is 1 inside it.

    Normalised convolution (Knutsson and Westin 1993): each mean is taken over pixels of the region only.
    """
    return (_mean(picture, weight, FINE * width) - _mean(picture, weight, COARSE * width)) * (weight > 0)


def _mean(picture: Grey, weight: Grey, sigma: float) -> Grey:
    import cv2

    if sigma < 0.4:  # a kernel of one pixel
        return picture
    total = cv2.GaussianBlur(picture * weight, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    near = cv2.GaussianBlur(weight, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(total / np.maximum(near, 1e-6), np.float32)


def scale_of(width: float) -> float:
    """By how much a face of this width, in pixels, is shrunk before it is measured."""
    return min(1.0, SIDE / max(width, 1.0))


def framed(picture: Grey, mask: Mask, width: float) -> tuple[Grey, Grey]:
    """One plane and the weight of a region's rectangle, shrunk so that the face is SIDE wide."""
    import cv2

    weight = mask.astype(np.float32)
    scale = scale_of(width)
    if scale < 1:
        size = (max(1, round(mask.shape[1] * scale)), max(1, round(mask.shape[0] * scale)))
        share = np.asarray(cv2.resize(weight, size, interpolation=cv2.INTER_AREA), np.float32)
        total = np.asarray(cv2.resize(picture * weight, size, interpolation=cv2.INTER_AREA), np.float32)
        picture, weight = np.asarray(total / np.maximum(share, 1e-6), np.float32), (share > 0.5).astype(np.float32)
    return np.asarray(picture, np.float32), weight


def _rms(values: Grey, weight: Grey) -> float:
    return float(np.sqrt((values**2 * weight).sum() / max(float(weight.sum()), 1.0)))
