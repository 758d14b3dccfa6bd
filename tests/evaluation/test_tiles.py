"""Tiles cover a picture, and their weights sum to 1."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from p3m_anon.evaluation.tiles import BLEND, CONTEXT, TILE, spans


@pytest.mark.parametrize("length", [32, TILE, TILE + 32, TILE + 864, 4000, 6016, 20000])
def test_the_weights_of_all_tiles_sum_to_1(length: int) -> None:
    total = np.zeros(length)
    for span in spans(length):
        assert 0 <= span.start < span.stop <= length
        assert span.weights.min() >= 0
        total[span.part] += span.weights
    np.testing.assert_allclose(total, 1, atol=1e-6)


@pytest.mark.parametrize("length", [TILE + 32, 4000, 6016])
def test_tiles_are_of_one_size_on_the_network_s_grid(length: int) -> None:
    found = spans(length)
    assert {span.stop - span.start for span in found} == {TILE}
    assert all(span.start % 32 == 0 for span in found)
    assert (found[0].start, found[-1].stop) == (0, length)


def test_what_is_near_a_cut_counts_nothing_but_the_picture_s_border_counts() -> None:
    found = spans(6016)
    for left, right in itertools.pairwise(found):
        assert not left.weights[-CONTEXT:].any()
        assert not right.weights[:CONTEXT].any()
        assert left.stop - right.start >= 2 * CONTEXT + BLEND
    assert found[0].weights[0] == found[-1].weights[-1] == 1


def test_the_change_from_tile_to_tile_is_gradual() -> None:
    for span in spans(6016):
        assert abs(np.diff(span.weights)).max() <= 1 / BLEND + 1e-6


def test_a_tile_of_nothing_but_overlap_is_refused() -> None:
    with pytest.raises(ValueError, match="all overlap"):
        spans(1000, tile=256, context=96, blend=64)
