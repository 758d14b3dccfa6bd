"""The loss of Semantic Human Matting against sums over single pixels."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from p3m_anon.methods.colours import DEVIATION, MEAN
from p3m_anon.methods.losses import Targets
from p3m_anon.methods.shm.loss import total_loss
from p3m_anon.methods.shm.network import SHMOutput, fuse

SHAPE = (2, 1, 3, 4)
CLASSES = {0: 0, 2: 1, 60: 1, 128: 1, 255: 2}
"""Of trimap values; 2 is a mixed one, and not the foreground that P3M's code takes it for."""


def drawn(dtype: torch.dtype = torch.float64) -> tuple[SHMOutput, Targets]:
    generator = torch.Generator().manual_seed(0)

    def rand(channels: int) -> Tensor:
        return torch.rand((2, channels, 3, 4), generator=generator, dtype=torch.float64).to(dtype)

    logits, raw, alpha = 3 * rand(3), rand(1), rand(1)
    trimap = torch.tensor([*CLASSES])[torch.arange(24) % 5].reshape(SHAPE)
    image, foreground, background = (2 * rand(3) - 1 for _ in range(3))
    return SHMOutput(logits, raw, fuse(logits.softmax(1), raw)), Targets(alpha, trimap, image, foreground, background)


def slow(output: SHMOutput, wanted: Targets) -> tuple[float, float, float]:
    """Pixel by pixel: alpha, composition in [0, 1], cross-entropy."""
    alpha = composition = entropy = 0.0
    for b in range(2):
        for y in range(3):
            for x in range(4):
                a, t = float(output.fused[b, 0, y, x]), float(wanted.alpha[b, 0, y, x])
                alpha += abs(a - t) / 24
                for c in range(3):
                    colours = (wanted.image, wanted.foreground, wanted.background)
                    i, f, g = (float(one[b, c, y, x]) * DEVIATION[c] + MEAN[c] for one in colours)
                    composition += abs(a * f + (1 - a) * g - i) / 72
                powers = [math.exp(float(one)) for one in output.logits[b, :, y, x]]
                entropy -= math.log(powers[CLASSES[int(wanted.trimap[b, 0, y, x])]] / sum(powers)) / 24
    return alpha, composition, entropy


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-5)])
def test_equals_the_slow_one(dtype: torch.dtype, tolerance: float) -> None:
    terms = total_loss(*drawn(dtype))
    alpha, composition, entropy = slow(*drawn())
    expected = (0.5 * alpha + 0.5 * composition + 0.01 * entropy, alpha, composition, entropy)
    assert [one.item() for one in terms] == pytest.approx(expected, rel=tolerance)
    assert terms.total.dtype == dtype


def test_slopes_are_those_of_finite_differences() -> None:
    """Of what both networks say: the fused matte trains T-Net too."""
    output, wanted = drawn()

    def total(logits: Tensor, raw: Tensor) -> Tensor:
        return total_loss(SHMOutput(logits, raw, fuse(logits.softmax(1), raw)), wanted).total

    leaves = (output.logits.detach().requires_grad_(), output.raw.detach().requires_grad_())
    assert torch.autograd.gradcheck(total, leaves)


def test_without_layers_the_other_weights_stay() -> None:
    output, wanted = drawn()
    whole = total_loss(output, wanted)
    short = total_loss(output, Targets(wanted.alpha, wanted.trimap, wanted.image))
    assert short.composition is None
    expected = 0.5 * whole.alpha + 0.01 * whole.segmentation
    assert short.total.item() == pytest.approx(expected.item(), rel=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_before_anything_is_computed(dtype: torch.dtype) -> None:
    output, wanted = drawn(torch.float32)
    half = SHMOutput(*(one.to(dtype) for one in output))
    with torch.autocast("cpu", dtype=dtype):
        terms = total_loss(half, wanted)
    assert all(one.dtype == torch.float32 for one in terms)
    wide = total_loss(SHMOutput(*(one.float() for one in half)), wanted)
    assert [one.item() for one in terms] == [one.item() for one in wide]
