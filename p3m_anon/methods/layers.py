"""What the parts of networks are made of."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class ConvBN(nn.Module):
    """A convolution that keeps the size, or divides it by its stride, then batch normalization.

    (B, in, H, W) -> (B, out, H / stride, W / stride).
    """

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 3, *, bias: bool = False, stride: int = 1, dilation: int = 1
    ) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=bias)
        self.bn: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Without an activation."""
        normalized: Tensor = self.bn(self.conv(x))
        return normalized

    @torch.no_grad()
    def fold(self) -> None:
        """Put the running statistics into the convolution: the same result, up to rounding, in one step less."""
        if isinstance(self.bn, nn.BatchNorm2d):
            self.conv = nn.utils.fuse_conv_bn_eval(self.conv, self.bn)
            self.bn = nn.Identity()


def conv_block(*channels: int, dilation: int = 1) -> list[nn.Module]:
    """3x3 convolutions with bias, each with batch normalization and ReLU, from the first of `channels` to the last."""
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers += [ConvBN(before, after, bias=True, dilation=dilation), nn.ReLU(inplace=True)]
    return layers


def fold_batch_norm(network: nn.Module) -> None:
    """Fold the batch normalization of a network that is in eval mode, in place; it cannot be trained afterwards.

    That of every ConvBN, and that which follows a convolution in an nn.Sequential; no other order is looked for. Raises
    ValueError for a network in training mode.
    """
    if network.training:
        raise ValueError("network must be in eval mode before its batch normalization is folded")
    for module in list(network.modules()):
        if isinstance(module, ConvBN):
            module.fold()
        elif isinstance(module, nn.Sequential):
            _fold_sequence(module)


def _fold_sequence(sequence: nn.Sequential) -> None:
    """What stood for the normalization passes its input on, so that places stay what they were."""
    for place, (before, after) in enumerate(pairwise(list(sequence))):
        if isinstance(before, nn.Conv2d) and isinstance(after, nn.BatchNorm2d):
            sequence[place] = nn.utils.fuse_conv_bn_eval(before, after)
            sequence[place + 1] = nn.Identity()


def initialize(network: nn.Module) -> None:
    """Normal weights by fan-in for convolutions that feed a ReLU (He et al., ICCV 2015), zero biases."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def enlarged(x: Tensor, factor: int) -> Tensor:
    """Bilinear, corners not aligned. (B, C, H, W) -> (B, C, factor H, factor W)."""
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
