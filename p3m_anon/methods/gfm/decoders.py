"""What glances and what focuses (paper, section 4.2): two decoders of the same shape, fed from different places."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from p3m_anon.methods.gfm.encoder import Features
from p3m_anon.methods.layers import ConvBN, conv_block, enlarged

POOLS = (1, 3, 5)  # sides, of what the pyramid averages over


class PyramidPooling(nn.Module):
    """What is seen at a glance: averages over whole, thirds and fifths of the picture, beside the features themselves.

    (B, C, h, w) -> (B, C, h, w).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList(nn.Conv2d(channels, channels, 1, bias=False) for _ in POOLS)
        self.merge = nn.Conv2d((len(POOLS) + 1) * channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """With ReLU."""
        means = [stage(averages(x, side)) for stage, side in zip(self.stages, POOLS, strict=True)]
        size = x.shape[-2:]
        spread = [F.interpolate(one, size, mode="bilinear", align_corners=True) for one in means]
        merged: Tensor = self.merge(torch.cat([*spread, x], dim=1)).relu_()
        return merged


def averages(x: Tensor, side: int) -> Tensor:
    """Means over side x side windows that cover (B, C, h, w) evenly; they overlap where a side is not divisible."""
    return traced_averages(x, side) if torch.compiler.is_compiling() else F.adaptive_avg_pool2d(x, side)


def traced_averages(x: Tensor, side: int) -> Tensor:
    """The same as matrices: for ONNX, whose exporter takes the windows of its example for those of every size."""
    return _windows(x.shape[2], side, x) @ x @ _windows(x.shape[3], side, x).T


def _windows(length: int, side: int, like: Tensor) -> Tensor:
    """(side, length): what each window takes from each place along an axis; rows sum to 1."""
    number = torch.arange(side, device=like.device)[:, None]
    first, end = number * length // side, ((number + 1) * length + side - 1) // side
    place = torch.arange(length, device=like.device)
    inside = ((place >= first) & (place < end)).to(like.dtype)
    return inside / (end - first)


class Decoder(nn.Module):
    """Five blocks of three convolutions, each enlarged twofold; each takes something from elsewhere as well."""

    def __init__(self, width: int, outputs: int) -> None:
        super().__init__()
        w = width
        shapes = (
            (16 * w, 8 * w, 8 * w, 4 * w),
            (8 * w, 4 * w, 4 * w, 2 * w),
            (4 * w, 2 * w, 2 * w, w),
            (2 * w, w, w, w),
        )
        last = nn.Sequential(*conv_block(2 * w, w, w), nn.Conv2d(w, outputs, 3, padding=1))
        self.blocks = nn.ModuleList([*(nn.Sequential(*conv_block(*shape)) for shape in shapes), last])

    def level(self, number: int, first: Tensor, second: Tensor) -> Tensor:
        """The block `number`, the deepest is 0, of two inputs in their order."""
        return enlarged(self.blocks[number](torch.cat((first, second), dim=1)), 2)


class Glance(nn.Module):
    """Class logits, with the pyramid's view before every block."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.pyramid = PyramidPooling(8 * width)
        channels = (4 * width, 2 * width, width, width)
        self.views = nn.ModuleList(ConvBN(8 * width, one, bias=True) for one in channels)
        self.decoder = Decoder(width, 3)

    def forward(self, features: Features) -> Tensor:
        """(B, 3, H, W): background, transition, foreground."""
        seen = self.pyramid(features.e4)
        x = self.decoder.level(0, seen, features.e4)
        for number, view in enumerate(self.views, 1):
            x = self.decoder.level(number, enlarged(view(seen).relu_(), 2**number), x)
        return x


class Focus(nn.Module):
    """Alpha of the transition, with the encoder's features before every block."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.bridge = nn.Sequential(*conv_block(*[8 * width] * 4, dilation=2))
        self.decoder = Decoder(width, 1)

    def forward(self, features: Features) -> Tensor:
        """(B, 1, H, W) in [0, 1]."""
        x = self.bridge(features.e4)
        skips: Sequence[Tensor] = features[::-1]
        for number, skip in enumerate(skips):
            x = self.decoder.level(number, x, skip)
        return x.sigmoid()
