"""Alpha mattes of pictures, by a method with its weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from p3m_anon.arrays import check_rgb, reduced
from p3m_anon.errors import UsageError, WeightsError
from p3m_anon.evaluation.solved import Solver, load_solver
from p3m_anon.files.weights import digest
from p3m_anon.methods.registry import METHODS

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.evaluation.resize import Floats

STRATEGIES = ("hybrid", "resize", "full", "tiled")
PRECISIONS = ("float32", "bfloat16", "float16")
SHORT_SIDE = 1080
"""Pixels, to which the published code reduces the shorter side of own pictures, before `resize` and `hybrid`."""

VERSION = 1  # of how a matte is computed; mattes of another one are made again
_PUBLISHED = ("hybrid", "resize")


@dataclass(frozen=True)
class Predictor:
    """A method that is ready to run; for one thread at a time.

    digest: hex, of all that its mattes depend on but the picture. short_side: pixels; pictures whose shorter side is
    longer are reduced to it first, and their mattes enlarged; None for no limit.
    """

    digest: str
    run: Callable[[list[RGB]], list[Floats]]
    short_side: int | None = None

    def predict(self, rgb: RGB, trimap: npt.NDArray[np.uint8] | None = None) -> Floats:
        """Alpha, float32 (H, W) in [0, 1], of rgb, uint8 (H, W, 3), of any size.

        trimap: uint8 (H, W), 0, 128, 255, for methods that need one; the others do not look at it. Raises ValueError
        for another array, TooLarge where memory does not suffice, WeightsError for results that are not finite.
        """
        return self.predict_batch([rgb])[0]

    def predict_batch(self, images: list[RGB]) -> list[Floats]:
        """As `predict`, of several pictures of one size in one pass: quicker on a GPU. Equal up to rounding."""
        if len({check_rgb(one, "each of images").shape for one in images}) > 1:
            raise ValueError(f"images must be of one size, got {sorted({one.shape for one in images})}")
        if not images:
            return []
        height, width = images[0].shape[:2]
        if self.short_side is None or min(height, width) <= self.short_side:
            return self.run(images)
        from p3m_anon.evaluation.resize import resized

        factor = self.short_side / min(height, width)
        small = self.run([reduced(one, (round(factor * width), round(factor * height))) for one in images])
        return [np.clip(resized(one, (height, width)), 0, 1) for one in small]


def load_predictor(
    method: str,
    checkpoint: Path | None = None,
    *,
    strategy: str = "hybrid",
    device: str = "auto",
    precision: str = "float32",
    short_side: int | None = None,
) -> Predictor | Solver:
    """Load a method of METHODS with the weights in `checkpoint`; the first call imports torch.

    A method that is solved becomes a Solver: it has no checkpoint, and looks at none of the other arguments. Of a
    network:
    strategy: one of STRATEGIES. `hybrid` and `resize` give the published results; `full` and `tiled` do not distort,
    and `tiled` is bounded in memory. device: auto, cpu, cuda or cuda:N. precision: one of PRECISIONS, of the network's
    arithmetic; all but float32 change results a little. short_side: for `hybrid` and `resize`, see Predictor.
    Raises UsageError for what does not exist here, WeightsError for a file that is missing or of another network.
    """
    for name, value, known in (
        ("method", method, tuple(METHODS)),
        ("strategy", strategy, STRATEGIES),
        ("precision", precision, PRECISIONS),
    ):
        if value not in known:
            raise UsageError(f"--{name} {value} is not known; use {', '.join(known)}")
    if METHODS[method].solve is not None:
        if checkpoint is not None:
            raise UsageError(f"{method} has no weights; leave out --checkpoint")
        return load_solver(METHODS[method])
    if checkpoint is None:
        raise UsageError(
            f"{method} needs --checkpoint FILE: weights cannot be bundled; the README of github.com/JizhiziLi/P3M links"
            " the published ones, p3m-anon train makes others"
        )
    weights = _sha256(checkpoint)
    from p3m_anon.evaluation.passes import Passes, choose_device
    from p3m_anon.evaluation.strategies import STRATEGIES as BY_NAME
    from p3m_anon.methods.p3mnet.network import P3MNet
    from p3m_anon.methods.weights import load_network

    chosen = choose_device(device)
    network = load_network(method, checkpoint)
    assert isinstance(network, P3MNet)
    passes, apply = Passes(network, chosen, precision), BY_NAME[strategy]
    limit = short_side if strategy in _PUBLISHED else None
    parts = [method, weights, strategy, precision, chosen.type, limit, VERSION]
    return Predictor(
        hashlib.sha256(json.dumps(parts).encode()).hexdigest(), lambda images: apply(passes, images), limit
    )


def _sha256(checkpoint: Path) -> str:
    try:
        return digest(checkpoint)
    except OSError as error:
        raise WeightsError(f"{checkpoint}: cannot be read ({error.strerror or error})") from error
