"""Deep Image Matting under mmagic's names, written out plainly: the shapes of its tensors, and what they compute."""

from __future__ import annotations

import zlib

import torch
from torch import Tensor
from torch.nn import functional as F

SHAPES = {
    "backbone.encoder.layer1.0": (64, 4, 3, 3),
    "backbone.encoder.layer1.2": (64, 64, 3, 3),
    "backbone.encoder.layer2.0": (128, 64, 3, 3),
    "backbone.encoder.layer2.2": (128, 128, 3, 3),
    "backbone.encoder.layer3.0": (256, 128, 3, 3),
    "backbone.encoder.layer3.2": (256, 256, 3, 3),
    "backbone.encoder.layer3.4": (256, 256, 3, 3),
    "backbone.encoder.layer4.0": (512, 256, 3, 3),
    "backbone.encoder.layer4.2": (512, 512, 3, 3),
    "backbone.encoder.layer4.4": (512, 512, 3, 3),
    "backbone.encoder.layer5.0": (512, 512, 3, 3),
    "backbone.encoder.layer5.2": (512, 512, 3, 3),
    "backbone.encoder.layer5.4": (512, 512, 3, 3),
    "backbone.encoder.conv6": (512, 512, 1, 1),
    "backbone.decoder.deconv6_1": (512, 512, 1, 1),
    "backbone.decoder.deconv5_1": (512, 512, 5, 5),
    "backbone.decoder.deconv4_1": (256, 512, 5, 5),
    "backbone.decoder.deconv3_1": (128, 256, 5, 5),
    "backbone.decoder.deconv2_1": (64, 128, 5, 5),
    "backbone.decoder.deconv1_1": (64, 64, 5, 5),
    "backbone.decoder.deconv1": (1, 64, 5, 5),
    "refiner.refine_conv1": (64, 4, 3, 3),
    "refiner.refine_conv2": (64, 64, 3, 3),
    "refiner.refine_conv3": (64, 64, 3, 3),
    "refiner.refine_pred": (1, 64, 3, 3),
}
LAYERS = (("0", "2"), ("0", "2"), ("0", "2", "4"), ("0", "2", "4"), ("0", "2", "4"))


def seeded_state() -> dict[str, Tensor]:
    """All tensors, each drawn from a generator that is seeded by its own name."""
    state = {}
    for module, shape in SHAPES.items():
        state[f"{module}.weight"] = _drawn(f"{module}.weight", shape, (4 / (shape[1] * shape[2] * shape[3])) ** 0.5)
        state[f"{module}.bias"] = _drawn(f"{module}.bias", shape[:1], 0.1)
    return state


def seeded_vgg16() -> dict[str, Tensor]:
    """An ImageNet VGG-16 by torchvision's names, with a classifier that nobody needs."""
    places = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    state = {"classifier.0.weight": torch.zeros(1), "classifier.0.bias": torch.zeros(1)}
    for place, (outputs, inputs, *kernel) in zip(places, SHAPES.values(), strict=False):
        weight = (outputs, 3 if place == 0 else inputs, *kernel)
        state[f"features.{place}.weight"] = _drawn(f"{place}", weight, (2 / (9 * inputs)) ** 0.5)
        state[f"features.{place}.bias"] = _drawn(f"{place} bias", (outputs,), 0.1)
    return state


def plain_forward(state: dict[str, Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """Alpha of encoder and decoder, and after refinement. x: (B, 4, H, W), picture and trimap in [0, 1]."""

    def conv(name: str, x: Tensor) -> Tensor:
        weight = state[f"{name}.weight"]
        return F.conv2d(x, weight, state[f"{name}.bias"], padding=weight.shape[-1] // 2)

    image, places = x[:, :3], []
    for number, names in enumerate(LAYERS, 1):
        for name in names:
            x = F.relu(conv(f"backbone.encoder.layer{number}.{name}", x))
        x, where = F.max_pool2d(x, 2, 2, return_indices=True)
        places.append(where)
    x = F.relu(conv("backbone.encoder.conv6", x))
    x = F.relu(conv("backbone.decoder.deconv6_1", x))
    for number in (5, 4, 3, 2, 1):
        x = F.max_unpool2d(x, places[number - 1], 2, 2)
        x = F.relu(conv(f"backbone.decoder.deconv{number}_1", x))
    raw = conv("backbone.decoder.deconv1", x)
    x = torch.cat([image, torch.sigmoid(raw)], 1)
    for number in (1, 2, 3):
        x = F.relu(conv(f"refiner.refine_conv{number}", x))
    return torch.sigmoid(raw), torch.sigmoid(raw + conv("refiner.refine_pred", x))


def _drawn(name: str, shape: tuple[int, ...], deviation: float) -> Tensor:
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    return deviation * torch.randn(shape, generator=generator)
