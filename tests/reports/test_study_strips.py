"""The hardest pictures side by side: the right part of each panel, in its place."""

from __future__ import annotations

import cv2
import numpy as np

from p3m_anon.reports.eval_panel import eval_panel
from p3m_anon.reports.study_strips import PER_LINE, Made, strip, tiles


def pixels(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(int)


def panel(matte: float, size: tuple[int, int] = (200, 120)) -> bytes:
    """Red, with an alpha of 0.5."""
    return eval_panel(np.full((*size, 3), (200, 30, 30), np.uint8), np.full(size, 0.5), np.full(size, matte))


def test_image_truth_and_each_matte_are_cut_out_of_the_panels() -> None:
    found = tiles([Made("one", "SAD 1.00", panel(1.0)), Made("two", "SAD 2.00", panel(0.0))])
    assert [(tile.title, tile.figure) for tile in found] == [
        ("image", ""),
        ("ground truth", ""),
        ("one", "SAD 1.00"),
        ("two", "SAD 2.00"),
    ]
    for tile, colour in zip(found, ((200, 30, 30), (128,) * 3, (255,) * 3, (0,) * 3), strict=True):
        assert pixels(tile.jpeg).shape == (200, 120, 3)
        assert np.abs(pixels(tile.jpeg)[8:-8, 8:-8] - colour).max() < 12


def test_a_method_without_a_matte_leaves_its_place_empty() -> None:
    found = tiles([Made("none", "no score", b""), Made("two", "", panel(1.0)), Made("broken", "", b"no jpeg")])
    assert [bool(tile.jpeg) for tile in found] == [True, True, False, True, False]
    assert not any(tile.jpeg for tile in tiles([Made("none", "", b"")]))


def test_a_strip_has_all_tiles_in_lines() -> None:
    many = tiles([Made(f"method {n}", f"SAD {n}", panel(0.0, (100, 150))) for n in range(PER_LINE)])
    shown = pixels(strip("p_1: mean SAD 3.00", many))
    assert shown.shape[1] == PER_LINE * 158 + 8
    assert shown.shape[0] == 2 * (100 + 48) + 36
    middles = [[shown[36 + 50 + line * 148, 8 + 75 + column * 158] for column in range(PER_LINE)] for line in (0, 1)]
    assert np.abs(middles[0][0] - (200, 30, 30)).max() < 12
    assert np.abs(middles[0][1] - 128).max() < 12
    mattes = [int(one.max()) < 12 for line in middles for one in line][2:]
    assert mattes == [True] * PER_LINE + [False] * 5  # after image and truth; the rest of the second line is white


def test_names_of_any_length_and_letters_fit() -> None:
    found = tiles([Made("a_b & <x>|y " * 20, "肖像", panel(1.0))])
    assert pixels(strip("p" * 500, found)).shape[1] == 3 * 158 + 8


def test_a_figure_of_two_lines_has_room_for_both() -> None:
    one, two = (pixels(strip("p", tiles([Made("a", figure, panel(1.0))]))) for figure in ("SAD 1", "SAD 1\nmarked"))
    assert two.shape[0] == one.shape[0] + 20
    assert two[one.shape[0] - 8 :, 320:].min() < 200
