"""The control of a sheet: where its face goes, and that nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest

from p3m_anon.jobs.review.sheet_control import FACES, LEAST, Paste, draw_paste, pasted

SIZES = [(160, 120), (1080, 1620), (640, 60), (30, 30)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("places", [(), ((3.0, 4.0, 20.0, 25.0),)])
def test_a_face_lies_inside_the_picture(size, places):
    rng = np.random.default_rng(0)
    for _ in range(200):
        x0, y0, x1, y1 = draw_paste(size, places, rng).box
        assert -0.01 <= x0 < x1 <= size[0] + 0.01
        assert -0.01 <= y0 < y1 <= size[1] + 0.01


def test_faces_places_and_sizes_differ_from_draw_to_draw():
    rng = np.random.default_rng(1)
    drawn = [draw_paste((1080, 1620), (), rng) for _ in range(50)]
    assert {one.face for one in drawn} == set(FACES)
    assert len({one.box for one in drawn}) == 50
    heights = [one.box[3] - one.box[1] for one in drawn]
    assert min(heights) > LEAST
    assert max(heights) > 1.5 * min(heights)


def test_a_face_takes_a_place_that_was_seen_about_every_second_time():
    rng = np.random.default_rng(2)
    place = (500.0, 600.0, 600.0, 720.0)
    at_place = 0
    for _ in range(200):
        x0, y0, x1, y1 = draw_paste((1080, 1620), (place,), rng).box
        at_place += abs((x0 + x1) / 2 - 550) < 1 and abs((y0 + y1) / 2 - 660) < 1
    assert 60 < at_place < 140


@pytest.mark.parametrize("face", sorted(FACES))
def test_only_the_place_of_the_face_changes(face):
    rgb = np.random.default_rng(3).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    before = rgb.copy()
    out = pasted(rgb, Paste(face, (100.0, 50.0, 160.0, 120.0), 8.0, True))
    assert np.array_equal(rgb, before)
    outside = np.ones((200, 300), bool)
    outside[50:120, 100:160] = False
    assert np.array_equal(out[outside], rgb[outside])
    assert out.shape == rgb.shape
    assert abs(out[75:95, 120:140].astype(int) - rgb[75:95, 120:140]).mean() > 20


@pytest.mark.parametrize("face", sorted(FACES))
def test_what_is_pasted_is_a_face_to_a_detector(face):
    """The boxes in the portraits are written by hand."""
    from p3m_anon.detectors.centerface import CenterFace

    rgb = np.full((480, 640, 3), 120, np.uint8)
    box = (250.0, 120.0, 410.0, 310.0)
    found = CenterFace().detect(pasted(rgb, Paste(face, box, 0.0, False)))
    (only,) = [one for one in found if one.score > 0.5]
    x, y = (only.box[0] + only.box[2]) / 2, (only.box[1] + only.box[3]) / 2
    assert abs(x - 330) < 25
    assert abs(y - 215) < 30
