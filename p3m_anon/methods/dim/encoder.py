"""The encoder: VGG-16 (Simonyan and Zisserman, ICLR 2015), whose max-pools remember where their maxima were."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from p3m_anon.methods.layers import ConvBN

GROUPS = (2, 2, 3, 3, 3)
"""Convolutions between the pools."""


class Encoded(NamedTuple):
    """Of pictures (B, inputs, H, W), with n pools and C = 64.

    deepest: (B, 8C, H/2^n, W/2^n). places: int64, where the maxima of the pools were, the first pool first; each of
    the shape of its pool's result.
    """

    deepest: Tensor
    places: tuple[Tensor, ...]


class Encoder(nn.Module):
    """Thirteen 3x3 convolutions, each with ReLU, in five groups.

    inputs: channels. width: channels at full size, 64 in VGG-16. pools: groups that a 2x2 max-pool follows, from the
    first on. batch_norm: after every convolution.
    """

    def __init__(self, inputs: int, width: int = 64, *, pools: int = len(GROUPS), batch_norm: bool = False) -> None:
        super().__init__()
        self.pools = pools
        self.groups = nn.ModuleList()
        for count, outputs in zip(GROUPS, (width, 2 * width, 4 * width, 8 * width, 8 * width), strict=True):
            channels = (inputs, *(outputs,) * count)
            pairs = pairwise(channels)
            self.groups.append(nn.ModuleList(convolution(*pair, 3, batch_norm=batch_norm) for pair in pairs))
            inputs = outputs

    def forward(self, x: Tensor) -> Encoded:
        """x: (B, inputs, H, W); H and W are multiples of 2^pools."""
        all_places = []
        for level, group in enumerate(self.groups):
            assert isinstance(group, nn.ModuleList)
            for layer in group:
                x = layer(x).relu_()
            if level < self.pools:
                x, places = F.max_pool2d(x, 2, return_indices=True)
                all_places.append(places)
        return Encoded(x, tuple(all_places))


def convolution(inputs: int, outputs: int, kernel: int, *, batch_norm: bool) -> nn.Module:
    """One that keeps the size, with bias. (B, inputs, H, W) -> (B, outputs, H, W), without an activation."""
    if batch_norm:
        return ConvBN(inputs, outputs, kernel, bias=True)
    return nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
