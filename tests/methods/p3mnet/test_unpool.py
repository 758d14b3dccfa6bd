"""Unpooling: the last cell in raster order wins, everywhere."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from p3m_anon.methods.p3mnet.network import P3MNet
from p3m_anon.methods.p3mnet.unpool import max_unpool


def slow_unpool(pooled: Tensor, indices: Tensor) -> Tensor:
    """Cell by cell in raster order, so that a later one overwrites an earlier one."""
    batch, channels, height, width = pooled.shape
    result = torch.zeros(batch, channels, 4 * height * width)
    for b in range(batch):
        for c in range(channels):
            for cell in range(height * width):
                place = indices[b, c].flatten()[cell]
                result[b, c, place] = pooled[b, c].flatten()[cell]
    return result.view(batch, channels, 2 * height, 2 * width)


def pooled_case(seed: int, levels: int | None = None, shape: tuple[int, ...] = (2, 3, 12, 16)) -> tuple[Tensor, Tensor]:
    """Values to unpool, and places from a real pool; few levels make many ties."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(shape, generator=generator)
    if levels:
        x = (x * levels).floor()
    pooled, indices = F.max_pool2d(x, 3, stride=2, padding=1, return_indices=True)
    return torch.randn(pooled.shape, generator=generator), indices


@pytest.mark.parametrize("levels", [None, 2, 1])
@pytest.mark.parametrize("shape", [(2, 3, 12, 16), (1, 1, 2, 2), (1, 2, 2, 8), (1, 2, 8, 2)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_equals_the_slow_one(levels: int | None, shape: tuple[int, ...], layout: torch.memory_format) -> None:
    values, indices = pooled_case(1, levels, shape)
    fast = max_unpool(values.contiguous(memory_format=layout), indices.contiguous(memory_format=layout))
    assert torch.equal(fast, slow_unpool(values, indices))


def test_cases_hold_places_that_four_cells_point_to() -> None:
    x = torch.zeros(1, 1, 6, 6)
    x[0, 0, 1, 1] = x[0, 0, 3, 3] = 1
    _, indices = F.max_pool2d(x, 3, stride=2, padding=1, return_indices=True)
    assert torch.bincount(indices.flatten()).max() == 4
    values = torch.arange(1.0, 10).view(1, 1, 3, 3)
    unpooled = max_unpool(values, indices)
    assert torch.equal(unpooled, slow_unpool(values, indices))
    assert unpooled[0, 0, 1, 1] == 5  # of the cells 1, 2, 4 and 5
    assert unpooled[0, 0, 3, 3] == 9


def test_gradient_is_a_gather() -> None:
    values, indices = pooled_case(2, levels=2)
    values.requires_grad_()
    weights = torch.randn(2, 3, 12, 16)
    (max_unpool(values, indices) * weights).sum().backward()
    assert torch.equal(values.grad, weights.flatten(2).gather(2, indices.flatten(2)).view_as(values))  # type: ignore[arg-type]


def test_it_is_the_same_where_only_deterministic_algorithms_are_allowed() -> None:
    torch.manual_seed(0)
    network, image = P3MNet(width=4), torch.randn(2, 3, 32, 64)

    def gradient() -> Tensor:
        network.zero_grad()
        network(image).local.square().sum().backward()
        return torch.cat([one.grad.flatten() for one in network.parameters() if one.grad is not None])

    torch.use_deterministic_algorithms(True)
    try:
        allowed = gradient()
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(gradient(), allowed)
    assert allowed.any()


def test_arguments_stay_as_they_are() -> None:
    values, indices = pooled_case(3, levels=2)
    before = values.clone(), indices.clone()
    max_unpool(values, indices)
    assert torch.equal(values, before[0])
    assert torch.equal(indices, before[1])


def test_shapes_must_agree() -> None:
    values, indices = pooled_case(4)
    with pytest.raises(ValueError, match="indices must have the shape of pooled"):
        max_unpool(values, indices[..., 1:])
