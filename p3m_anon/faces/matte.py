"""What a matte may hold inside a face mask: full, nothing, or a soft edge. The last bits of a matte can hold a face.

A matte's values above `hi` and below `lo` look full and empty; stretched, they can show a whole photograph. So can the
values between, where a person has drawn a mask over them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from p3m_anon.faces.detail import measure
from p3m_anon.faces.outline import ELLIPSE_CORE, ellipse
from p3m_anon.faces.patch import Patch, joined
from p3m_anon.faces.raster import rasterize
from p3m_anon.faces.reasons import Finding, Reason

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, AlphaPixels, Box, Mask
    from p3m_anon.faces.masks import FaceMask
    from p3m_anon.faces.settings import BlurSettings

SHOWN = 0.5
"""Correlation, of either sign, of a matte's detail with the picture's from which the matte shows the face."""

LEAST_SHARE = 0.1  # of the middle of a face: fewer soft pixels show no face


class FlatMatte(NamedTuple):
    """pixels: the matte, uint8 or uint16 (H, W). changed: how many of its pixels moved."""

    pixels: AlphaPixels
    changed: int


def flattened(alpha: AlphaPixels, masks: Sequence[FaceMask], settings: BlurSettings) -> FlatMatte:
    """A matte that is flat inside every face mask but for its soft edges.

    Args:
        alpha: uint8 or uint16 (H, W), full scale 255 or 65535; it is not written to.
        masks: of the same picture; each is taken before the transition region was excluded.
        settings: `transition_lo` and `transition_hi`, of 255.

    Returns:
        Inside the masks values of `hi` and more are full, values of `lo` and less are 0, and all others stay. Outside
        nothing changes. The argument itself where no pixel moved.

    Example:
        >>> flattened(np.full((4, 4), 253, np.uint8), (), BlurSettings()).changed
        0
    """
    out, changed = alpha, 0
    scale, full = scale_of(alpha), int(np.iinfo(alpha.dtype).max)
    for mask in masks:
        window = out[mask.mask.slices]
        high = mask.mask.mask & (window >= settings.transition_hi * scale) & (window != full)
        low = mask.mask.mask & (window <= settings.transition_lo * scale) & (window != 0)
        moved = int(np.count_nonzero(high) + np.count_nonzero(low))
        if not moved:
            continue
        if out is alpha:
            out = alpha.copy()
            window = out[mask.mask.slices]
        window[high], window[low] = full, 0
        changed += moved
    return FlatMatte(out, changed)


def soft(alpha: AlphaPixels, patch: Patch, lo: int, hi: int) -> Mask:
    """Pixels of a patch where a matte lies between `lo` and `hi` (of 255): bool, of the patch's shape."""
    window, scale = alpha[patch.slices], scale_of(alpha)
    return np.asarray(patch.mask & (window > lo * scale) & (window < hi * scale), np.bool_)


def hidden_values(alpha: AlphaPixels, hidden: Mask, lo: int, hi: int) -> int:
    """How many masked pixels are neither full, nor 0, nor between `lo` and `hi`: what `flattened` would move."""
    scale, full = scale_of(alpha), int(np.iinfo(alpha.dtype).max)
    values = alpha[hidden]
    odd = ((values >= hi * scale) & (values != full)) | ((values <= lo * scale) & (values != 0))
    return int(np.count_nonzero(odd))


def likeness(alpha: AlphaPixels, rgb: RGB, region: Patch, width: float) -> float:
    """How far a matte's detail, stretched to the full range, is the picture's: 0 to 1, blind to its sign.

    rgb: uint8 (H, W, 3), the picture before it was blurred. region: where; width: of the face, in pixels.
    """
    if not region.area:
        return 0.0
    values = alpha[region.slices].astype(np.float32)
    low, high = (float(v) for v in (values[region.mask].min(), values[region.mask].max()))
    if high <= low:
        return 0.0
    grey = np.clip((values - low) / (high - low) * 255, 0, 255).astype(np.uint8)
    here = Patch(0, 0, region.mask)
    found = measure(np.repeat(grey[..., None], 3, axis=2), rgb[region.slices], here, width).likeness
    return abs(found or 0.0)


def matte_findings(alpha: AlphaPixels, rgb: RGB, masks: Sequence[FaceMask], settings: BlurSettings) -> list[Finding]:
    """Faces that the matte itself shows, where its soft values are blurred over (`as_drawn`)."""
    found = []
    for mask in masks:
        between = soft(alpha, mask.adjusted, settings.transition_lo, settings.transition_hi)
        if not between.any():
            continue
        middle = middle_of(mask.adjusted, mask.boxes, alpha.shape)
        region = mask.adjusted.replaced(between & middle.within(mask.adjusted))
        if region.area < LEAST_SHARE * max(middle.area, 1):
            continue
        shown = likeness(alpha, rgb, region, mask.width)
        if shown >= SHOWN:
            text = (
                f"the matte itself shows the face (correlation {shown:.2f}); use another matte, or exclude the picture"
            )
            found.append(Finding(Reason.FACE_IN_ALPHA, text))
    return found


def middle_of(patch: Patch, boxes: Sequence[Box], size: tuple[int, ...]) -> Patch:
    """Where the features of a face lie: the middle of its boxes or, without any, of the patch."""
    rows, cols = patch.slices
    at = boxes or [(float(cols.start), float(rows.start), float(cols.stop), float(rows.stop))]
    return joined([rasterize(ellipse(box, ELLIPSE_CORE), (size[0], size[1])) for box in at])


def scale_of(alpha: AlphaPixels) -> int:
    """By how much thresholds of 255 are multiplied."""
    return 1 if alpha.dtype == np.uint8 else 257
