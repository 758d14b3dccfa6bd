"""Five keypoints -> 68 landmarks, and what five keypoints tell about the pose.

CenterFace gives five points; the outline needs 68. A ridge regression on the keypoints, after a similarity
transform onto their mean, fills in the most likely rest. `tools/fit_shape_prior.py` fits it and writes
`shape_prior.json` with its provenance and its leave-one-picture-out errors.

Keypoints are float (5, 2): left eye, right eye, nose tip, left and right mouth corner ("left" in the picture, for an
upright face), x before y.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import Box, Landmarks
    from p3m_anon.faces.face import View

    Keypoints: TypeAlias = npt.NDArray[np.float64]  # (5, 2)
    Complex: TypeAlias = npt.NDArray[np.complex128]

MIN_EYE_DISTANCE = 0.70  # of the distance eyes - mouth, along the eyes; frontal faces have 0.85 to 1.15
MAX_NOSE_OFFSET = 0.45  # of the eye distance, sideways from the line eyes - mouth; frontal faces have 0 to 0.25
WIDE_EYES = 0.80  # eye distance from which a head counts as frontal; between it and MIN_EYE_DISTANCE, as three-quarter
STRAIGHT_NOSE = 0.25  # nose offset up to which a head counts as frontal
MAX_ROLL = 30.0  # degrees; beyond it CenterFace squeezes the keypoints and the outline comes out too narrow
MIN_LIKENESS = 0.80  # below it the five points are hardly a face's


@dataclass(frozen=True, eq=False)
class ShapePrior:
    """The fitted regression, in the frame of the mean keypoints.

    reference: (5, 2), the mean keypoints, centred, RMS radius 1. feature_mean: (10,). coefficients: (10, 136).
    shape_mean: (136,). margin: share of the face width by which the outline must be grown (see Face.margin).
    """

    reference: npt.NDArray[np.float64]
    feature_mean: npt.NDArray[np.float64]
    coefficients: npt.NDArray[np.float64]
    shape_mean: npt.NDArray[np.float64]
    margin: float


@dataclass(frozen=True)
class Pose:
    """What five keypoints tell about the head.

    roll: degrees by which the face is turned clockwise in the picture, -180..180; 0 is upright.
    eye_distance: over the distance eyes - mouth; negative when the eyes are on the wrong sides.
    nose_offset: the nose's distance from the line eyes - mouth, over the eye distance; infinite when that is <= 0.
    likeness: correlation with the mean keypoints under the best similarity transform, 0..1.
    """

    roll: float
    eye_distance: float
    nose_offset: float
    likeness: float

    @property
    def sideways(self) -> bool:
        """The face is turned in the picture's plane so far that it should be turned upright and looked at again."""
        return abs(self.roll) > MAX_ROLL

    @property
    def squeezed(self) -> bool:
        """The keypoints are a profile's or hardly a face's, however the picture is turned."""
        return (
            self.eye_distance < MIN_EYE_DISTANCE or self.nose_offset > MAX_NOSE_OFFSET or self.likeness < MIN_LIKENESS
        )

    @property
    def view(self) -> View:
        """How far the head is turned to the side, however the picture is turned."""
        if self.squeezed:
            return "profile"
        turned = self.eye_distance < WIDE_EYES or self.nose_offset > STRAIGHT_NOSE
        return "three-quarter" if turned else "frontal"

    @property
    def profile(self) -> bool:
        """The outline that follows from these keypoints must not be trusted."""
        return self.sideways or self.squeezed


@cache
def load() -> ShapePrior:
    """The regression that comes with the package."""
    stored = json.loads(files("p3m_anon.detectors").joinpath("shape_prior.json").read_text("utf-8"))
    return ShapePrior(
        reference=np.array(stored["reference"], np.float64),
        feature_mean=np.array(stored["feature_mean"], np.float64),
        coefficients=np.array(stored["coefficients"], np.float64),
        shape_mean=np.array(stored["shape_mean"], np.float64),
        margin=float(stored["margin"]),
    )


