"""What ledger and manifest say of a judged picture."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from p3m_anon.faces.matte import soft
from p3m_anon.faces.outline import face_width

if TYPE_CHECKING:
    from p3m_anon.arrays import AlphaPixels, Box
    from p3m_anon.faces.settings import BlurSettings
    from p3m_anon.jobs.blur.outputs import Picture

# what became of an automatic face in a picture of which a person said what is to be done
_ANSWERED = {
    "anonymized_manual": "covered by hand",
    "anonymized_suggested": "covered by an accepted suggestion",
    "no_face": "no face, a person says",
    "normal": "may stay",
}


def picture_facts(picture: Picture, detector: str, settings: BlurSettings) -> dict[str, object]:
    """What a manifest row says of this picture, and a little more."""
    width, height = picture.decoded.size
    decision, sight = picture.decision, picture.sight
    basis = decision.basis if decision is not None else None
    second = None if sight.second is None else [_seen(*one) for one in sight.second]
    counts = picture.judged.counts
    return {
        "status": picture.status,
        "release_basis": basis or ("no_identifiable_face" if picture.status == "no_face" else None),
        "width": width,
        "height": height,
        "faces": len(picture.masks),
        "colours": picture.decoded.colours,
        "detector": detector,
        "profile": settings.blur_profile,
        "settings_digest": settings.digest(),
        "alpha": "used" if picture.alpha is not None else "none",
        "alpha_flat": _flat(picture, settings),
        "turns": sight.turns,
        "second": second,
        "faint": [_seen(*one) for one in sight.faint],
        "gate": {"first": sight.sure_first, "second": sight.sure_second},
        "complete": sight.complete,
        "smallest_face": round(sight.smallest, 1),
        "seen_by": {"both": counts.both, "first": counts.first, "second": counts.second},
        "viewed": decision.viewed if decision is not None else None,
        "dismissed": [_rounded(box) for box in decision.dismissed] if decision is not None else [],
    }


def _flat(picture: Picture, settings: BlurSettings) -> dict[str, int] | None:
    """How matte and transparency were made flat inside the masks.

    Pixels of the matte that moved, soft ones that are blurred, and the bounds of what is soft, of 255.
    """
    channels = picture.decoded.pixels.shape[2:]
    lo, hi = settings.transition_lo, settings.transition_hi
    if picture.matte is None:
        return {"changed": 0, "soft_blurred": 0, "lo": lo, "hi": hi} if channels in ((2,), (4,)) else None
    blurred = sum(int(soft(picture.matte.pixels, mask.adjusted, lo, hi).sum()) for mask in picture.masks)
    return {"changed": picture.matte.changed, "soft_blurred": blurred, "lo": lo, "hi": hi}


def face_facts(picture: Picture) -> list[dict[str, object]]:
    """What the ledger keeps of each face: landmarks, box, score and what was decided."""
    facts = []
    for mask in picture.faces:
        face = mask.face
        if face is None:
            continue  # `second` has it
        landmarks = _points(face.landmarks)
        facts.append(
            {
                "box": _rounded(face.box),
                "score": round(float(face.score), 4),
                "detector": face.detector,
                "view": face.view,
                "margin": face.margin,
                "width": round(face_width(face), 1),
                "decision": _ANSWERED.get(picture.status) or mask.decision(),
                "masked_by": mask.masked_by,
                "kept_close": mask.kept_close,
                "landmarks": landmarks,
                "outline": None if mask.outline is None else _points(mask.outline.exterior.coords[:-1]),
            }
        )
    return facts


def _seen(box: Box, score: float) -> dict[str, object]:
    return {"box": _rounded(box), "score": round(float(score), 4)}


def _rounded(box: Box) -> list[float]:
    return [round(float(v), 1) for v in box]


def _points(points: Iterable[Iterable[float]]) -> list[list[float]]:
    return [[round(float(v), 1) for v in point] for point in points]


def all_details(picture: Picture) -> str:
    """The figures behind all findings, in one line."""
    return "; ".join(dict.fromkeys([*(f.detail for f in picture.findings), *picture.notes]))


def mismatch(alpha: AlphaPixels | None, size: tuple[int, int]) -> str:
    """Why an alpha that has no orientation in which it fits is refused; size: height and width of the picture."""
    assert alpha is not None
    height, width = alpha.shape
    return f"the alpha is {width}x{height}, the picture {size[1]}x{size[0]}; make them the same size and orientation"
