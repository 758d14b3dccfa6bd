"""Alpha mattes of pictures, by a method with its weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.arrays import check_rgb, reduced
from p3m_anon.errors import UsageError, WeightsError
from p3m_anon.evaluation.solved import Solver, load_solver
from p3m_anon.files.weights import digest
from p3m_anon.methods.registry import METHODS, TWO_BRANCHES, Method

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.evaluation.resize import Floats
    from p3m_anon.matting.trimap import Trimap

STRATEGIES = TWO_BRANCHES  # a method has some of them
PRECISIONS = ("float32", "bfloat16", "float16")
SHORT_SIDE = 1080
"""Pixels, to which the published code reduces the shorter side of own pictures, before `resize` and `hybrid`."""

VERSION = 1  # of how a matte is computed; mattes of another one are made again
_PUBLISHED = ("hybrid", "resize")
_SMALLER = ("tiled", "resize")  # where memory does not suffice


@dataclass(frozen=True)
class Predictor:
    """A method that is ready to run; for one thread at a time.

    digest: hex, of all that its mattes depend on but the picture, and the trimap where it needs one. run: takes
    pictures and, if needs_trimap, their trimaps. short_side: pixels; pictures whose shorter side is longer are reduced
    to it first, and their mattes enlarged; None for no limit.
    """

    digest: str
    run: Callable[..., list[Floats]]
    short_side: int | None = None
    needs_trimap: bool = False

    def predict(self, rgb: RGB, trimap: Trimap | None = None) -> Floats:
        """Alpha, float32 (H, W) in [0, 1], of rgb, uint8 (H, W, 3), of any size.

        trimap: uint8 (H, W), 0, 128, 255, for methods that need one, whose alpha is 0 and 1 where it says so; the
        others do not look at it. Raises ValueError for another array, TooLarge where memory does not suffice,
        WeightsError for results that are not finite.
        """
        return self.predict_batch([rgb], None if trimap is None else [trimap])[0]

    def predict_batch(self, images: list[RGB], trimaps: list[Trimap] | None = None) -> list[Floats]:
        """As `predict`, of several pictures of one size in one pass: quicker on a GPU. Equal up to rounding."""
        if len({check_rgb(one, "each of images").shape for one in images}) > 1:
            raise ValueError(f"images must be of one size, got {sorted({one.shape for one in images})}")
        if not images:
            return []
        if self.needs_trimap:
            return self._with_trimaps(images, trimaps)
        size = images[0].shape[:2]
        smaller = self._smaller(size)
        if smaller is None:
            return self.run(images)
        from p3m_anon.evaluation.resize import resized

        small = self.run([reduced(one, smaller[::-1]) for one in images])
        return [np.clip(resized(one, size), 0, 1) for one in small]

    def _with_trimaps(self, images: list[RGB], trimaps: list[Trimap] | None) -> list[Floats]:
        from p3m_anon.evaluation.resize import resized
        from p3m_anon.evaluation.trimap_strategies import nearest
        from p3m_anon.matting.pairs import check_trimap, restricted

        if trimaps is None or len(trimaps) != len(images):
            raise ValueError("this method needs a trimap for each picture")
        size = images[0].shape[:2]
        for one in trimaps:
            check_trimap(one, size)
        smaller = self._smaller(size)
        if smaller is None:
            return self.run(images, trimaps)
        reduced_images = [reduced(one, smaller[::-1]) for one in images]
        small = self.run(reduced_images, [nearest(one, smaller) for one in trimaps])
        alphas = [np.clip(resized(one, size), 0, 1) for one in small]
        return [restricted(alpha, trimap) for alpha, trimap in zip(alphas, trimaps, strict=True)]  # type: ignore[misc]

    def _smaller(self, size: tuple[int, ...]) -> tuple[int, int] | None:
        """(h, w) to which pictures of this size are reduced first."""
        height, width = size
        if self.short_side is None or min(height, width) <= self.short_side:
            return None
        factor = self.short_side / min(height, width)
        return round(factor * height), round(factor * width)


def load_predictor(
    method: str,
    checkpoint: Path | None = None,
    *,
    strategy: str | None = None,
    device: str = "auto",
    precision: str = "float32",
    short_side: int | None = None,
) -> Predictor | Solver:
    """Load a method of METHODS with the weights in `checkpoint`; the first call imports torch.

    A method that is solved becomes a Solver: it has no checkpoint, and looks at none of the other arguments. Of a
    network:
    strategy: one of Method.strategies; None: its first. `hybrid` and `resize` are those of the published code of P3M
    and GFM; `full` and `tiled` do not distort, and `tiled` is bounded in memory. device: auto, cpu, cuda or cuda:N.
    precision: one of PRECISIONS, of the network's arithmetic; all but float32 change results a little. short_side: for
    `hybrid` and `resize`, see Predictor.
    Raises UsageError for what does not exist here, WeightsError for a file that is missing or of another network.
    """
    for name, value, known in (
        ("method", method, tuple(METHODS)),
        ("strategy", strategy or STRATEGIES[0], STRATEGIES),
        ("precision", precision, PRECISIONS),
    ):
        if value not in known:
            raise UsageError(f"--{name} {value} is not known; use {', '.join(known)}")
    chosen = METHODS[method]
    strategy = chosen.strategy(strategy)
    if chosen.solve is not None:
        if checkpoint is not None:
            raise UsageError(f"{method} has no weights; leave out --checkpoint")
        return load_solver(chosen)
    if checkpoint is None:
        theirs = f"{chosen.published} links the published ones, " if chosen.published else ""
        raise UsageError(
            f"{method} needs --checkpoint FILE: weights cannot be bundled; {theirs}p3m-anon train makes"
            f" {'others' if theirs else 'them'}"
        )
    weights = _sha256(checkpoint)
    from p3m_anon.devices import choose_device
    from p3m_anon.evaluation.passes import Passes
    from p3m_anon.methods.weights import load_network

    on = choose_device(device)
    smaller = tuple(one for one in _SMALLER if one in chosen.strategies and one != strategy)
    passes = Passes(load_network(method, checkpoint), on, precision, chosen.pixel_bytes, smaller)
    limit = short_side if strategy in _PUBLISHED else None
    parts = [method, weights, strategy, precision, on.type, limit, VERSION]
    if chosen.version > 1:  # mattes from before there were versions stay right
        parts.append(chosen.version)
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return Predictor(key, partial(strategy_of(chosen, strategy), passes), limit, chosen.needs_trimap)


def strategy_of(method: Method, name: str) -> Callable[..., list[Floats]]:
    """What takes passes, pictures and, for a method that needs them, trimaps; imports torch."""
    from p3m_anon.evaluation.strategies import STRATEGIES, hybrid
    from p3m_anon.evaluation.trimap_strategies import TRIMAP_STRATEGIES

    if name == "hybrid":
        return partial(hybrid, shares=method.hybrid)
    return TRIMAP_STRATEGIES[name] if method.needs_trimap else STRATEGIES[name]


def _sha256(checkpoint: Path) -> str:
    try:
        return digest(checkpoint)
    except OSError as error:
        raise WeightsError(f"{checkpoint}: cannot be read ({error.strerror or error})") from error
