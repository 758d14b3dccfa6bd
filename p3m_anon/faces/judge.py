"""May a picture leave? The one place that decides, pure: what was seen in, masks and findings out.

The mask is the union over all looks. A picture waits for a person where masking could spoil it or cannot be trusted;
every finding is such a reason. DESIGN: docs/decisions/0090-union.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from p3m_anon.faces.drawn import lost_regions, manual_masks, uncovered
from p3m_anon.faces.masks import WHOLE, FaceMask, face_masks
from p3m_anon.faces.outline import ellipse
from p3m_anon.faces.pairing import Counts, Seen, counts, not_dismissed, seen_faces
from p3m_anon.faces.reasons import Finding, Reason

if TYPE_CHECKING:
    from p3m_anon.arrays import AlphaPixels, Box
    from p3m_anon.faces.drawn import ManualRegions
    from p3m_anon.faces.settings import BlurSettings
    from p3m_anon.faces.sight import Sight


@dataclass(frozen=True)
class Ruling:
    """What a person decided about a picture's faces.

    verdict: `mask`: blur what was drawn; `no_face`: there is no identifiable face; `normal`: a face may stay.
    dismissed: places that looked like a face to a look and that the person left uncovered knowingly. knows_loss: the
    person was told how much of the drawing the transition region takes.
    """

    verdict: Literal["mask", "no_face", "normal"]
    dismissed: tuple[Box, ...] = ()
    knows_loss: bool = False


@dataclass(frozen=True, eq=False)
class Judged:
    """The judgement of one picture.

    masks: what is blurred. findings: why a person has to look, worst first; empty if the picture may leave. faces: the
    automatic masks, the same as masks unless a person decided. counts: faces seen by both looks and by each alone.
    """

    masks: tuple[FaceMask, ...]
    findings: tuple[Finding, ...]
    faces: tuple[FaceMask, ...]
    counts: Counts


def judge(  # noqa: PLR0913 - what a picture is judged by, and nothing else
    size: tuple[int, int],
    sight: Sight,
    alpha: AlphaPixels | None,
    settings: BlurSettings,
    *,
    drawn: ManualRegions | None = None,
    decision: Ruling | None = None,
    cleared: bool = False,
) -> Judged:
    """Decide what is masked in a picture, and whether it may leave.

    Args:
        size: height and width, in pixels.
        sight: what all looks saw in it.
        alpha: uint8 or uint16 (H, W), upright like the picture; None: nothing is excluded.
        settings: thresholds.
        drawn: what a person drew; it takes the place of the automatic masks and is never enlarged.
        decision: what a person decided about these very bytes.
        cleared: a person put the picture on a list of pictures without an identifiable face.

    Returns:
        Masks, findings, and how far the looks agree. Every pixel in the inner ellipse (0.6 of the box) of every box
        that a look saw lies in an adjusted mask, or there is a finding, or a person dismissed that box.
    """
    seen = seen_faces(sight)
    faces = face_masks(size, seen, alpha, settings)
    found: list[Finding] = []
    dismissed = () if decision is None else decision.dismissed
    if drawn is not None or (decision is not None and decision.verdict == "normal"):
        masks = () if drawn is None else manual_masks(drawn, alpha, seen, settings)
        found += manual_findings(size, masks, seen, settings, dismissed)
        if decision is None or not decision.knows_loss:
            found += _lost_findings(lost_regions(masks, seen, settings))
    elif decision is not None or cleared:
        masks = ()
        found += _no_face_findings(seen, dismissed)
    else:
        masks = faces
        found += _automatic_findings(size, seen, faces, sight, alpha, settings)
    return Judged(masks, ranked(found), faces, counts(seen))


def manual_findings(
    size: tuple[int, int],
    manual: Sequence[FaceMask],
    seen: Sequence[Seen],
    settings: BlurSettings,
    dismissed: Sequence[Box] = (),
) -> list[Finding]:
    """What speaks against a manual mask: a face that any look saw and the mask does not cover.

    dismissed: places that a person left uncovered knowingly.
    """
    covers = dict(uncovered(size, manual, seen, settings))
    return [
        Finding(
            Reason.FACE_OUTSIDE_MANUAL_MASK,
            f"the manual mask covers {covers[box]:.0%} of a detected face, not counting hair and soft edges of the"
            " alpha, which stay clear unless the mask is marked as drawn",
        )
        for box in not_dismissed(list(covers), dismissed)
    ]


def ranked(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Findings in the order of the reason list, each once."""
    order = list(Reason)
    return tuple(sorted(dict.fromkeys(found), key=lambda f: order.index(f.reason)))


