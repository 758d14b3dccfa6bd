"""All metrics of one predicted matte at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from p3m_anon.matting.connectivity import connectivity_of_pair
from p3m_anon.matting.gradient import gradient_of_pair
from p3m_anon.matting.metrics import share
from p3m_anon.matting.pairs import check_pair, check_trimap
from p3m_anon.matting.trimap import BACKGROUND, FOREGROUND

if TYPE_CHECKING:
    from p3m_anon.matting.pairs import Matte
    from p3m_anon.matting.trimap import Trimap


_ROWS = 64  # at a time: they stay in the processor's cache, and memory does not grow with the picture


class Scores(NamedTuple):
    """One picture's metrics in the units of the paper's tables; metrics.py, gradient.py and connectivity.py say which.

    `_t` is the transition region (SAD-T and so on), `_fg` the trimap's foreground, `_bg` its background. `mse_t` and
    `mad_t` are nan where the trimap leaves nothing unknown.
    """

    sad: float
    mse: float
    mad: float
    sad_t: float
    mse_t: float
    mad_t: float
    sad_fg: float
    sad_bg: float
    grad: float
    conn: float


def score(prediction: Matte, alpha: Matte, trimap: Trimap) -> Scores:
    """Everything about one pair: the same numbers as one function at a time gives, shared work done once.

    prediction, alpha: float32 or float64 (H, W), [0, 1]; alpha best as `uint8 / 255` in float64 (connectivity.py says
    why). trimap: uint8 (H, W) with 0, 128 and 255. Raises ValueError for other arrays, and for nan or infinity.
    A method that is given the trimap is scored on `restricted(prediction, trimap)`.
    """
    check_pair(prediction, alpha)
    check_trimap(trimap, alpha.shape)
    sums = _sums(prediction, alpha, trimap)
    return Scores(
        sad=sums.whole / 1000,
        mse=sums.squares / alpha.size,
        mad=sums.whole / alpha.size,
        sad_t=sums.whole_t / 1000,
        mse_t=share(sums.squares_t, trimap),
        mad_t=share(sums.whole_t, trimap),
        sad_fg=sums.foreground / 1000,
        sad_bg=sums.background / 1000,
        grad=gradient_of_pair(prediction, alpha),
        conn=connectivity_of_pair(prediction, alpha),
    )


class _Sums(NamedTuple):
    """Absolute and squared differences over all pixels, before and after `restricted`, and where the trimap is sure."""

    whole: float
    squares: float
    whole_t: float
    squares_t: float
    foreground: float
    background: float


def _sums(prediction: Matte, alpha: Matte, trimap: Trimap) -> _Sums:
    totals = np.zeros(len(_Sums._fields))
    for top in range(0, len(alpha), _ROWS):
        rows = slice(top, top + _ROWS)
        p, a = prediction[rows].astype(np.float64), alpha[rows].astype(np.float64)
        foreground, background = trimap[rows] == FOREGROUND, trimap[rows] == BACKGROUND
        own = p.copy()
        own[foreground] = 1
        own[background] = 0
        totals += (
            cv2.norm(p, a, cv2.NORM_L1),
            cv2.norm(p, a, cv2.NORM_L2SQR),
            cv2.norm(own, a, cv2.NORM_L1),
            cv2.norm(own, a, cv2.NORM_L2SQR),
            cv2.norm(p, a, cv2.NORM_L1, foreground.view(np.uint8)),
            cv2.norm(p, a, cv2.NORM_L1, background.view(np.uint8)),
        )
    return _Sums(*totals.tolist())
