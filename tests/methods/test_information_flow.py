"""Information-flow matting as a whole; its flows have tests of their own."""

from __future__ import annotations

import numpy as np
import pytest

from p3m_anon.methods import closed_form
from p3m_anon.methods.information_flow import solve
from tests.methods.trimap_cases import composite, real


def test_golden():
    case = composite()
    unknown = case.trimap == 128
    assert np.abs(solve(case.rgb, case.trimap) - case.alpha)[unknown].mean() == pytest.approx(0.0393, abs=1e-3)


def errors(case):
    """The mean error of this method and of closed form, in the unknown area."""
    unknown = case.trimap == 128
    mattes = (way(case.rgb, case.trimap) for way in (solve, closed_form.solve))
    return [np.abs(alpha - case.alpha)[unknown].mean() for alpha in mattes]


def test_not_far_behind_closed_form():
    for seed in range(3):
        ours, theirs = errors(composite(seed=seed))
        assert ours < 1.5 * theirs


@pytest.mark.shared
@pytest.mark.parametrize("name", ["p_22fc0130", "p_818e689d"])
def test_real_pictures(shared_data, name):
    ours, theirs = errors(real(shared_data, name, 3))
    assert ours < 1.5 * theirs
