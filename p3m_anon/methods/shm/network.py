"""Semantic Human Matting as a whole (paper, Figure 3)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from p3m_anon.methods.dim.decoder import Decoder
from p3m_anon.methods.dim.encoder import Encoder
from p3m_anon.methods.layers import initialize
from p3m_anon.methods.network import FOREGROUND, TRANSITION, checked
from p3m_anon.methods.shm.tnet import TNet


class SHMOutput(NamedTuple):
    """Of pictures (B, 3, H, W).

    logits: (B, 3, H, W), of T-Net; classes background, transition, foreground. raw: (B, 1, H, W) in [0, 1], alpha by
    M-Net. fused: (B, 1, H, W) in [0, 1], the alpha matte.
    """

    logits: Tensor
    raw: Tensor
    fused: Tensor


class MNet(nn.Module):
    """Alpha by what the picture shows and T-Net says: VGG-16 and a decoder, both with batch normalization.

    Against DIM it lacks the last pool and the two convolutions below it, `conv6` and `deconv6`.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.encoder = Encoder(6, width, pools=4, batch_norm=True)
        self.decoder = Decoder(width, batch_norm=True)

    def forward(self, image: Tensor, classes: Tensor) -> Tensor:
        """image: (B, 3, H, W). classes: (B, 3, H, W), probabilities. Returns (B, 1, H, W) in [0, 1]."""
        alpha: Tensor = self.decoder(*self.encoder(torch.cat([image, classes], dim=1))).sigmoid()
        return alpha


class SHM(nn.Module):
    """T-Net, M-Net and their fusion.

    width: channels at full size, 64 in the paper; less makes a small network for trials. It is made with random
    weights; `methods.shm.checkpoint` starts T-Net from others.
    """

    def __init__(self, *, width: int = 64) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"width must be at least 1, got {width}")
        self.t_net = TNet(width)
        self.m_net = MNet(width)
        initialize(self)

    def forward(self, image: Tensor) -> SHMOutput:
        """image: (B, 3, H, W), normalized by ImageNet's mean and deviation; H and W are multiples of 32.

        Raises ValueError for other shapes, and for a single picture in training.
        """
        if self.training and len(image) < 2:  # the coarsest level of the pyramid is one value per picture
            raise ValueError("image must hold two pictures or more in training, which normalizes over them; got 1")
        logits = self.t_net(checked(image))
        classes = logits.softmax(dim=1)
        raw = self.m_net(image, classes)
        return SHMOutput(logits, raw, fuse(classes, raw))


def fuse(classes: Tensor, raw: Tensor) -> Tensor:
    """F_s + U_s alpha_r, equation 4. classes: (B, 3, H, W), probabilities. raw: (B, 1, H, W). Returns (B, 1, H, W)."""
    foreground, unknown = classes[:, FOREGROUND, None], classes[:, TRANSITION, None]
    return (foreground + unknown * raw).clamp(max=1)  # probabilities add up to 1 but for rounding
