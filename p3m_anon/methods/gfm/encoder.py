"""The encoder: ResNet-34 as it is (He et al., CVPR 2016), on colours in 0..255."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from p3m_anon.methods.colours import DEVIATION, MEAN
from p3m_anon.methods.layers import ConvBN
from p3m_anon.methods.p3mnet.encoder import BLOCKS, Residual


class Features(NamedTuple):
    """What the encoder gives of pictures (B, 3, H, W), with C = 64.

    e0: (B, C, H/2, W/2). e1: (B, C, H/4, W/4). e2: (B, 2C, H/8, W/8). e3: (B, 4C, H/16, W/16). e4: (B, 8C, H/32, W/32).
    """

    e0: Tensor
    e1: Tensor
    e2: Tensor
    e3: Tensor
    e4: Tensor


class Encoder(nn.Module):
    """The tensors are called as those of P3M-Net's encoder, which differs in where it halves."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.stem = ConvBN(3, width, kernel=7, stride=2)
        widths = (width, width, 2 * width, 4 * width, 8 * width)
        self.layers = nn.ModuleList(
            nn.Sequential(Residual(inputs, outputs, stride), *(Residual(outputs, outputs) for _ in range(blocks - 1)))
            for inputs, outputs, blocks, stride in zip(widths, widths[1:], BLOCKS, (1, 2, 2, 2), strict=False)
        )
        self.register_buffer("mean", 255 * torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("deviation", 255 * torch.tensor(DEVIATION).view(3, 1, 1), persistent=False)

    def forward(self, image: Tensor) -> Features:
        """image: (B, 3, H, W), normalized by ImageNet's mean and deviation; H and W are multiples of 32.

        The published network takes colours in 0..255, and black is what lies beyond the picture's border for it.
        """
        e0 = self.stem(image * self.deviation + self.mean).relu_()
        x, scales = F.max_pool2d(e0, kernel_size=3, stride=2, padding=1), []
        for layer in self.layers:
            x = layer(x)
            scales.append(x)
        return Features(e0, *scales)
