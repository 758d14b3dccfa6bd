"""The metrics as P3M's published code defines them, transcribed from their description: whole pictures, step by step.

Slow on purpose nowhere: the tests compare our own with it, and tools/bench_metrics.py measures our own against it.
"""

from __future__ import annotations

import itertools

import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.measure import label

NAMES = ("sad", "mse", "mad", "sad_trimap", "mse_trimap", "mad_trimap", "sad_fg", "sad_bg", "grad", "conn")
"""Of the golden file, in the order of `Scores`."""


def whole(prediction, alpha):
    """SAD, MSE, MAD."""
    difference = prediction - alpha
    return np.abs(difference).sum() / 1000, np.square(difference).mean(), np.abs(difference).mean()


def transition(prediction, alpha, trimap):
    """SAD-T, MSE-T, MAD-T: known pixels overwritten, means over the unknown ones."""
    prediction = prediction.copy()
    prediction[trimap == 255] = 1
    prediction[trimap == 0] = 0
    difference = prediction - alpha
    total, squares, count = np.abs(difference).sum(), np.square(difference).sum(), np.sum(trimap == 128)
    return total / 1000, *((squares / count, total / count) if count else (np.nan, np.nan))


def known(prediction, alpha, trimap):
    """SAD-FG, SAD-BG."""
    difference = np.abs(prediction - alpha)
    return difference[trimap == 255].sum() / 1000, difference[trimap == 0].sum() / 1000


def gradient(prediction, alpha):
    """GRAD: a float32 Gaussian-derivative filter of sigma 1.4 along each axis."""

    def magnitude(matte):
        along_y, along_x = (gaussian_filter(matte, 1.4, order=order, output=np.float32) for order in ([1, 0], [0, 1]))
        return np.sqrt(along_x**2 + along_y**2)

    return float(np.square(magnitude(prediction) - magnitude(alpha)).sum() / 10)


def connectivity(prediction, alpha):
    """CONN: all pieces of the whole picture labelled at each threshold."""
    thresholds = np.arange(0, 1.1, 0.1)
    level = np.full(prediction.shape, -1, np.float32)
    for before, threshold in itertools.pairwise(thresholds):
        pieces = label((prediction >= threshold) & (alpha >= threshold), connectivity=1)
        areas = np.bincount(pieces.ravel())[1:]
        if not areas.size:
            continue
        core = pieces == 1 + areas.argmax()
        level[(level == -1) & ~core] = before
    level[level == -1] = 1
    beyond_prediction, beyond_alpha = prediction - level, alpha - level
    connection_prediction = 1 - beyond_prediction * (beyond_prediction >= 0.15)
    connection_alpha = 1 - beyond_alpha * (beyond_alpha >= 0.15)
    return float(np.abs(connection_prediction - connection_alpha).sum() / 1000)


def everything(prediction, alpha, trimap):
    """All ten, in the order of `NAMES`."""
    parts = *whole(prediction, alpha), *transition(prediction, alpha, trimap), *known(prediction, alpha, trimap)
    return *map(float, parts), gradient(prediction, alpha), connectivity(prediction, alpha)
