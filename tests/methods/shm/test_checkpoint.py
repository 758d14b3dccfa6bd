"""ImageNet weights by torchvision's names, and what ResNet-50 computes with them, written out plainly."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from p3m_anon.errors import WeightsError
from p3m_anon.methods.shm.checkpoint import load_backbone
from p3m_anon.methods.shm.network import SHM

WIDTH = 4


def seeded_resnet50(width: int = WIDTH) -> dict[str, Tensor]:
    """By torchvision's names and shapes, the latter in units of `width` / 64."""
    generator = torch.Generator().manual_seed(0)
    state = {"fc.weight": torch.zeros(1), "fc.bias": torch.zeros(1)}

    def add(conv: str, bn: str, outputs: int, inputs: int, kernel: int) -> None:
        deviation = (2 / (inputs * kernel**2)) ** 0.5
        state[f"{conv}.weight"] = deviation * torch.randn(outputs, inputs, kernel, kernel, generator=generator)
        for name, centre in (("weight", 1), ("bias", 0), ("running_mean", 0), ("running_var", 1)):
            state[f"{bn}.{name}"] = centre + 0.1 * torch.rand(outputs, generator=generator)
        state[f"{bn}.num_batches_tracked"] = torch.tensor(0)

    add("conv1", "bn1", width, 3, 7)
    inputs = width
    for stage, blocks in enumerate((3, 4, 6, 3), 1):
        inner = width * 2 ** (stage - 1)
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            add(f"{name}.conv1", f"{name}.bn1", inner, inputs, 1)
            add(f"{name}.conv2", f"{name}.bn2", inner, inner, 3)
            add(f"{name}.conv3", f"{name}.bn3", 4 * inner, inner, 1)
            if block == 0:
                add(f"{name}.downsample.0", f"{name}.downsample.1", 4 * inner, inputs, 1)
            inputs = 4 * inner
    return state


def plain_features(state: dict[str, Tensor], x: Tensor) -> Tensor:
    def conv(x: Tensor, name: str, bn: str, stride: int = 1, dilation: int = 1) -> Tensor:
        weight = state[f"{name}.weight"]
        x = F.conv2d(x, weight, None, stride, dilation * (weight.shape[-1] // 2), dilation)
        parts = (state[f"{bn}.{one}"] for one in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *parts)

    x = F.max_pool2d(conv(x, "conv1", "bn1", 2).relu(), 3, 2, 1)
    for stage, (blocks, stride, dilation) in enumerate(((3, 1, 1), (4, 2, 1), (6, 1, 2), (3, 1, 4)), 1):
        for block in range(blocks):
            name, step = f"layer{stage}.{block}", stride if block == 0 else 1
            y = conv(x, f"{name}.conv1", f"{name}.bn1").relu()
            y = conv(y, f"{name}.conv2", f"{name}.bn2", step, dilation).relu()
            y = conv(y, f"{name}.conv3", f"{name}.bn3")
            if block == 0:
                x = conv(x, f"{name}.downsample.0", f"{name}.downsample.1", step)
            x = (x + y).relu()
    return x


@torch.no_grad()
def test_imagenet_weights_compute_what_they_should() -> None:
    network, state = SHM(width=WIDTH).eval(), seeded_resnet50()
    load_backbone(network, state)
    image = torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    features = network.t_net.backbone(image)
    assert features.shape == (2, 32 * WIDTH, 8, 12)
    expected = plain_features(state, image)
    assert expected.std() > 0.1
    assert torch.allclose(features, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max()))


def test_names_that_are_missing_unknown_or_misshapen() -> None:
    network, state = SHM(width=WIDTH), seeded_resnet50()
    short = {key: one for key, one in state.items() if not key.startswith("layer4.2.conv3")}
    with pytest.raises(WeightsError, match=r"^x.pth: lacks layer4.2.conv3.weight; "):
        load_backbone(network, short, "x.pth")
    with pytest.raises(WeightsError, match=r"has unknown layer4\.3\.conv1\.weight"):
        load_backbone(network, {**state, "layer4.3.conv1.weight": torch.zeros(1)})
    with pytest.raises(WeightsError, match=r"bn1.bias has the shape \(8,\), \(4,\) is needed"):
        load_backbone(network, {**state, "bn1.bias": torch.zeros(8)})
