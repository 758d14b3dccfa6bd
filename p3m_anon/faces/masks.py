"""What any look saw -> masks: outline or ellipse, minus the transition region, with what speaks against each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from shapely import Point, Polygon, unary_union

from p3m_anon.faces.outline import ELLIPSE_CORE, core, ellipse, face_width, implausible, outline
from p3m_anon.faces.patch import Patch, joined
from p3m_anon.faces.raster import rasterize
from p3m_anon.faces.reasons import Finding, Reason
from p3m_anon.matting.transition import default_radius, transition

if TYPE_CHECKING:
    from p3m_anon.arrays import AlphaPixels, Box, Mask
    from p3m_anon.faces.face import Face
    from p3m_anon.faces.pairing import Seen
    from p3m_anon.faces.settings import BlurSettings

MaskedBy = Literal["both", "union", "person"]

TRACED = ("frontal", "three-quarter")  # views of a head of which landmarks give an outline
WHOLE = 1.2  # of a box: the ellipse that covers a face from brow to chin, however the head is turned
BESIDE = 1.1  # of a box: the ellipse that is added to the outline of a head in three-quarter view
LIFT = 0.04  # of the face width, by which the brows are moved up: with it half a brow stays clear on 0 of 54 faces
AGREES = 0.8  # of a box: the ellipse in which the middle of eyes, nose and mouth has to lie


@dataclass(frozen=True, eq=False)
class FaceMask:
    """One region to blur.

    face: what the first look saw of it, None for a face that only the second look saw and for a drawn region. boxes:
    every look's box of it, none for a drawn region. outline: its polygon, None if drawn. mask: before exclusion.
    adjusted: after it, inside mask and apart from every pixel in transition. width: face width w in pixels. masked_by:
    `both` looks saw it, or one alone or weakly (`union`), or a `person` drew it. kept_close: pixels that are blurred
    though they lie within the transition region's dilation. findings: why a person has to look.
    """

    face: Face | None
    boxes: tuple[Box, ...]
    outline: Polygon | None
    mask: Patch
    adjusted: Patch
    width: float
    masked_by: MaskedBy
    kept_close: int = 0
    findings: tuple[Finding, ...] = ()

    def decision(self) -> str:
        """One word for the ledger: the first reason against the mask, or how it came about."""
        if self.findings:
            return self.findings[0].reason.value
        if self.masked_by == "person":
            return "manual"
        return "outline" if self.masked_by == "both" and self.face and self.face.view in TRACED else "ellipse"


class Trust(NamedTuple):
    """How far a face's outline is trusted.

    traced: it is a face's, and part of the mask. firm: it is enough by itself; else ellipses are added.
    """

    traced: bool
    firm: bool


def face_masks(
    size: tuple[int, int], seen: tuple[Seen, ...], alpha: AlphaPixels | None, settings: BlurSettings
) -> tuple[FaceMask, ...]:
    """A mask for every face that any look saw in a (height, width) picture, bystanders too.

    alpha: uint8 or uint16 (H, W), upright like the picture; None: nothing is excluded.
    """
    return tuple(_face_mask(size, one, alpha, settings) for one in seen)


def transition_in(alpha: AlphaPixels | None, patch: Patch, settings: BlurSettings, radius: int | None = None) -> Mask:
    """The transition region inside a patch's rectangle, bool; radius: of its dilation, None: as the settings say."""
    if alpha is None or not patch.mask.size:
        return np.zeros_like(patch.mask)
    if radius is None:
        radius = settings.transition_radius
    if radius is None:
        radius = default_radius((alpha.shape[0], alpha.shape[1]))
    return transition(alpha, radius, lo=settings.transition_lo, hi=settings.transition_hi, window=patch.slices)


def _face_mask(size: tuple[int, int], seen: Seen, alpha: AlphaPixels | None, settings: BlurSettings) -> FaceMask:
    face = seen.face
    width = max(seen.width, 0.0 if face is None else face_width(face))
    traced = face is not None and _is_traced(size, face, settings)
    firm = traced and seen.by == "both" and seen.sure and width >= settings.small_face
    trust = Trust(traced, firm)
    polygon = _region(seen, width, settings, trust)
    inner = [rasterize(ellipse(box, ELLIPSE_CORE), size) for box in seen.boxes]
    mask = joined([rasterize(polygon, size), *inner])
    if traced and face is not None:
        inner.append(rasterize(core(face.landmarks), size))
    middle = joined(inner)
    adjusted, kept_close = _excluded(mask, middle, alpha, settings)
    if firm and face is not None and face.view == "frontal":
        adjusted = _without_background(adjusted, middle, alpha, settings)
    findings = _findings(size, (seen, trust), middle, alpha, settings)
    if not adjusted.area and not findings and mask.area:
        findings = (Finding(Reason.MASK_LOST_TO_TRANSITION, "nothing of a face is left to blur"),)
    by: MaskedBy = "both" if seen.by == "both" and seen.sure else "union"
    return FaceMask(face, seen.boxes, polygon, mask, adjusted, width, by, kept_close, findings)


