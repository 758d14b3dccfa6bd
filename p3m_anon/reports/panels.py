"""The six panels of the paper's Figure 3 for one picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from p3m_anon.faces.patch import union
from p3m_anon.matting.transition import default_radius, transition
from p3m_anon.reports.thumbnails import draw_outlines, shrunken

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, AlphaPixels, Mask
    from p3m_anon.faces.masks import FaceMask
    from p3m_anon.faces.settings import BlurSettings

SIDE = 520
WIDEST_TITLE = 300
TITLES = ("1 original", "2 landmarks", "3 face mask", "4 transition region", "5 adjusted mask", "6 blurred")


def figure_panels(
    rgb: RGB,
    after: RGB | None,
    faces: Sequence[FaceMask],
    masks: Sequence[FaceMask],
    alpha: AlphaPixels | None,
    settings: BlurSettings,
) -> RGB:
    """Original, landmarks, area, transition, adjusted area, blurred: uint8, two rows of three.

    rgb, after: uint8 (H, W, 3); after is None for a picture that waits for review.
    """
    size = (rgb.shape[0], rgb.shape[1])
    original = shrunken(rgb, SIDE)
    scale = original.shape[1] / size[1]
    empty = np.zeros(size, bool)
    between = empty
    if alpha is not None:
        radius = settings.transition_radius
        radius = default_radius(size) if radius is None else radius
        between = transition(alpha, radius, lo=settings.transition_lo, hi=settings.transition_hi)
    panels = [
        original,
        _landmarks(original, faces, scale),
        _tinted(original, union([m.mask for m in masks], size), (70, 200, 255)),
        _tinted(original, between, (255, 90, 90)),
        _tinted(original, union([m.adjusted for m in masks], size), (70, 200, 255)),
        _waiting(original) if after is None else shrunken(after, SIDE),
    ]
    titles = list(TITLES)
    if alpha is None:
        titles[3] = "4 no alpha: nothing excluded"
    if after is None:
        titles[5] = "6 waits for review"
    titled = [_titled(panel, title) for panel, title in zip(panels, titles, strict=True)]
    return np.vstack([np.hstack(titled[:3]), np.hstack(titled[3:])])


def _landmarks(rgb: RGB, faces: Sequence[FaceMask], scale: float) -> RGB:
    out = draw_outlines(rgb.copy(), faces, scale)
    for mask in faces:
        if mask.face is not None:
            for x, y in mask.face.landmarks * scale:
                cv2.circle(out, (round(x), round(y)), 2, (255, 60, 60), -1, cv2.LINE_AA)
    return out


def _tinted(rgb: RGB, mask: Mask, colour: tuple[int, int, int]) -> RGB:
    """The picture with a colour laid over the mask, which has the full picture's size."""
    share = cv2.resize(mask.astype(np.float32), rgb.shape[1::-1], interpolation=cv2.INTER_AREA)[..., None] * 0.65
    mixed: RGB = (rgb * (1 - share) + np.array(colour, np.float32) * share).astype(np.uint8)
    return mixed


def _waiting(rgb: RGB) -> RGB:
    return np.full_like(rgb, 225)


def _titled(rgb: RGB, title: str) -> RGB:
    """The panel under a line of text, with a white frame."""
    right = max(6, WIDEST_TITLE - rgb.shape[1])
    out = cv2.copyMakeBorder(rgb, 34, 6, 6, right, cv2.BORDER_CONSTANT, value=(255, 255, 255))
    cv2.putText(out, title, (8, 24), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (20, 20, 20), 1, cv2.LINE_AA)
    return np.asarray(out, np.uint8)
