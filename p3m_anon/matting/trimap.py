"""Trimaps from alpha mattes: surely background, surely foreground, and the band between that a method has to solve."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
import numpy.typing as npt

from p3m_anon.matting.distance import distance_to

if TYPE_CHECKING:
    from p3m_anon.arrays import AlphaPixels

    Trimap = npt.NDArray[np.uint8]  # (H, W): BACKGROUND, UNKNOWN or FOREGROUND

BACKGROUND, UNKNOWN, FOREGROUND = 0, 128, 255
LARGEST_KERNEL = 501  # the published code draws 15 to 30; the cost of an ellipse grows with its area
TrimapMethod = Literal["published", "distance"]


@dataclass(frozen=True)
class Kernels:
    """Which kernel a picture gets: `smallest` if it is also the largest, else one drawn from (seed, id) alone."""

    smallest: int = 25
    largest: int = 25
    seed: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError for sizes that are none."""
        if not 1 <= self.smallest <= self.largest <= LARGEST_KERNEL:
            raise ValueError(f"kernels must be 1 to {LARGEST_KERNEL}, got {self.smallest}:{self.largest}")

    @property
    def are_drawn(self) -> bool:
        """Pictures may get different ones."""
        return self.smallest < self.largest

    def of(self, id: str) -> int:
        """The kernel of one picture, both ends included; which others there are, and their order, does not matter."""
        digest = hashlib.sha256(f"{self.seed}\n{id}".encode("utf-8", "surrogateescape")).digest()
        return self.smallest + int.from_bytes(digest[:8], "big") % (self.largest - self.smallest + 1)


def published_trimap(alpha: AlphaPixels, kernel: int) -> Trimap:
    """The trimap as P3M's published code makes it: what a dilation and an erosion do not agree on is unknown.

    alpha: uint8 or uint16 (H, W), full scale 255 or 65535. kernel: side in pixels of OpenCV's elliptic structuring
    element, which is a little larger than a disc; outside the picture is neither fore- nor background. Every pixel
    that is not exactly 0 or full scale in the alpha's own depth is unknown: 16 bits are not reduced to 8 first, where
    1/65535 would become background. Returns uint8 (H, W) of 0, 128, 255.
    """
    some, all_ = _known(alpha, kernel)
    element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (kernel, kernel))
    return _assembled(cv2.dilate(some, element), cv2.erode(all_, element))


def distance_trimap(alpha: AlphaPixels, kernel: int) -> Trimap:
    """The trimap with a disc in place of OpenCV's ellipse: the same band, equally wide in every direction.

    Unknown is what lies within the Euclidean distance (kernel - 1) / 2, from centre to centre, of the transition:
    of a pixel strictly between 0 and full scale or, along a hard edge, of the first pixel on its other side. That is
    how far an odd kernel reaches from its middle, so this band lies inside that of `published_trimap` for the same
    kernel; even kernels reach to both sides alike, by a half. Arguments and result as there.
    """
    some, all_ = _known(alpha, kernel)
    reach = (kernel - 1) / 2
    return _assembled(distance_to(some != 0) <= reach, distance_to(all_ == 0) > reach)


METHODS: dict[TrimapMethod, Callable[[AlphaPixels, int], Trimap]] = {
    "published": published_trimap,
    "distance": distance_trimap,
}


def unknown_share(trimap: Trimap) -> float:
    """How much of a trimap is unknown, 0 to 1."""
    return float(np.count_nonzero(trimap == UNKNOWN)) / trimap.size


def _known(alpha: AlphaPixels, kernel: int) -> tuple[Trimap, Trimap]:
    """1 where there is some foreground, and 1 where there is nothing else, both uint8 (H, W)."""
    if alpha.ndim != 2 or alpha.dtype not in (np.uint8, np.uint16) or not alpha.size:
        raise ValueError(f"alpha must be uint8 or uint16 (H, W), got {alpha.dtype} {alpha.shape}")
    if not 1 <= kernel <= LARGEST_KERNEL:
        raise ValueError(f"kernel must be 1 to {LARGEST_KERNEL}, got {kernel}")
    return (alpha > 0).view(np.uint8), (alpha == np.iinfo(alpha.dtype).max).view(np.uint8)


def _assembled(some: npt.NDArray[np.generic], all_: npt.NDArray[np.generic]) -> Trimap:
    trimap: Trimap = np.multiply(some, UNKNOWN, dtype=np.uint8)
    trimap[all_ != 0] = FOREGROUND
    return trimap
