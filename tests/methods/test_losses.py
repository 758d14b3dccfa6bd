"""Losses: the published numbers, the laws they keep, and what half precision and empty regions do to them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from p3m_anon.methods.losses import (
    EPSILON,
    Targets,
    _filtered,
    alpha_loss,
    composition_loss,
    laplacian_loss,
    segmentation_loss,
    transition_region,
    trimap_classes,
)
from tests.methods.loss_cases import CASES, drawn, golden, number, tensors

DTYPES = {"f32": torch.float32, "f64": torch.float64}
TOLERANCE = {"f32": 1e-6, "f64": 1e-12}


def maps(seed: int, *shape: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    """A prediction, an alpha and a region of about a third."""
    generator = torch.Generator().manual_seed(seed)
    first, second, third = (torch.rand(shape, generator=generator, dtype=torch.float64) for _ in range(3))
    return [first.to(dtype), second.to(dtype), third < 0.3]


def colours(seed: int, *shape: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype) for _ in range(3)]


def slow_laplacian(prediction: Tensor, alpha: Tensor, region: Tensor | None = None) -> Tensor:
    """Two pyramids with the 25 published weights, level by level."""
    kernel = torch.from_numpy(golden()["gauss_kernel_5x5_f32"]).double()[None, None]

    def pyramid(level: Tensor) -> list[Tensor]:
        out = []
        for _ in range(5):
            filtered = F.conv2d(F.pad(level, (2, 2, 2, 2), mode="replicate"), kernel)
            out.append(level - filtered)
            level = F.avg_pool2d(filtered, 2)
        return [*out, level]

    kept = 1 if region is None else region.double()
    pairs = zip(pyramid(prediction.double() * kept), pyramid(alpha.double() * kept), strict=True)
    return sum((first - second).abs().mean() for first, second in pairs)


@pytest.mark.parametrize("case", CASES)
def test_the_cases_are_drawn_as_they_were(case):
    for name, array in drawn(CASES[case]).items():
        assert array.sum(dtype=np.float64) == pytest.approx(number(f"{case}.inputsum.{name}"), rel=1e-12)


@pytest.mark.parametrize("kind", DTYPES)
@pytest.mark.parametrize("case", CASES)
def test_every_term_is_the_published_one(case, kind):
    found = tensors(case, DTYPES[kind])
    alpha, region = found["alpha"] / 255, transition_region(found["trimap"])
    terms = {
        "alpha_transition": alpha_loss(found["pred_local"], alpha, region),
        "lap_transition": laplacian_loss(found["pred_local"], alpha, region),
        "alpha_whole": alpha_loss(found["pred_fusion"], alpha),
        "lap_whole": laplacian_loss(found["pred_fusion"], alpha),
        "comp": composition_loss(found["img"], found["pred_fusion"], found["fg"], found["bg"]),
        **{f"ce_{name}": segmentation_loss(found[name], found["trimap"]) for name in ("main", "side2", "side1")},
    }
    for name, loss in terms.items():
        assert loss.dtype == DTYPES[kind]
        assert loss.shape == ()
        tolerance = max(TOLERANCE[kind], 1e-8 if name.startswith("lap") else 0)  # the published weights are float32
        assert loss.item() == pytest.approx(number(f"{case}.{kind}.{name}"), rel=tolerance, abs=1e-12), name


@pytest.mark.parametrize("case", CASES)
def test_with_the_rounded_weights_the_pyramid_is_exact(case):
    """So 5e-9 between `laplacian_loss` and the published float64 is the rounding of those weights, and nothing else."""
    found = tensors(case, torch.float64)
    slow = slow_laplacian(found["pred_fusion"], found["alpha"] / 255).item()
    assert slow == pytest.approx(number(f"{case}.f64.lap_whole"), rel=1e-13)


def test_the_filter_is_the_published_kernel_which_sums_to_1_and_is_no_product():
    level = torch.zeros(1, 1, 64, 64, dtype=torch.float64)
    level[0, 0, 30, 30] = 1
    kernel = _filtered(level)[0, 0, 28:33, 28:33]
    assert np.allclose(kernel.numpy(), golden()["gauss_kernel_5x5_f32"], rtol=1e-6, atol=0)
    assert kernel.sum().item() == pytest.approx(1, abs=1e-14)
    assert _filtered(level).sum().item() == pytest.approx(1, abs=1e-14)
    assert torch.linalg.matrix_rank(kernel).item() == 2


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (64, 63), (95, 130)])
def test_one_pyramid_of_the_difference_stands_for_two(height, width):
    prediction, alpha, region = maps(1, 2, 1, height, width, dtype=torch.float64)
    for where in (None, region):
        slow = slow_laplacian(prediction, alpha, where).item()
        assert laplacian_loss(prediction, alpha, where).item() == pytest.approx(slow, rel=1e-7)


def test_equal_maps_give_the_floor():
    alpha = maps(2, 2, 1, 40, 48)[1]
    assert alpha_loss(alpha, alpha).item() == pytest.approx(EPSILON**0.5, rel=1e-5)
    assert laplacian_loss(alpha, alpha).item() == 0
    foreground, background, _ = colours(2, 2, 3, 40, 48)
    composite = background + alpha * (foreground - background)
    assert composition_loss(composite, alpha, foreground, background).item() == pytest.approx(3e-6, abs=3e-7)


@pytest.mark.parametrize("axes", [(2,), (3,), (2, 3)])
def test_a_mirrored_picture_has_the_same_loss(axes):
    """At sizes that halve without a rest; otherwise the dropped row is another one."""
    prediction, alpha, region = maps(3, 2, 1, 64, 96, dtype=torch.float64)
    mirrored = [one.flip(axes) for one in (prediction, alpha, region)]
    for loss in (alpha_loss, laplacian_loss):
        assert loss(prediction, alpha, region).item() == pytest.approx(loss(*mirrored).item(), rel=1e-12)


def test_errors_go_either_way_and_pictures_in_any_order():
    prediction, alpha, region = maps(4, 3, 1, 32, 40, dtype=torch.float64)
    for loss in (alpha_loss, laplacian_loss):
        value = loss(prediction, alpha, region).item()
        assert loss(alpha, prediction, region).item() == pytest.approx(value, rel=1e-12)
        assert loss(prediction.flip(0), alpha.flip(0), region.flip(0)).item() == pytest.approx(value, rel=1e-12)


def test_nothing_outside_the_region_counts_or_learns():
    prediction, alpha, region = maps(5, 2, 1, 64, 64)
    elsewhere = torch.where(region, prediction, 1 - prediction)
    (image, foreground, background) = colours(5, 2, 3, 64, 64)
    for loss in (
        alpha_loss,
        laplacian_loss,
        lambda one, _, where: composition_loss(image, one, foreground, background, where),
    ):
        leaf = prediction.clone().requires_grad_()
        value = loss(leaf, alpha, region)
        value.backward()
        assert loss(elsewhere, alpha, region).item() == value.item()
        assert not leaf.grad[~region].any()
        assert leaf.grad[region].any()


def test_a_region_is_divided_by_its_pixels_plus_one_in_the_matting_loss_and_by_all_in_the_pyramid():
    prediction, alpha = torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64)
    region = torch.zeros(1, 1, 64, 64, dtype=torch.bool)
    region[..., 10:20, 10:20] = True
    expected = (100 + 1e-6 * (64 * 64 - 100)) / 101
    assert alpha_loss(prediction, alpha, region).item() == pytest.approx(expected, rel=1e-6)
    assert alpha_loss(prediction, alpha, torch.ones_like(region)).item() == pytest.approx(4096 / 4097, rel=1e-6)
    assert laplacian_loss(prediction, alpha, region) < 0.1 * laplacian_loss(prediction, alpha)


@pytest.mark.parametrize("values", [(0,), (255,), (0, 255), (128,)])
def test_trimaps_of_few_values_give_finite_losses_and_slopes(values):
    prediction, alpha, _ = maps(6, 1, 1, 32, 32)
    trimap = torch.tensor(values)[torch.arange(32 * 32) % len(values)].reshape(1, 1, 32, 32)
    leaf = prediction.requires_grad_()
    loss = alpha_loss(leaf, alpha, transition_region(trimap)) + laplacian_loss(leaf, alpha, transition_region(trimap))
    loss = loss + segmentation_loss(torch.cat([leaf, -leaf, leaf], 1), trimap)
    loss.backward()
    assert loss.isfinite()
    assert leaf.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("level", [0.0, 0.5, 1.0])
def test_constant_maps_have_a_finite_slope(level, dtype):
    """The slope of sqrt(d^2) at 0 is not a number; EPSILON is there for it, and is 0 in float16."""
    leaf = torch.full((1, 1, 32, 32), level, dtype=dtype, requires_grad=True)
    alpha = torch.full((1, 1, 32, 32), level)
    colour = torch.ones(1, 3, 32, 32, dtype=dtype)
    loss = alpha_loss(leaf, alpha) + laplacian_loss(leaf, alpha) + composition_loss(colour, leaf, colour, colour)
    loss.backward()
    assert loss.dtype == torch.float32
    assert leaf.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_widened_before_anything_is_computed(dtype):
    prediction, alpha, region = maps(7, 2, 1, 256, 256)
    half = prediction.to(dtype)
    for loss in (alpha_loss, laplacian_loss):
        with torch.autocast("cpu", dtype=dtype):
            inside = loss(half, alpha, region)
        assert inside.dtype == torch.float32
        assert inside.item() == loss(half.float(), alpha, region).item()
    logits = torch.cat([half, -half, half * 3], 1)
    trimap = torch.where(region, 128, 255)
    with torch.autocast("cpu", dtype=dtype):
        inside = segmentation_loss(logits, trimap)
    assert inside.item() == segmentation_loss(logits.float(), trimap).item()


def test_slopes_are_those_of_finite_differences():
    prediction, alpha, region = maps(8, 1, 1, 32, 33, dtype=torch.float64)
    leaf = prediction.requires_grad_()
    image, foreground, background = colours(8, 1, 3, 32, 33, dtype=torch.float64)
    for loss in (
        lambda one: alpha_loss(one, alpha, region),
        lambda one: laplacian_loss(one, alpha, region),
        lambda one: laplacian_loss(one, alpha),
        lambda one: composition_loss(image, one, foreground, background),
    ):
        assert torch.autograd.gradcheck(loss, (leaf,), fast_mode=True)


def test_logits_learn_as_cross_entropy_does():
    logits, trimap = colours(9, 1, 3, 4, 5, dtype=torch.float64)[0], torch.tensor([0, 128, 255, 64])
    trimap = trimap[torch.arange(20) % 4].reshape(1, 1, 4, 5)
    assert torch.autograd.gradcheck(lambda one: segmentation_loss(one, trimap), (logits.requires_grad_(),))


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.float32])
def test_classes_of_whole_values(dtype):
    values = [0, 1, 2, 3, 64, 127, 128, 129, 254, 255]
    trimap = torch.tensor(values, dtype=dtype).reshape(1, 1, 2, 5)
    assert trimap_classes(trimap).flatten().tolist() == [0, 1, 2, 1, 1, 1, 1, 1, 1, 2]
    assert trimap_classes(trimap, "clean").flatten().tolist() == [0, 1, 1, 1, 1, 1, 1, 1, 1, 2]
    assert trimap_classes(trimap).shape == (1, 2, 5)
    assert transition_region(trimap).flatten().tolist() == [value == 128 for value in values]


def test_classes_of_mixed_values():
    trimap = torch.tensor([0.4, 1.6, 2.4, 254.6]).reshape(1, 1, 2, 2)
    assert trimap_classes(trimap).flatten().tolist() == [0, 1, 1, 1]
    assert trimap_classes(trimap, "clean").flatten().tolist() == [1, 1, 1, 1]


def test_a_perfect_segmentation_costs_nothing():
    trimap = torch.tensor([0, 128, 255, 90]).reshape(1, 1, 2, 2)
    logits = 100 * F.one_hot(trimap_classes(trimap), 3).movedim(-1, 1).float()
    assert segmentation_loss(logits, trimap).item() < 1e-6
    assert segmentation_loss(torch.zeros(1, 3, 2, 2), trimap).item() == pytest.approx(np.log(3), rel=1e-6)


def test_arguments_are_not_written_into():
    prediction, alpha, region = maps(10, 1, 1, 32, 32)
    before = [one.clone() for one in (prediction, alpha, region)]
    alpha_loss(prediction, alpha, region)
    laplacian_loss(prediction, alpha, region)
    assert all(torch.equal(one, other) for one, other in zip(before, (prediction, alpha, region), strict=True))


@pytest.mark.parametrize("size", [(31, 64), (64, 31), (8, 8)])
def test_small_pictures_are_refused(size):
    with pytest.raises(ValueError, match="at least 32 x 32 pixels, got"):
        laplacian_loss(torch.zeros(1, 1, *size), torch.zeros(1, 1, *size))


def test_shapes_that_would_broadcast_are_refused():
    one = torch.zeros(2, 1, 32, 32)
    with pytest.raises(ValueError, match=r"alpha must be \(2, 1, 32, 32\) as prediction is, got \(2, 32, 32\)"):
        alpha_loss(one, one[:, 0])
    with pytest.raises(ValueError, match="region must be"):
        laplacian_loss(one, one, torch.ones(1, 1, 32, 32, dtype=torch.bool))
    with pytest.raises(ValueError, match="prediction must be"):
        alpha_loss(one[:, 0], one[:, 0])
    with pytest.raises(ValueError, match="foreground must be"):
        composition_loss(torch.zeros(2, 3, 32, 32), one, one, torch.zeros(2, 3, 32, 32))
    with pytest.raises(ValueError, match="logits must be"):
        segmentation_loss(torch.zeros(2, 3, 32, 32), one[:, 0])


def test_one_layer_alone_is_refused():
    one, three = torch.zeros(1, 1, 32, 32), torch.zeros(1, 3, 32, 32)
    with pytest.raises(ValueError, match="given together"):
        Targets(one, one, three, foreground=three)


@pytest.mark.gpu
def test_the_device_is_the_tensors():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    found = {name: tensor.cuda() for name, tensor in tensors("L1").items()}
    region = transition_region(found["trimap"])
    lap = laplacian_loss(found["pred_local"], found["alpha"] / 255, region)
    assert lap.is_cuda
    assert lap.item() == pytest.approx(number("L1.f32.lap_transition"), rel=1e-5)
