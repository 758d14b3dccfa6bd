"""The three integration modules (paper, section 4.2): what the matting and semantic decoders learn from elsewhere."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from p3m_anon.methods.layers import ConvBN, enlarged


class TFI(nn.Module):
    """Tripartite-feature integration: semantic decoder, matting decoder and encoder, before a matting block (Eq. 1).

    One 1x1 convolution, shared by all three as in the published code, halves their channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.halve = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.merge = ConvBN(3 * (channels // 2), channels)

    def forward(self, semantic: Tensor, matting: Tensor, encoder: Tensor) -> Tensor:
        """Three (B, C, H, W) -> (B, C, H, W)."""
        halves = [self.halve(semantic), self.halve(matting), self.halve(encoder)]
        merged: Tensor = self.merge(torch.cat(halves, dim=1)).relu_()
        return merged


class SBFI(nn.Module):
    """Shallow bipartite-feature integration: the full-size features guide the matting decoder (Eq. 2)."""

    def __init__(self, channels: int, shallow: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.halve = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.halve_shallow = nn.Conv2d(shallow, channels // 2, 1, bias=False)
        self.merge = ConvBN(2 * (channels // 2), channels)

    def forward(self, matting: Tensor, e0: Tensor) -> Tensor:
        """matting: (B, C, H, W). e0: (B, shallow, factor H, factor W). Returns (B, C, H, W)."""
        shallow = F.max_pool2d(e0, kernel_size=2, stride=self.factor)
        halves = [self.halve(matting), self.halve_shallow(shallow)]
        merged: Tensor = self.merge(torch.cat(halves, dim=1)).relu_()
        return matting + merged


class DBFI(nn.Module):
    """Deep bipartite-feature integration: the deepest features guide the semantic decoder (Eq. 3)."""

    def __init__(self, channels: int, deep: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.halve = nn.Conv2d(channels, channels // 2, 1, bias=False)
        self.halve_deep = nn.Conv2d(deep, channels // 2, 1, bias=False)
        self.merge = ConvBN(2 * (channels // 2), channels)
        self.side = nn.Conv2d(channels, 3, 3, padding=1, bias=False)

    def forward(self, semantic: Tensor, e4: Tensor) -> Tensor:
        """semantic: (B, C, factor h, factor w). e4: (B, deep, h, w). Returns the shape of `semantic`."""
        halves = [self.halve(semantic), enlarged(self.halve_deep(e4), self.factor)]
        merged: Tensor = self.merge(torch.cat(halves, dim=1)).relu_()
        return semantic + merged

    def side_logits(self, guided: Tensor) -> Tensor:
        """Class logits at the picture's size, for the loss alone. (B, C, H/s, W/s) -> (B, 3, H, W), s = 32 / factor."""
        return enlarged(self.side(guided), 32 // self.factor)
