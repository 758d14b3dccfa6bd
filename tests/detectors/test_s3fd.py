"""S3FD's surroundings: letterbox, decoding, suppression; the network is a stub that fires where it is told."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from p3m_anon.detectors.s3fd import MEAN_RGB, STRIDES, BoxFinder, decode, letterbox, shrink, suppress
from p3m_anon.errors import WeightsError


class Stub(nn.Module):
    """Fires, in every picture, at the given (level, row, column) with logit margin `margin`, offsets all 0."""

    def __init__(self, *cells: tuple[int, int, int], margin: float = 4.0) -> None:
        super().__init__()
        self.anything = nn.Parameter(torch.zeros(1))  # a device to follow
        self.cells, self.margin, self.seen = cells, margin, list[Tensor]()

    def forward(self, x: Tensor) -> list[Tensor]:
        self.seen.append(x.clone())
        outputs = []
        for level, stride in enumerate(STRIDES):
            height, width = max(1, x.shape[2] // stride), max(1, x.shape[3] // stride)
            logits = torch.zeros(len(x), 2, height, width, device=x.device)
            logits[:, 1] = -self.margin
            for at, row, column in self.cells:
                if at == level:
                    logits[:, 1, row, column] = self.margin + row  # lower rows score higher: an order to check
            outputs += [logits, torch.zeros(len(x), 4, height, width, device=x.device)]
        return outputs


def finder(net: nn.Module, long_side: int = 256, batch_size: int = 3) -> BoxFinder:
    return BoxFinder(net, long_side, batch_size, 0.5)


def blank(height: int, width: int) -> npt.NDArray[np.uint8]:
    return np.zeros((height, width, 3), dtype=np.uint8)


def test_box_comes_back_in_pixels_of_the_picture() -> None:
    # Shrunk to 256 x 168; the anchor of level 2, row 3, column 5 has its centre at (88, 56) and sides of 64.
    (boxes,) = finder(Stub((2, 3, 5))).find([blank(336, 512)])
    np.testing.assert_allclose(boxes[:, :4], [[2 * 56, 2 * 24, 2 * 120, 2 * 88]], atol=1)
    assert 0.5 < boxes[0, 4] < 1


def test_picture_is_never_enlarged() -> None:
    net = Stub((1, 2, 2))
    (boxes,) = finder(net).find([blank(64, 64)])
    assert net.seen[0].shape == (1, 3, 64, 64)
    np.testing.assert_allclose(boxes[0, :4], [4, 4, 36, 36])


def test_best_score_comes_first() -> None:
    (boxes,) = finder(Stub((0, 1, 1), (0, 12, 12))).find([blank(64, 64)])
    assert len(boxes) == 2
    assert boxes[0, 4] > boxes[1, 4]
    assert boxes[0, 0] > boxes[1, 0]


def test_no_face_is_an_empty_array() -> None:
    (boxes,) = finder(Stub()).find([blank(64, 64)])
    assert boxes.shape == (0, 5)
    assert finder(Stub()).find([]) == []


def test_boxes_wholly_in_the_margin_are_dropped() -> None:
    # The picture fills the upper 40 of 64 rows: the anchor of row 15 (54..70) lies below, that of row 8 reaches in.
    (boxes,) = finder(Stub((0, 8, 2), (0, 15, 2))).find([blank(40, 64)])
    np.testing.assert_allclose(boxes[:, :4], [[2, 26, 18, 42]])


def test_network_sees_bgr_minus_the_mean_and_a_neutral_margin() -> None:
    net = Stub()
    rgb = blank(40, 64)
    rgb[:] = MEAN_RGB
    rgb[0, 0] += np.array([10, 20, 30], dtype=np.uint8)
    finder(net).find([rgb])
    (seen,) = net.seen
    assert seen.shape == (1, 3, 64, 64)
    assert seen[0, :, 0, 0].tolist() == [30, 20, 10]
    assert int((seen != 0).sum()) == 3


def test_pictures_of_one_canvas_share_passes_and_keep_their_order() -> None:
    net = Stub((1, 2, 2))
    images = [blank(60, 64), blank(500, 500), blank(64, 64), blank(64, 50), blank(10, 10)]
    together = finder(net).find(images)
    assert sorted(tuple(x.shape) for x in net.seen) == [(1, 3, 64, 64), (1, 3, 256, 256), (3, 3, 64, 64)]
    for rgb, boxes in zip(images, together, strict=True):
        np.testing.assert_array_equal(finder(Stub((1, 2, 2))).find([rgb])[0], boxes)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (7, 900)])
def test_odd_sizes_pass(size: tuple[int, int]) -> None:
    net = Stub()
    finder(net).find([blank(*size)])
    assert all(side % 64 == 0 and side <= 256 for side in net.seen[0].shape[2:])


def test_values_that_are_not_finite_are_an_error_not_an_empty_picture() -> None:
    with pytest.raises(WeightsError, match="not finite"):
        finder(Stub(margin=float("nan"))).find([blank(64, 64)])


def test_shrink_keeps_small_pictures_untouched() -> None:
    rgb = blank(30, 40)
    assert shrink(rgb, 40) is rgb
    assert shrink(rgb, 20).shape == (15, 20, 3)
    assert shrink(blank(1, 500), 64).shape == (1, 64, 3)


def test_letterbox_puts_the_picture_at_the_top_left() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    (canvas,) = letterbox([rgb], (8, 8))
    np.testing.assert_array_equal(canvas[:5, :7], rgb)
    assert (canvas[5:] == MEAN_RGB).all()
    assert (canvas[:, 7:] == MEAN_RGB).all()


def test_decode_agrees_with_the_slow_formula() -> None:
    generator = torch.Generator().manual_seed(0)
    sizes = [(4, 6), (2, 3), (1, 2), (3, 3), (1, 1), (1, 1)]
    outputs = [torch.randn(2, n, *size, generator=generator) for size in sizes for n in (2, 4)]
    scores, boxes = decode(outputs)
    k = 0
    for level, (height, width) in enumerate(sizes):
        stride = STRIDES[level]
        for row in range(height):
            for column in range(width):
                dx, dy, dw, dh = outputs[2 * level + 1][1, :, row, column].tolist()
                x = stride * (column + 0.5) + 0.1 * dx * 4 * stride
                y = stride * (row + 0.5) + 0.1 * dy * 4 * stride
                w, h = 4 * stride * np.exp(0.2 * dw), 4 * stride * np.exp(0.2 * dh)
                expected = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
                np.testing.assert_allclose(boxes[1, k].numpy(), expected, rtol=1e-5, atol=1e-3)
                background, face = outputs[2 * level][1, :, row, column].tolist()
                assert scores[1, k].item() == pytest.approx(1 / (1 + np.exp(background - face)), abs=1e-6)
                k += 1
    assert k == scores.shape[1] == boxes.shape[1]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60))
def test_suppression_keeps_what_stock_keeps(seed: int, count: int) -> None:
    from face_alignment.detection.sfd.bbox import nms

    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 60, (count, 2))
    rows = np.column_stack((low, low + rng.uniform(1, 40, (count, 2)), rng.uniform(0, 1, count)))
    np.testing.assert_array_equal(suppress(rows), rows[nms(rows, 0.3)] if count else rows)


@pytest.mark.gpu
def test_gpu_agrees() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    cells = ((1, 2, 2), (2, 3, 5))
    images = [blank(120, 200), blank(300, 500)]
    on_gpu = finder(Stub(*cells).cuda()).find(images)
    for ours, expected in zip(on_gpu, finder(Stub(*cells)).find(images), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-3)
