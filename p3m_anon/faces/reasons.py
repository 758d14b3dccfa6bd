"""Why a picture waits for a person: a closed list."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Reason(str, Enum):
    """Reason codes of `needs_review`, in the order in which they are reported."""

    NO_FACE = "no_face"
    WITHDRAWN_BEFORE = "withdrawn_before"
    DECISION_LAPSED = "decision_lapsed"
    NO_FACE_CONTRADICTED = "no_face_contradicted"
    FACE_OUTSIDE_MANUAL_MASK = "face_outside_manual_mask"
    ALPHA_MISSING = "alpha_missing"
    ALPHA_MISMATCH = "alpha_mismatch"
    DETECTORS_DISAGREE = "detectors_disagree"
    PROFILE = "profile"
    LOW_SCORE = "low_score"
    TOO_SMALL = "too_small"
    IMPLAUSIBLE_OUTLINE = "implausible_outline"
    FACE_OUTSIDE_ALPHA = "face_outside_alpha"
    MASK_LOST_TO_TRANSITION = "mask_lost_to_transition"
    FACE_IN_ALPHA = "face_in_alpha"
    FEATURE_LEFT_CLEAR = "feature_left_clear"


EXPLANATION = {
    Reason.NO_FACE: "no look found a face; a person has to confirm that there is none",
    Reason.WITHDRAWN_BEFORE: "it looks like a picture that was withdrawn",
    Reason.DECISION_LAPSED: "the picture has changed since a person decided about it",
    Reason.NO_FACE_CONTRADICTED: "a person saw no face in it, but a detector does",
    Reason.FACE_OUTSIDE_MANUAL_MASK: "a detected face is not covered by the manual mask",
    Reason.ALPHA_MISSING: "no alpha matte with this picture's name",
    Reason.ALPHA_MISMATCH: "the alpha matte does not fit the picture",
    Reason.DETECTORS_DISAGREE: "only one of two looks sees a face at some place",
    Reason.PROFILE: "a head turned so far that its outline cannot be trusted",
    Reason.LOW_SCORE: "a face that the detector is not sure of",
    Reason.TOO_SMALL: "a face too small to be measured well",
    Reason.IMPLAUSIBLE_OUTLINE: "landmarks that cannot be a face's outline",
    Reason.FACE_OUTSIDE_ALPHA: "the largest face lies outside the matte",
    Reason.MASK_LOST_TO_TRANSITION: "the transition region would leave part of the face clear",
    Reason.FACE_IN_ALPHA: "the alpha matte itself shows the face",
    Reason.FEATURE_LEFT_CLEAR: "an eye, the nose, the mouth or both brows could be seen after the blur",
}


@dataclass(frozen=True)
class Finding:
    """One reason, with the figures behind it."""

    reason: Reason
    detail: str
