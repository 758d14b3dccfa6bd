"""The published network in its own names: which tensors its files hold, and what it makes of them, slowly.

Names and shapes are facts of JizhiziLi/GFM (core/gfm.py, r34 and TT; MIT).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

LAYERS = ((3, 64), (4, 128), (6, 256), (3, 512))
SECOND = {"conv1": "encoder0.0", "bn1": "encoder0.1", "layer1": "encoder1.1"} | {
    f"layer{n}": f"encoder{n}" for n in (2, 3, 4)
}
DECODERS = {4: (1024, 512, 512, 256), 3: (512, 256, 256, 128), 2: (256, 128, 128, 64), 1: (128, 64, 64, 64)}

Shapes = Iterator[tuple[str, tuple[int, ...]]]


def conv(name: str, outputs: int, inputs: int, side: int, *, bias: bool = True) -> Shapes:
    yield f"{name}.weight", (outputs, inputs, side, side)
    if bias:
        yield f"{name}.bias", (outputs,)


def norm(name: str, channels: int) -> Shapes:
    for one in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{one}", (channels,)
    yield f"{name}.num_batches_tracked", ()


def pair(sequence: str, place: int, outputs: int, inputs: int) -> Shapes:
    yield from conv(f"{sequence}.{place}", outputs, inputs, 3)
    yield from norm(f"{sequence}.{place + 1}", outputs)


def resnet() -> Shapes:
    yield from conv("conv1", 64, 3, 7, bias=False)
    yield from norm("bn1", 64)
    before = 64
    for stage, (blocks, width) in enumerate(LAYERS, 1):
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            yield from conv(f"{name}.conv1", width, before, 3, bias=False)
            yield from norm(f"{name}.bn1", width)
            yield from conv(f"{name}.conv2", width, width, 3, bias=False)
            yield from norm(f"{name}.bn2", width)
            if width != before:
                yield from conv(f"{name}.downsample.0", width, before, 1, bias=False)
                yield from norm(f"{name}.downsample.1", width)
            before = width


def decoder(suffix: str, outputs: int) -> Shapes:
    for level, widths in DECODERS.items():
        for place in range(3):
            yield from pair(f"decoder{level}_{suffix}", 3 * place, widths[place + 1], widths[place])
    yield from pair(f"decoder0_{suffix}", 0, 64, 128)
    yield from pair(f"decoder0_{suffix}", 3, 64, 64)
    yield from conv(f"decoder0_{suffix}.6", outputs, 64, 3)


def shapes() -> Shapes:
    """All of a file, in its order."""
    for name, shape in resnet():
        yield f"resnet.{name}", shape
    yield from (("resnet.fc.weight", (1000, 512)), ("resnet.fc.bias", (1000,)))
    for name, shape in resnet():
        first = name.split(".")[0]
        yield SECOND[first] + name[len(first) :], shape
    for place in range(3):
        yield from conv(f"psp_module.stages.{place}.1", 512, 512, 1, bias=False)
    yield from conv("psp_module.bottleneck", 512, 2048, 1)
    for level, width in ((4, 256), (3, 128), (2, 64), (1, 64)):
        yield from pair(f"psp{level}", 0, width, 512)
    yield from decoder("g", 3)
    for place in range(3):
        yield from pair("bridge_block", 3 * place, 512, 512)
    yield from decoder("f", 1)


@cache
def seeded_state() -> dict[str, Tensor]:
    """Each tensor is drawn from the checksum of its own name; do not write into them."""
    firsts = {second: first for first, second in SECOND.items()}
    state = {}
    for name, shape in shapes():
        first = next(
            (f"resnet.{one}{name[len(two) :]}" for two, one in firsts.items() if name.startswith(f"{two}.")), ""
        )
        state[name] = state[first] if first else _seeded(name, shape)
    return state


def _seeded(name: str, shape: tuple[int, ...]) -> Tensor:
    if name.endswith("num_batches_tracked"):
        return torch.tensor(0)
    normal = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
    if len(shape) > 1:
        colours = 1 / 128 if name == "resnet.conv1.weight" else 1  # it takes 0..255
        value = colours * normal * np.sqrt(2 / np.prod(shape[1:]))
    elif name.endswith(("bias", "running_mean")):
        value = 0.1 * normal
    else:
        gain = 0.25 if name.endswith("bn2.weight") else 1
        value = gain * (1 + 0.1 * abs(normal))
    return torch.from_numpy(np.asarray(value).astype(np.float32))


class Published:
    """The forward pass of a state in published names, step by step."""

    def __init__(self, state: dict[str, Tensor]) -> None:
        self.state = state

    def conv(self, name: str, x: Tensor, **how: int) -> Tensor:
        return F.conv2d(x, self.state[f"{name}.weight"], self.state.get(f"{name}.bias"), **how)

    def norm(self, name: str, x: Tensor) -> Tensor:
        mean, variance, gain, shift = (
            self.state[f"{name}.{one}"] for one in ("running_mean", "running_var", "weight", "bias")
        )
        return F.batch_norm(x, mean, variance, gain, shift)

    def sequence(self, name: str, x: Tensor, count: int, dilation: int = 1) -> Tensor:
        for place in range(count):
            x = self.conv(f"{name}.{3 * place}", x, padding=dilation, dilation=dilation)
            x = self.norm(f"{name}.{3 * place + 1}", x).relu()
        return x

    def stage(self, number: int, x: Tensor) -> Tensor:
        for block in range(LAYERS[number - 1][0]):
            name, stride = f"resnet.layer{number}.{block}", 2 if number > 1 and not block else 1
            y = self.norm(f"{name}.bn1", self.conv(f"{name}.conv1", x, stride=stride, padding=1)).relu()
            y = self.norm(f"{name}.bn2", self.conv(f"{name}.conv2", y, padding=1))
            if stride == 2:
                x = self.norm(f"{name}.downsample.1", self.conv(f"{name}.downsample.0", x, stride=2))
            x = (x + y).relu()
        return x

    def decode(self, suffix: str, level: int, *inputs: Tensor) -> Tensor:
        name = f"decoder{level}_{suffix}"
        x = self.sequence(name, torch.cat(inputs, 1), 3 if level else 2)
        return twice(x if level else self.conv(f"{name}.6", x, padding=1), 2)

    def __call__(self, colours: Tensor) -> tuple[Tensor, Tensor]:
        """Logits and alpha of the transition, of colours (B, 3, H, W) in 0..255."""
        e0 = self.norm("resnet.bn1", self.conv("resnet.conv1", colours, stride=2, padding=3)).relu()
        e1 = self.stage(1, F.max_pool2d(e0, 3, 2, 1))
        e2 = self.stage(2, e1)
        e3 = self.stage(3, e2)
        e4 = self.stage(4, e3)
        means = [
            self.conv(f"psp_module.stages.{place}.1", F.adaptive_avg_pool2d(e4, side))
            for place, side in enumerate((1, 3, 5))
        ]
        spread = [F.interpolate(one, e4.shape[2:], mode="bilinear", align_corners=True) for one in means]
        psp = self.conv("psp_module.bottleneck", torch.cat([*spread, e4], 1)).relu()
        glance = self.decode("g", 4, psp, e4)
        for level in (3, 2, 1, 0):
            view = twice(self.sequence(f"psp{level + 1}", psp, 1), 2 ** (4 - level))
            glance = self.decode("g", level, view, glance)
        focus = self.decode("f", 4, self.sequence("bridge_block", e4, 3, dilation=2), e4)
        for level, skip in ((3, e3), (2, e2), (1, e1), (0, e0)):
            focus = self.decode("f", level, focus, skip)
        return glance, focus.sigmoid()


def twice(x: Tensor, factor: int) -> Tensor:
    return F.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=False)
