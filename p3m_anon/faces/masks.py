"""Faces -> masks: outline, minus the transition region, with what speaks against each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from p3m_anon.faces.outline import ELLIPSE_CORE, core, ellipse, face_width, implausible, outline
from p3m_anon.faces.patch import Patch, from_mask
from p3m_anon.faces.raster import rasterize
from p3m_anon.faces.reasons import Finding, Reason
from p3m_anon.matting.transition import default_radius, transition

if TYPE_CHECKING:
    from shapely import Polygon

    from p3m_anon.arrays import AlphaPixels, Mask
    from p3m_anon.faces.face import Face
    from p3m_anon.faces.settings import BlurSettings


GAP = 8  # pixels between pieces of one manual region


class ManualRegions(Protocol):
    """What a person drew: `mask` bool (H, W); `as_drawn`: the transition region is left in."""

    @property
    def mask(self) -> Mask: ...

    @property
    def as_drawn(self) -> bool: ...


@dataclass(frozen=True, eq=False)
class FaceMask:
    """One region to blur.

    face: the face it covers, None for a region that a person drew. outline: its polygon, None if drawn.
    mask: before exclusion. adjusted: after it, always inside mask and apart from the transition region.
    width: face width w in pixels. findings: why a person has to look.
    """

    face: Face | None
    outline: Polygon | None
    mask: Patch
    adjusted: Patch
    width: float
    findings: tuple[Finding, ...] = ()

    def decision(self) -> str:
        """One word for the ledger: the first reason against the mask, or how it came about."""
        if self.findings:
            return self.findings[0].reason.value
        if self.face is None:
            return "manual"
        return "ellipse" if self.face.profile else "outline"


def face_masks(
    size: tuple[int, int], faces: tuple[Face, ...], alpha: AlphaPixels | None, settings: BlurSettings
) -> tuple[FaceMask, ...]:
    """A mask for every face of a (height, width) picture, bystanders too.

    alpha: uint8 or uint16 (H, W), upright like the picture; None: nothing is excluded.
    """
    return tuple(_face_mask(size, face, alpha, settings) for face in faces)


def manual_masks(
    drawn: ManualRegions, alpha: AlphaPixels | None, faces: tuple[Face, ...], settings: BlurSettings
) -> tuple[FaceMask, ...]:
    """The regions of a manual mask.

    The face width of a region is the longer side of its box, and at least that of every detected face whose box
    it touches, so that the blur is never weaker than for the face that it covers.
    """
    import cv2

    reach = cv2.getStructuringElement(cv2.MORPH_RECT, (2 * GAP + 1, 2 * GAP + 1))
    joined = cv2.dilate(drawn.mask.astype(np.uint8), reach)  # pieces with a small gap are one region
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    masks = []
    for label in range(1, count):
        x, y, w, h = (int(v) for v in stats[label, :4])
        window = slice(y, y + h), slice(x, x + w)
        piece = from_mask((labels[window] == label) & drawn.mask[window])
        patch = Patch(y + piece.y, x + piece.x, piece.mask)
        between = np.zeros_like(patch.mask) if drawn.as_drawn else _transition(alpha, patch, settings)
        width = max([float(max(patch.mask.shape)), *(face_width(face) for face in faces if _touches(patch, face))])
        masks.append(FaceMask(None, None, patch, patch.replaced(patch.mask & ~between), width))
    return tuple(masks)


def _touches(patch: Patch, face: Face) -> bool:
    x0, y0, x1, y1 = face.box
    rows, cols = patch.slices
    return x0 < cols.stop and x1 > cols.start and y0 < rows.stop and y1 > rows.start


def _face_mask(size: tuple[int, int], face: Face, alpha: AlphaPixels | None, settings: BlurSettings) -> FaceMask:
    width = face_width(face)
    findings = _sight_findings(face, width, settings)
    if face.profile and settings.side_views == "ellipse":
        whole, middle = ellipse(face.box), ellipse(face.box, ELLIPSE_CORE)
        for polygon in (whole, middle):  # there are no landmarks to trust, so the middle stands for the core face
            findings += _lost_share(rasterize(polygon, size), alpha, settings)
        return _cut_out(size, face, whole, findings[:1], alpha, settings)

    wrong = implausible(face.landmarks, face.box, size, settings.min_inside_picture)
    if face.profile:
        findings += (Finding(Reason.PROFILE, "the head is turned too far for a trustworthy outline"),)
    if wrong:
        nothing = from_mask(np.zeros((1, 1), bool))
        finding = Finding(Reason.IMPLAUSIBLE_OUTLINE, wrong)
        return FaceMask(face, None, nothing, nothing, width, (*findings, finding))

    forehead = settings.covers_forehead
    findings += _loss_findings(size, face, alpha, forehead, settings)
    polygon = outline(face.landmarks, margin=face.margin * width, forehead=forehead)
    return _cut_out(size, face, polygon, findings, alpha, settings)


def _cut_out(
    size: tuple[int, int],
    face: Face,
    polygon: Polygon,
    findings: tuple[Finding, ...],
    alpha: AlphaPixels | None,
    settings: BlurSettings,
) -> FaceMask:
    """The polygon's pixels, and these without the transition region; an empty mask is always a finding."""
    mask = rasterize(polygon, size)
    adjusted = mask.replaced(mask.mask & ~_transition(alpha, mask, settings))
    adjusted = _without_background(adjusted, rasterize(core(face.landmarks), size), alpha, settings)
    if not adjusted.area and not findings:
        findings = (Finding(Reason.MASK_LOST_TO_TRANSITION, "nothing of a face is left to blur"),)
    return FaceMask(face, polygon, mask, adjusted, face_width(face), findings)


