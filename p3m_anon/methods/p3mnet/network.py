"""P3M-Net as a whole (paper, Figure 4)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from p3m_anon.methods.layers import initialize
from p3m_anon.methods.network import checked, fuse
from p3m_anon.methods.p3mnet.decoders import MattingDecoder, SemanticDecoder
from p3m_anon.methods.p3mnet.encoder import Encoder


class P3MOutput(NamedTuple):
    """Of pictures (B, 3, H, W).

    global_logits: (B, 3, H, W), classes background, transition, foreground. local: (B, 1, H, W) in [0, 1], alpha of
    the transition region. fused: (B, 1, H, W), the alpha matte. side2, side1, side0: (B, 3, H, W), logits of the
    dBFI modules, deepest first; None without dBFI.
    """

    global_logits: Tensor
    local: Tensor
    fused: Tensor
    side2: Tensor | None = None
    side1: Tensor | None = None
    side0: Tensor | None = None


class P3MNet(nn.Module):
    """One encoder, a semantic decoder, a matting decoder.

    tfi, sbfi, dbfi: the integration modules of Table 5; without all three it is the paper's BASIC. width: channels at
    full size, 64 in the paper; less makes a small network for trials. It is made with random weights;
    `methods.p3mnet.checkpoint` loads others.
    """

    def __init__(self, *, tfi: bool = True, sbfi: bool = True, dbfi: bool = True, width: int = 64) -> None:
        super().__init__()
        if width < 2 or width % 2:
            raise ValueError(f"width must be even and at least 2, got {width}")
        self.encoder = Encoder(width)
        self.semantic = SemanticDecoder(width, dbfi=dbfi)
        self.matting = MattingDecoder(width, tfi=tfi, sbfi=sbfi)
        initialize(self)

    def forward(self, image: Tensor) -> P3MOutput:
        """image: (B, 3, H, W), normalized by ImageNet's mean and deviation; H and W are multiples of 32."""
        features = self.encoder(checked(image))
        semantics = self.semantic(features)
        last = self.semantic.last_input(features, semantics)
        logits, local = self.semantic.segment(last), self.matting(features, semantics)
        return P3MOutput(logits, local, fuse(logits, local), *self.semantic.sides(semantics, last))

    def branches(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Only `global_logits` (B, 3, H, W) and `local` (B, 1, H, W): the side outputs are for the loss."""
        features = self.encoder(checked(image))
        semantics = self.semantic(features)
        logits = self.semantic.segment(self.semantic.last_input(features, semantics))
        return logits, self.matting(features, semantics)

    def segment(self, image: Tensor) -> Tensor:
        """Only `global_logits` (B, 3, H, W), without the work for the rest."""
        features = self.encoder(checked(image))
        return self.semantic.segment(self.semantic.last_input(features, self.semantic(features)))

    def matte(self, image: Tensor) -> Tensor:
        """Only `local` (B, 1, H, W), without the work for the rest."""
        features = self.encoder(checked(image))
        alpha: Tensor = self.matting(features, self.semantic(features))
        return alpha
