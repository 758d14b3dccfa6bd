"""FAN's surroundings: crops, mirrored halves, decoding; the network is a stub whose heatmaps peak where we know."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from p3m_anon.detectors.fan import CROP, HEATMAP, MIRROR, LandmarkFinder, Window, cut, decode, to_picture
from p3m_anon.errors import WeightsError

BOX = (180.0, 160.0, 280.0, 270.0)


def peaks(points: Tensor) -> Tensor:
    """Heatmaps (68, 64, 64) with Gaussians of one pixel around points (68, 2), borders between pixels."""
    grid = torch.arange(HEATMAP) + 0.5
    x = torch.exp(-((grid - points[:, :1]) ** 2) / 2)
    y = torch.exp(-((grid - points[:, 1:]) ** 2) / 2)
    return y[:, :, None] * x[:, None, :]


class KnownPoints(nn.Module):
    """Peaks at `points` when the crop is brighter on the left, at their mirror images when on the right."""

    def __init__(self, points: Tensor) -> None:
        super().__init__()
        self.anything = nn.Parameter(torch.zeros(1))
        self.points, self.rows = points, list[int]()

    def forward(self, x: Tensor) -> list[Tensor]:
        self.rows.append(len(x))
        straight = peaks(self.points)
        mirrored = straight[list(MIRROR)].flip(-1)
        left = x[..., : CROP // 2].mean((1, 2, 3)) >= x[..., CROP // 2 :].mean((1, 2, 3))
        last = torch.stack([straight if is_left else mirrored for is_left in left])
        return [torch.zeros_like(last), last]


class BrightSpot(nn.Module):
    """All landmarks peak where the crop is brightest; needs no mirror."""

    def __init__(self) -> None:
        super().__init__()
        self.anything = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(x.mean(1, keepdim=True), CROP // HEATMAP).expand(-1, 68, -1, -1)


def half_bright(height: int = 400, width: int = 500, at: int = 230) -> npt.NDArray[np.uint8]:
    rgb = np.zeros((height, width, 3), dtype=np.uint8)
    rgb[:, :at] = 200
    return rgb


def random_points(seed: int) -> Tensor:
    return 2 + 60 * torch.rand(68, 2, generator=torch.Generator().manual_seed(seed))


def test_known_points_come_back_through_crop_flip_and_scaling() -> None:
    points = random_points(0)
    (landmarks,) = LandmarkFinder(KnownPoints(points), 4, False).find([(half_bright(), BOX)])
    window = Window.around(BOX)
    expected = to_picture(points.double().numpy()[None], [window])[0]
    assert landmarks.dtype == np.float64
    assert np.abs(landmarks - expected).max() < 1  # a window of 215 pixels: a heatmap pixel is 3.4 of them


@pytest.mark.parametrize("spot", [(205, 190), (230, 210), (262, 255), (186, 240)])
@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_spot_in_the_picture_comes_back_where_it_is(spot: tuple[int, int], shift: float) -> None:
    rgb = np.zeros((400, 500, 3), dtype=np.uint8)
    cv2.circle(rgb, spot, 2, (255, 255, 255), -1)
    rgb = np.asarray(cv2.GaussianBlur(rgb, (0, 0), 4), dtype=np.uint8)
    box = (190 + shift, 170 - shift, 270 + shift, 260 + shift)
    (landmarks,) = LandmarkFinder(BrightSpot(), 4, False).find([(rgb, box)])
    assert (
        np.abs(landmarks - np.array(spot)).max() < 1
    )  # a quarter heatmap pixel is 0.7, the window's start 0.7 at most


def test_faces_of_many_pictures_share_passes() -> None:
    net = KnownPoints(random_points(1))
    images = [half_bright(), half_bright(300, 600), half_bright(500, 300)]
    faces = [(images[i % 3], (100.0 + 9 * i, 120.0, 180.0 + 9 * i, 200.0 + i)) for i in range(7)]
    together = LandmarkFinder(net, 3, False).find(faces)
    assert net.rows == [6, 6, 2]
    assert together.shape == (7, 68, 2)
    for face, landmarks in zip(faces, together, strict=True):
        np.testing.assert_allclose(LandmarkFinder(net, 3, False).find([face])[0], landmarks)


def test_fixed_sizes_change_nothing_but_the_sizes() -> None:
    net = KnownPoints(random_points(2))
    faces = [(half_bright(), (100.0 + 9 * i, 120.0, 180.0 + 9 * i, 200.0)) for i in range(9)]
    free, fixed = LandmarkFinder(net, 6, False).find(faces), LandmarkFinder(net, 6, True).find(faces)
    np.testing.assert_array_equal(free, fixed)
    assert net.rows == [12, 6, 12, 8]


def test_no_faces() -> None:
    assert LandmarkFinder(BrightSpot(), 4, False).find([]).shape == (0, 68, 2)


@pytest.mark.parametrize(
    "box", [(5, 5, 5, 9), (5, 9, 9, 9), (9, 5, 5, 9), (0, 0, float("nan"), 4), (0, 0, float("inf"), 4)]
)
def test_boxes_without_area_are_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="box"):
        LandmarkFinder(BrightSpot(), 4, False).find([(half_bright(), box)])


@pytest.mark.parametrize("box", [(900, 100, 950, 150), (-90, 100, -40, 150), (100, -300, 150, -250)])
def test_boxes_far_outside_are_refused(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="outside"):
        LandmarkFinder(BrightSpot(), 4, False).find([(half_bright(), box)])


def test_values_that_are_not_finite_are_an_error() -> None:
    points = torch.full((68, 2), float("nan"))
    with pytest.raises(WeightsError, match="not finite"):
        LandmarkFinder(KnownPoints(points), 4, False).find([(half_bright(), BOX)])


def test_huge_window_costs_no_memory() -> None:
    rgb = half_bright()
    crop = cut(rgb, Window(230.0, 200.0, 200_000.0))
    assert crop.shape == (CROP, CROP, 3)
    assert crop.max() <= 200


@settings(max_examples=60, deadline=None)
@given(st.floats(-40, 140), st.floats(-40, 120), st.floats(4, 300))
def test_cut_is_stocks_crop(x: float, y: float, side: float) -> None:
    from face_alignment.utils import crop

    rgb = np.random.default_rng(0).integers(0, 256, (80, 100, 3), dtype=np.uint8)
    try:
        ours = cut(rgb, Window(x, y, side))
    except ValueError:
        return  # stock gives a crop without a pixel of the picture, or fails
    # Whole pixels are cut off in single precision there: on the brink of a whole number both neighbours are right.
    low, high = np.array([x, y]) - side / 2 + side / CROP, np.array([x, y]) + side / 2
    edges = np.concatenate((low, high))
    if np.abs(edges - np.round(edges)).min() > 1e-3:
        np.testing.assert_array_equal(ours, crop(rgb, np.array([x, y]), side / 200))


def test_decode_agrees_with_stock() -> None:
    from face_alignment.utils import get_preds_fromhm

    heatmaps = torch.rand(3, 68, HEATMAP, HEATMAP, generator=torch.Generator().manual_seed(3))
    expected, _, _ = get_preds_fromhm(heatmaps.numpy().copy())
    np.testing.assert_allclose(decode(heatmaps).numpy(), expected, atol=1e-6)


def test_decode_at_the_border() -> None:
    heatmaps = torch.zeros(1, 68, HEATMAP, HEATMAP)
    for i, (row, column) in enumerate([(0, 0), (63, 63), (0, 30), (30, 63)]):
        heatmaps[0, i, row, column] = 1
    assert decode(heatmaps)[0, :4].tolist() == [[0.5, 0.5], [63.5, 63.5], [30.5, 0.5], [63.5, 30.5]]


def test_mirror_is_stocks_and_undoes_itself() -> None:
    from face_alignment.utils import shuffle_lr

    assert list(MIRROR) == shuffle_lr(torch.arange(68).view(68, 1, 1)).flatten().tolist()
    assert [MIRROR[i] for i in MIRROR] == list(range(68))
