"""Networks that are given the trimap, and those of one branch: what their strategies promise."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from p3m_anon.errors import UsageError, WeightsError
from p3m_anon.evaluation import trimap_strategies
from p3m_anon.evaluation.passes import Passes
from p3m_anon.evaluation.predict import load_predictor
from p3m_anon.evaluation.strategies import full as plain_full
from p3m_anon.evaluation.strategies import resize as plain_resize
from p3m_anon.evaluation.tiles import spans
from p3m_anon.evaluation.trimap_strategies import TRIMAP_STRATEGIES, full, nearest, resize, tiled
from p3m_anon.methods.registry import METHODS
from tests.evaluation.networks import PlainPasses, photo


class Output(NamedTuple):
    fused: Tensor


class GreenWhereUnknown(nn.Module):
    """Half-way between the green and what the trimap says."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, image: Tensor, trimap: Tensor) -> Output:
        assert trimap.dtype == torch.uint8
        green = (self.weight * image[:, 1:2] * 0.224 + 0.456).clip(0, 1)
        return Output((green + trimap / 255) / 2)


class Red(nn.Module):
    def forward(self, image: Tensor) -> Output:
        return Output(image[:, :1] * 0.229 + 0.485)


class Noted(PlainPasses):
    """As PlainPasses, but given trimaps."""

    def alpha(self, pixels: np.ndarray, trimaps: np.ndarray) -> np.ndarray:
        assert trimaps.dtype == np.uint8
        assert trimaps.shape == pixels.shape[:3]
        self._note("alpha", pixels)
        return (pixels[..., 1] / 255).astype(np.float32)


