"""Draws follow from (seed, epoch, index) and nothing else."""

from __future__ import annotations

from collections import Counter
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3m_anon.training.draws import draw, order, substitutes
from p3m_anon.training.settings import SampleSettings

SETTINGS = SampleSettings()
NUMBERS = st.integers(0, 2**40)
KNOWN = (512, False, False, 20, 0.8502883211426577, 0.8137653589609908, 0.816620698724033)
KNOWN_ORDER = [3, 4, 5, 1, 0, 2]


@given(NUMBERS, NUMBERS, NUMBERS)
@settings(deadline=None)
def test_the_same_numbers_draw_alike(seed, epoch, index):
    state = np.random.get_state()[1].tolist()
    assert draw(seed, epoch, index, SETTINGS) == draw(seed, epoch, index, SETTINGS)
    assert np.random.get_state()[1].tolist() == state


@given(NUMBERS, NUMBERS, NUMBERS)
@settings(deadline=None)
def test_every_number_counts(seed, epoch, index):
    """A shorter key, or one padded with zeros, would draw alike for neighbours."""
    keys = {(seed, epoch, index), (seed + 1, epoch, index), (seed, epoch + 1, index), (seed, epoch, index + 1)}
    assert len({astuple(draw(*key, SETTINGS)) for key in keys}) == len(keys)


def test_a_known_draw():
    """If this changes, so do all runs that are resumed."""
    known = draw(7, 3, 1234, SETTINGS)
    assert (known.crop, known.on_transition, known.flip, known.kernel) == KNOWN[:4]
    assert (known.x, known.y, known.anchor) == pytest.approx(KNOWN[4:], abs=1e-12)
    assert order(7, 3, 6).tolist() == KNOWN_ORDER


def test_shares():
    drawn = [draw(0, 0, index, SETTINGS) for index in range(3000)]
    crops = Counter(one.crop for one in drawn)
    assert set(crops) == {512, 768, 1024}
    assert all(900 < count < 1100 for count in crops.values())
    assert {one.kernel for one in drawn} == set(range(15, 31))
    for name in ("on_transition", "flip"):
        assert 1400 < sum(getattr(one, name) for one in drawn) < 1600
    for name in ("x", "y", "anchor"):
        values = [getattr(one, name) for one in drawn]
        assert min(values) >= 0
        assert max(values) < 1
        assert 0.48 < np.mean(values) < 0.52


@given(NUMBERS, NUMBERS, st.integers(1, 50))
@settings(deadline=None)
def test_an_epoch_is_a_permutation(seed, epoch, count):
    assert sorted(order(seed, epoch, count).tolist()) == list(range(count))


def test_epochs_and_seeds_have_orders_of_their_own():
    orders = {tuple(order(seed, epoch, 100).tolist()) for seed in range(5) for epoch in range(5)}
    assert len(orders) == 25


@given(NUMBERS, NUMBERS, st.integers(2, 20), st.data())
@settings(deadline=None)
def test_a_substitute_is_another_picture(seed, epoch, count, data):
    index = data.draw(st.integers(0, count - 1))
    found = substitutes(seed, epoch, index, count, 8)
    assert found == substitutes(seed, epoch, index, count, 8)
    assert len(found) == 8
    assert set(found) <= set(range(count)) - {index}


def test_there_is_none_for_the_only_picture():
    assert substitutes(0, 0, 0, 1, 8) == []
