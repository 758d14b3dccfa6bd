"""The encoder: ResNet-34 whose strides are max-pools that remember their places (paper, section 4.1)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn import functional as F

from p3m_anon.methods.layers import ConvBN

BLOCKS = (3, 4, 6, 3)


class Features(NamedTuple):
    """What the encoder gives of pictures (B, 3, H, W), with C = 64.

    e0: (B, C, H, W). e0_pooled: (B, C, H/2, W/2). e1: (B, C, H/4, W/4). e2: (B, 2C, H/8, W/8).
    e3: (B, 4C, H/16, W/16). e4: (B, 8C, H/32, W/32). places: int64, where the maxima of the five pools were, the
    first pool first; each of the shape of its pool's result.
    """

    e0: Tensor
    e0_pooled: Tensor
    e1: Tensor
    e2: Tensor
    e3: Tensor
    e4: Tensor
    places: tuple[Tensor, ...]


class Residual(nn.Module):
    """Two 3x3 convolutions and a way around them (He et al., CVPR 2016).

    (B, in, H, W) -> (B, out, H / stride, W / stride).
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.first = ConvBN(inputs, outputs, stride=stride)
        self.second = ConvBN(outputs, outputs)
        changes = inputs != outputs or stride > 1
        self.shortcut = ConvBN(inputs, outputs, kernel=1, stride=stride) if changes else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """ReLU after the sum."""
        return (self.second(self.first(x).relu_()) + self.shortcut(x)).relu_()


class Encoder(nn.Module):
    """Stem at full size, then five halvings, four of them followed by residual blocks."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.stem = ConvBN(3, width, kernel=7)
        widths = (width, width, 2 * width, 4 * width, 8 * width)
        self.layers = nn.ModuleList(
            nn.Sequential(Residual(inputs, outputs), *(Residual(outputs, outputs) for _ in range(blocks - 1)))
            for inputs, outputs, blocks in zip(widths, widths[1:], BLOCKS, strict=False)
        )

    def forward(self, image: Tensor) -> Features:
        """image: (B, 3, H, W), normalized by ImageNet's mean and deviation; H and W are multiples of 32."""
        e0 = self.stem(image).relu_()
        e0_pooled, places = _pool(e0)
        x, scales, all_places = e0_pooled, [], [places]
        for layer in self.layers:
            x, places = _pool(x)
            x = layer(x)
            scales.append(x)
            all_places.append(places)
        e1, e2, e3, e4 = scales
        return Features(e0, e0_pooled, e1, e2, e3, e4, tuple(all_places))


def _pool(x: Tensor) -> tuple[Tensor, Tensor]:
    """Halved by the maxima of overlapping 3x3 windows, and where these were."""
    return F.max_pool2d(x, kernel_size=3, stride=2, padding=1, return_indices=True)
