"""What ledger and manifest say of a judged picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p3m_anon.faces.outline import face_width

if TYPE_CHECKING:
    from p3m_anon.faces.settings import BlurSettings
    from p3m_anon.jobs.outputs import Picture


def picture_facts(picture: Picture, detector: str, settings: BlurSettings) -> dict[str, object]:
    """What a manifest row says of this picture, and a little more."""
    width, height = picture.decoded.size
    status = "anonymized_manual" if picture.manual else "anonymized" if picture.masks else "no_face"
    return {
        "status": status,
        "width": width,
        "height": height,
        "faces": len(picture.masks),
        "detector": detector,
        "profile": settings.blur_profile,
        "settings_digest": settings.digest(),
        "alpha": "used" if picture.alpha is not None else "none",
        "turns": picture.sight.turns,
    }


def face_facts(picture: Picture) -> list[dict[str, object]]:
    """What the ledger keeps of each face: landmarks, box, score and what was decided."""
    facts = []
    for mask in picture.faces:
        face = mask.face
        assert face is not None  # automatic masks always have one
        landmarks = [[round(float(v), 1) for v in point] for point in face.landmarks]
        facts.append(
            {
                "box": [round(float(v), 1) for v in face.box],
                "score": round(float(face.score), 4),
                "detector": face.detector,
                "width": round(face_width(face), 1),
                "decision": "covered by hand" if picture.manual else mask.decision(),
                "landmarks": landmarks,
            }
        )
    return facts


def all_details(picture: Picture) -> str:
    """The figures behind all findings, in one line."""
    notes = [f"alpha: {note}" for note in picture.notes]
    return "; ".join(dict.fromkeys([*(f.detail for f in picture.findings), *notes]))