def predict(keypoints: Keypoints, prior: ShapePrior | None = None) -> Landmarks:
    """The most likely 68 landmarks, float64 (68, 2), in the frame of `keypoints`, finite float (5, 2).

    Turning, scaling, shifting or mirroring the keypoints does the same to the landmarks. Raises ValueError for
    another shape, for values that are not finite, and for keypoints no similarity transform can match to a face.
    """
    prior = load() if prior is None else prior
    points = as_complex(check_keypoints(keypoints))
    turn, centre = similarity(points, as_complex(prior.reference))
    if abs(turn) < 1e-9:
        raise ValueError("keypoints must be spread like a face's, got points that match it at no scale")
    features = as_pairs(turn * (points - centre)).ravel()
    shape = (features - prior.feature_mean) @ prior.coefficients + prior.shape_mean
    return as_pairs(as_complex(shape.reshape(68, 2)) / turn + centre)


def mean_in_box(box: Box, prior: ShapePrior | None = None) -> Landmarks:
    """The mean shape, its outline filling `box`: float64 (68, 2). For faces whose keypoints make no sense."""
    prior = load() if prior is None else prior
    shape = prior.shape_mean.reshape(68, 2)
    low, high = shape[:27].min(0), shape[:27].max(0)
    corner, size = np.array(box[:2]), np.array(box[2:]) - np.array(box[:2])
    landmarks: Landmarks = (shape - low) / (high - low) * size + corner
    return landmarks


def pose(keypoints: Keypoints) -> Pose:
    """Roll, turn and plausibility of the head behind finite keypoints (5, 2). Raises ValueError for another shape."""
    points = as_complex(check_keypoints(keypoints))
    eyes, mouth = points[:2].mean(), points[3:].mean()
    down = mouth - eyes
    height = float(abs(down))
    if height < 1e-9:
        return Pose(roll=0.0, eye_distance=0.0, nose_offset=float("inf"), likeness=0.0)
    upright = 1j / (down / height)  # turns the line eyes - mouth into the picture's down
    distance = float(((points[1] - points[0]) * upright).real)
    offset = abs(float(((points[2] - eyes) * upright).real))
    reference = as_complex(load().reference)
    turn, centre = similarity(points, reference)
    spread = float(np.linalg.norm(points - centre))
    return Pose(
        roll=float(np.degrees(np.angle(-1j * down))),
        eye_distance=distance / height,
        nose_offset=offset / distance if distance > 0 else float("inf"),
        likeness=abs(turn) * spread / float(np.linalg.norm(reference)),
    )


def keypoints_of(landmarks: Landmarks) -> Keypoints:
    """Eye centres, nose tip and mouth corners of landmarks (68, 2), so that `pose` can judge any detector's faces."""
    eyes = [landmarks[36:42].mean(0), landmarks[42:48].mean(0)]
    return np.stack([*eyes, landmarks[30], landmarks[48], landmarks[54]])


def check_keypoints(keypoints: Keypoints, name: str = "keypoints") -> Keypoints:
    """Return `keypoints` if they are (5, 2) and finite; raise ValueError otherwise."""
    if keypoints.shape != (5, 2):
        raise ValueError(f"{name} must have shape (5, 2), got {keypoints.shape}")
    if not np.isfinite(keypoints).all():
        raise ValueError(f"{name} must be finite pixel coordinates")
    return keypoints


def similarity(points: Complex, reference: Complex) -> tuple[complex, complex]:
    """The least-squares similarity onto `reference`, which is centred: reference ~ turn * (points - centre).

    Points as complex numbers x + iy: turn holds scale and rotation, and cannot mirror. It is 0 when the points
    coincide.
    """
    centre = complex(points.mean())
    centred = points - centre
    power = float(np.vdot(centred, centred).real)
    turn = complex(np.vdot(centred, reference)) / power if power > 0 else 0j
    return turn, centre


def as_complex(pairs: npt.NDArray[np.float64]) -> Complex:
    """(N, 2) -> (N,) as x + iy."""
    return pairs[:, 0] + 1j * pairs[:, 1]


def as_pairs(points: Complex) -> npt.NDArray[np.float64]:
    """(N,) as x + iy -> float64 (N, 2)."""
    return np.stack([points.real, points.imag], -1)
