"""What every matting network is, and what those of two branches share: glance at what is where, then matte between.

A network is an nn.Module with `forward(image)` or, where its Method needs the trimap, `forward(image, trimap)`. image:
float32 (B, 3, H, W), normalized by ImageNet's mean and deviation, H and W multiples of MULTIPLE. trimap: (B, 1, H, W)
of 0, 128, 255, uint8 or floating, as `losses.Targets` has it. It returns a NamedTuple with a field `fused`, the alpha
matte (B, 1, H, W) in [0, 1].
"""

from __future__ import annotations

from typing import Protocol, TypeGuard

import torch
from torch import Tensor, nn

MULTIPLE = 32  # of which both sides of a picture must be multiples
BACKGROUND, TRANSITION, FOREGROUND = 0, 1, 2  # classes of the segmentation


class TwoBranches(Protocol):
    """A network that segments a picture and mattes the transition, and does either without the other's end."""

    def branches(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Class logits (B, 3, H, W), and alpha (B, 1, H, W) in [0, 1], meant for the transition region."""
        ...

    def segment(self, image: Tensor) -> Tensor:
        """Only the class logits."""
        ...

    def matte(self, image: Tensor) -> Tensor:
        """Only the alpha of the transition region."""
        ...


def has_two_branches(network: nn.Module) -> TypeGuard[TwoBranches]:
    """Whether all four strategies work with it."""
    return all(hasattr(network, name) for name in ("branches", "segment", "matte"))


def fuse(logits: Tensor, local: Tensor) -> Tensor:
    """The alpha matte: `local` in the transition region, 1 in the foreground, 0 in the background.

    logits: (B, 3, H, W). local: (B, 1, H, W). Returns (B, 1, H, W). As the classes are decided, what segments gets no
    gradient from it.
    """
    classes = logits.argmax(dim=1, keepdim=True)
    return torch.where(classes == TRANSITION, local, (classes == FOREGROUND).to(local.dtype))


def checked(image: Tensor) -> Tensor:
    """The image itself. Raises ValueError for one that no network takes."""
    if image.ndim != 4 or image.shape[1] != 3 or image.shape[2] % MULTIPLE or image.shape[3] % MULTIPLE:
        required = f"image must be (B, 3, H, W) with H and W multiples of {MULTIPLE}"
        raise ValueError(f"{required}, got {tuple(image.shape)}")
    return image


def checked_pair(image: Tensor, trimap: Tensor) -> tuple[Tensor, Tensor]:
    """The image, and the trimap in its dtype in [0, 1]. Raises ValueError for what no network takes."""
    checked(image)
    wanted = (image.shape[0], 1, *image.shape[2:])
    if tuple(trimap.shape) != wanted:
        raise ValueError(f"trimap must be {wanted} as the image is, got {tuple(trimap.shape)}")
    return image, trimap.to(image.dtype) / 255
