"""Methods without weights behind the signature of all predictors."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from p3m_anon.errors import Stopped, UsageError
from p3m_anon.evaluation.predict import load_predictor
from p3m_anon.methods.registry import METHODS
from tests.methods.trimap_cases import composite


def test_it_is_the_methods_own_matte_whatever_the_strategy(monkeypatch):
    case = composite(30, 34)
    solve = METHODS["closed_form"].solve
    assert solve is not None
    one, other = (load_predictor("closed_form", strategy=strategy) for strategy in ("hybrid", "tiled"))
    assert one.digest == other.digest
    assert one.digest != load_predictor("learning_based").digest
    monkeypatch.setattr("p3m_anon.evaluation.solved.version", lambda _: "9.9")
    assert one.digest != load_predictor(one.name).digest
    assert (one.predict(case.rgb, case.trimap) == solve(case.rgb, case.trimap)).all()


def test_it_needs_a_trimap():
    with pytest.raises(ValueError, match="knn needs a trimap for each picture"):
        load_predictor("knn").predict(np.zeros((8, 8, 3), np.uint8))


def test_it_has_no_weights(tmp_path):
    with pytest.raises(UsageError, match="closed_form has no weights; leave out --checkpoint"):
        load_predictor("closed_form", tmp_path / "any.pth")


def test_numba_without_a_folder(monkeypatch):
    class Refuses:
        def find_spec(self, name, *_):
            if name == "pymatting":
                raise RuntimeError("cannot cache function: no locator available for file")

    monkeypatch.delitem(sys.modules, "pymatting", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Refuses(), *sys.meta_path])
    with pytest.raises(Stopped, match="NUMBA_CACHE_DIR"):
        load_predictor("closed_form")
