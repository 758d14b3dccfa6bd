"""Batches as they leave the loader, and as losses want them."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from p3m_anon.methods.colours import DEVIATION, MEAN
from p3m_anon.methods.losses import Targets


class Replaced(NamedTuple):
    """A picture that could not be read (`id`, `problem` in one line), and the one that took its place."""

    id: str
    problem: str
    by: str


class Batch(NamedTuple):
    """Some samples, as bytes: a quarter of what floats take on the way from the workers and to the device.

    image, foreground, background: uint8 (B, 3, S, S), in memory channels last. alpha, trimap: uint8 (B, 1, S, S).
    ids: of the pictures that are shown, one each. replaced: with skip_bad, those that could not be read.
    """

    image: Tensor
    alpha: Tensor
    trimap: Tensor
    foreground: Tensor | None
    background: Tensor | None
    ids: list[str]
    replaced: list[Replaced]

    def to(self, device: torch.device | str) -> Batch:
        """The same on a device; does not wait for the copy if it is pinned."""

        def moved(one: Tensor) -> Tensor:
            return one.to(device, non_blocking=True)

        return self._replace(
            image=moved(self.image),
            alpha=moved(self.alpha),
            trimap=moved(self.trimap),
            foreground=None if self.foreground is None else moved(self.foreground),
            background=None if self.background is None else moved(self.background),
        )

    def targets(self) -> Targets:
        """As the losses want it, computed where the batch is: its `image` is what the network gets.

        image, layers: float32 (B, 3, S, S) in ImageNet-normalised colour, channels last. alpha: float32 (B, 1, S, S)
        in [0, 1]. trimap: uint8 (B, 1, S, S), 0..255.
        """
        foreground = None if self.foreground is None else normalised(self.foreground)
        background = None if self.background is None else normalised(self.background)
        return Targets(self.alpha / 255, self.trimap, normalised(self.image), foreground, background)


def normalised(colours: Tensor) -> Tensor:
    """uint8 (B, 3, H, W) -> float32, (c / 255 - MEAN) / DEVIATION, in one pass over the colours."""
    mean = colours.new_tensor(MEAN, dtype=torch.float32).view(1, 3, 1, 1)
    deviation = colours.new_tensor(DEVIATION, dtype=torch.float32).view(1, 3, 1, 1)
    return (colours - 255 * mean) / (255 * deviation)
