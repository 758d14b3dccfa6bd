"""Published names in; what they compute is what mmagic's network computes, written out plainly."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from p3m_anon.errors import WeightsError
from p3m_anon.methods.dim.checkpoint import load_backbone, load_published
from p3m_anon.methods.dim.network import DIM
from tests.methods.dim.published import plain_forward, seeded_state, seeded_vgg16


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Tensor]:
    return seeded_state()


def drawn_input() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    image = torch.randn(2, 3, 64, 96, generator=generator)
    trimap = torch.tensor([0, 128, 255], dtype=torch.uint8)[torch.randint(0, 3, (2, 1, 8, 12), generator=generator)]
    return image, trimap.repeat_interleave(8, 2).repeat_interleave(8, 3)


@torch.no_grad()
def test_a_published_state_computes_what_it_should(published: dict[str, torch.Tensor]) -> None:
    network = DIM()
    load_published(network, published)
    image, trimap = drawn_input()
    output = network.eval()(image, trimap)
    coarse, refined = plain_forward(published, torch.cat([image, trimap / 255], 1))
    assert 0.02 < coarse.std() < 0.5  # not all alike, and not all 0 or 1
    assert (refined - coarse).abs().max() > 0.02
    assert torch.allclose(output.coarse, coarse, atol=1e-5)
    assert torch.allclose(output.refined, refined, atol=1e-5)
    assert output.fused[trimap == 0].max() == 0
    assert output.fused[trimap == 255].min() == 1
    assert torch.allclose(output.fused[trimap == 128], refined[trimap == 128], atol=1e-5)


@torch.no_grad()
def test_that_of_stage_1_fits_a_network_without_refinement(published: dict[str, torch.Tensor]) -> None:
    first = {key: one for key, one in published.items() if not key.startswith("refiner.")}
    network = DIM(refine=False)
    load_published(network, first)
    image, trimap = drawn_input()
    output = network(image, trimap)
    assert output.refined is None
    coarse = plain_forward(published, torch.cat([image, trimap / 255], 1))[0]
    assert torch.allclose(output.fused[trimap == 128], coarse[trimap == 128], atol=1e-5)
    with pytest.raises(WeightsError, match=r"^x.pth: has no refinement stage \(refiner\.\*\); use .* stage 2 or 3"):
        load_published(DIM(), first, "x.pth")


def test_names_that_are_missing_unknown_or_misshapen(published: dict[str, torch.Tensor]) -> None:
    network = DIM()
    before = {key: one.clone() for key, one in network.state_dict().items()}
    short = {key: one for key, one in published.items() if key != "backbone.decoder.deconv1.bias"}
    with pytest.raises(WeightsError, match=r"^x.pth: lacks backbone.decoder.deconv1.bias; "):
        load_published(network, short, "x.pth")
    with pytest.raises(WeightsError, match="has unknown zzz"):
        load_published(network, {**published, "zzz": torch.zeros(1)})
    with pytest.raises(WeightsError, match=r"refine_pred.bias has the shape \(3,\), \(1,\) is needed"):
        load_published(network, {**published, "refiner.refine_pred.bias": torch.zeros(3)})
    assert all(torch.equal(one, before[key]) for key, one in network.state_dict().items())


@torch.no_grad()
def test_imagenet_weights_start_the_encoder_blind_to_the_trimap() -> None:
    network, state = DIM(), seeded_vgg16()
    load_backbone(network, state)
    assert torch.equal(network.encoder.groups[0][0].weight[:, :3], state["features.0.weight"])
    image, trimap = drawn_input()
    expected = image
    for place in range(30):
        if place in (4, 9, 16, 23):
            expected = F.max_pool2d(expected, 2)
        elif f"features.{place}.weight" in state:
            weight, bias = state[f"features.{place}.weight"], state[f"features.{place}.bias"]
            expected = F.conv2d(expected, weight, bias, padding=1).relu()
    found = network.encoder(torch.cat([image, trimap / 255], 1)).deepest
    assert torch.allclose(found, F.max_pool2d(expected, 2), atol=1e-4)
    assert torch.equal(found, network.encoder(torch.cat([image, 1 - trimap / 255], 1)).deepest)


def test_vgg_with_batch_normalization_is_another_network() -> None:
    state = {**seeded_vgg16(), "features.1.running_mean": torch.zeros(64)}
    with pytest.raises(WeightsError, match=r"x.pth: has unknown features.1.running_mean"):
        load_backbone(DIM(), state, "x.pth")
