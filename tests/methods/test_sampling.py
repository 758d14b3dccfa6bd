"""What the sampling methods share, against slow and obvious references."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from p3m_anon.methods.closed_form import blocks
from p3m_anon.methods.registry import METHODS
from p3m_anon.methods.sampling import (
    DATA_WEIGHT,
    colours_of,
    disk,
    expand_known,
    laplacian_refine,
    mix_error,
    pair_alpha,
)
from p3m_anon.methods.unknown_area import unknown_area
from p3m_anon.methods.window_laplacian import window_system
from tests.methods.trimap_cases import composite


def colours(count, seed=0):
    return np.random.default_rng(seed).random((count, 3))


def test_pair_alpha_is_the_best_of_many():
    shares = np.linspace(0, 1, 2001)
    for colour, foreground, background in colours(60).reshape(-1, 3, 3):
        errors = np.linalg.norm(colour - shares[:, None] * foreground - (1 - shares[:, None]) * background, axis=1)
        assert pair_alpha(colour, foreground, background) == pytest.approx(shares[errors.argmin()], abs=6e-4)
        assert mix_error(colour, foreground, background) == pytest.approx(errors.min(), abs=1e-5)


def test_a_pair_of_equal_colours():
    one, other = colours(2)
    assert pair_alpha(one, other, other) == 0
    assert mix_error(one, other, other) == pytest.approx(np.linalg.norm(one - other))


def test_a_mix_is_found_again():
    foreground, background = colours(2)
    for alpha in (0.0, 0.25, 1.0):
        mixed = alpha * foreground + (1 - alpha) * background
        assert pair_alpha(mixed, foreground, background) == pytest.approx(alpha)
        assert mix_error(mixed, foreground, background) == pytest.approx(0, abs=1e-9)


def test_disk_is_nearest_first():
    steps = disk(200)
    square = (steps**2).sum(axis=1)
    assert (steps[0] == 0).all()
    assert (np.diff(square) >= 0).all()
    assert abs(len(steps) - 200) < 20
    assert len({tuple(step) for step in steps}) == len(steps)


def slowly_expanded(rgb, trimap, radius, levels, falloff):
    """The label of the nearest known pixel that is like enough, by trying all; None where several are as near."""
    out = {}
    known = np.argwhere(trimap != 128)
    for y, x in np.argwhere(trimap == 128):
        away = np.hypot(*(known - (y, x)).T)
        unlike = np.linalg.norm(rgb[tuple(known.T)].astype(float) - rgb[y, x], axis=1)
        like = (away <= radius) & (unlike <= levels - falloff * away)
        labels = set(trimap[tuple(known[like & (away == away[like].min())].T)]) if like.any() else {128}
        out[y, x] = labels.pop() if len(labels) == 1 else None
    return out


@pytest.mark.parametrize(("radius", "levels", "falloff"), [(4, 30.0, 0.0), (9, 40.0, 4.0), (1, 255.0, 0.0)])
def test_expand_known(radius, levels, falloff):
    case = composite(36, 40)
    area = expand_known(case.rgb, unknown_area(case.rgb, case.trimap), radius, levels, falloff)
    expected = slowly_expanded(case.rgb, case.trimap, radius, levels, falloff)
    changed = 0
    for (y, x), label in expected.items():
        if label is not None:
            assert area.unknown[y, x] == (label == 128)
            assert area.foreground[y, x] == (label == 255)
            changed += label != 128
    assert 20 < changed < len(expected)
    assert (area.foreground[case.trimap == 255]).all()
    assert not (area.unknown | area.foreground)[case.trimap == 0].any()


def test_refine_solves_its_equations():
    case = composite(24, 28)
    area = unknown_area(case.rgb, case.trimap)
    rng = np.random.default_rng(1)
    alpha, trust = rng.random(len(area.pixels)), rng.random(len(area.pixels))
    found = laplacian_refine(case.rgb, area, alpha, trust)
    matrix, right = window_system(case.rgb, area, blocks)
    left = matrix.toarray() + DATA_WEIGHT * np.diag(trust)
    assert np.abs(found - np.linalg.solve(left, right + DATA_WEIGHT * trust * alpha)).max() < 1e-4


def test_refine_without_trust_is_closed_form():
    from p3m_anon.methods.closed_form import solve

    case = composite(30, 34)
    area = unknown_area(case.rgb, case.trimap)
    nothing = np.zeros(len(area.pixels))
    found = area.matte(laplacian_refine(case.rgb, area, nothing, nothing))
    assert np.abs(found - solve(case.rgb, case.trimap)).max() < 1e-5


def test_colours_are_single_precision():
    found = colours_of(np.array([[[0, 51, 255]]], np.uint8))
    assert found.dtype == np.float32
    assert found.ravel() == pytest.approx([0, 0.2, 1])


@pytest.mark.parametrize("name", ["information_flow", "shared_sampling", "global_sampling"])
def test_the_same_on_many_threads(name):
    solve, cases = METHODS[name].solve, [composite(40, 44, seed) for seed in range(4)]
    alone = [solve(case.rgb, case.trimap) for case in cases]
    with ThreadPoolExecutor(4) as pool:
        together = pool.map(lambda case: solve(case.rgb, case.trimap), cases)
    assert all((one == other).all() for one, other in zip(alone, together, strict=True))