def _is_traced(size: tuple[int, int], face: Face, settings: BlurSettings) -> bool:
    """The landmarks' outline is a face's, and may be a part of the mask."""
    if face.view not in TRACED:
        return False
    return implausible(face.landmarks, face.box, size, settings.min_inside_picture) is None


def _region(seen: Seen, width: float, settings: BlurSettings, trust: Trust) -> Polygon:
    """Outline, ellipse or both together.

    An outline alone is enough for a frontal face that both looks saw and one surely. A head in three-quarter view gets
    the ellipse of its box beside it. What one look saw alone or weakly, what is small and what has no outline gets the
    whole ellipse of every box.
    """
    face = seen.face
    parts = []
    if trust.traced and face is not None:
        grown = {"margin": face.margin * width, "lift": LIFT * width if face.margin else 0.0}
        parts.append(outline(face.landmarks, forehead=settings.covers_forehead, **grown))
    if not trust.firm:
        parts += [ellipse(box, WHOLE) for box in seen.boxes]
    elif face is not None and face.view == "three-quarter":
        parts += [ellipse(box, BESIDE) for box in seen.boxes]
    region = unary_union(parts)
    return region if isinstance(region, Polygon) else region.convex_hull


def _excluded(mask: Patch, middle: Patch, alpha: AlphaPixels | None, settings: BlurSettings) -> tuple[Patch, int]:
    """The mask without the transition region; and how many pixels of it stay although the dilation takes them.

    A pixel in transition is never touched. The dilation is only there to spare what lies beside it, and gives way in
    the middle of the face.
    """
    if alpha is None:
        return mask, 0
    near, between = transition_in(alpha, mask, settings), transition_in(alpha, mask, settings, radius=0)
    kept = mask.mask & middle.within(mask) & near & ~between
    return mask.replaced((mask.mask & ~near) | kept), int(np.count_nonzero(kept))


def _without_background(adjusted: Patch, middle: Patch, alpha: AlphaPixels | None, settings: BlurSettings) -> Patch:
    """Without the pieces that the soft edge cut off and that are nothing but background.

    A grown outline reaches over the cheek; what lies beyond the transition region is wall. A piece that touches
    the middle of the face stays, so that a bystander, who is background to the matte, stays masked. Never used for
    ellipses.
    """
    import cv2

    if alpha is None or not adjusted.area:
        return adjusted
    scale = 1 if alpha.dtype == np.uint8 else 257
    person = alpha[adjusted.slices] > settings.transition_lo * scale
    if person[adjusted.mask].all():
        return adjusted
    count, labels = cv2.connectedComponents(adjusted.mask.astype(np.uint8), connectivity=8)
    keep = np.zeros(count, bool)
    keep[np.unique(labels[adjusted.mask & (person | middle.within(adjusted))])] = True
    return adjusted.replaced(adjusted.mask & keep[labels])


def _findings(
    size: tuple[int, int],
    trusted: tuple[Seen, Trust],
    middle: Patch,
    alpha: AlphaPixels | None,
    settings: BlurSettings,
) -> tuple[Finding, ...]:
    """Why the mask of one face does not settle it."""
    found: tuple[Finding, ...] = ()
    seen, trust = trusted
    face = seen.face
    if face is not None:
        found += _doubts(face, settings)
    if (middle.mask & transition_in(alpha, middle, settings, radius=0)).any():
        found += (Finding(Reason.MASK_LOST_TO_TRANSITION, "the transition region reaches into eyes, nose or mouth"),)
        return found
    if trust.traced and face is not None:
        # Before it was grown: the margin is there for the landmarks' own error and may well reach into hair.
        found += _lost_share(
            rasterize(outline(face.landmarks, forehead=settings.covers_forehead), size), middle, alpha, settings
        )
    if not trust.firm and not found:
        whole = joined([rasterize(ellipse(box, WHOLE), size) for box in seen.boxes])
        found += _lost_share(whole, middle, alpha, settings)
    return found


def _doubts(face: Face, settings: BlurSettings) -> tuple[Finding, ...]:
    """Landmarks and box that do not speak of one face, and what is held back when the user wants it so."""
    if face.view == "profile" and settings.side_views == "review":
        return (Finding(Reason.PROFILE, "the head is turned too far for a trustworthy outline"),)
    if not ellipse(face.box, AGREES).contains(Point(face.landmarks[17:].mean(0))):
        reason = Reason.PROFILE if face.view == "profile" else Reason.IMPLAUSIBLE_OUTLINE
        return (Finding(reason, "the landmarks lie beside the box of the face"),)
    return ()


def _lost_share(patch: Patch, middle: Patch, alpha: AlphaPixels | None, settings: BlurSettings) -> tuple[Finding, ...]:
    """The transition region takes too much of a patch."""
    left = _excluded(patch, middle, alpha, settings)[0].area
    lost = 1 - left / patch.area if patch.area else 0.0
    if lost <= settings.max_transition_loss:
        return ()
    return (Finding(Reason.MASK_LOST_TO_TRANSITION, f"the transition region takes {lost:.0%} of a face"),)
