"""Global sampling: its golden number, its candidates, its cost, its trust, and its search against trying all pairs."""

from __future__ import annotations

import numpy as np
import pytest

from p3m_anon.methods.global_sampling import EXPANSION, _search, pair_cost, samples, solve, trust
from p3m_anon.methods.sampling import colours_of, expand_known, laplacian_refine, pair_alpha
from p3m_anon.methods.unknown_area import unknown_area
from tests.methods.trimap_cases import composite


def scene(case):
    area = unknown_area(case.rgb, case.trimap)
    return area, samples(case.rgb, area.foreground), samples(case.rgb, ~area.unknown & ~area.foreground)


def slow_costs(case, y, x, foreground, background):
    """Of all pairs, (F, B), by the formulas as they stand."""
    colour, f, b = case.rgb[y, x] / 255, foreground.colours.astype(float), background.colours.astype(float)
    shares = np.linspace(0, 1, 1001)[:, None, None, None]
    mixed = shares * f[:, None] + (1 - shares) * b
    costs = 255 * np.linalg.norm(colour - mixed, axis=-1).min(axis=0)
    for side, shape in ((foreground, (-1, 1)), (background, (1, -1))):
        away = np.hypot(side.places[:, 0] - y, side.places[:, 1] - x)
        costs = costs + (away / away.min()).reshape(shape)
    return costs


def test_golden():
    case = composite()
    unknown = case.trimap == 128
    assert np.abs(solve(case.rgb, case.trimap) - case.alpha)[unknown].mean() == pytest.approx(0.0399, abs=2e-3)


def test_samples_are_the_border_by_intensity():
    case = composite(24, 28)
    foreground = case.trimap == 255
    found = samples(case.rgb, foreground)
    expected = {
        (y, x) for y, x in np.argwhere(foreground) if not foreground[max(y - 1, 0) : y + 2, max(x - 1, 0) : x + 2].all()
    }
    assert {tuple(place) for place in found.places} == expected
    assert (np.diff(found.colours.sum(axis=1)) >= 0).all()
    assert (found.colours == colours_of(case.rgb)[tuple(found.places.T)]).all()
    y, x = np.argwhere(case.trimap == 128)[7]
    assert found.nearest[y, x] == pytest.approx(np.hypot(*(np.argwhere(foreground) - (y, x)).T).min(), rel=1e-5)


def test_costs_and_search_against_all_pairs():
    case = composite(24, 28)
    area, foreground, background = scene(case)
    colours = colours_of(case.rgb)
    pairs, found = _search(colours, area, foreground, background)
    better = []
    for number in range(0, len(area.pixels), 9):
        y, x = divmod(int(area.pixels[number]), 28)
        costs = slow_costs(case, y, x, foreground, background)
        cost = pair_cost(colours, y, x, foreground, background, pairs[number])
        assert cost == pytest.approx(costs[tuple(pairs[number])], abs=0.2)
        assert found[number] == pytest.approx(cost)
        better.append((costs < cost - 0.2).mean())
    assert np.mean(better) < 0.02  # of all pairs
    assert max(better) < 0.1


def test_the_laplacian_weighs_pairs_by_what_they_cost():
    case = composite(24, 28)
    area = expand_known(case.rgb, unknown_area(case.rgb, case.trimap), *EXPANSION)
    foreground, background = (samples(case.rgb, side) for side in (area.foreground, ~area.unknown & ~area.foreground))
    pairs, costs = _search(colours_of(case.rgb), area, foreground, background)
    own = case.rgb.reshape(-1, 3)[area.pixels] / 255
    colours = zip(own, foreground.colours[pairs[:, 0]], background.colours[pairs[:, 1]], strict=True)
    alpha = np.array([pair_alpha(*three) for three in colours])
    expected = area.matte(laplacian_refine(case.rgb, area, alpha, np.exp(-costs / 6)))
    assert np.abs(solve(case.rgb, case.trimap) - expected).max() < 1e-3


def test_of_two_pairs_that_fit_the_near_one_is_trusted():
    case = composite(24, 28)
    area, foreground, background = scene(case)
    y, x = divmod(int(area.pixels[len(area.pixels) // 2]), 28)
    twice = foreground._replace(
        places=np.array([[y, x + 3], [y, x + 9]], np.int32), colours=foreground.colours[[0, 0]]
    )  # one colour, three times as far
    twice.nearest[y, x] = 3
    costs = [pair_cost(colours_of(case.rgb), y, x, twice, background, (place, 0)) for place in (0, 1)]
    near, far = trust(np.array(costs))
    assert far / near == pytest.approx(np.exp(-2 / 6))
    assert trust(np.zeros(1)) == 1
