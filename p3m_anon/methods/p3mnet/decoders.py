"""The semantic decoder (background, transition, foreground) and the matting decoder (paper, section 4.1)."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor, nn

from p3m_anon.methods.layers import conv_block, enlarged
from p3m_anon.methods.p3mnet.encoder import Features
from p3m_anon.methods.p3mnet.integration import DBFI, SBFI, TFI
from p3m_anon.methods.p3mnet.unpool import max_unpool


class Semantics(NamedTuple):
    """What the matting decoder takes from the semantic one: the results of its first four blocks, deepest first.

    d4: (B, 4C, H/16, W/16). d3: (B, 2C, H/8, W/8). d2: (B, C, H/4, W/4). d1: (B, C, H/2, W/2), with C = 64.
    guided: inputs of the third and fourth block, after dBFI; empty without dBFI.
    """

    d4: Tensor
    d3: Tensor
    d2: Tensor
    d1: Tensor
    guided: tuple[Tensor, ...]


class SemanticDecoder(nn.Module):
    """Five blocks of three convolutions, each enlarged twofold."""

    def __init__(self, width: int = 64, *, dbfi: bool = True) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([*_blocks(width), _semantic_end(width)])
        channels = (2 * width, width, width)
        self.dbfi = nn.ModuleList(
            DBFI(c, 8 * width, factor) for c, factor in zip(channels, (4, 8, 16), strict=True) if dbfi
        )

    def forward(self, features: Features) -> Semantics:
        """All but the last block, which only the segmentation needs."""
        x, results, guided = features.e4, [], []
        for level, block in enumerate(list(self.blocks)[:4]):
            if self.dbfi and level >= 2:
                x = self.dbfi[level - 2](x, features.e4)
                guided.append(x)
            x = enlarged(block(x), 2)
            results.append(x)
        d4, d3, d2, d1 = results
        return Semantics(d4, d3, d2, d1, tuple(guided))

    def last_input(self, features: Features, semantics: Semantics) -> Tensor:
        """What the last block takes, after dBFI, (B, C, H/2, W/2)."""
        guided: Tensor = self.dbfi[2](semantics.d1, features.e4) if self.dbfi else semantics.d1
        return guided

    def segment(self, last_input: Tensor) -> Tensor:
        """Class logits (B, 3, H, W): background, transition, foreground."""
        return enlarged(self.blocks[4](last_input), 2)

    def sides(self, semantics: Semantics, last_input: Tensor) -> tuple[Tensor, ...]:
        """Class logits (B, 3, H, W) of the three dBFI modules, deepest first; none without dBFI."""
        guided = zip(self.dbfi, (*semantics.guided, last_input), strict=False)
        return tuple(module.side_logits(x) for module, x in guided if isinstance(module, DBFI))


class MattingDecoder(nn.Module):
    """Five blocks of three convolutions, each unpooled to where the encoder's maxima were."""

    def __init__(self, width: int = 64, *, tfi: bool = True, sbfi: bool = True) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([*_blocks(width), nn.Sequential(*conv_block(width, width, width))])
        self.last = nn.Conv2d(width, 1, 3, padding=1)
        channels = (4 * width, 2 * width, width, width)
        self.tfi = nn.ModuleList(TFI(c) for c in channels if tfi)
        self.sbfi = nn.ModuleList(SBFI(c, width, f) for c, f in zip(channels[1:], (8, 4, 2), strict=True) if sbfi)

    def forward(self, features: Features, semantics: Semantics) -> Tensor:
        """Alpha (B, 1, H, W) in [0, 1], meant for the transition region."""
        semantic = (semantics.d4, semantics.d3, semantics.d2, semantics.d1)
        encoder = (features.e3, features.e2, features.e1, features.e0_pooled)
        x = features.e4
        for level, block in enumerate(self.blocks):
            if self.tfi and level >= 1:
                x = self.tfi[level - 1](semantic[level - 1], x, encoder[level - 1])
            if self.sbfi and level >= 2:
                x = self.sbfi[level - 2](x, features.e0)
            x = max_unpool(block(x), features.places[4 - level])
        alpha: Tensor = self.last(x).sigmoid()
        return alpha


def _blocks(width: int) -> list[nn.Module]:
    """The first four blocks, alike in both decoders."""
    w = width
    shapes = ((8 * w, 8 * w, 8 * w, 4 * w), (4 * w, 4 * w, 4 * w, 2 * w), (2 * w, 2 * w, 2 * w, w), (w, w, w, w))
    return [nn.Sequential(*conv_block(*shape)) for shape in shapes]


def _semantic_end(width: int) -> nn.Module:
    return nn.Sequential(*conv_block(width, width, width), nn.Conv2d(width, 3, 3, padding=1))
