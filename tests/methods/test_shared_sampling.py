"""Shared sampling as a whole; its steps have tests of their own."""

from __future__ import annotations

import numpy as np
import pytest

from p3m_anon.methods.shared_sampling import solve
from tests.methods.trimap_cases import composite


def test_golden():
    case = composite()
    unknown = case.trimap == 128
    assert np.abs(solve(case.rgb, case.trimap) - case.alpha)[unknown].mean() == pytest.approx(0.0393, abs=1e-3)
