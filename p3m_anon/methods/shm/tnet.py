"""T-Net, which says what is background, transition and foreground: PSPNet-50 (Zhao et al., CVPR 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from p3m_anon.methods.layers import ConvBN, enlarged

BLOCKS = (3, 4, 6, 3)
BINS = (1, 2, 3, 6)
STRIDE = 8  # of the features; where ResNet-50 goes on to 32, the convolutions are dilated instead
_EXPANSION = 4
_DROPOUT = 0.1


class Strided(ConvBN):
    """A convolution with stride or dilation, padded so that stride 1 keeps the size; then batch normalization."""

    def __init__(self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__(inputs, outputs, kernel)
        padding = dilation * (kernel // 2)
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False)


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions and a way around them (He et al., CVPR 2016); the stride is in the 3x3 one."""

    def __init__(self, inputs: int, inner: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        outputs = _EXPANSION * inner
        self.first = ConvBN(inputs, inner, kernel=1)
        self.second = Strided(inner, inner, 3, stride=stride, dilation=dilation)
        self.third = ConvBN(inner, outputs, kernel=1)
        alike = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if alike else Strided(inputs, outputs, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) -> (B, 4 inner, H / stride, W / stride)."""
        inside = self.third(self.second(self.first(x).relu_()).relu_())
        return (inside + self.shortcut(x)).relu_()


class ResNet50(nn.Module):
    """ResNet-50 whose last two layers are dilated by 2 and 4 instead of strided."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.stem = Strided(3, width, 7, stride=2)
        self.layers = nn.ModuleList()
        inputs = width
        for level, (count, stride, dilation) in enumerate(zip(BLOCKS, (1, 2, 1, 1), (1, 1, 2, 4), strict=True)):
            inner = width << level
            blocks = [Bottleneck(inputs, inner, stride=stride, dilation=dilation)]
            inputs = _EXPANSION * inner
            blocks += [Bottleneck(inputs, inner, dilation=dilation) for _ in range(count - 1)]
            self.layers.append(nn.Sequential(*blocks))
        self.channels = inputs

    def forward(self, image: Tensor) -> Tensor:
        """(B, 3, H, W) -> (B, 32C, H/8, W/8), with C = 64."""
        x = F.max_pool2d(self.stem(image).relu_(), kernel_size=3, stride=2, padding=1)
        for layer in self.layers:
            x = layer(x)
        return x


class PyramidPooling(nn.Module):
    """Means over grids of 1, 4, 9 and 36 cells beside the features. (B, C, H, W) -> (B, 2C, H, W)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(ConvBN(channels, channels // len(BINS), kernel=1) for _ in BINS)

    def forward(self, features: Tensor) -> Tensor:
        """The features first, then the grids from coarse to fine."""
        size = features.shape[-2:]
        parts = [features]
        for level, bins in zip(self.levels, BINS, strict=True):
            pooled = level(F.adaptive_avg_pool2d(features, bins)).relu_()
            parts.append(F.interpolate(pooled, size, mode="bilinear", align_corners=False))
        return torch.cat(parts, dim=1)


class TNet(nn.Module):
    """ResNet-50, pyramid pooling, and two convolutions to three classes. width: 64 in the paper."""

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.backbone = ResNet50(width)
        channels = self.backbone.channels
        self.pyramid = PyramidPooling(channels)
        self.merge = ConvBN(2 * channels, channels // 4)
        self.dropout = nn.Dropout2d(_DROPOUT)
        self.last = nn.Conv2d(channels // 4, 3, 1)

    def forward(self, image: Tensor) -> Tensor:
        """image: (B, 3, H, W), sides multiples of 8. Class logits (B, 3, H, W): background, transition, foreground."""
        x = self.merge(self.pyramid(self.backbone(image))).relu_()
        return enlarged(self.last(self.dropout(x)), STRIDE)
