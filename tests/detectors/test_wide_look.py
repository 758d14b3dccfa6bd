"""The wide look over networks that see drawn squares: where boxes lie, tiles' edges, crowds, and answers gone wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from p3m_anon.detectors import wide_look
from p3m_anon.detectors.networks import Boxes, no_boxes, overlap
from p3m_anon.detectors.wide_look import WideLook, in_tiles

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB

GROUND, FACE = 40, 250


class Seeing:
    """A network that sees bright squares, from 8 to 400 px wide as such networks do, and also cut ones.

    most: length of its list, best first. Brighter squares score more. `shapes`: of the tiles that it was given.
    """

    name, model_sha256 = "seeing", "0" * 64
    threshold, confirms, sure, lowest, crowd = 0.6, 0.5, 0.8, 0.05, 10_000

    def __init__(self, most: int | None = None) -> None:
        self.most, self.shapes = most, list[tuple[int, int]]()
        if most is not None:
            self.crowd = most

    def find(self, rgb: RGB) -> Boxes:
        assert rgb.dtype == np.uint8
        assert rgb.ndim == 3
        self.shapes.append((rgb.shape[0], rgb.shape[1]))
        count, _, stats, _ = cv2.connectedComponentsWithStats((rgb[..., 1] > 100).astype(np.uint8))
        found = []
        for x, y, w, h, _ in stats[1:count]:
            if 8 <= max(w, h) <= 400 and 0.3 < w / h < 3:
                score = rgb[y + h // 2, x + w // 2, 1] / 255
                found.append((x - 0.5, y - 0.5, x + w - 0.5, y + h - 0.5, score))
        table = np.array(sorted(found, key=lambda row: -row[4])[: self.most]).reshape(-1, 5)
        return Boxes(table[:, :4], table[:, 4])


class Answering(Seeing):
    """A network that answers each tile with what `answer` makes of its height and width."""

    def __init__(self, answer: Callable[[int, int], Boxes], crowd: int = 10_000) -> None:
        super().__init__()
        self.answer, self.crowd = answer, crowd

    def find(self, rgb: RGB) -> Boxes:
        self.shapes.append((rgb.shape[0], rgb.shape[1]))
        return self.answer(rgb.shape[0], rgb.shape[1])


def picture(height: int, width: int, *squares: tuple[int, int, int], bright: int = FACE) -> RGB:
    """Squares of x, y (upper left pixel) and side."""
    rgb = np.full((height, width, 3), GROUND, np.uint8)
    for x, y, side in squares:
        rgb[y : y + side, x : x + side] = bright
    return rgb


def box(x: int, y: int, side: int) -> npt.NDArray[np.float64]:
    return np.array([x, y, x + side, y + side]) - 0.5


@pytest.mark.parametrize("side", [14, 30, 80, 200])
@pytest.mark.parametrize("shape", [(1700, 2300), (2300, 1700)])
def test_one_box_in_picture_coordinates_whatever_the_size(side: int, shape: tuple[int, int]) -> None:
    found = WideLook(Seeing()).look(picture(*shape, (211, 173, side))).found
    assert len(found.scores) == 1
    assert np.abs(found.boxes[0] - box(211, 173, side)).max() <= 1.5


@pytest.mark.parametrize("side", [380, 700, 1000, 1500])
def test_a_face_too_large_for_native_size_is_seen_in_the_small_picture(side: int) -> None:
    """Parts of it may be reported beside it, but nothing elsewhere."""
    face = box(211, 113, side)
    found = WideLook(Seeing()).look(picture(1700, 2300, (211, 113, side))).found
    assert overlap(found.boxes, face[None]).max() > 0.95
    assert (found.boxes[:, :2] >= face[:2] - 8).all()
    assert (found.boxes[:, 2:] <= face[2:] + 8).all()


def test_a_face_cut_by_a_tiles_edge_is_reported_once_and_whole() -> None:
    """One face at a time, moved over every edge between two tiles in steps that no edge can slip through."""
    side, width = 34, 1500
    for start in range(0, width - side, 11):
        glance = WideLook(Seeing()).look(picture(60, width, (start, 13, side)))
        assert len(glance.found.scores) == 1, start
        assert np.abs(glance.found.boxes[0] - box(start, 13, side)).max() <= 1.5, start


def test_faces_on_all_edges_at_once() -> None:
    squares = [(x, y, 30) for x in range(5, 2350, 47) for y in range(5, 1250, 47)]
    glance = WideLook(Seeing()).look(picture(1300, 2400, *squares))
    expected = np.array([box(*square) for square in squares])
    assert len(glance.found.scores) == len(expected)
    assert (overlap(expected, glance.found.boxes).max(1) > 0.9).all()
    assert glance.complete


def test_a_face_at_the_pictures_own_edge_is_not_taken_for_a_cut_one() -> None:
    corners = [(0, 0, 40), (1960, 0, 40), (0, 1160, 40), (1960, 1160, 40)]
    found = WideLook(Seeing()).look(picture(1200, 2000, *corners)).found
    assert len(found.scores) == 4


@pytest.mark.parametrize("shape", [(2000, 3000), (300, 5000), (5000, 300), (4200, 6100)])
def test_no_tile_is_larger_than_the_tile_size(shape: tuple[int, int]) -> None:
    network = Seeing()
    WideLook(network).look(picture(*shape))
    assert max(max(tile) for tile in network.shapes) <= wide_look.TILE


@pytest.mark.parametrize("scale", [0.3, 1.0, 1.5, 2.0, 3.7])
def test_enlarged_tiles_keep_to_the_tile_size_too(scale: float) -> None:
    network = Seeing()
    found, complete = in_tiles(network, picture(1100, 1500, (700, 500, 64)), scale)
    assert max(max(tile) for tile in network.shapes) <= wide_look.TILE + scale  # a tile's side is rounded
    assert np.abs(found.boxes[0] - box(700, 500, 64)).max() <= 2 / min(scale, 1)
    assert len(found.scores) == 1
    assert complete


def test_every_pixel_of_a_large_picture_is_seen_at_native_size() -> None:
    """Faces of the smallest promised width, one at a time, all over the picture."""
    look = WideLook(Seeing())
    side = int(np.ceil(look.smallest_face(1700, 2500)))
    for x, y in [(3, 5), (2400, 1600), (958, 700), (1240, 955), (1599, 1020)]:
        found = look.look(picture(1700, 2500, (x, y, side))).found
        assert np.abs(found.boxes[0] - box(x, y, side)).max() <= 1.5, (x, y)


def test_a_crowded_tile_is_cut_again() -> None:
    squares = [(x, y, 16) for x in range(10, 880, 40) for y in range(10, 880, 40)]
    network = Seeing(most=40)
    glance = WideLook(network).look(picture(900, 900, *squares))
    assert len(squares) > 10 * 40
    assert len(glance.found.scores) == len(squares)
    assert glance.complete
    assert min(max(tile) for tile in network.shapes) < 500


def full(count: int, score: float = 0.9) -> Callable[[int, int], Boxes]:
    """Boxes all over the tile that do not touch each other."""

    def answer(height: int, width: int) -> Boxes:
        across = int(np.ceil(np.sqrt(count)))
        x, y = np.meshgrid((np.arange(across) + 0.1) * width / across, (np.arange(across) + 0.1) * height / across)
        sides = np.array([width, height]) * 0.8 / across
        corners = np.stack([x.ravel(), y.ravel()], axis=1)[:count]
        return Boxes(np.concatenate([corners, corners + sides], axis=1), np.full(count, score))

    return answer


def test_lists_that_stay_full_are_not_complete() -> None:
    network = Answering(full(30), crowd=5)
    glance = WideLook(network).look(picture(500, 700))
    assert not glance.complete
    assert len(glance.found.scores) < wide_look.MOST_BOXES
    assert len(network.shapes) < 300  # it ends


def test_more_boxes_than_are_kept_are_not_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wide_look, "MOST_BOXES", 1000)
    assert WideLook(Answering(full(50))).look(picture(1800, 2600)).complete
    assert not WideLook(Answering(full(600))).look(picture(1800, 2600)).complete


def test_numbers_that_are_none_are_dropped() -> None:
    good = (10.0, 12.0, 40.0, 44.0)
    bad = [
        (np.nan, 0, 9, 9), (0, 0, np.inf, 9), (-np.inf, 0, 9, 9), (60, 60, 50, 90), (60, 60, 90, 50), (5, 5, 5, 9),
    ]  # fmt: skip
    boxes = np.array([*bad, good, good])
    scores = np.array([*[0.99] * len(bad), 0.9, np.nan])
    glance = WideLook(Answering(lambda height, width: Boxes(boxes, scores))).look(picture(100, 100))
    assert glance.found.boxes.tolist() == [list(good)]
    assert glance.found.scores.tolist() == [0.9]
    assert glance.complete


def test_scores_beyond_one_are_one() -> None:
    answer = Boxes(np.array([[1.0, 2.0, 30.0, 40.0]]), np.array([1.7]))
    assert WideLook(Answering(lambda height, width: answer)).look(picture(64, 64)).found.scores.tolist() == [1.0]


@pytest.mark.parametrize("shape", [(1, 1), (1, 3000), (3000, 1), (2, 2)])
def test_the_smallest_pictures(shape: tuple[int, int]) -> None:
    network = Seeing()
    glance = WideLook(network).look(picture(*shape))
    assert glance.found.boxes.shape == glance.faint.boxes.shape == (0, 4)
    assert glance.complete
    assert all(min(tile) >= 1 for tile in network.shapes)


def test_found_and_faint_are_told_apart_by_the_networks_threshold() -> None:
    network = Seeing()
    rgb = picture(300, 400, (10, 10, 50))
    rgb[100:150, 200:250] = round(0.45 * 255)
    glance = WideLook(network).look(rgb)
    assert np.abs(glance.found.boxes[0] - box(10, 10, 50)).max() <= 1.5
    assert np.abs(glance.faint.boxes[0] - box(200, 100, 50)).max() <= 1.5
    assert len(glance.found.scores) == len(glance.faint.scores) == 1
    assert glance.faint.scores[0] < network.threshold <= glance.found.scores[0]


def test_best_come_first_and_each_place_once() -> None:
    rgb = picture(700, 1500, (100, 100, 90), (600, 300, 90), bright=170)
    rgb[100:190, 1000:1090] = 250
    found = WideLook(Seeing()).look(rgb).found
    assert len(found.scores) == 3
    assert found.boxes[0, 0] == pytest.approx(999.5, abs=1.5)
    assert (np.diff(found.scores) <= 0).all()


def test_coarse_looks_at_small_pictures_only() -> None:
    network, rgb = Seeing(), picture(1500, 2100, (300, 300, 500), (1500, 900, 16))
    found = WideLook(network).look(rgb, coarse=True).found
    assert max(max(tile) for tile in network.shapes) <= max(wide_look.WHOLE_SIDES)
    assert len(found.scores) == 1
    assert overlap(found.boxes, box(300, 300, 500)[None])[0, 0] > 0.9


def test_the_picture_is_neither_written_nor_copied_by_need() -> None:
    rgb = picture(700, 1200, (200, 100, 60))
    rgb.flags.writeable = False
    mirrored = WideLook(Seeing()).look(rgb[:, ::-1]).found
    assert np.abs(mirrored.boxes[0] - box(1200 - 200 - 60, 100, 60)).max() <= 1.5


def test_a_smaller_face_is_found_when_it_is_asked_for() -> None:
    large = 5000, 6000
    assert WideLook(Seeing()).smallest_face(*large) > WideLook(Seeing(), smallest=12).smallest_face(*large) == 12


@pytest.mark.parametrize("smallest", [0, 0.5, -3, float("nan")])
def test_an_impossible_smallest_face_is_an_error(smallest: float) -> None:
    with pytest.raises(ValueError, match="smallest"):
        WideLook(Seeing(), smallest)


@pytest.mark.parametrize("rgb", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_other_arrays_are_refused(rgb: RGB) -> None:
    with pytest.raises(ValueError, match="uint8"):
        WideLook(Seeing()).look(rgb)


def test_empty_answers_are_an_empty_glance() -> None:
    glance = WideLook(Answering(lambda height, width: no_boxes())).look(picture(1000, 1000))
    assert len(glance.found.scores) == len(glance.faint.scores) == 0
    assert glance.complete
