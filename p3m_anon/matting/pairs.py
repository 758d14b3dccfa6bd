"""What the metrics compare: a predicted matte, the true alpha and the trimap; and the checks of all three."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from p3m_anon.matting.trimap import BACKGROUND, FOREGROUND, UNKNOWN

if TYPE_CHECKING:
    from typing import TypeAlias

    from p3m_anon.matting.trimap import Trimap

    Matte: TypeAlias = npt.NDArray[np.float32] | npt.NDArray[np.float64]  # (H, W), [0, 1]


def check_pair(prediction: Matte, alpha: Matte) -> None:
    """Raise ValueError unless both are float32 or float64 (H, W) of one size, not empty, and within [0, 1]."""
    for name, matte in (("prediction", prediction), ("alpha", alpha)):
        if matte.ndim != 2 or matte.dtype not in (np.float32, np.float64) or not matte.size:
            raise ValueError(f"{name} must be float32 or float64 (H, W), got {matte.dtype} {matte.shape}")
        low, high = float(matte.min()), float(matte.max())
        if not (low >= 0 and high <= 1):  # also for nan, which both carry on
            raise ValueError(f"{name} must lie within [0, 1] and hold no nan, got {low:g} to {high:g}")
    if prediction.shape != alpha.shape:
        raise ValueError(f"prediction must be {alpha.shape} as alpha is, got {prediction.shape}")


def check_trimap(trimap: Trimap, size: tuple[int, ...]) -> None:
    """Raise ValueError unless it is uint8 of `size`, (H, W), and holds nothing but 0, 128 and 255."""
    if trimap.dtype != np.uint8 or trimap.shape != size:
        raise ValueError(f"trimap must be uint8 {size} as the mattes are, got {trimap.dtype} {trimap.shape}")
    known = sum(int(np.count_nonzero(trimap == value)) for value in (BACKGROUND, UNKNOWN, FOREGROUND))
    if known != trimap.size:
        raise ValueError(f"trimap must hold 0, 128 and 255 only; {trimap.size - known} pixels have another value")


def restricted(prediction: Matte, trimap: Trimap) -> Matte:
    """A copy of `prediction` that is 1 where the trimap says foreground and 0 where it says background.

    What remains of a method that is given the trimap, or is scored as if it were: only the transition region is its
    own. prediction: float32 or float64 (H, W); trimap: uint8 (H, W) with 0, 128 and 255. Raises ValueError if not.
    """
    check_trimap(trimap, prediction.shape)
    out = prediction.copy()
    out[trimap == FOREGROUND] = 1
    out[trimap == BACKGROUND] = 0
    return out
