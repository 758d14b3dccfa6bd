"""The published strategies equal the published results; ours do not distort, and tiles leave no seam."""

from __future__ import annotations

import functools
import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.transform import resize as skimage_resize

from p3m_anon.evaluation import strategies
from p3m_anon.evaluation.passes import Passes
from p3m_anon.evaluation.predict import strategy_of
from p3m_anon.evaluation.resize import resized
from p3m_anon.evaluation.strategies import (
    STRATEGIES,
    enlarged_classes,
    full,
    hybrid,
    padded,
    published_size,
    resize,
    tiled,
    tiled_local,
)
from p3m_anon.evaluation.tiles import BLEND, CONTEXT, TILE, spans
from p3m_anon.methods.p3mnet.network import P3MNet
from p3m_anon.methods.registry import METHODS
from tests.evaluation.networks import PlainPasses, narrow_network, narrow_passes, photo
from tests.methods.p3mnet.seeded import seeded_network

MEAN, DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])
NARROW_TILES = {"tile": 704, "context": CONTEXT, "blend": BLEND}


def forward(network: P3MNet, pixels: np.ndarray):
    """The whole network, plainly, on (h, w, 3) in 0..255."""
    normal = (np.float32(pixels) / np.float32(255) - MEAN) / DEVIATION
    with torch.no_grad():
        return network(torch.from_numpy(np.ascontiguousarray(normal.transpose(2, 0, 1)[None])))


