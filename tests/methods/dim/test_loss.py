"""The loss of Deep Image Matting against sums over single pixels."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from p3m_anon.methods.colours import DEVIATION, MEAN
from p3m_anon.methods.dim.loss import alpha_loss, total_loss
from p3m_anon.methods.dim.network import DIMOutput
from p3m_anon.methods.losses import Targets

SHAPE = (2, 1, 4, 5)


def drawn(seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[DIMOutput, Targets]:
    """Predictions and targets of two tiny pictures; the trimap has mixed values too."""
    generator = torch.Generator().manual_seed(seed)

    def rand(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, dtype=torch.float64).to(dtype)

    trimap = torch.tensor([0, 255, 128, 128, 60])[torch.randint(0, 5, SHAPE, generator=generator)].to(dtype)
    coarse, refined, alpha = rand(*SHAPE), rand(*SHAPE), rand(*SHAPE)
    image, foreground, background = (normal(rand(2, 3, 4, 5)) for _ in range(3))
    return DIMOutput(coarse, refined, refined), Targets(alpha, trimap, image, foreground, background)


def normal(colours: Tensor) -> Tensor:
    return (colours - colours.new_tensor(MEAN).view(3, 1, 1)) / colours.new_tensor(DEVIATION).view(3, 1, 1)


def slow(output: DIMOutput, wanted: Targets) -> tuple[float, float, float]:
    """Pixel by pixel, colours in [0, 1]: alpha, composition, refinement."""
    sums, pixels = [0.0, 0.0, 0.0], 0
    for b in range(2):
        for y in range(4):
            for x in range(5):
                if wanted.trimap[b, 0, y, x] in (0, 255):
                    continue
                pixels += 1
                a, r, t = (float(one[b, 0, y, x]) for one in (output.coarse, output.refined, wanted.alpha))
                sums[0] += math.sqrt((a - t) ** 2 + 1e-12)
                sums[2] += math.sqrt((r - t) ** 2 + 1e-12)
                for c in range(3):
                    colours = (wanted.image, wanted.foreground, wanted.background)
                    i, f, g = (float(one[b, c, y, x]) * DEVIATION[c] + MEAN[c] for one in colours)
                    sums[1] += math.sqrt((a * f + (1 - a) * g - i) ** 2 + 1e-12) / 3
    return sums[0] / pixels, sums[1] / pixels, sums[2] / pixels


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)])
def test_equals_the_slow_one(seed: int, dtype: torch.dtype, tolerance: float) -> None:
    output, wanted = drawn(seed, dtype)
    terms = total_loss(output, wanted)
    alpha, composition, refinement = slow(*drawn(seed))
    expected = (0.5 * alpha + 0.5 * composition + refinement, alpha, composition, refinement)
    assert [one.item() for one in terms] == pytest.approx(expected, rel=tolerance)
    assert terms.total.dtype == dtype


def test_slopes_are_those_of_finite_differences() -> None:
    output, wanted = drawn()
    leaves = (output.coarse.requires_grad_(), output.refined.requires_grad_())
    assert torch.autograd.gradcheck(lambda a, r: total_loss(DIMOutput(a, r, r), wanted).total, leaves)


def test_nothing_known_counts_or_learns() -> None:
    output, wanted = drawn()
    known = (wanted.trimap == 0) | (wanted.trimap == 255)
    coarse = output.coarse.clone().requires_grad_()
    total = total_loss(output._replace(coarse=coarse), wanted).total
    total.backward()
    elsewhere = torch.where(known, 1 - output.coarse, output.coarse)
    assert total_loss(output._replace(coarse=elsewhere), wanted).total.item() == total.item()
    assert not coarse.grad[known].any()
    assert coarse.grad[~known].all()


def test_without_layers_or_refinement_the_other_weights_stay() -> None:
    output, wanted = drawn()
    whole = total_loss(output, wanted)
    short = total_loss(output._replace(refined=None), Targets(wanted.alpha, wanted.trimap, wanted.image))
    assert (short.composition, short.refinement) == (None, None)
    assert short.total.item() == pytest.approx(0.5 * whole.alpha.item(), rel=1e-12)


@pytest.mark.parametrize("fill", [0, 255])
def test_a_trimap_that_knows_all_gives_zero(fill: int) -> None:
    output, wanted = drawn()
    coarse = output.coarse.requires_grad_()
    total = total_loss(output, Targets(wanted.alpha, torch.full(SHAPE, fill), wanted.image)).total
    total.backward()
    assert total.item() == 0
    assert not coarse.grad.any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_before_anything_is_computed(dtype: torch.dtype) -> None:
    output, wanted = drawn(dtype=torch.float32)
    half = DIMOutput(*(one.to(dtype) for one in output))
    with torch.autocast("cpu", dtype=dtype):
        terms = total_loss(half, wanted)
    assert all(one.dtype == torch.float32 for one in terms)
    wide = total_loss(DIMOutput(*(one.float() for one in half)), wanted)
    assert [one.item() for one in terms] == [one.item() for one in wide]


def test_equal_maps_have_a_finite_slope() -> None:
    leaf = torch.ones(SHAPE, requires_grad=True)
    alpha_loss(leaf, torch.ones(SHAPE)).backward()
    assert leaf.grad.isfinite().all()


def test_shapes_that_would_broadcast_are_refused() -> None:
    with pytest.raises(ValueError, match="must be alike"):
        alpha_loss(torch.zeros(SHAPE), torch.zeros(2, 4, 5))
