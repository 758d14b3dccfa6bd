"""Five keypoints -> 68 landmarks: laws, pose, and the stated errors recomputed from the table."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from p3m_anon.detectors import shape_prior
from p3m_anon.faces.outline import outline
from tools import fit_shape_prior as fitting

if TYPE_CHECKING:
    from p3m_anon.detectors.shape_prior import Keypoints

FRONTAL = np.array([[40.0, 50.0], [70.0, 50.0], [55.0, 67.0], [43.0, 81.0], [67.0, 81.0]])
TURNED = np.array([[40.0, 50.0], [51.0, 50.0], [38.0, 67.0], [41.0, 81.0], [50.0, 81.0]])


def moved(points: Keypoints, scale: float, degrees: float, shift: tuple[float, float]) -> Keypoints:
    z = (points[:, 0] + 1j * points[:, 1]) * scale * np.exp(1j * np.radians(degrees)) + complex(*shift)
    return np.stack([z.real, z.imag], 1)


@given(
    noise=st.lists(st.floats(-4, 4), min_size=10, max_size=10),
    scale=st.floats(0.05, 40),
    degrees=st.floats(-180, 180),
    shift=st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)),
)
def test_landmarks_move_with_the_keypoints(
    noise: list[float], scale: float, degrees: float, shift: tuple[float, float]
) -> None:
    points = FRONTAL + np.reshape(noise, (5, 2))
    landmarks = shape_prior.predict(points)
    assert landmarks.shape == (68, 2)
    assert landmarks.dtype == np.float64
    expected = moved(landmarks, scale, degrees, shift)
    assert np.allclose(shape_prior.predict(moved(points, scale, degrees, shift)), expected, atol=1e-6 * (1 + scale))


@given(noise=st.lists(st.floats(-4, 4), min_size=10, max_size=10))
def test_mirrored_keypoints_give_mirrored_landmarks(noise: list[float]) -> None:
    points = FRONTAL + np.reshape(noise, (5, 2))
    mirrored = (points * [-1, 1])[fitting.MIRROR_POINTS]
    expected = (shape_prior.predict(points) * [-1, 1])[fitting.MIRROR_LANDMARKS]
    assert np.abs(shape_prior.predict(mirrored) - expected).max() < 0.01  # the array is stored with five decimals


def test_landmarks_pass_near_the_keypoints() -> None:
    back = shape_prior.keypoints_of(shape_prior.predict(FRONTAL))
    assert np.abs(back - FRONTAL).max() < 3  # of an eye distance of 30
    assert outline(shape_prior.predict(FRONTAL)).is_valid


@pytest.mark.parametrize("degrees", [0, 20, -75, 90, 180])
def test_roll_is_seen(degrees: float) -> None:
    pose = shape_prior.pose(moved(FRONTAL, 2.0, degrees, (7.0, -3.0)))
    assert abs((pose.roll - degrees + 180) % 360 - 180) < 1e-6
    assert pose.sideways == (abs(degrees) > shape_prior.MAX_ROLL)
    assert not pose.squeezed


def test_a_profile_is_seen() -> None:
    assert not shape_prior.pose(FRONTAL).profile
    assert shape_prior.pose(TURNED).profile
    crossed = FRONTAL[[1, 0, 2, 3, 4]]
    assert shape_prior.pose(crossed).profile


def test_points_that_are_no_face() -> None:
    same = np.ones((5, 2))
    assert shape_prior.pose(same).profile
    with pytest.raises(ValueError, match="keypoints must be spread"):
        shape_prior.predict(same)
    with pytest.raises(ValueError, match=r"shape \(5, 2\)"):
        shape_prior.predict(np.ones((4, 2)))
    with pytest.raises(ValueError, match="finite"):
        shape_prior.pose(np.full((5, 2), np.nan))


def test_mean_shape_fills_the_box() -> None:
    landmarks = shape_prior.mean_in_box((10.0, 20.0, 110.0, 150.0))
    assert np.allclose([landmarks[:27].min(0), landmarks[:27].max(0)], [[10, 20], [110, 150]])


def test_provenance_is_stored() -> None:
    stored = json.loads(files("p3m_anon.detectors").joinpath("shape_prior.json").read_text("utf-8"))
    assert set(stored["provenance"]) >= {"tool", "table_sha256", "faces", "sources", "ridge", "leave_one_picture_out"}
    assert stored["margin"] == shape_prior.load().margin > 0


@pytest.mark.shared
def test_stated_errors_hold(shared_data: Path) -> None:
    table = shared_data / "shape_prior_pairs.csv"
    pairs = fitting.read_pairs(table)
    stored = json.loads(files("p3m_anon.detectors").joinpath("shape_prior.json").read_text("utf-8"))
    dlib = pairs.sources == "dlib"
    assert (dlib.sum(), len(dlib)) == (43, 54)
    predicted = fitting.leave_one_picture_out(pairs, stored["provenance"]["ridge"])
    iou = fitting.ious(predicted, pairs.landmarks)
    assert iou[dlib].mean() >= 0.88
    assert iou.mean() >= 0.845
    assert fitting.coverages(predicted, pairs, stored["margin"])[dlib].mean() >= 0.98
    stated = stored["provenance"]["leave_one_picture_out"]
    assert iou[dlib].mean() == pytest.approx(stated["iou_dlib"], abs=1e-3)
    profile = np.array([shape_prior.pose(points).profile for points in pairs.keypoints])
    assert profile[iou < 0.7].all()  # the outlines that fail go to a person ...
    assert profile.mean() < 0.1  # ... and few others do
    refitted = fitting.fit(pairs.keypoints, pairs.landmarks, stored["provenance"]["ridge"])
    assert np.abs(refitted.coefficients - shape_prior.load().coefficients).max() < 1e-4
