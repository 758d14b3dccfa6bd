"""Laws of every method that is solved from a trimap."""

from __future__ import annotations

import numpy as np
import pytest

from p3m_anon.evaluation.tables import paper_methods
from p3m_anon.methods.registry import METHODS, NETWORKS, Cost
from tests.methods.trimap_cases import Case, composite, real

SOLVED = sorted(METHODS.keys() - NETWORKS.keys())


@pytest.fixture(params=SOLVED)
def solve(request):
    return METHODS[request.param].solve


def agree(alpha, case, limit=0.12):
    """Known pixels kept, the right array, and no further from the truth than `limit` in the mean over the band."""
    assert alpha.dtype == np.float32
    assert alpha.shape == case.trimap.shape
    assert (alpha[case.trimap == 0] == 0).all()
    assert (alpha[case.trimap == 255] == 1).all()
    assert alpha.min() >= 0
    assert alpha.max() <= 1
    unknown = case.trimap == 128
    assert np.abs(alpha - case.alpha)[unknown].mean() < limit


def test_a_drawn_composite(solve, capfd):
    case = composite()
    before = case.rgb.copy(), case.trimap.copy()
    agree(solve(case.rgb, case.trimap), case)
    assert (case.rgb == before[0]).all()  # arguments are not written into
    assert (case.trimap == before[1]).all()
    assert capfd.readouterr().out == ""


def test_the_same_again(solve):
    case = composite(30, 34)
    assert (solve(case.rgb, case.trimap) == solve(case.rgb, case.trimap)).all()


def test_all_known(solve):
    case = composite()
    trimap = np.where(case.alpha > 0.5, 255, 0).astype(np.uint8)
    assert (solve(case.rgb, trimap) == trimap / 255).all()
    assert (solve(case.rgb, np.full_like(trimap, 255)) == 1).all()


@pytest.mark.parametrize("sure", [(), (0,), (255,)], ids=["nothing", "background only", "foreground only"])
def test_nothing_says_what_is_what(solve, sure):
    case = composite()
    trimap = np.full_like(case.trimap, 128)
    for number, value in enumerate(sure):
        trimap[number] = value
    with pytest.raises(ValueError, match=r"trimap has unknown pixels but none of (fore|back)ground"):
        solve(case.rgb, trimap)


@pytest.mark.parametrize(
    ("rgb", "trimap", "words"),
    [
        (np.zeros((8, 8, 3)), np.zeros((8, 8), np.uint8), "rgb must be uint8"),
        (np.zeros((8, 8, 3), np.uint8), np.zeros((8, 9), np.uint8), r"trimap must be uint8 \(8, 8\)"),
        (np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8)), "trimap must be uint8"),
        (np.zeros((8, 8, 3), np.uint8), np.full((8, 8), 127, np.uint8), "values 0, 128 and 255"),
        (np.zeros((2, 8, 3), np.uint8), np.zeros((2, 8), np.uint8), "at least 3 x 3"),
    ],
)
def test_other_arrays(solve, rgb, trimap, words):
    with pytest.raises(ValueError, match=words):
        solve(rgb, trimap)


def test_unknown_at_the_border_and_in_the_corners(solve):
    whole = composite(80, 90)
    case = Case(*(np.ascontiguousarray(one[14:60, 20:66]) for one in whole))
    assert (case.trimap[0] == 128).any()
    assert (case.trimap[:, 0] == 128).any()
    agree(solve(case.rgb, case.trimap), case)


def test_separated_unknown_areas(solve):
    left, right = composite(seed=1), composite(seed=2)
    case = Case(*(np.concatenate(pair, axis=1) for pair in zip(left, right, strict=True)))
    agree(solve(case.rgb, case.trimap), case)


def test_unknown_with_nothing_but_background_around(solve):
    case = composite()
    trimap = np.zeros_like(case.trimap)
    trimap[2:8, 2:8] = 128
    trimap[28:32, 34:38] = 255
    alpha = solve(case.rgb, trimap)
    assert alpha[2:8, 2:8].max() < 0.1


def test_a_constant_picture_has_a_finite_matte(solve):
    case = composite()
    alpha = solve(np.full_like(case.rgb, 90), case.trimap)
    assert np.isfinite(alpha).all()
    assert (alpha[case.trimap == 255] == 1).all()


def test_registered():
    titles = {one.title for one in paper_methods().values()}
    for name in SOLVED:
        method = METHODS[name]
        assert method.needs_trimap
        assert method.title in titles
        assert method.paper
        assert name not in paper_methods() or paper_methods()[name].title == method.title


def test_what_a_picture_costs():
    cost = Cost(bytes=(8, 1900), microseconds=(1, 2))
    assert cost.memory(1000, 100) == 8 * 1000 + 1900 * 100
    for name in ("closed_form", "learning_based", "knn", "knn_hsv"):
        measured = METHODS[name].cost
        assert measured is not None
        assert measured.memory(10**6, 70_000) > 10**8


@pytest.fixture(params=["global_sampling", "information_flow", "shared_sampling"])
def own(request):
    """Those that no library is a reference for."""
    return METHODS[request.param].solve


def errors(solve, case):
    """The mean error of a method and of closed form, in the unknown area."""
    unknown = case.trimap == 128
    mattes = (way(case.rgb, case.trimap) for way in (solve, METHODS["closed_form"].solve))
    return [np.abs(alpha - case.alpha)[unknown].mean() for alpha in mattes]


def test_not_far_behind_closed_form(own):
    for seed in range(3):
        ours, theirs = errors(own, composite(seed=seed))
        assert ours < 1.5 * theirs


@pytest.mark.shared
@pytest.mark.parametrize("name", ["p_22fc0130", "p_818e689d"])
def test_real_pictures(shared_data, own, name):
    ours, theirs = errors(own, real(shared_data, name, 3))
    assert ours < 1.5 * theirs
