"""How a picture is cut into overlapping tiles, and how they are put together again without a seam."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

TILE = 1280  # pixels on a side, in which a pass takes about 2 GB at float32
CONTEXT = 160  # at each cut, seen by the network and thrown away: what it gives there lacks half of its surroundings
BLEND = 96  # over which one tile goes over into the next


@dataclass(frozen=True, eq=False)
class Span:
    """A tile along one axis. weights: float32 (stop - start,), in [0, 1]; at each place those of all spans sum to 1."""

    start: int
    stop: int
    weights: npt.NDArray[np.float32]

    @property
    def part(self) -> slice:
        """Its pixels."""
        return slice(self.start, self.stop)


def spans(length: int, tile: int = TILE, context: int = CONTEXT, blend: int = BLEND) -> list[Span]:
    """The tiles along an axis of `length` pixels, in order; a single one where the whole fits.

    The last one ends with the picture, so that none is padded: its start is a multiple of 32 if `length`, `tile` and
    tile - 2 context - blend are. Towards the picture's own border nothing is thrown away. Raises ValueError where a
    tile would hold nothing but overlap.
    """
    step = tile - 2 * context - blend
    if step < 1 or blend < 1 or context < 0:
        raise ValueError(f"tiles of {tile} pixels are all overlap with context {context} and blend {blend}")
    if length <= tile:
        return [Span(0, length, np.ones(length, np.float32))]
    starts = [*range(0, length - tile, step), length - tile]
    ramp = np.concatenate((np.zeros(context), (np.arange(blend) + 0.5) / blend))
    weights = np.ones((len(starts), tile))
    weights[1:, : len(ramp)] *= ramp
    weights[:-1, -len(ramp) :] *= ramp[::-1]
    total = np.zeros(length)
    for start, weight in zip(starts, weights, strict=True):
        total[start : start + tile] += weight
    return [
        Span(start, start + tile, (weight / total[start : start + tile]).astype(np.float32))
        for start, weight in zip(starts, weights, strict=True)
    ]
