"""Tiles: they cover the picture, none is larger than asked for, and no small square falls between two of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3m_anon.detectors.tiles import tiles

LENGTHS = st.integers(1, 90)


@st.composite
def grids(draw: st.DrawFn) -> tuple[int, int, int, int]:
    """Width, height, side and overlap."""
    side = draw(st.integers(1, 40))
    return draw(LENGTHS), draw(LENGTHS), side, draw(st.integers(0, side - 1))


@given(grids())
@settings(deadline=None)
def test_every_square_of_the_overlap_lies_whole_in_a_tile(grid: tuple[int, int, int, int]) -> None:
    width, height, side, overlap = grid
    square = max(overlap, 1)
    whole = np.zeros((height, width), bool)  # upper left corners of the squares that lie in a tile
    for x0, y0, x1, y1 in tiles(width, height, side, overlap):
        whole[y0 : max(y1 - square + 1, y0), x0 : max(x1 - square + 1, x0)] = True
    assert whole[: max(height - square + 1, 0), : max(width - square + 1, 0)].all()


@given(grids())
@settings(deadline=None)
def test_tiles_cover_the_picture_and_keep_to_their_size(grid: tuple[int, int, int, int]) -> None:
    width, height, side, overlap = grid
    covered = np.zeros((height, width), bool)
    windows = list(tiles(width, height, side, overlap))
    for x0, y0, x1, y1 in windows:
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height
        assert x1 - x0 == min(side, width)
        assert y1 - y0 == min(side, height)
        covered[y0:y1, x0:x1] = True
    assert covered.all()
    assert len(set(windows)) == len(windows)


@given(grids())
@settings(deadline=None)
def test_no_more_tiles_than_the_overlap_asks_for(grid: tuple[int, int, int, int]) -> None:
    width, height, side, overlap = grid
    step = side - overlap
    columns, rows = (max(1, -(-(length - overlap) // step)) for length in (width, height))
    assert len(list(tiles(width, height, side, overlap))) <= columns * rows


def test_a_small_picture_is_one_tile() -> None:
    assert list(tiles(1, 1, 960, 200)) == [(0, 0, 1, 1)]
    assert list(tiles(960, 960, 960, 200)) == [(0, 0, 960, 960)]


@pytest.mark.parametrize("overlap", [10, 11, -1])
def test_an_overlap_without_a_step_is_an_error(overlap: int) -> None:
    with pytest.raises(ValueError, match="overlap"):
        list(tiles(100, 100, 10, overlap))
