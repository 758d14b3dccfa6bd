"""The places of a picture that a sheet shows."""

from __future__ import annotations

import numpy as np
import pytest

from p3m_anon.faces.face import Face
from p3m_anon.faces.pairing import SAME_PLACE, same_face
from p3m_anon.faces.sight import Sight, Sighting
from p3m_anon.jobs.review.sheet_places import all_places, has_sure_face
from p3m_anon.jobs.review.sheet_tiles import LEAST_SIDE, cut_square

BOX = (10.0, 10.0, 50.0, 60.0)


def face(box, score):
    return Face(np.zeros((68, 2)), box, score, "stub")


@pytest.mark.parametrize(
    ("sight", "sure"),
    [
        (Sight((), None), False),
        (Sight((face(BOX, 0.49),), ()), False),
        (Sight((face(BOX, 0.5),), ()), True),
        (Sight((), (Sighting(BOX, 0.5),)), True),
        (Sight((), (Sighting(BOX, 0.5),), sure_second=0.6), False),
        (Sight((face(BOX, 0.4),), None, sure_first=0.4), True),
        (Sight((), (), faint=(Sighting(BOX, 0.45),)), False),
        (Sight((), (), faint=(Sighting(BOX, 0.45),), sure_second=0.4), True),
    ],
)
def test_a_face_is_sure_from_the_gates_score_of_its_look_on(sight, sure):
    assert has_sure_face(sight) == sure


def test_every_place_of_every_look_is_there_once():
    rng = np.random.default_rng(0)

    def boxes(count):
        corners = rng.uniform(0, 400, (count, 2))
        sides = rng.uniform(10, 90, (count, 2))
        return [tuple(float(v) for v in (*c, *(c + s))) for c, s in zip(corners, sides, strict=True)]

    for _ in range(50):
        first, second, faint = boxes(4), boxes(5), boxes(9)
        sight = Sight(
            tuple(face(box, 0.3) for box in first),
            tuple(Sighting(box, 0.3) for box in second),
            tuple(Sighting(box, float(rng.random())) for box in faint),
        )
        places = all_places(sight)
        assert len(set(places)) == len(places)
        assert set(first) <= set(places)
        for box in faint:
            assert any(box == place or same_face(box, place) >= SAME_PLACE for place in places)


@pytest.mark.parametrize(
    "box", [(0, 0, 5, 5), (90, 70, 100, 80), (20, 10, 80, 75), (-10, -10, 120, 90), (40, 30, 41, 31)]
)
def test_a_crop_is_a_square_that_holds_the_box(box):
    rgb = np.random.default_rng(1).integers(0, 256, (80, 100, 3), dtype=np.uint8)
    crop = cut_square(rgb, tuple(map(float, box)))
    assert crop.shape[0] == crop.shape[1] >= LEAST_SIDE
    x0, y0, x1, y1 = max(box[0], 0), max(box[1], 0), min(box[2], 100), min(box[3], 80)
    inside = rgb[y0:y1, x0:x1]
    windows = np.lib.stride_tricks.sliding_window_view(crop, inside.shape)
    assert (windows == inside).all(axis=(-1, -2, -3)).any()
