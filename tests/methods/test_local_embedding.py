"""Weights of locally linear embedding: their laws, and the matrix of K x K as the paper has it."""

from __future__ import annotations

import numpy as np
import pytest

from p3m_anon.methods.local_embedding import STEADINESS, mixing_weights


def lle(colour, neighbours):
    """By the matrix of K x K as the paper has it."""
    away = neighbours - colour
    weights = np.linalg.solve(away @ away.T + STEADINESS * np.eye(len(away)), np.ones(len(away)))
    return weights / weights.sum()


def test_weights_sum_to_one_and_mix_the_colour():
    rng = np.random.default_rng(0)
    palette, colours = rng.random((300, 3)), 0.3 + 0.4 * rng.random((50, 3))
    chosen = np.array([rng.permutation(300)[:20] for _ in colours])
    weights = mixing_weights(colours, palette, chosen)
    assert np.abs(weights.sum(axis=1) - 1).max() < 1e-12
    assert np.abs(np.einsum("nk,nkc->nc", weights, palette[chosen]) - colours).max() < 1e-5
    for number in range(50):
        assert weights[number] == pytest.approx(lle(colours[number], palette[chosen[number]]), abs=1e-8)


def test_weights_of_equal_neighbours_are_equal():
    palette = np.full((9, 3), 0.5)
    for colour in (0.5, 0.9):
        weights = mixing_weights(np.full((1, 3), colour), palette, np.arange(9)[None])
        assert weights[0] == pytest.approx(np.full(9, 1 / 9))
