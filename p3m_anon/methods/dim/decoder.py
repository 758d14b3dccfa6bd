"""The decoder and the refinement stage (paper, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from p3m_anon.methods.dim.encoder import convolution


class Decoder(nn.Module):
    """Five 5x5 convolutions, each with ReLU, after unpooling to where the encoder's maxima were; one more to alpha."""

    def __init__(self, width: int = 64, *, batch_norm: bool = False) -> None:
        super().__init__()
        channels = (8 * width, 8 * width, 4 * width, 2 * width, width, width)
        pairs = pairwise(channels)
        self.layers = nn.ModuleList(convolution(*pair, 5, batch_norm=batch_norm) for pair in pairs)
        self.last = nn.Conv2d(width, 1, 5, padding=2)

    def forward(self, x: Tensor, places: Sequence[Tensor]) -> Tensor:
        """Logits of alpha, (B, 1, H, W).

        x: (B, 8C, h, w), the encoder's deepest. places: of its pools, the first pool first. With fewer of them than
        convolutions, the first convolutions come without unpooling.
        """
        first_unpooled = len(self.layers) - len(places)
        for number, layer in enumerate(self.layers):
            if number >= first_unpooled:
                x = unpool(x, places[len(self.layers) - 1 - number])
            x = layer(x).relu_()
        logits: Tensor = self.last(x)
        return logits


def unpool(pooled: Tensor, places: Tensor) -> Tensor:
    """Put every value back to where its maximum was; all other places are 0.

    pooled: (B, C, h, w). places: int64 of that shape, from a 2x2 max-pool. Returns (B, C, 2h, 2w). Windows that do not
    overlap write to every place at most once, so the result needs none of the care of `p3mnet.unpool`.
    """
    if not (torch.are_deterministic_algorithms_enabled() or torch.compiler.is_compiling()):
        return F.max_unpool2d(pooled, places, [2, 2])
    height, width = pooled.shape[-2:]  # the same: torch refuses max_unpool2d there, whatever the windows were
    unpooled = pooled.new_zeros((*pooled.shape[:2], 4 * height * width))
    return unpooled.scatter(2, places.flatten(2), pooled.flatten(2)).unflatten(2, (2 * height, 2 * width))


class Refinement(nn.Module):
    """Four 3x3 convolutions that look at the picture and the alpha so far, and say what is to be added to its logits.

    The paper adds to alpha itself; added to the logits, as mmagic does it, the sum stays in [0, 1].
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        pairs = ((4, width), (width, width), (width, width))
        self.layers = nn.ModuleList(nn.Conv2d(*pair, 3, padding=1) for pair in pairs)
        self.last = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, image: Tensor, logits: Tensor) -> Tensor:
        """image: (B, 3, H, W). logits: (B, 1, H, W), of alpha. Returns alpha (B, 1, H, W) in [0, 1]."""
        x = torch.cat([image, logits.sigmoid()], dim=1)
        for layer in self.layers:
            x = layer(x).relu_()
        alpha: Tensor = (logits + self.last(x)).sigmoid()
        return alpha
