"""Shapes that people draw: what is read, and which pixels they cover."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon

from p3m_anon.faces.shapes import Shape, draw, ellipse_points, shapes_from_json

SIZE = (64, 48)  # width, height


def one(kind, points, width=0.0):
    return draw([Shape(kind, tuple(points), width)], SIZE)


def centres():
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    return x + 0.5, y + 0.5


@given(
    st.lists(st.tuples(st.floats(-5, 70, allow_nan=False), st.floats(-5, 55, allow_nan=False)), min_size=3, max_size=8)
)
@settings(deadline=None)
def test_a_polygon_covers_every_pixel_whose_centre_lies_in_it(points):
    polygon = Polygon(points)
    if not polygon.is_valid:
        return
    mask = one("polygon", points)
    x, y = centres()
    assert mask[shapely.contains_xy(polygon.buffer(-0.01), x, y)].all()
    leaves = not all(0 <= x <= SIZE[0] and 0 <= y <= SIZE[1] for x, y in points)  # OpenCV cuts its edge a little askew
    assert not mask[shapely.distance(polygon, shapely.points(x, y)) > (2.5 if leaves else 1.5)].any()


def test_an_ellipse_fills_its_box_and_no_more():
    mask = one("ellipse", [(10, 5), (50, 35)])
    x, y = centres()
    inside = ((x - 30) / 20) ** 2 + ((y - 20) / 15) ** 2
    assert mask[inside <= 1].all()
    assert not mask[inside > 1.2].any()
    assert np.array_equal(mask, one("ellipse", [(50, 35), (10, 5)]))  # whichever corner was first


@given(st.floats(1, 900), st.floats(1, 900))
def test_the_polygon_around_an_ellipse_leaves_nothing_of_it_out(width, height):
    points = ellipse_points((0, 0), (width, height))
    a, b = width / 2, height / 2
    edges = zip(points, np.roll(points, -1, axis=0), strict=True)
    for p, q in edges:  # the middle of each side touches the ellipse from outside
        mx, my = (p + q) / 2
        assert ((mx - a) / a) ** 2 + ((my - b) / b) ** 2 >= 1 - 1e-6


def test_a_brush_is_as_wide_as_it_says_and_erase_takes_it_off():
    way = [(20.0, 24.0), (40.0, 24.0)]
    mask = one("brush", way, 10)
    assert mask[19:29, 20:40].all()
    assert not mask[:17].any()
    assert not mask[31:].any()
    assert mask[:, 14:46].sum() == mask.sum()
    shapes = [Shape("brush", tuple(way), 10), Shape("erase", ((30.0, 24.0),), 6)]
    erased = draw(shapes, SIZE)
    assert not erased[24, 30]
    assert erased[24, 22]
    again = draw([*shapes, Shape("brush", ((30.0, 24.0),), 2)], SIZE)
    assert again[24, 30]  # what is drawn later counts


def test_a_single_click_of_the_brush_is_a_disc():
    mask = one("brush", [(30.0, 20.0)], 12)
    assert abs(mask.sum() - math.pi * 36) < 30


def test_shapes_survive_json():
    shapes = (
        Shape("polygon", ((1.5, 2.0), (3.0, 4.0), (5.0, 1.0))),
        Shape("ellipse", ((1.0, 1.0), (9.0, 5.0))),
        Shape("brush", ((1.0, 1.0), (9.0, 5.0)), 3.5),
        Shape("erase", ((1.0, 1.0),), 2.0),
    )
    assert shapes_from_json([shape.to_json() for shape in shapes]) == shapes


@pytest.mark.parametrize(
    "items",
    [
        {"kind": "polygon"},
        [1],
        [{"kind": "star", "points": [[1, 1]]}],
        [{"kind": "polygon", "points": [[1, 1], [2, 2]]}],
        [{"kind": "polygon", "points": [[1, 1], [2, 2], [3]]}],
        [{"kind": "polygon", "points": [[1, 1], [2, 2], [3, float("nan")]]}],
        [{"kind": "polygon", "points": [[1, 1], [2, 2], [3, 1e9]]}],
        [{"kind": "polygon", "points": [[1, 1], [2, 2], [3, 10**400]]}],
        [{"kind": "ellipse", "points": [[1, 1], [2, 2], [3, 3]]}],
        [{"kind": "brush", "points": [[1, 1]]}],
        [{"kind": "brush", "points": [], "width": 3}],
        [{"kind": "brush", "points": [[1, 1]], "width": "wide"}],
        [{"kind": "brush", "points": "here", "width": 3}],
    ],
)
def test_nonsense_is_refused_with_its_number(items):
    with pytest.raises(ValueError, match="shape"):
        shapes_from_json(items)
