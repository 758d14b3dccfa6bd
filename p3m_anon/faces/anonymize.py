"""Pixels inside the adjusted masks are replaced; all others stay as they are, bit for bit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.faces.blur import blurred
from p3m_anon.faces.fill import filled
from p3m_anon.faces.matte import flattened
from p3m_anon.faces.patch import union

if TYPE_CHECKING:
    from p3m_anon.arrays import Pixels
    from p3m_anon.faces.masks import FaceMask
    from p3m_anon.faces.settings import BlurSettings


def anonymize(pixels: Pixels, masks: Sequence[FaceMask], settings: BlurSettings) -> Pixels:
    """A copy of the picture with every adjusted mask blurred (`p3m`) or filled (`strict`).

    pixels: uint8 or uint16, (H, W) grey or (H, W, C); with 2 or 4 channels the last is the picture's
    own transparency, which is flattened inside the masks (`matte.flattened`). Where masks overlap, the stronger blur is
    written.
    """
    if pixels.ndim not in (2, 3) or pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"pixels must be uint8 or uint16 (H, W) or (H, W, C), got {pixels.dtype} {pixels.shape}")
    out = pixels.copy()
    transparent = pixels.ndim == 3 and pixels.shape[2] in (2, 4)
    colour, target = (pixels[..., :-1], out[..., :-1]) if transparent else (pixels, out)
    wanted = sorted((m for m in masks if m.adjusted.area), key=lambda m: m.width)
    hidden = union([m.adjusted for m in wanted], pixels.shape[:2]) if settings.blur_profile == "strict" else None
    for mask in wanted:
        patch = mask.adjusted
        if hidden is not None:
            region = filled(colour, patch, hidden, mask.width)
        else:
            region = blurred(colour, patch, settings.sigma * mask.width, settings.blur)
        inside = patch.mask if target.ndim == 2 else patch.mask[..., None]
        np.copyto(target[patch.slices], region.reshape(target[patch.slices].shape), where=inside)
    if transparent:
        out[..., -1] = flattened(pixels[..., -1], masks, settings).pixels
    return out
