"""Rays and the best pair of what they meet, against walking and trying all."""

from __future__ import annotations

import math

import numpy as np
import pytest

from p3m_anon.methods.sampling import colours_of, mix_error, pair_alpha
from p3m_anon.methods.shared_rays import RAYS, best_pair, cast_rays, gather
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


def cast(colours, area, y, x):
    """Places and energies of what the rays met, one pair of lists per side."""
    places, energies = np.empty((2, RAYS, 2), np.int64), np.empty((2, RAYS))
    met = cast_rays(colours, area.index, area.foreground, y, x, places, energies)
    return places, energies, met


def slow_rays(case, colours, y, x):
    """The same with lists: walk each ray to the picture's border, then look at what was on it."""
    found = ([], [])
    for ray in range(RAYS):
        angle = 2 * math.pi * (ray + ((y % 3) * 3 + x % 3) / 9) / RAYS
        direction = np.array([math.sin(angle), math.cos(angle)])
        direction /= np.abs(direction).max()
        way = [np.round((y, x) + step * direction).astype(int) for step in range(60)]
        inside = [(0 <= place[0] < 24 and 0 <= place[1] < 28) for place in way]
        way = [tuple(place) for place in way[: inside.index(False)]]
        line = np.array([colours[place] for place in way], np.float64)
        energy = np.cumsum((np.diff(line, axis=0) ** 2).sum(axis=1)) / np.linalg.norm(direction)
        for side, value in enumerate((255, 0)):
            steps = [step for step, place in enumerate(way) if case.trimap[place] == value]
            if steps:
                found[side].append((way[steps[0]], energy[steps[0] - 1]))
    return found


def test_rays(case, area, colours):
    for pixel in area.pixels[::7]:
        y, x = divmod(int(pixel), 28)
        places, energies, met = cast(colours, area, y, x)
        for side, expected in enumerate(slow_rays(case, colours, y, x)):
            assert [tuple(place) for place in places[side, : met[side]]] == [place for place, _ in expected]
            assert energies[side, : met[side]] == pytest.approx([energy for _, energy in expected])


def slow_cost(colours, y, x, foreground, background, energies):
    """Equation 7 of one pair; foreground, background: places. energies: of all of either side."""
    f, b = colours[foreground].astype(float), colours[background].astype(float)
    probability = min(energies[1]) / (min(energies[0]) + min(energies[1]))
    around = [(v, u) for v in (y - 1, y, y + 1) for u in (x - 1, x, x + 1) if 0 <= v < 24 and 0 <= u < 28]
    fit = sum(mix_error(colours[place], f, b) ** 2 for place in around)
    alpha = pair_alpha(colours[y, x], f, b)
    doubt = probability * (1 - alpha) + (1 - probability) * alpha
    return fit**3 * doubt**2 * math.dist(foreground, (y, x)) * math.dist(background, (y, x)) ** 4


def test_the_best_pair_has_the_least_cost(area, colours):
    several = 0
    for pixel in area.pixels[::5]:
        y, x = divmod(int(pixel), 28)
        places, energies, met = cast(colours, area, y, x)
        if min(met) == 0:
            continue
        sides = [[tuple(place) for place in places[side, : met[side]]] for side in (0, 1)]
        known = [energies[side, : met[side]] for side in (0, 1)]
        costs = [[slow_cost(colours, y, x, f, b, known) for b in sides[1]] for f in sides[0]]
        first, second = best_pair(colours, y, x, places, energies, met)
        assert costs[first][second] == pytest.approx(np.min(costs))
        several += met[0] * met[1] > 1
    assert several > 10


def test_gathered_variance(area, colours):
    gathered = gather(colours, area)
    number = int(np.flatnonzero(gathered.paired)[3])
    y, x = divmod(int(area.pixels[number]), 28)
    places, energies, met = cast(colours, area, y, x)
    first, _ = best_pair(colours, y, x, places, energies, met)
    v, u = places[0, first]
    window = colours[max(v - 2, 0) : v + 3, max(u - 2, 0) : u + 3].reshape(-1, 3).astype(float)
    assert gathered.foreground[number] == pytest.approx(colours[v, u])
    assert gathered.variances[number, 0] == pytest.approx(((window - colours[v, u]) ** 2).sum(axis=1).mean(), rel=1e-5)
