"""What the page says over a picture: one line for its state, and the figures that say more than this line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from p3m_anon.faces.reasons import Reason

if TYPE_CHECKING:
    from p3m_anon.files.ledger_rows import Row

HEADINGS = {
    Reason.NO_FACE: "No face was found.",
    Reason.WITHDRAWN_BEFORE: "This looks like a picture that was withdrawn.",
    Reason.DECISION_LAPSED: "The file has changed since it was decided.",
    Reason.NO_FACE_CONTRADICTED: "A look sees a face where a person saw none.",
    Reason.FACE_OUTSIDE_MANUAL_MASK: "The mask leaves open what looks like a face.",
    Reason.ALPHA_MISSING: "The matte is missing.",
    Reason.ALPHA_MISMATCH: "The matte does not fit.",
    Reason.DETECTORS_DISAGREE: "The looks disagree.",
    Reason.PROFILE: "A head is turned far to the side.",
    Reason.LOW_SCORE: "A look is not sure of a face.",
    Reason.TOO_SMALL: "A face is very small.",
    Reason.IMPLAUSIBLE_OUTLINE: "The outline of a face cannot be right.",
    Reason.FACE_OUTSIDE_ALPHA: "The largest face lies outside the matte.",
    Reason.MASK_LOST_TO_TRANSITION: "Hair or a soft edge would leave part of a face clear.",
    Reason.FACE_IN_ALPHA: "The matte itself shows the face.",
    Reason.FEATURE_LEFT_CLEAR: "A part of a face could be seen after the blur.",
}
STATES = {
    "accepted": "Released. Is every face covered?",
    "failed": "This file could not be read.",
    "unsupported": "This kind of file is not supported.",
    "excluded": "Left out of the dataset.",
    "pending": "Not worked on yet.",
}
_SAID_ALREADY = re.compile(
    r"no face found|a face was seen weakly|the largest face was seen weakly.*|no alpha matte with this picture's name"
    r"|the head is turned too far for a trustworthy outline|\d+ faces? (was|were) found where a person saw none"
    r"|.* decided about an older file"
)


def heading(row: Row) -> str:
    """What a picture waits for, or what it is, in one line."""
    if row.status == "needs_review" and row.reason is not None:
        return HEADINGS[Reason(row.reason)]
    return STATES.get(row.status, row.status)


def figures(row: Row) -> str:
    """The row's detail without what the heading says already."""
    parts = (row.detail or "").split("; ")
    return "; ".join(part for part in parts if not _SAID_ALREADY.fullmatch(part))
