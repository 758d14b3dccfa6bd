"""Max-unpooling with one result on every device and in every memory layout."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

_LATER = ((0, 1), (1, -1), (1, 0), (1, 1))
"""Rows down and columns right to the cells whose windows overlap a cell's own and that come later, in raster order."""


def max_unpool(pooled: Tensor, indices: Tensor) -> Tensor:
    """Put every pooled value back to where its maximum was; all other places are 0.

    pooled: (B, C, h, w). indices: int64 of the same shape, from a 3x3 max-pool of stride 2 and padding 1 over
    (2h, 2w). Returns (B, C, 2h, 2w). Raises ValueError where the shapes differ.

    Windows overlap, so up to four cells may point to one place: there the last one in raster order wins, as in the
    published results (contiguous tensors on a CPU); a plain scatter leaves it to chance elsewhere. The gradient is
    the published one, a gather: every cell takes the gradient of its place, also a cell that was overwritten.
    """
    if pooled.shape != indices.shape:
        raise ValueError(f"indices must have the shape of pooled {tuple(pooled.shape)}, got {tuple(indices.shape)}")
    if torch.is_grad_enabled() and pooled.requires_grad:
        unpooled: Tensor = _MaxUnpool.apply(pooled, indices)
        return unpooled
    return _unpooled(pooled, indices)


def with_winners(pooled: Tensor, indices: Tensor) -> Tensor:
    """`pooled`, where each cell that a later one overwrites holds the value of the last such cell.

    All writes to one place then carry one value, and their order does not matter.
    """
    values = pooled.clone()
    height, width = pooled.shape[-2:]
    for down, right in _LATER:
        here = (..., slice(0, height - down), slice(max(0, -right), width - max(0, right)))
        there = (..., slice(down, height), slice(max(0, right), width - max(0, -right)))
        values[here] = torch.where(indices[here] == indices[there], pooled[there], values[here])
    return values


def traced_max_unpool(pooled: Tensor, indices: Tensor) -> Tensor:
    """The same as `max_unpool`, without writes into slices: for torch.compile, torch.export and ONNX.

    There the shifted reads are fused or become plain operators, and writes into slices of unknown size would not. It
    is also what runs where only deterministic algorithms are allowed.
    Without a compiler the padded copies cost more than they save.
    """
    height, width = pooled.shape[-2:]
    all_indices = F.pad(indices, (1, 1, 0, 1), value=-1)  # no cell beyond the border points anywhere
    all_values = F.pad(pooled, (1, 1, 0, 1))
    winners = pooled
    for down, right in _LATER:
        there = (..., slice(down, height + down), slice(1 + right, 1 + right + width))
        winners = torch.where(indices == all_indices[there], all_values[there], winners)
    unpooled = pooled.new_zeros((*pooled.shape[:2], 4 * height * width))
    return unpooled.scatter(2, indices.flatten(2), winners.flatten(2)).unflatten(2, (2 * height, 2 * width))


def _unpooled(pooled: Tensor, indices: Tensor) -> Tensor:
    if torch.compiler.is_compiling() or torch.are_deterministic_algorithms_enabled():  # torch's own is refused then
        return traced_max_unpool(pooled, indices)
    return F.max_unpool2d(with_winners(pooled, indices), indices, kernel_size=(2, 2), stride=(2, 2))


class _MaxUnpool(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pooled: Tensor, indices: Tensor) -> Tensor:
        ctx.save_for_backward(indices)
        return _unpooled(pooled, indices)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (indices,) = ctx.saved_tensors
        return gradient.flatten(-2).gather(-1, indices.flatten(-2)).view(indices.shape), None
