"""A mask that is False everywhere but in one rectangle: what a face is in a large picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from p3m_anon.arrays import Mask


@dataclass(frozen=True, eq=False)
class Patch:
    """`mask` bool (h, w) lies at rows y.. and columns x.. of a picture; all else is False."""

    y: int
    x: int
    mask: Mask

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns of the rectangle."""
        h, w = self.mask.shape
        return slice(self.y, self.y + h), slice(self.x, self.x + w)

    @property
    def area(self) -> int:
        """Number of True pixels."""
        return int(np.count_nonzero(self.mask))

    def full(self, shape: tuple[int, int]) -> Mask:
        """The same mask as bool (H, W)."""
        return union([self], shape)

    def within(self, other: Patch) -> Mask:
        """Its pixels inside the other patch's rectangle, bool of the other's shape."""
        out = np.zeros_like(other.mask)
        top, left = max(self.y, other.y), max(self.x, other.x)
        bottom = min(self.y + self.mask.shape[0], other.y + other.mask.shape[0])
        right = min(self.x + self.mask.shape[1], other.x + other.mask.shape[1])
        if top < bottom and left < right:
            own = self.mask[top - self.y : bottom - self.y, left - self.x : right - self.x]
            out[top - other.y : bottom - other.y, left - other.x : right - other.x] = own
        return out

    def replaced(self, mask: Mask) -> Patch:
        """Another mask in the same rectangle."""
        return Patch(self.y, self.x, mask)


def union(patches: list[Patch] | tuple[Patch, ...], shape: tuple[int, int]) -> Mask:
    """Pixels of any patch, bool (H, W)."""
    out = np.zeros(shape, bool)
    for patch in patches:
        out[patch.slices] |= patch.mask
    return out


def joined(patches: Sequence[Patch]) -> Patch:
    """All pixels of these patches, as one patch."""
    there = [one for one in patches if one.mask.size]
    if not there:
        return Patch(0, 0, np.zeros((0, 0), bool))
    top, left = min(one.y for one in there), min(one.x for one in there)
    bottom, right = (max(one.slices[axis].stop for one in there) for axis in (0, 1))
    out = np.zeros((bottom - top, right - left), bool)
    for one in there:
        out[one.y - top : one.y - top + one.mask.shape[0], one.x - left : one.x - left + one.mask.shape[1]] |= one.mask
    return Patch(top, left, out)


def from_mask(mask: Mask) -> Patch:
    """The smallest patch that holds all True pixels of a bool (H, W) mask."""
    rows, cols = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return Patch(0, 0, np.zeros((0, 0), bool))
    return Patch(int(rows[0]), int(cols[0]), mask[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1].copy())