def published_hybrid(network: P3MNet, rgb: np.ndarray) -> np.ndarray:
    """What the published code does, whole network in both passes, with scikit-image."""
    height, width = rgb.shape[:2]
    coarse, fine = (
        forward(network, skimage_resize(rgb, (side[0] // 32 * 32, side[1] // 32 * 32)) * 255)
        for side in ((height // 2, width // 2), (height, width))
    )
    codes = np.array([0, 128, 255], np.uint8)[coarse.global_logits[0].argmax(0).numpy()]
    trimap = skimage_resize(codes, (height, width)) * 255
    local = skimage_resize(fine.local[0, 0].numpy(), (height, width))
    return np.where((trimap == 0) | is_255(trimap), trimap / 255, local)


def is_255(trimap: np.ndarray) -> np.ndarray:
    """Without the rounding, by which a part of the solid foreground is no longer 255."""
    return trimap > 255 - 1e-9


@pytest.mark.shared
def test_resize_gives_the_published_matte(shared_data: Path) -> None:
    golden = np.load(shared_data.parent / "reference" / "inference.npz")
    rgb = np.asarray(Image.open(shared_data / "p3m_samples" / "image" / "p_015cd10e.jpg").convert("RGB"))
    pixels = resized(rgb, (512, 800))
    assert abs(pixels[::8, ::8] - golden["RESIZE_net_input_sub8"]).max() < 2e-4
    passes = Passes(seeded_network(), torch.device("cpu"))
    codes = np.array([0, 128, 255], np.uint8)[passes.classes(pixels[None])[0]]
    assert (codes[::2, ::2] != golden["RESIZE_global_trimap_sub2"]).mean() < 1e-4
    assert np.quantile(abs(passes.local(pixels[None])[0][::4, ::4] - golden["RESIZE_local_sub4"]), 0.99) < 1e-4
    alpha = resize(passes, [rgb])[0]
    difference = abs(alpha[::4, ::4] - np.float32(golden["skimage026_default.RESIZE"]))
    assert np.quantile(difference, 0.999) < 3e-4  # float16, in which it is stored, is that coarse
    assert (difference > 1e-3).mean() < 1e-4  # near-ties
    assert (alpha.mean(), alpha.std()) == pytest.approx(golden["skimage026_default.RESIZE.mean_std"], abs=2e-5)


def test_hybrid_is_what_the_whole_network_gives_in_both_passes() -> None:
    rgb = photo(230, 330)
    found = hybrid(narrow_passes(), [rgb])[0]
    difference = abs(found - published_hybrid(narrow_network(), rgb))
    assert 0.02 < ((found > 0) & (found < 1)).mean() < 0.98
    assert np.quantile(difference, 0.99) < 1e-4
    assert (difference > 1e-2).mean() < 1e-3  # near-ties


@pytest.mark.parametrize(
    ("method", "classes", "local"),
    [("p3mnet", (320, 480), (640, 960)), ("basic", (320, 480), (640, 960)), ("gfm", (192, 320), (320, 480))],
)
def test_hybrid_looks_at_the_sizes_that_the_method_was_published_with(
    method: str, classes: tuple[int, int], local: tuple[int, int]
) -> None:
    """P3M-Net: a half and the whole; GFM: a third and a half; of 671 x 991, down to multiples of 32 (core/test.py)."""
    plain = PlainPasses()
    alpha = strategy_of(METHODS[method], "hybrid")(plain, [photo(671, 991)])[0]
    assert alpha.shape == (671, 991)
    assert plain.sides == [("classes", *classes), ("local", *local)]


@pytest.mark.parametrize(("before", "after"), [((32, 64), (70, 140)), ((96, 64), (215, 131)), ((64, 96), (140, 1000))])
def test_classes_are_enlarged_as_the_published_label_map(before: tuple[int, int], after: tuple[int, int]) -> None:
    classes = np.digitize(resized(np.random.default_rng(1).random((9, 9)), before), (0.42, 0.58)).astype(np.uint8)
    codes = skimage_resize(np.array([0, 128, 255], np.uint8)[classes], after) * 255
    found = enlarged_classes(classes, after)
    assert set(np.unique(found)) == {0, 1, 2}
    assert np.array_equal(found == 2, is_255(codes))
    assert np.array_equal(found == 0, codes == 0)


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("size", [(1, 1), (5, 40), (63, 64), (70, 33)])
def test_small_pictures_get_a_matte_too(name: str, size: tuple[int, int]) -> None:
    alpha = STRATEGIES[name](narrow_passes(), [photo(*size)])[0]
    assert (alpha.shape, alpha.dtype) == (size, np.float32)
    assert 0 <= alpha.min() <= alpha.max() <= 1


@pytest.mark.parametrize("name", ["hybrid", "resize", "full"])
def test_a_batch_gives_what_each_picture_gives(name: str) -> None:
    passes, images = narrow_passes(), [photo(130, 200, seed) for seed in range(3)]
    together = STRATEGIES[name](passes, images)
    alone = [STRATEGIES[name](passes, [one])[0] for one in images]
    for one, other in zip(together, alone, strict=True):
        assert np.quantile(abs(one - other), 0.99) < 1e-4
    assert abs(together[0] - together[1]).max() > 0.01


def test_published_sides_are_rounded_down_each_for_itself() -> None:
    assert published_size(540, 810) == (512, 800)
    assert published_size(1080, 1940) == (1056, 1600)
    assert published_size(31, 0) == (32, 32)


def test_full_is_one_pass_over_the_mirrored_picture() -> None:
    rgb = photo(100, 150)
    found = full(narrow_passes(), [rgb])[0]
    expected = forward(narrow_network(), np.pad(rgb, ((0, 28), (0, 10), (0, 0)), mode="reflect")).fused[0, 0].numpy()
    assert np.quantile(abs(found - expected[:100, :150]), 0.99) < 1e-4
    plain = PlainPasses()
    full(plain, [rgb])
    assert plain.sides[0] == ("alpha", 128, 160)


class TestTiles:
    def test_pieces_go_back_to_where_they_came_from(self) -> None:
        rgb = photo(64, 96)
        rgb = np.kron(rgb, np.ones((30, 32, 1), np.uint8))  # 1920 x 3072
        rgb[..., 0] = 128  # transition everywhere
        plain = PlainPasses()
        alpha = tiled(plain, [rgb])[0]
        assert abs(alpha - rgb[..., 1] / 255).max() < 1e-6
        passes = [sides for name, *sides in plain.sides if name == "local"]
        assert passes == [[TILE, TILE]] * (len(spans(1920)) * len(spans(3072)))

    def test_the_whole_is_seen_once_small_and_undistorted(self) -> None:
        plain = PlainPasses()
        tiled(plain, [np.full((2000, 3000, 3), 255, np.uint8)])
        assert plain.sides == [("classes", 608, 896)]  # 588 x 882, mirrored on to multiples of 32

    def test_tiles_without_transition_are_left_out(self) -> None:
        rgb = np.zeros((2400, 3200, 3), np.uint8)
        rgb[:, 1600:, 0] = 255
        rgb[100:300, 1500:1700] = 128
        plain = PlainPasses()
        alpha = tiled(plain, [rgb])[0]
        assert 0 < sum(name == "local" for name, *_ in plain.sides) < len(spans(2400)) * len(spans(3200)) / 2
        assert (alpha[150:250, 1550:1650] == np.float32(128 / 255)).all()
        assert not alpha[:, :1400].any()
        assert (alpha[400:, 1800:] == 1).all()

    def test_they_are_the_matte_of_one_pass_without_a_seam(self, monkeypatch: pytest.MonkeyPatch) -> None:
        rgb, passes = photo(192, 1280), narrow_passes()
        whole = passes.local(np.float32(rgb[None]))[0]

        def error(**shape: int) -> np.ndarray:
            monkeypatch.setattr(strategies, "spans", functools.partial(spans, **shape))
            return tiled_local(passes, rgb, np.ones(whole.shape, bool)) - whole

        found, careless = error(**NARROW_TILES), error(tile=704, context=0, blend=32)
        assert np.quantile(abs(found), 0.99) < 0.5 / 255
        assert abs(found).mean() < abs(careless).mean() / 10
        parts = list(itertools.pairwise(spans(1280, **NARROW_TILES)))
        ends = [x for left, right in parts for x in (right.start + CONTEXT, left.stop - CONTEXT)]
        jumps = abs(np.diff(found, axis=1)).mean(axis=0)
        assert all(jumps[x - 2 : x + 2].max() < 1e-3 for x in ends)

    def test_a_picture_of_one_tile_is_one_pass(self) -> None:
        rgb, passes = photo(96, 160), narrow_passes()
        local = tiled_local(passes, rgb, np.ones((96, 160), bool))
        assert np.array_equal(local, passes.local(np.float32(rgb[None]))[0])


def test_padding_mirrors_at_the_bottom_and_the_right() -> None:
    rgb = photo(33, 64)
    found = padded(rgb)
    assert found.shape == (64, 64, 3)
    assert np.array_equal(found[:33], rgb)
    assert np.array_equal(found[33], rgb[31])
