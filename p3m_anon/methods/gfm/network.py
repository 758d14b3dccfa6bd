"""Glance and Focus Matting as a whole (paper, Figure 4), with ResNet-34 and the representation TT: three classes."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from p3m_anon.methods.gfm.decoders import Focus, Glance
from p3m_anon.methods.gfm.encoder import Encoder
from p3m_anon.methods.layers import initialize
from p3m_anon.methods.network import checked, fuse


class GFMOutput(NamedTuple):
    """Of pictures (B, 3, H, W).

    global_logits: (B, 3, H, W), classes background, transition, foreground. local: (B, 1, H, W) in [0, 1], alpha of
    the transition region. fused: (B, 1, H, W), the alpha matte.
    """

    global_logits: Tensor
    local: Tensor
    fused: Tensor


class GFM(nn.Module):
    """One encoder, a decoder that glances, one that focuses; neither takes anything from the other.

    width: channels at full size, 64 in the paper; less makes a small network for trials. It is made with random
    weights; `methods.gfm.checkpoint` loads others.
    """

    def __init__(self, *, width: int = 64) -> None:
        super().__init__()
        self.encoder = Encoder(width)
        self.glance = Glance(width)
        self.focus = Focus(width)
        initialize(self)

    def forward(self, image: Tensor) -> GFMOutput:
        """image: (B, 3, H, W), normalized by ImageNet's mean and deviation; H and W are multiples of 32."""
        logits, local = self.branches(image)
        return GFMOutput(logits, local, fuse(logits, local))

    def branches(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """`global_logits` (B, 3, H, W) and `local` (B, 1, H, W)."""
        features = self.encoder(checked(image))
        return self.glance(features), self.focus(features)

    def segment(self, image: Tensor) -> Tensor:
        """Only `global_logits` (B, 3, H, W), without the work for the rest."""
        logits: Tensor = self.glance(self.encoder(checked(image)))
        return logits

    def matte(self, image: Tensor) -> Tensor:
        """Only `local` (B, 1, H, W), without the work for the rest."""
        alpha: Tensor = self.focus(self.encoder(checked(image)))
        return alpha