def _without_background(adjusted: Patch, inner: Patch, alpha: AlphaPixels | None, settings: BlurSettings) -> Patch:
    """Without the pieces that the soft edge cut off and that are nothing but background.

    A grown outline reaches over the cheek; what lies beyond the transition region is wall. A piece that touches
    the core face stays, so that a bystander, who is background to the matte, stays masked.
    """
    import cv2

    if alpha is None or not adjusted.area:
        return adjusted
    scale = 1 if alpha.dtype == np.uint8 else 257
    person = alpha[adjusted.slices] > settings.transition_lo * scale
    if person[adjusted.mask].all():
        return adjusted
    count, labels = cv2.connectedComponents(adjusted.mask.astype(np.uint8), connectivity=8)
    near = np.zeros_like(adjusted.mask)
    y, x = inner.y - adjusted.y, inner.x - adjusted.x
    rows = slice(max(y, 0), max(y + inner.mask.shape[0], 0))
    cols = slice(max(x, 0), max(x + inner.mask.shape[1], 0))
    part = near[rows, cols]
    part[:] = inner.mask[max(-y, 0) : max(-y, 0) + part.shape[0], max(-x, 0) : max(-x, 0) + part.shape[1]]
    keep = np.zeros(count, bool)
    keep[np.unique(labels[adjusted.mask & (person | near)])] = True
    return adjusted.replaced(adjusted.mask & keep[labels])


def _transition(alpha: AlphaPixels | None, patch: Patch, settings: BlurSettings) -> Mask:
    """The transition region inside a patch's rectangle, bool."""
    if alpha is None or not patch.mask.size:
        return np.zeros_like(patch.mask)
    radius = settings.transition_radius
    if radius is None:
        radius = default_radius((alpha.shape[0], alpha.shape[1]))
    return transition(alpha, radius, lo=settings.transition_lo, hi=settings.transition_hi, window=patch.slices)


def _sight_findings(face: Face, width: float, settings: BlurSettings) -> tuple[Finding, ...]:
    """What the detector's own figures say against a face."""
    found: tuple[Finding, ...] = ()
    if width < settings.min_face:
        found += (Finding(Reason.TOO_SMALL, f"a face is {width:.0f} px wide, under {settings.min_face:g}"),)
    if face.score < settings.min_score:
        found += (Finding(Reason.LOW_SCORE, f"a face scores {face.score:.2f}, under {settings.min_score:g}"),)
    return found


def _loss_findings(
    size: tuple[int, int], face: Face, alpha: AlphaPixels | None, forehead: bool, settings: BlurSettings
) -> tuple[Finding, ...]:
    """`mask_lost_to_transition`, measured on the outline before it was grown.

    The margin is there to be safe against the landmarks' error and may well reach into hair; losing
    that part loses nothing of the face.
    """
    if alpha is None:
        return ()
    inner = rasterize(core(face.landmarks), size)
    if (inner.mask & _transition(alpha, inner, settings)).any():
        return (Finding(Reason.MASK_LOST_TO_TRANSITION, "the transition region reaches into eyes, nose or mouth"),)
    return _lost_share(rasterize(outline(face.landmarks, forehead=forehead), size), alpha, settings)


def _lost_share(patch: Patch, alpha: AlphaPixels | None, settings: BlurSettings) -> tuple[Finding, ...]:
    """The transition region takes too much of a patch."""
    lost = np.count_nonzero(patch.mask & _transition(alpha, patch, settings)) / max(patch.area, 1)
    if lost <= settings.max_transition_loss:
        return ()
    return (Finding(Reason.MASK_LOST_TO_TRANSITION, f"the transition region takes {lost:.0%} of a face"),)