def trimap_of(height: int, width: int) -> np.ndarray:
    """A band of unknown pixels between background and foreground, and some lines of one pixel."""
    trimap = np.zeros((height, width), np.uint8)
    trimap[:, width // 3 :] = 128
    trimap[:, 2 * width // 3 :] = 255
    trimap[::7] = 128
    return trimap


def passes() -> Passes:
    return Passes(GreenWhereUnknown().eval(), torch.device("cpu"))


@pytest.mark.parametrize("name", TRIMAP_STRATEGIES)
@pytest.mark.parametrize("size", [(1, 1), (5, 40), (64, 96), (101, 150)])
def test_known_pixels_are_the_trimaps(name: str, size: tuple[int, int]) -> None:
    images, trimap = [photo(*size), photo(*size, seed=1)], trimap_of(*size)
    alphas = TRIMAP_STRATEGIES[name](passes(), images, [trimap, np.flip(trimap, 1).copy()])
    for alpha, known in zip(alphas, (trimap, np.flip(trimap, 1)), strict=True):
        assert (alpha.shape, alpha.dtype) == (size, np.float32)
        assert (alpha[known == 0] == 0).all()
        assert (alpha[known == 255] == 1).all()
        assert alpha.min() >= 0
        assert alpha.max() <= 1


@pytest.mark.parametrize("run", [full, tiled])
def test_at_full_size_unknown_pixels_are_what_the_network_says(run) -> None:
    rgb, trimap = photo(101, 150), trimap_of(101, 150)
    alpha = run(passes(), [rgb], [trimap])[0]
    expected = (rgb[..., 1] / 255 + 128 / 255) / 2
    assert abs(alpha - expected)[trimap == 128].max() < 1e-5


def test_resize_is_one_pass_at_half_the_size() -> None:
    noted = Noted()
    resize(noted, [photo(230, 330)], [trimap_of(230, 330)])
    assert noted.sides == [("alpha", 96, 160)]


def test_nearest_takes_pixels_and_mixes_none() -> None:
    trimap = trimap_of(90, 140)
    found = nearest(trimap, (45, 70))
    assert np.array_equal(found, trimap[1::2, 1::2])
    assert set(np.unique(nearest(trimap, (33, 100)))) <= {0, 128, 255}
    assert np.array_equal(nearest(trimap, trimap.shape), trimap)


class TestTiles:
    def test_those_without_unknown_pixels_are_left_out(self) -> None:
        rgb, trimap = np.zeros((2400, 3200, 3), np.uint8), np.zeros((2400, 3200), np.uint8)
        rgb[..., 1] = 51
        trimap[100:300, 1500:1700] = 128
        trimap[2000:] = 255
        noted = Noted()
        alpha = tiled(noted, [rgb], [trimap])[0]
        assert 0 < len(noted.sides) < len(spans(2400)) * len(spans(3200)) / 2
        assert abs(alpha[100:300, 1500:1700] - 0.2).max() < 1e-6
        assert np.array_equal(alpha == 1, trimap == 255)

    def test_they_are_the_whole_without_a_seam(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(trimap_strategies, "spans", functools.partial(spans, tile=96, context=16, blend=32))
        rgb, trimap = photo(160, 320), trimap_of(160, 320)
        assert abs(tiled(passes(), [rgb], [trimap])[0] - full(passes(), [rgb], [trimap])[0]).max() < 1e-5


@pytest.mark.parametrize("run", [plain_full, plain_resize])
def test_a_network_of_one_branch_has_full_and_resize(run) -> None:
    rgb = np.full((70, 100, 3), 51, np.uint8)
    alpha = run(Passes(Red().eval(), torch.device("cpu")), [rgb])[0]
    assert alpha.shape == (70, 100)
    assert abs(alpha - 0.2).max() < 1e-5


def test_values_that_are_not_finite_are_no_matte() -> None:
    network = GreenWhereUnknown().eval()
    nn.init.constant_(network.weight, float("nan"))
    with pytest.raises(WeightsError, match="not finite"):
        full(Passes(network, torch.device("cpu")), [photo(32, 32)], [trimap_of(32, 32)])


class TestPredictor:
    @pytest.fixture
    def checkpoint(self, tmp_path: Path) -> Path:
        torch.manual_seed(0)
        build = METHODS["dim"].build
        assert build is not None
        note = json.dumps({"method": "dim", "width": 2})
        torch.save({"state_dict": build(2).state_dict(), "p3m_anon": note}, tmp_path / "dim.ckpt")
        return tmp_path / "dim.ckpt"

    @pytest.mark.parametrize("strategy", [None, "full", "resize", "tiled"])
    def test_it_takes_a_trimap_and_keeps_to_it(self, checkpoint: Path, strategy: str | None) -> None:
        predictor, trimap = load_predictor("dim", checkpoint, strategy=strategy), trimap_of(70, 101)
        kept = trimap.copy()
        alpha = predictor.predict(photo(70, 101), trimap)
        assert (alpha[trimap == 0] == 0).all()
        assert (alpha[trimap == 255] == 1).all()
        assert np.unique(alpha[trimap == 128]).size > 10
        assert np.array_equal(trimap, kept)

    def test_full_is_its_default_and_hybrid_none(self, checkpoint: Path) -> None:
        digests = {load_predictor("dim", checkpoint, strategy=one).digest for one in (None, "full", "resize", "tiled")}
        assert len(digests) == 3
        with pytest.raises(UsageError, match="dim has no --strategy hybrid; use full, resize, tiled"):
            load_predictor("dim", checkpoint, strategy="hybrid")

    def test_own_pictures_are_reduced_first_and_still_keep_to_the_trimap(self, checkpoint: Path) -> None:
        predictor, trimap = load_predictor("dim", checkpoint, strategy="resize", short_side=64), trimap_of(130, 200)
        alpha = predictor.predict(photo(130, 200), trimap)
        assert alpha.shape == (130, 200)
        assert (alpha[trimap == 0] == 0).all()
        assert (alpha[trimap == 255] == 1).all()

    def test_a_trimap_that_is_none_is_refused(self, checkpoint: Path) -> None:
        predictor, rgb = load_predictor("dim", checkpoint), photo(64, 64)
        with pytest.raises(ValueError, match="needs a trimap"):
            predictor.predict(rgb)
        with pytest.raises(ValueError, match="uint8"):
            predictor.predict(rgb, trimap_of(64, 32))
        with pytest.raises(ValueError, match="0, 128 and 255"):
            predictor.predict(rgb, np.full((64, 64), 100, np.uint8))
