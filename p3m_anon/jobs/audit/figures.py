"""Figures of an audit: what was measured of each face, and what that comes to over all of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from p3m_anon.faces.audit import MASKED
from p3m_anon.faces.audit_findings import HALF_RESTORED, KEPT, RESTORED

if TYPE_CHECKING:
    from p3m_anon.arrays import Box
    from p3m_anon.faces.audit import FaceMeasures

WORST = 20
"""Faces that the report shows, the least hidden first."""

WIDTHS = (0, 16, 24, 32, 64, 128)
"""Lower bounds of the groups of face widths, in pixels."""


class FaceFigure(NamedTuple):
    """What was measured of one face.

    image: relative to the audited folder. box: x0, y0, x1, y1 in pixels. width: of the face, in pixels. masked: its
    middle lies in the mask; None where no mask is known. kept: share of the source's detail that is left, None without
    a source. likeness: correlation with the source after the inverse filter, -1..1, None where that was not run.
    sigma: strength of the blur as the pixels show it, in face widths; None where it was not estimated. seen: a network
    is sure of a face here.
    """

    image: str
    box: Box
    width: float
    masked: bool | None
    kept: float | None
    likeness: float | None
    sigma: float | None
    seen: bool

    @property
    def weakness(self) -> float:
        """How little of the face is hidden, 0 (well hidden) to 1: the larger of `kept` and `likeness`."""
        return min(max(self.kept or 0.0, self.likeness or 0.0, 0.0), 1.0)


def figure_of(image: str, face: FaceMeasures) -> FaceFigure:
    """The figures of one face; image: relative to the audited folder."""
    is_masked = None if face.cover is None else face.cover >= MASKED
    likeness = None if face.restored is None else face.restored.likeness
    is_seen = any(one.is_sure for one in face.sightings)
    return FaceFigure(image, face.box, face.width, is_masked, face.detail.kept, likeness, face.sigma, is_seen)


def worst_faces(faces: Iterable[FaceFigure]) -> list[FaceFigure]:
    """The WORST faces of those that were to be hidden."""
    return sorted(_hidden(faces), key=lambda face: -face.weakness)[:WORST]


def strength(faces: Sequence[FaceFigure]) -> dict[str, Any]:
    """Quantiles of what is left of the faces that were to be hidden, the same by width, and the worst of them."""
    hidden = _hidden(faces)
    return {
        "faces": len(hidden),
        "detail_kept": quantiles(face.kept for face in hidden),
        "effective_sigma": quantiles((face.sigma for face in hidden), weak_is_low=True),
        "limit": KEPT,
        "by_width": _by_width(hidden),
        "worst": [_line(face) for face in worst_faces(hidden)],
    }


def inversion(faces: Sequence[FaceFigure]) -> dict[str, Any] | None:
    """What an inverse filter brings back; None where it was run on no face."""
    tried = [face.likeness for face in faces if face.likeness is not None]
    if not tried:
        return None
    return {
        "faces": len(tried),
        "likeness": quantiles(tried),
        "over_half": sum(value >= HALF_RESTORED for value in tried),
        "over_three_quarters": sum(value >= RESTORED for value in tried),
    }


def quantiles(values: Iterable[float | None], *, weak_is_low: bool = False) -> dict[str, float] | None:
    """Median, the weakest tenth's bound and the weakest value, None without values.

    weak_is_low: small values mean little protection, so that `worst` is the least one.
    """
    known = [value for value in values if value is not None]
    if not known:
        return None
    tenth, end = (0.1, 0.0) if weak_is_low else (0.9, 1.0)
    found = np.quantile(known, (0.5, tenth, end))
    return {name: round(float(v), 3) for name, v in zip(("median", "worst_tenth", "worst"), found, strict=True)}


def width_group(width: float) -> str:
    """The name of the group of WIDTHS that a face of this width in pixels belongs to."""
    names = [f"{low} to {high - 1} px" for low, high in itertools.pairwise(WIDTHS)] + [f"{WIDTHS[-1]}+ px"]
    return names[int(np.searchsorted(WIDTHS, max(round(width), 0), side="right")) - 1]


def _hidden(faces: Iterable[FaceFigure]) -> list[FaceFigure]:
    """All but places that lie in the open, as far as that is known: those are findings of their own."""
    return [face for face in faces if face.masked is not False]


def _by_width(faces: Sequence[FaceFigure]) -> list[dict[str, Any]]:
    groups: dict[str, list[FaceFigure]] = {}
    for face in sorted(faces, key=lambda face: face.width):
        groups.setdefault(width_group(face.width), []).append(face)
    return [
        {
            "width": name,
            "faces": len(group),
            "still_seen": sum(face.seen for face in group),
            "detail_kept": quantiles(face.kept for face in group),
        }
        for name, group in groups.items()
    ]


def _line(face: FaceFigure) -> dict[str, Any]:
    def short(value: float | None) -> float | None:
        return None if value is None else round(value, 3)

    return {
        "image": face.image,
        "box": [round(v, 1) for v in face.box],
        "width": round(face.width, 1),
        "detail_kept": short(face.kept),
        "likeness": short(face.likeness),
        "effective_sigma": short(face.sigma),
    }
