"""Deep Image Matting as a whole (paper, Figure 3), with the small `conv6` of mmagic (open-mmlab, Apache-2.0)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from p3m_anon.matting.trimap import BACKGROUND, FOREGROUND
from p3m_anon.methods.dim.decoder import Decoder, Refinement
from p3m_anon.methods.dim.encoder import Encoder
from p3m_anon.methods.layers import initialize
from p3m_anon.methods.network import checked_pair


class DIMOutput(NamedTuple):
    """Of pictures (B, 3, H, W); all (B, 1, H, W) in [0, 1].

    coarse: alpha by encoder and decoder. refined: alpha after the refinement stage; None without it. fused: the alpha
    matte, the best of the two in the unknown area, 0 and 1 where the trimap says so.
    """

    coarse: Tensor
    refined: Tensor | None
    fused: Tensor


class DIM(nn.Module):
    """VGG-16 with a fourth input channel for the trimap, two 1x1 convolutions, a decoder, a refinement stage.

    refine: with the refinement stage. width: channels at full size, 64 in the paper; less makes a small network for
    trials. It is made with random weights; `methods.dim.checkpoint` loads others.
    """

    def __init__(self, *, refine: bool = True, width: int = 64) -> None:
        super().__init__()
        if width < 1:
            raise ValueError(f"width must be at least 1, got {width}")
        self.encoder = Encoder(4, width)
        self.bottom = nn.ModuleList(nn.Conv2d(8 * width, 8 * width, 1) for _ in range(2))  # conv6, deconv6
        self.decoder = Decoder(width)
        self.refinement = Refinement(width) if refine else None
        initialize(self)

    def forward(self, image: Tensor, trimap: Tensor) -> DIMOutput:
        """image: (B, 3, H, W), normalized by ImageNet's mean and deviation; H and W are multiples of 32.

        trimap: (B, 1, H, W), uint8 or floating: 0 background, 255 foreground, unknown between them, 128 where it was
        not resized. Raises ValueError for other shapes.
        """
        x, places = self.encoder(torch.cat(checked_pair(image, trimap), dim=1))
        for layer in self.bottom:
            x = layer(x).relu_()
        logits: Tensor = self.decoder(x, places)
        coarse = logits.sigmoid()
        refined = None if self.refinement is None else self.refinement(image, logits)
        return DIMOutput(coarse, refined, fuse(coarse if refined is None else refined, trimap))


def unknown_area(trimap: Tensor) -> Tensor:
    """bool, as large as `trimap`: where it is neither 0 nor 255; what a resize mixed is unknown."""
    return (trimap != BACKGROUND) & (trimap != FOREGROUND)


def fuse(alpha: Tensor, trimap: Tensor) -> Tensor:
    """`alpha` in the unknown area, 0 and 1 elsewhere; all (B, 1, H, W)."""
    return torch.where(unknown_area(trimap), alpha, (trimap == FOREGROUND).to(alpha.dtype))
