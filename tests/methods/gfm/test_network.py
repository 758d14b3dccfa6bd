"""Shapes, counts and branches of GFM; what it computes is checked in test_checkpoint.py."""

from __future__ import annotations

import pytest
import torch

from p3m_anon.methods.gfm.decoders import POOLS, averages, traced_averages
from p3m_anon.methods.gfm.encoder import Encoder
from p3m_anon.methods.gfm.loss import total_loss
from p3m_anon.methods.gfm.network import GFM
from p3m_anon.methods.losses import transition_region
from p3m_anon.methods.network import fuse, has_two_branches
from p3m_anon.methods.p3mnet.keys import UNUSED
from tests.methods.two_portraits import learnt, targets


def test_parameters_are_the_published_ones_less_imagenets_classifier() -> None:
    ours = sum(one.numel() for one in GFM().parameters())
    assert ours + sum(torch.Size(shape).numel() for shape in UNUSED.values()) == 55_286_316


def test_shapes_and_gradients() -> None:
    network = GFM(width=4)
    output = network(torch.randn(2, 3, 64, 96))
    assert output.global_logits.shape == (2, 3, 64, 96)
    assert output.local.shape == output.fused.shape == (2, 1, 64, 96)
    (output.global_logits.sum() + output.local.sum()).backward()
    assert [name for name, one in network.named_parameters() if one.grad is None] == []


def test_scales_of_the_encoder() -> None:
    features = Encoder(4)(torch.randn(1, 3, 64, 96))
    assert [one.shape for one in features] == [
        (1, channels, 64 // scale, 96 // scale)
        for channels, scale in zip((4, 4, 8, 16, 32), (2, 4, 8, 16, 32), strict=True)
    ]


@pytest.mark.parametrize("size", [(1, 1), (3, 4), (8, 8), (7, 30)])
def test_averages_are_the_same_when_traced(size: tuple[int, int]) -> None:
    x = torch.rand(2, 3, *size)
    for side in POOLS:
        assert torch.allclose(traced_averages(x, side), averages(x, side), atol=1e-6)


@torch.no_grad()
def test_each_branch_is_that_of_the_whole() -> None:
    network, image = GFM(width=4).eval(), torch.randn(1, 3, 64, 64)
    assert has_two_branches(network)
    output = network(image)
    for found in (network.branches(image), (network.segment(image), network.matte(image))):
        assert torch.equal(found[0], output.global_logits)
        assert torch.equal(found[1], output.local)
    assert torch.equal(fuse(*found), output.fused)


def test_pictures_that_are_no_multiple_of_32_are_refused() -> None:
    with pytest.raises(ValueError, match="multiples of 32"):
        GFM(width=2)(torch.zeros(1, 3, 64, 80))


@pytest.mark.parametrize("recipe", ["paper", "official"])
def test_it_learns_two_portraits_by_heart(recipe: str) -> None:
    torch.manual_seed(0)
    network, wanted = GFM(width=8), targets()
    everywhere = torch.ones_like(transition_region(wanted.trimap))
    found, constant = learnt(
        network,
        lambda: network(wanted.image),
        lambda output, one: total_loss(output, one, recipe),  # type: ignore[arg-type]
        everywhere,
    )
    assert found < constant / 2
