"""Pairs shared among neighbours and their means, against arrays."""

from __future__ import annotations

import math

import numpy as np
import pytest

from p3m_anon.methods.sampling import colours_of, disk, mix_error, pair_alpha
from p3m_anon.methods.shared_pairs import AVERAGED, SMOOTHED, Shared, best_around, share, smooth
from p3m_anon.methods.shared_rays import gather
from p3m_anon.methods.unknown_area import unknown_area
from tests.methods.trimap_cases import composite


@pytest.fixture(scope="module")
def case():
    return composite(24, 28)


@pytest.fixture(scope="module")
def area(case):
    return unknown_area(case.rgb, case.trimap)


@pytest.fixture(scope="module")
def colours(case):
    return colours_of(case.rgb)


def test_the_best_pairs_around(area, colours):
    gathered, steps = gather(colours, area), disk(60)
    chosen, errors = np.empty(AVERAGED, np.int64), np.empty(AVERAGED)
    for number in range(0, len(area.pixels), 11):
        y, x = divmod(int(area.pixels[number]), 28)
        found = best_around(colours, area.index, y, x, gathered, steps, chosen, errors)
        near = [
            other
            for other, pixel in enumerate(area.pixels)
            if math.dist(divmod(int(pixel), 28), (y, x)) ** 2 <= 60 / math.pi and gathered.paired[other]
        ]
        every = sorted(mix_error(colours[y, x], gathered.foreground[o], gathered.background[o]) for o in near)
        assert errors[:found] == pytest.approx(every[:AVERAGED])


def slow_smoothed(case, area, colours, shared, number):
    """Sections 4.3's sums for one pixel, with arrays."""
    places = np.argwhere(np.ones(case.trimap.shape, bool))
    y, x = divmod(int(area.pixels[number]), 28)
    square = ((places - (y, x)) ** 2).sum(axis=1)
    places, square = places[square <= SMOOTHED / math.pi], square[square <= SMOOTHED / math.pi]
    others = area.index[tuple(places.T)]
    near = np.exp(-square / (2 * SMOOTHED / (9 * math.pi)))
    known, near_u, u = others < 0, near[others >= 0], others[others >= 0]
    alpha, trust = shared.alpha[u], shared.trust[u]
    weight = near_u * trust * np.where(u == number, 1, np.abs(alpha - shared.alpha[number]))
    f = (weight * alpha) @ shared.foreground[u] / (weight * alpha).sum()
    b = (weight * (1 - alpha)) @ shared.background[u] / (weight * (1 - alpha)).sum()
    mixed = trust * alpha * (1 - alpha)
    usual = mixed @ np.linalg.norm(shared.foreground[u] - shared.background[u], axis=1) / mixed.sum()
    sure = min(1, np.linalg.norm(f - b) / usual) * math.exp(-10 * mix_error(colours[y, x], f, b))
    is_foreground = case.trimap[tuple(places[known].T)] == 255
    mean = (near_u @ (trust * alpha) + is_foreground.sum()) / (near_u @ trust + known.sum())
    return sure * pair_alpha(colours[y, x], f, b) + (1 - sure) * mean, sure


def test_smoothing(case, area, colours):
    rng = np.random.default_rng(3)
    count = len(area.pixels)
    shared = Shared(rng.random((count, 3)), rng.random((count, 3)), rng.random(count), rng.random(count))
    alpha, trust = smooth(colours, area, shared)
    for number in range(0, count, 13):
        assert (alpha[number], trust[number]) == pytest.approx(slow_smoothed(case, area, colours, shared, number))


def test_shared_pairs_say_what_they_found(area, colours):
    shared = share(colours, area, gather(colours, area))
    for number in np.flatnonzero(shared.trust)[::17]:
        y, x = divmod(int(area.pixels[number]), 28)
        ends = shared.foreground[number], shared.background[number]
        assert shared.alpha[number] == pytest.approx(pair_alpha(colours[y, x], *ends))
    assert (shared.trust > 0.5).mean() > 0.5


def test_no_pair_no_trust(area, colours):
    gathered = gather(colours, area)
    shared = share(colours, area, gathered._replace(paired=np.zeros_like(gathered.paired)))
    assert not shared.trust.any()
    alpha, trust = smooth(colours, area, shared)
    assert not trust.any()
    assert np.isfinite(alpha).all()
