"""Colours as mixtures of others: the weights of locally linear embedding (Roweis and Saul 2000), many at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from p3m_anon.methods.unknown_area import Floats

STEADINESS = 1e-6
"""Of the weights, in squared colour: without it they are not unique, as there are more neighbours than channels."""
_CHUNK = 16384  # colours at a time: 30 MB


def mixing_weights(colours: Floats, palette: Floats, chosen: npt.NDArray[np.integer]) -> Floats:
    """Weights, float64 (N, K) that sum to 1, with which some of `palette` (M, 3) mix each of `colours` (N, 3) best.

    chosen: (N, K), which ones. The weights minimise |c - sum_k w_k c_k|^2 + e |w|^2. With D = c_k - c in its columns
    they are (D^T D + e I)^-1 1, scaled; 1 - D^T (D D^T + e I)^-1 D 1 is the same, by an inverse of 3 x 3.
    """
    weights = np.empty(chosen.shape)
    for start in range(0, len(colours), _CHUNK):
        part = slice(start, start + _CHUNK)
        away = palette[chosen[part]] - colours[part, None]
        inner = away.transpose(0, 2, 1) @ away + STEADINESS * np.eye(3)
        weights[part] = 1 - (away @ np.linalg.solve(inner, away.sum(axis=1)[..., None]))[..., 0]
    weights /= weights.sum(axis=1, keepdims=True)
    return weights
