"""SAD, MSE and MAD of a predicted matte: over the whole picture, its transition region, its foreground, its background.

Units are those of the paper's tables: SAD is divided by 1000, MSE and MAD are means. `prediction` and `alpha` are
float32 or float64 (H, W) in [0, 1]; `trimap` is uint8 (H, W) with 0 background, 128 unknown (the transition region) and
255 foreground. Sums are float64. All raise ValueError for other arrays, and for nan or infinity in them.
GRAD is in gradient.py, CONN in connectivity.py, and all of one pair at once in scores.py.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from p3m_anon.matting.pairs import check_pair, check_trimap, restricted
from p3m_anon.matting.trimap import BACKGROUND, FOREGROUND, UNKNOWN

if TYPE_CHECKING:
    from p3m_anon.matting.pairs import Matte
    from p3m_anon.matting.trimap import Trimap


def sad(prediction: Matte, alpha: Matte) -> float:
    """Sum of absolute differences, in thousands."""
    return float(_differences(prediction, alpha).sum()) / 1000


def mse(prediction: Matte, alpha: Matte) -> float:
    """Mean squared error."""
    return float(np.square(_differences(prediction, alpha)).mean())


def mad(prediction: Matte, alpha: Matte) -> float:
    """Mean absolute difference."""
    return float(_differences(prediction, alpha).mean())


def sad_transition(prediction: Matte, alpha: Matte, trimap: Trimap) -> float:
    """SAD-T: sum of absolute differences after `restricted`, in thousands.

    As in the published code the sum runs over all pixels: known ones count with the difference between the
    trimap and alpha, which is not 0 where alpha is not exactly 0 or 1.
    """
    return float(_differences(prediction, alpha, trimap).sum()) / 1000


def mse_transition(prediction: Matte, alpha: Matte, trimap: Trimap) -> float:
    """MSE-T: squared differences summed as in `sad_transition`, over the number of unknown pixels; nan without any."""
    return share(float(np.square(_differences(prediction, alpha, trimap)).sum()), trimap)


def mad_transition(prediction: Matte, alpha: Matte, trimap: Trimap) -> float:
    """MAD-T: absolute differences summed as in `sad_transition`, over the number of unknown pixels; nan without any."""
    return share(float(_differences(prediction, alpha, trimap).sum()), trimap)


def sad_foreground(prediction: Matte, alpha: Matte, trimap: Trimap) -> float:
    """SAD-FG: sum of absolute differences where the trimap says foreground, in thousands; 0 without such pixels."""
    check_trimap(trimap, alpha.shape)
    return float(_differences(prediction, alpha)[trimap == FOREGROUND].sum()) / 1000


def sad_background(prediction: Matte, alpha: Matte, trimap: Trimap) -> float:
    """SAD-BG: sum of absolute differences where the trimap says background, in thousands; 0 without such pixels."""
    check_trimap(trimap, alpha.shape)
    return float(_differences(prediction, alpha)[trimap == BACKGROUND].sum()) / 1000


def share(total: float, trimap: Trimap) -> float:
    """A sum over the number of unknown pixels; nan without any."""
    unknown = int(np.count_nonzero(trimap == UNKNOWN))
    return total / unknown if unknown else math.nan


def _differences(prediction: Matte, alpha: Matte, trimap: Trimap | None = None) -> npt.NDArray[np.float64]:
    """Absolute ones, float64 (H, W); of the restricted prediction if a trimap is given."""
    check_pair(prediction, alpha)
    if trimap is not None:
        prediction = restricted(prediction, trimap)
    return np.abs(np.subtract(prediction, alpha, dtype=np.float64))
