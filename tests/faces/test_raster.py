"""Polygon -> pixels, against shapely's own point-in-polygon test."""

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon

from p3m_anon.faces.raster import rasterize

SIZE = (60, 80)


def star(seed: int) -> Polygon:
    """A random simple polygon, partly outside the picture."""
    rng = np.random.default_rng(seed)
    angle = np.sort(rng.uniform(0, 2 * np.pi, 24))
    radius = rng.uniform(8, 40, 24)
    return Polygon(np.stack([40 + radius * np.cos(angle), 30 + radius * np.sin(angle)], 1))


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_pixels_are_those_whose_centre_lies_inside(seed):
    polygon = star(seed)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    slow = shapely.intersects_xy(polygon, x.astype(float), y.astype(float))
    assert np.array_equal(rasterize(polygon, SIZE).full(SIZE), slow)


@given(st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_a_mirrored_polygon_gives_the_mirrored_mask(seed):
    points = np.round(np.asarray(star(seed).exterior.coords) * 8) / 8
    mirrored = points * (-1, 1) + (SIZE[1] - 1, 0)
    mask = rasterize(Polygon(points), SIZE).full(SIZE)
    assert np.array_equal(rasterize(Polygon(mirrored), SIZE).full(SIZE)[:, ::-1], mask)


def test_a_polygon_outside_the_picture_has_no_pixels():
    assert rasterize(Polygon([(-9, -9), (-2, -9), (-2, -2)]), SIZE).area == 0
    assert rasterize(Polygon(), SIZE).area == 0
