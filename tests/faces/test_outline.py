"""Landmarks -> polygon, and what cannot be a face."""

import numpy as np
import pytest

from p3m_anon.faces.outline import core, ellipse, face_width, implausible, outline


def test_the_outline_runs_along_cheeks_and_brows(make_face):
    face = make_face(100, 100, 80)
    polygon = outline(face.landmarks)
    assert polygon.is_valid
    assert len(polygon.exterior.coords) == 28  # 17 jaw points, 10 brow points, closed
    assert polygon.covers(core(face.landmarks).buffer(-1))


def test_a_margin_grows_the_outline_on_all_sides(make_face):
    face = make_face(100, 100, 80)
    plain, grown = outline(face.landmarks), outline(face.landmarks, margin=5)
    assert grown.covers(plain)
    assert grown.bounds[0] == pytest.approx(plain.bounds[0] - 5, abs=0.1)


def test_the_forehead_reaches_half_the_face_above_the_brows(make_face):
    face = make_face(100, 100, 80)
    plain, full = outline(face.landmarks), outline(face.landmarks, forehead=True)
    assert full.covers(plain.buffer(-0.01))
    brow_to_chin = face.landmarks[8, 1] - face.landmarks[17:27, 1].mean()
    assert plain.bounds[1] - full.bounds[1] > 0.4 * brow_to_chin


def test_the_width_is_the_largest_of_jaw_box_and_height(make_face):
    face = make_face(100, 100, 80)
    assert face_width(face) == pytest.approx(80, rel=0.05)
    wide_box = make_face(100, 100, 80, box=(0.0, 60.0, 130.0, 150.0))
    assert face_width(wide_box) == pytest.approx(130)


def test_the_width_does_not_depend_on_how_the_head_is_turned(make_face):
    widths = [face_width(make_face(100, 100, 80, a, box=(0.0, 0.0, 1.0, 1.0))) for a in np.linspace(0, 6, 13)]
    assert np.ptp(widths) < 1e-6


@pytest.mark.parametrize("angle", [0, 0.5, np.pi])
def test_a_whole_face_is_plausible(make_face, angle):
    face = make_face(100, 100, 80, angle)
    assert implausible(face.landmarks, face.box, (200, 200), 0.5) is None


def test_what_cannot_be_a_face_is_said_in_words(make_face):
    face = make_face(100, 100, 80)
    crossed = face.landmarks.copy()
    crossed[[0, 16]] = crossed[[16, 0]]
    assert "crosses itself" in implausible(crossed, face.box, (200, 200), 0.5)
    flat = np.repeat(face.landmarks[:1], 68, axis=0)
    assert implausible(flat, face.box, (200, 200), 0.5)
    assert "inside the picture" in implausible(face.landmarks - 110, face.box, (200, 200), 0.5)
    assert "of the face box" in implausible(face.landmarks, (0, 0, 400, 400), (500, 500), 0.5)
    outside = face.landmarks.copy()
    outside[27:] += 200
    assert "outside the outline" in implausible(outside, face.box, (200, 200), 0.5)


def test_nan_landmarks_are_refused(make_face):
    landmarks = make_face(100, 100, 80).landmarks.copy()
    landmarks[3] = np.nan
    with pytest.raises(ValueError, match="finite"):
        outline(landmarks)


def test_the_ellipse_covers_the_box_it_is_made_for():
    x0, y0, x1, y1 = ellipse((10, 20, 50, 90), scale=1.2).bounds
    assert (x0, x1) == pytest.approx((6, 54))
    assert (y0, y1) == pytest.approx((13, 97), abs=0.2)
