"""Shapes, counts and laws of Semantic Human Matting."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from p3m_anon.methods.layers import ConvBN, fold_batch_norm
from p3m_anon.methods.shm.loss import total_loss
from p3m_anon.methods.shm.network import SHM, MNet, fuse
from p3m_anon.methods.shm.tnet import PyramidPooling, ResNet50, TNet
from tests.methods.two_portraits import learnt, targets


def test_parameters_are_those_of_the_papers_parts() -> None:
    """ResNet-50 of ImageNet has 25 557 032 with its classifier of 2048 x 1000 + 1000."""
    network = SHM()
    counts = {
        kind: sum(one.numel() for one in module.parameters())
        for module in network.modules()
        for kind in (ResNet50, TNet, MNet, SHM)
        if type(module) is kind
    }
    assert counts[ResNet50] == 25_557_032 - 2_049_000
    pyramid = 4 * (2048 * 512 + 2 * 512) + 4096 * 512 * 9 + 2 * 512 + 512 * 3 + 3
    assert counts[TNet] == counts[ResNet50] + pyramid == 46_583_363
    vgg = 14_714_688 + 3 * 64 * 9  # thirteen convolutions of VGG-16, the first with three channels more
    decoder = 25 * (512 * 512 + 512 * 256 + 256 * 128 + 128 * 64 + 64 * 64 + 64) + 512 + 256 + 128 + 64 + 64 + 1
    normalization = 2 * (2 * 64 + 2 * 128 + 3 * 256 + 6 * 512 + 512 + 256 + 128 + 64 + 64)
    assert counts[MNet] == vgg + decoder + normalization == 25_686_337
    assert counts[SHM] == 72_269_700


def test_shapes_and_gradients() -> None:
    network = SHM(width=4)
    output = network(torch.randn(2, 3, 64, 96))
    assert output.logits.shape == (2, 3, 64, 96)
    assert output.raw.shape == output.fused.shape == (2, 1, 64, 96)
    assert output.fused.min() >= 0
    assert output.fused.max() <= 1
    output.fused.sum().backward()
    assert [name for name, one in network.named_parameters() if one.grad is None] == []


def test_the_picture_and_the_classes_both_reach_the_matte() -> None:
    network = MNet(width=4)
    image, classes = torch.randn(2, 3, 32, 64), torch.rand(2, 3, 32, 64)
    image.requires_grad_()
    classes.requires_grad_()
    network(image, classes).square().sum().backward()
    assert image.grad.abs().amax((0, 2, 3)).all()
    assert classes.grad.abs().amax((0, 2, 3)).all()


def test_fusion() -> None:
    """Equation 3 of the paper, of which equation 4 is the short form."""
    logits, raw = torch.randn(2, 3, 4, 5), torch.rand(2, 1, 4, 5)
    background, unknown, foreground = logits.double().softmax(1).split(1, dim=1)
    expected = (1 - unknown) * foreground / (foreground + background) + unknown * raw
    assert torch.allclose(fuse(logits.softmax(1), raw).double(), expected, atol=1e-6)
    sure = 50 * torch.eye(3).view(1, 3, 3, 1)  # background, transition, foreground
    assert fuse(sure.softmax(1), torch.full((1, 1, 3, 1), 0.4)).flatten().tolist() == pytest.approx([0, 0.4, 1])


@torch.no_grad()
def test_what_is_fused_are_probabilities_that_add_up_to_one() -> None:
    torch.manual_seed(0)
    network, image = SHM(width=4).eval(), torch.randn(1, 3, 64, 96)
    before = network(image)
    assert torch.equal(before.fused, fuse(before.logits.softmax(1), before.raw))
    network.t_net.last.bias += 2  # of all classes alike, which says nothing new
    after = network(image)
    assert (after.logits - before.logits).mean() == pytest.approx(2, abs=1e-3)
    assert torch.allclose(after.fused, before.fused, atol=1e-5)


@torch.no_grad()
def test_the_pyramid_holds_means_of_cells() -> None:
    pooling = PyramidPooling(8).eval()
    features = torch.rand(1, 8, 6, 6)
    parts = pooling(features)
    assert parts.shape == (1, 16, 6, 6)
    assert torch.equal(parts[:, :8], features)
    coarsest = pooling.levels[0](features.mean((2, 3), keepdim=True)).relu()
    assert torch.allclose(parts[:, 8:10], coarsest.expand(1, 2, 6, 6), atol=1e-6)
    finest = pooling.levels[3](features).relu()  # six cells for six pixels
    assert torch.allclose(parts[:, 14:], finest, atol=1e-6)
    halves = pooling.levels[1](F.avg_pool2d(features, 3)).relu()
    assert torch.allclose(parts[:, 10:12, 0, 0], halves[..., 0, 0], atol=1e-6)


@torch.no_grad()
def test_folding_changes_nothing() -> None:
    network = SHM(width=4)
    image = torch.randn(2, 3, 64, 64)
    for _ in range(3):
        network(image)  # running statistics other than 0 and 1
    network.eval()
    before = network(image)
    fold_batch_norm(network)
    assert not [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert sum(isinstance(m, ConvBN) for m in network.modules()) == 76
    after = network(image)
    assert (after.logits - before.logits).abs().max() < 1e-3 * before.logits.abs().max()


def test_it_trains_alike_where_only_deterministic_algorithms_are_allowed() -> None:
    network, wanted = SHM(width=2), targets()

    def gradient() -> torch.Tensor:
        torch.manual_seed(3)  # of the dropout
        network.zero_grad()
        total_loss(network(wanted.image), wanted).total.backward()
        return torch.cat([one.grad.flatten() for one in network.parameters() if one.grad is not None])

    torch.use_deterministic_algorithms(True)
    try:
        allowed = gradient()
    finally:
        torch.use_deterministic_algorithms(False)
    assert torch.equal(gradient(), allowed)
    assert allowed.any()


def test_it_learns_two_pictures_by_heart() -> None:
    torch.manual_seed(0)
    network, wanted = SHM(width=8), targets()
    whole = torch.ones_like(wanted.alpha, dtype=torch.bool)
    after, constant = learnt(network, lambda: network(wanted.image), total_loss, whole)
    assert after < constant / 2


def test_a_single_picture_is_matted_but_not_trained_on() -> None:
    network, image = SHM(width=2), torch.zeros(1, 3, 64, 64)
    with pytest.raises(ValueError, match="two pictures or more in training"):
        network(image)
    assert network.eval()(image).fused.isfinite().all()


def test_other_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"image must be \(B, 3, H, W\)"):
        SHM(width=2)(torch.zeros(2, 3, 64, 65))
    with pytest.raises(ValueError, match="width must be at least 1"):
        SHM(width=0)
