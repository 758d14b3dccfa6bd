"""Shapes, counts and laws of Deep Image Matting; what it computes is checked in test_checkpoint.py."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from p3m_anon.methods.dim.decoder import unpool
from p3m_anon.methods.dim.encoder import Encoder
from p3m_anon.methods.dim.loss import total_loss
from p3m_anon.methods.dim.network import DIM, unknown_area
from tests.methods.dim.published import SHAPES
from tests.methods.two_portraits import learnt, targets


def test_parameters_are_those_of_the_published_tensors() -> None:
    published = {name: torch.Size(shape).numel() + shape[0] for name, shape in SHAPES.items()}
    refinement = sum(count for name, count in published.items() if name.startswith("refiner."))
    assert sum(one.numel() for one in DIM().parameters()) == sum(published.values()) == 26_276_802
    assert sum(one.numel() for one in DIM(refine=False).parameters()) == 26_276_802 - refinement == 26_200_001


def test_shapes_and_gradients() -> None:
    network = DIM(width=4)
    trimap = torch.full((2, 1, 64, 96), 128)
    output = network(torch.randn(2, 3, 64, 96), trimap)
    assert output.coarse.shape == output.refined.shape == output.fused.shape == (2, 1, 64, 96)
    assert output.fused.min() >= 0
    assert output.fused.max() <= 1
    output.fused.sum().backward()
    assert [name for name, one in network.named_parameters() if one.grad is None] == []


def test_the_encoder_halves_as_often_as_it_pools() -> None:
    for pools in (4, 5):
        deepest, places = Encoder(4, 2, pools=pools)(torch.randn(1, 4, 64, 96))
        assert deepest.shape == (1, 16, 64 >> pools, 96 >> pools)
        assert [one.shape[-1] for one in places] == [48, 24, 12, 6, 3][:pools]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_unpooling_puts_values_where_they_were(layout: torch.memory_format) -> None:
    x = torch.randn(2, 3, 8, 12).contiguous(memory_format=layout)
    pooled, places = F.max_pool2d(x, 2, return_indices=True)
    back = unpool(pooled, places)
    assert torch.equal(back[back != 0], x[back != 0])
    assert torch.equal(F.max_pool2d(x - 100 * (back == 0), 2), pooled)
    assert ((back != 0).sum(), back.shape) == (pooled.numel(), x.shape)


def test_it_trains_alike_where_only_deterministic_algorithms_are_allowed() -> None:
    network, wanted = DIM(width=2), targets()

    def gradient() -> torch.Tensor:
        network.zero_grad()
        total_loss(network(wanted.image, wanted.trimap), wanted).total.backward()
        return torch.cat([one.grad.flatten() for one in network.parameters() if one.grad is not None])

    torch.use_deterministic_algorithms(True)
    try:
        allowed = gradient()
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(gradient(), allowed)
    assert allowed.any()


@torch.no_grad()
def test_the_trimap_is_read_alike_in_every_type() -> None:
    network, wanted = DIM(width=4).eval(), targets()
    fused = network(wanted.image, wanted.trimap).fused
    assert torch.equal(fused, network(wanted.image, wanted.trimap.float()).fused)
    assert not torch.equal(fused, network(wanted.image, torch.full_like(wanted.trimap, 128)).fused)


def test_what_a_resize_mixed_is_unknown() -> None:
    trimap = torch.tensor([0.0, 0.5, 64, 128, 254.5, 255])
    assert unknown_area(trimap).tolist() == [False, True, True, True, True, False]


def test_it_learns_two_pictures_by_heart() -> None:
    torch.manual_seed(0)
    network, wanted = DIM(width=8), targets()
    after, constant = learnt(
        network, lambda: network(wanted.image, wanted.trimap), total_loss, unknown_area(wanted.trimap)
    )
    assert after < constant / 2


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 1, 64, 64), (1, 3, 64, 65), (1, 3, 33, 64)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"image must be \(B, 3, H, W\)"):
        DIM(width=2)(torch.zeros(shape), torch.zeros(1, 1, 64, 64))


def test_a_trimap_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"trimap must be \(2, 1, 64, 64\)"):
        DIM(width=2)(torch.zeros(2, 3, 64, 64), torch.zeros(1, 1, 64, 64))


def test_no_width_is_refused() -> None:
    with pytest.raises(ValueError, match="width must be at least 1"):
        DIM(width=0)
