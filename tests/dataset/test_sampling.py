"""Spot checks: a fair draw, and bounds that hold."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p3m_anon.dataset.sampling import draw_sample, statement, upper_bound


@given(st.integers(0, 60), st.integers(1, 40), st.integers(0, 2**32))
def test_a_sample_is_a_part_of_the_items_in_their_order(count, size, seed):
    drawn = draw_sample(range(count), size, seed)
    assert len(drawn) == min(size, count)
    assert drawn == sorted(set(drawn))
    assert drawn == draw_sample(range(count), size, seed)


def test_every_item_has_the_same_chance():
    counts = Counter(item for seed in range(4000) for item in draw_sample(range(20), 5, seed))
    assert set(counts) == set(range(20))
    expected = 4000 * 5 / 20
    assert max(abs(n - expected) for n in counts.values()) < 5 * expected**0.5


def test_the_rule_of_three_when_none_is_missed():
    assert upper_bound(0, 300) == pytest.approx(0.01)
    assert upper_bound(0, 2) == 1.0


@pytest.mark.parametrize(("missed", "size"), [(1, 50), (3, 300), (10, 20), (19, 20)])
def test_the_bound_is_where_so_few_misses_become_unlikely(missed, size):
    """Clopper and Pearson's definition, by adding the binomial terms."""
    from math import comb

    p = upper_bound(missed, size)
    tail = sum(comb(size, k) * p**k * (1 - p) ** (size - k) for k in range(missed + 1))
    assert tail == pytest.approx(0.05, abs=1e-6)


def test_bounds_of_nonsense_are_refused():
    assert upper_bound(5, 5) == 1.0
    for missed, size in ((0, 0), (-1, 5), (6, 5)):
        with pytest.raises(ValueError):
            upper_bound(missed, size)
    with pytest.raises(ValueError):
        draw_sample([1], 0, 0)


def test_the_statement_says_numbers_and_confidence():
    assert "at most 1.00%" in statement(0, 300, 9000)
    assert "none" in statement(0, 300, 9000)
    assert "95 %" in statement(2, 300, 9000)
    assert statement(0, 20, 20).startswith("All 20 released pictures were looked at")
