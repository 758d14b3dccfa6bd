"""The training objective of GFM."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.nn import functional as F

from p3m_anon.methods.colours import DEVIATION, MEAN
from p3m_anon.methods.gfm.loss import GFMLoss, total_loss
from p3m_anon.methods.gfm.network import GFMOutput
from p3m_anon.methods.losses import Targets, alpha_loss, laplacian_loss, transition_region
from p3m_anon.methods.network import fuse
from tests.methods.two_portraits import targets


def drawn() -> GFMOutput:
    chance = torch.Generator().manual_seed(0)
    shape = targets().alpha.shape
    logits = 3 * torch.randn((shape[0], 3, *shape[2:]), generator=chance)
    local = torch.rand(shape, generator=chance)
    return GFMOutput(logits, local, fuse(logits, local))


def colours(image: torch.Tensor) -> torch.Tensor:
    """In 0..255, as the published code has them."""
    mean, deviation = (torch.tensor(one).view(3, 1, 1) for one in (MEAN, DEVIATION))
    return 255 * (image * deviation + mean)


def by_hand(output: GFMOutput, wanted: Targets, *, squashed: bool) -> dict[str, torch.Tensor]:
    """Each of the four parts."""
    classes = torch.where(wanted.trimap == 255, 2, torch.where(wanted.trimap == 0, 0, 1))[:, 0].long()
    logits = output.global_logits.sigmoid() if squashed else output.global_logits
    composite = output.fused * colours(wanted.foreground) + (1 - output.fused) * colours(wanted.background)
    error = ((composite - colours(wanted.image)) ** 2 + 1e-12).sqrt() / 255
    region = transition_region(wanted.trimap)
    return {
        "glance": F.cross_entropy(logits, classes),
        "focus": alpha_loss(output.local, wanted.alpha, region) + laplacian_loss(output.local, wanted.alpha, region),
        "fused": alpha_loss(output.fused, wanted.alpha) + laplacian_loss(output.fused, wanted.alpha),
        "composite": error.sum() / wanted.alpha.numel(),
    }


@pytest.mark.parametrize("recipe", ["paper", "official"])
def test_the_four_parts_weigh_the_same(recipe: str) -> None:
    output, wanted = drawn(), targets()
    parts = by_hand(output, wanted, squashed=recipe == "official")
    found = total_loss(output, wanted, recipe)  # type: ignore[arg-type]
    assert found.total.item() == pytest.approx(sum(parts.values()).item() / 4, rel=1e-5)
    assert found.composition is not None
    assert found.composition.item() == pytest.approx(parts["composite"].item(), rel=1e-4)
    assert found.segmentation.item() == pytest.approx(parts["glance"].item(), rel=1e-5)


def test_a_sigmoid_before_the_cross_entropy_leaves_a_loss_that_nothing_takes_away() -> None:
    wanted = targets()
    classes = torch.where(wanted.trimap == 255, 2, torch.where(wanted.trimap == 0, 0, 1))[:, 0].long()
    logits = 60.0 * F.one_hot(classes, 3).permute(0, 3, 1, 2) - 30
    right = GFMOutput(logits, wanted.alpha, wanted.alpha)
    assert total_loss(right, wanted, "official").segmentation.item() == pytest.approx(0.5514, abs=1e-3)
    assert total_loss(right, wanted, "paper").segmentation.item() == pytest.approx(0, abs=1e-6)


def test_without_layers_there_is_no_composition() -> None:
    output, wanted = drawn(), targets()
    found = total_loss(output, dataclasses.replace(wanted, foreground=None, background=None))
    whole = total_loss(output, wanted)
    assert found.composition is None
    assert whole.composition is not None
    assert found.total.item() == pytest.approx((whole.total - whole.composition / 4).item(), rel=1e-5)
    assert GFMLoss._fields[0] == "total"


def test_an_unknown_recipe_is_refused() -> None:
    with pytest.raises(ValueError, match="recipe must be one of paper, official, got 'own'"):
        total_loss(drawn(), targets(), "own")  # type: ignore[arg-type]
