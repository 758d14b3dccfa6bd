"""What samples are made by; saved with every run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Recipe = Literal["paper", "official"]
SMALLEST_SIZE = 32
"""Pixels; the losses need as many."""


@dataclass(frozen=True)
class SampleSettings:
    """How a picture becomes a sample.

    seed: of every draw. size: side in pixels of what the network gets. crops: sides in pixels of the square that is
    cut out, drawn with equal chances; one that a picture does not hold becomes smaller. kernels: smallest and largest
    kernel of the trimap, pixels of the picture before it is resized, both ends included. recipe: see
    `training.samples`. composition: samples carry foreground and background, from files or else estimated.
    """

    seed: int = 0
    size: int = 512
    crops: tuple[int, ...] = (512, 768, 1024)
    kernels: tuple[int, int] = (15, 30)
    recipe: Recipe = "paper"
    composition: bool = False

    def __post_init__(self) -> None:
        """Raises ValueError for values that make no sample."""
        if self.seed < 0:
            raise ValueError(f"seed must not be negative, got {self.seed}")
        if self.size < SMALLEST_SIZE:
            raise ValueError(f"size must be at least {SMALLEST_SIZE}, got {self.size}")
        if not self.crops or min(self.crops) < 1:
            raise ValueError(f"crops must be sides of at least 1 pixel, got {self.crops}")
        if not 1 <= self.kernels[0] <= self.kernels[1]:
            raise ValueError(f"kernels must be smallest and largest, at least 1, got {self.kernels}")
        if self.recipe not in get_args(Recipe):
            raise ValueError(f"recipe must be one of {', '.join(get_args(Recipe))}, got {self.recipe!r}")
