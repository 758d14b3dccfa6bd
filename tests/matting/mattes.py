"""Pairs of mattes for the metrics' tests: those of the golden file, drawn again, and random ones."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from skimage.filters import gaussian
from skimage.morphology import dilation, erosion

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "metrics.json").read_text("utf-8"))
REAL = {"R1_blur3": "p_a09f6d7a", "R2_gamma1.5": "p_bd6af989"}
DRAWN = tuple(name for name in GOLDEN if name not in REAL)
PRECISIONS = ("float32", "float64")


def golden(name, precision):
    """The ten numbers of a case, in the order of the file, which is that of `Scores`."""
    return [float(value) for value in GOLDEN[name][f"{precision}_pred"].values()]


def drawn_pair(name):
    """Prediction float32, alpha float64, trimap uint8 of a case, or AssertionError if they are not those measured."""
    return checked(name, *DRAW[name]())


def real_pair(name, alphas):
    """The same for a case that starts from a real alpha in the folder `alphas`."""
    from PIL import Image

    levels = np.asarray(Image.open(alphas / f"{REAL[name]}.png"))
    alpha = levels / 255
    prediction = gaussian(alpha, sigma=3) if name == "R1_blur3" else alpha**1.5
    trimap = np.full(levels.shape, 128, np.uint8)
    trimap[by_rows_and_columns(erosion, levels == 255)] = 255
    trimap[~by_rows_and_columns(dilation, levels > 0)] = 0
    return checked(name, prediction, alpha, trimap)


def by_rows_and_columns(operation, mask, size=25):
    return operation(operation(mask, np.ones((1, size), bool)), np.ones((size, 1), bool))


def checked(name, prediction, alpha, trimap):
    prediction = prediction.astype(np.float32)
    for array, key in (
        (prediction, "sha256_pred32"),
        (np.round(alpha * 255).astype(np.uint8), "sha256_gt_u8"),
        (trimap, "sha256_trimap"),
    ):
        assert hashlib.sha256(array.tobytes()).hexdigest() == GOLDEN[name][key], f"{name}: {key} is another array"
    return prediction, alpha, trimap


def in_levels(matte):
    return np.round(255 * matte) / 255


def smooth(seed, height, width):
    matte = gaussian(np.random.default_rng(seed).random((height, width)), sigma=4)
    matte = (matte - matte.min()) / (matte.max() - matte.min())
    return in_levels(np.clip((matte - 0.3) / 0.4, 0, 1))


def disc(shape, y, x, radius):
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return ((rows - y) ** 2 + (columns - x) ** 2 <= radius**2).astype(float)


def noise(seed, shape):
    return np.random.default_rng(seed).standard_normal(shape)


def trimap_of(alpha, low=0.05, high=0.95):
    return np.where(alpha < low, 0, np.where(alpha > high, 255, 128)).astype(np.uint8)


def smooth_noise():
    alpha = smooth(401, 64, 96)
    return np.clip(alpha + 0.1 * noise(501, alpha.shape), 0, 1), alpha, trimap_of(alpha)


def all_zero():
    alpha = smooth(402, 64, 96)
    return np.zeros_like(alpha), alpha, trimap_of(alpha)


def equals_alpha():
    alpha = smooth(402, 64, 96)
    return alpha, alpha, trimap_of(alpha)


def no_transition():
    alpha = disc((80, 80), 40, 40, 25)
    return np.clip(0.8 * alpha + 0.1 + 0.1 * noise(504, alpha.shape), 0, 1), alpha, (255 * alpha).astype(np.uint8)


def three_blobs():
    blobs = sum(disc((60, 100), *place) for place in ((30, 20, 12), (30, 70, 12), (8, 45, 5)))
    alpha = in_levels(np.clip(gaussian(np.clip(blobs, 0, 1), sigma=1.5), 0, 1))
    return in_levels(alpha * np.linspace(0.35, 1, 100)), alpha, trimap_of(alpha)


def equal_blobs():
    alpha = disc((60, 100), 30, 20, 12) + disc((60, 100), 30, 70, 12)
    return 0.9 * alpha, alpha, (255 * alpha).astype(np.uint8)


def tiny():
    rng = np.random.default_rng(406)
    alpha = in_levels(rng.random((7, 9)))
    return rng.random((7, 9)), alpha, trimap_of(alpha, 0.2, 0.8)


DRAW = {
    "S1_smooth_noise": smooth_noise,
    "S2_pred_all_zero": all_zero,
    "S3_pred_equals_gt": equals_alpha,
    "S4_no_transition": no_transition,
    "S5_disconnected_blobs": three_blobs,
    "S5b_equal_area_tie": equal_blobs,
    "S6_tiny_7x9": tiny,
}


@st.composite
def pairs(draw):
    """Prediction, alpha and trimap: few levels, many on a threshold, in squares of one to four pixels."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    side = draw(st.integers(1, 4))
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    full = draw(st.floats(0, 1))
    levels = np.array([0, 0.1, 0.12, 0.15, 0.3, 0.31, 153 / 255, 0.7, 0.9, 1.0])

    def matte():
        coarse = np.where(rng.random((height, width)) < full, 1.0, rng.choice(levels, (height, width)))
        return coarse.repeat(side, 0).repeat(side, 1)

    prediction, alpha = matte().astype(draw(st.sampled_from(PRECISIONS))), matte()
    return prediction, alpha, rng.choice(np.array([0, 128, 255], np.uint8), alpha.shape)
