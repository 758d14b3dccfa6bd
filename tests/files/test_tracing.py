"""Tracing: what is drawn from the polygons is the mask again, to the pixel."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from p3m_anon.faces.patch import Patch, from_mask, union
from p3m_anon.faces.shapes import Shape, draw
from p3m_anon.files.tracing import components, exact_polygon

MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=14))


def drawn(points: tuple[tuple[float, float], ...], mask: np.ndarray) -> np.ndarray:
    return draw([Shape("polygon", points)], (mask.shape[1], mask.shape[0]))


def outer_fill(mask: np.ndarray) -> np.ndarray:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros(mask.shape, np.uint8), contours, -1, 1, -1) > 0


@settings(max_examples=200)
@given(MASKS)
def test_each_part_without_holes_is_one_exact_polygon(mask: np.ndarray) -> None:
    parts = list(components(from_mask(mask)))
    np.testing.assert_array_equal(union(parts, mask.shape), mask)
    assert sum(part.area for part in parts) == mask.sum()  # no pixel belongs to two
    for part in parts:
        whole = part.full(mask.shape)
        points = exact_polygon(part)
        assert (points is None) == bool((outer_fill(whole) != whole).any())
        if points is not None:
            assert len(points) >= 3
            np.testing.assert_array_equal(drawn(points, mask), whole)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.floats(-20, 160), st.floats(-20, 120)), min_size=3, max_size=9))
def test_shapes_as_people_draw_them(corners: list[tuple[float, float]]) -> None:
    mask = draw([Shape("polygon", tuple(corners))], (140, 100))
    for part in components(from_mask(mask)):
        points = exact_polygon(part)
        if points is not None:
            np.testing.assert_array_equal(drawn(points, mask), part.full(mask.shape))


@pytest.mark.parametrize(
    "mask",
    [
        np.ones((1, 1), bool),
        np.ones((1, 9), bool),
        np.ones((9, 1), bool),
        np.eye(9, dtype=bool),
        np.eye(9, dtype=bool)[::-1],
        np.ones((7, 5), bool),
        np.tri(8, dtype=bool),
    ],
    ids=["pixel", "row", "column", "diagonal", "other diagonal", "full", "triangle"],
)
def test_thin_and_plain_parts(mask: np.ndarray) -> None:
    points = exact_polygon(Patch(0, 0, mask))
    assert points is not None
    np.testing.assert_array_equal(drawn(points, mask), mask)


def test_few_corners_are_left_to_move() -> None:
    disc = draw([Shape("ellipse", ((5.0, 5.0), (605.0, 505.0)))], (610, 510))
    points = exact_polygon(from_mask(disc))
    assert points is not None
    assert len(points) < 300  # of 1700 pixels on its rim
    rectangle = exact_polygon(Patch(0, 0, np.ones((500, 300), bool)))
    assert rectangle is not None
    assert len(rectangle) == 4


def test_an_empty_patch_has_no_parts() -> None:
    assert not list(components(from_mask(np.zeros((4, 5), bool))))
    assert not list(components(Patch(1, 1, np.zeros((4, 5), bool))))
