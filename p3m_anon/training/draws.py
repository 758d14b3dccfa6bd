"""All that is random about training: what is done to a picture, and in which order pictures come.

Everything follows from (seed, epoch, index) through numpy's SeedSequence and Philox, and nothing else: no state is kept
between samples, so that workers, ranks and a resumed run draw alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.training.settings import SampleSettings

_ORDER, _SAMPLE, _SUBSTITUTE = range(3)


@dataclass(frozen=True)
class Draw:
    """What is random about one sample, before anything is known about its picture.

    crop: side in pixels. on_transition: the crop is placed by a pixel of the transition, if there is one. x, y: where
    it is placed otherwise, in [0, 1) of the places there are. anchor: which pixel of the transition, in [0, 1) of them
    in raster order. flip: mirrored, left to right. kernel: of the trimap, in pixels.
    """

    crop: int
    on_transition: bool
    x: float
    y: float
    anchor: float
    flip: bool
    kernel: int


def draw(seed: int, epoch: int, index: int, settings: SampleSettings) -> Draw:
    """The draw of one picture in one epoch. index: of its row. Raises ValueError for negative numbers."""
    chance = _generator(seed, epoch, _SAMPLE, index)
    x, y, anchor = chance.random(3).tolist()
    crop = settings.crops[int(chance.integers(len(settings.crops)))]
    on_transition, flip = (chance.random(2) < 0.5).tolist()
    kernel = int(chance.integers(settings.kernels[0], settings.kernels[1], endpoint=True))
    return Draw(crop, on_transition, x, y, anchor, flip, kernel)


def order(seed: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    """The order in which an epoch goes through `count` pictures: a permutation of 0..count-1, int64."""
    return _generator(seed, epoch, _ORDER).permutation(count)


def substitutes(seed: int, epoch: int, index: int, count: int, tries: int) -> list[int]:
    """Indices to try, in this order, in the place of a picture that cannot be read; none is `index` itself."""
    chance = _generator(seed, epoch, _SUBSTITUTE, index)
    return [int((index + step) % count) for step in chance.integers(1, count, tries)] if count > 1 else []


def _generator(seed: int, *key: int) -> np.random.Generator:
    """Numbers of a key have their own places: (1, 2) and (1, 2, 0) do not draw alike."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(seed, spawn_key=(len(key), *key))))