def _automatic_findings(
    size: tuple[int, int],
    seen: Sequence[Seen],
    faces: Sequence[FaceMask],
    sight: Sight,
    alpha: AlphaPixels | None,
    settings: BlurSettings,
) -> list[Finding]:
    """Why masking does not settle a picture that nobody decided about."""
    if not seen:
        return [Finding(Reason.NO_FACE, "no face found")]
    found = [one for mask in faces for one in mask.findings]
    main = faces[max(range(len(seen)), key=lambda index: seen[index].area)]
    if not main.mask.area:
        found.append(Finding(Reason.NO_FACE, "the largest face lies outside the picture"))
    found += _disagreements(size, seen, settings)
    if sight.second is None and max(seen, key=lambda one: one.area).sure is False:
        found.append(Finding(Reason.LOW_SCORE, "the largest face was seen weakly, and there was no second look"))
    if not sight.complete:
        found.append(Finding(Reason.DETECTORS_DISAGREE, "more faces than a look can list"))
    if settings.on_disagreement == "review":
        found += _strict_findings(seen, settings)
    if alpha is not None:
        found += _outside_alpha(main, alpha, settings)
    return found


def _disagreements(size: tuple[int, int], seen: Sequence[Seen], settings: BlurSettings) -> list[Finding]:
    """Faces that one look saw alone, where masking them does not settle the picture."""
    found = []
    main = max(seen, key=lambda one: one.area)
    if main.by != "both":
        found.append(f"the largest face, {main.width:.0f} px wide, was seen by the {main.by} look only")
    for one in seen:
        share = max(ellipse(box, WHOLE).area for box in one.boxes) / (size[0] * size[1])
        if one is not main and one.by != "both" and share > settings.max_extra:
            found.append(f"a place of {share:.1%} of the picture was taken for a face by the {one.by} look only")
    seen_by = counts(seen)
    if seen_by.unseen > settings.max_unseen:
        found.append(
            f"{seen_by.both} faces were seen by both looks, {seen_by.first} by the first only and {seen_by.second} by"
            f" the second only: about {seen_by.unseen:.1f} more were seen by neither"
        )
    return [Finding(Reason.DETECTORS_DISAGREE, detail) for detail in found]


def _strict_findings(seen: Sequence[Seen], settings: BlurSettings) -> list[Finding]:
    """What else waits with `--on-disagreement review`."""
    found = []
    for look in ("first", "second"):
        if alone := sum(one.by == look for one in seen):
            faces = "1 face was" if alone == 1 else f"{alone} faces were"
            found.append(Finding(Reason.DETECTORS_DISAGREE, f"{faces} seen by the {look} look only"))
    for one in seen:
        if not one.sure:
            found.append(Finding(Reason.LOW_SCORE, "a face was seen weakly"))
        if one.width < settings.min_face:
            found.append(
                Finding(Reason.TOO_SMALL, f"a face is {one.width:.0f} px wide, less than {settings.min_face:g}")
            )
    return found


def _no_face_findings(seen: Sequence[Seen], dismissed: Sequence[Box]) -> list[Finding]:
    """What speaks against a picture in which a person saw no identifiable face: a face that any look saw."""
    left = len(not_dismissed([one.boxes[0] for one in seen], dismissed))
    if not left:
        return []
    faces = "1 face was found" if left == 1 else f"{left} faces were found"
    return [Finding(Reason.NO_FACE_CONTRADICTED, f"{faces} where a person saw none")]


def _lost_findings(shares: Sequence[float]) -> list[Finding]:
    """One finding for the worst of `lost_regions`."""
    if not shares:
        return []
    detail = f"the transition region takes {max(shares):.0%} of what was drawn; mark it as drawn, or draw it again"
    return [Finding(Reason.MASK_LOST_TO_TRANSITION, detail)]


def _outside_alpha(main: FaceMask, alpha: AlphaPixels, settings: BlurSettings) -> list[Finding]:
    """The largest face has to lie on the matte's foreground, or the matte belongs to another picture."""
    patch = main.mask
    if not patch.area:
        return []
    half = np.iinfo(alpha.dtype).max // 2
    inside = np.count_nonzero((alpha[patch.slices] > half) & patch.mask) / patch.area
    if inside >= settings.min_inside_alpha:
        return []
    return [Finding(Reason.FACE_OUTSIDE_ALPHA, f"{inside:.0%} of the largest face lies on the matte")]
