"""All looks together: quarter turns where no face is seen surely by both, and nothing that was seen is lost."""

from __future__ import annotations

import numpy as np
import pytest

from p3m_anon.detectors import shape_prior
from p3m_anon.detectors.looks import Looks
from p3m_anon.detectors.networks import Boxes, no_boxes
from p3m_anon.detectors.small_faces import Search
from p3m_anon.detectors.wide_look import Glance
from p3m_anon.faces.face import Face
from p3m_anon.faces.judge import judge
from p3m_anon.faces.pairing import same_face
from p3m_anon.faces.patch import union
from p3m_anon.faces.settings import BlurSettings

FACE = (4.0, 2.0, 14.0, 12.0)
FALSE = (30.0, 20.0, 38.0, 28.0)  # of a picture that stands as it was shown to the looks
HEIGHT, WIDTH = 36, 48


def face_in(box, score=0.9):
    return Face(shape_prior.mean_in_box(box), box, score, "first")


def boxes(*found):
    """Boxes from (box, score) pairs."""
    if not found:
        return no_boxes()
    return Boxes(np.array([box for box, _ in found], float), np.array([score for _, score in found]))


class First:
    """Sees FACE where the upper left pixel is white, and a false face wherever `false` says so."""

    name, model_sha256 = "first", "f" * 64

    def __init__(self, sees=True, score=0.9, false=None):
        self.sees, self.score, self.false = sees, score, false
        self.looked_at = []

    def detect(self, rgb):
        self.looked_at.append(rgb.shape[:2])
        found = (face_in(FACE, self.score),) if self.sees and rgb[0, 0, 0] == 255 else ()
        return found + ((face_in(self.false[0], self.false[1]),) if self.false else ())

    def detect_batch(self, images):
        return [self.detect(rgb) for rgb in images]


class Second:
    """The same for the second look."""

    name, model_sha256, sure = "second", "e" * 64, 0.7

    def __init__(self, sees=True, score=0.9, false=None, faint=()):
        self.sees, self.score, self.false, self.faint = sees, score, false, faint
        self.coarse = []

    def look(self, rgb, *, coarse=False):
        self.coarse.append(coarse)
        found = [(FACE, self.score)] if self.sees and rgb[0, 0, 0] == 255 else []
        found += [self.false] if self.false else []
        return Glance(boxes(*found), boxes(*self.faint))

    def smallest_face(self, height, width):
        return 12.0


class Found:
    """A search for small faces that always answers the same."""

    names = ("first", "second")

    def __init__(self, first=(), second=(), complete=True):
        self.answer = Search((boxes(*first), boxes(*second)), complete)

    def find(self, rgb, suspected=None):
        self.suspected = suspected
        return self.answer


def marked(turns):
    """A picture that shows its white corner above on the left when it is turned `turns` times."""
    upright = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    upright[0, 0] = 255
    return np.ascontiguousarray(np.rot90(upright, -turns))


def near_corner(box, rgb):
    """Whether a box lies in the picture, where FACE lies beside the white corner."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    white_y, white_x = np.argwhere(rgb[..., 0] == 255)[0]
    inside = 0 <= x < rgb.shape[1] and 0 <= y < rgb.shape[0]
    return inside and sorted(abs(v) for v in (x - white_x, y - white_y)) == [7.0, 9.0]


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_faces_of_a_turned_picture_come_back_in_its_own_pixels(turns):
    rgb = marked(turns)
    (sight,) = Looks(First(), Second()).see([rgb])
    assert sight.turns == turns
    assert [one.box for one in sight.second] == [sight.faces[0].box]
    assert near_corner(sight.faces[0].box, rgb)
    x0, y0, x1, y1 = sight.faces[0].box
    assert (x1 - x0, y1 - y0) == (10, 10)
    assert (sight.faces[0].landmarks >= (x0 - 1, y0 - 1)).all()
    assert (sight.faces[0].landmarks <= (x1 + 1, y1 + 1)).all()


def test_a_picture_with_a_sure_face_is_not_turned():
    first, second = First(), Second()
    (sight,) = Looks(first, second).see([marked(0)])
    assert sight.turns == 0
    assert len(first.looked_at) == len(second.coarse) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (First(sees=False), Second()),
        (First(), Second(sees=False)),
        (First(score=0.3), Second(score=0.6)),
        (First(sees=False), Second(sees=False)),
    ],
    ids=["second only", "first only", "neither surely", "nothing"],
)
def test_every_other_picture_is_turned_all_ways(first, second):
    Looks(first, second).see([marked(0)])
    assert sorted(first.looked_at) == sorted([(HEIGHT, WIDTH)] * 2 + [(WIDTH, HEIGHT)] * 2)
    assert second.coarse == [False, True, True, True]  # small faces are looked for upright only


def test_a_weak_face_of_one_look_is_sure_by_the_other():
    for first, second in ((First(score=0.3), Second(score=0.75)), (First(score=0.55), Second(score=0.3))):
        (sight,) = Looks(first, second).see([marked(0)])
        assert len(first.looked_at) == 1
        assert sight.turns == 0


@pytest.mark.parametrize("turns", [1, 2, 3])
@pytest.mark.parametrize("seen_by", ["first", "second", "both weakly"])
def test_a_false_box_upright_does_not_hide_that_the_picture_lies_on_its_side(turns, seen_by):
    false = (FALSE, 0.4 if seen_by == "both weakly" else 0.9)
    first = First(false=false if seen_by != "second" else None)
    second = Second(false=false if seen_by != "first" else None)
    rgb = marked(turns)
    (sight,) = Looks(first, second).see([rgb])
    assert any(near_corner(face.box, rgb) for face in sight.faces)
    assert any(near_corner(one.box, rgb) for one in sight.second)
    kept = [face.box for face in sight.faces] if seen_by != "second" else sight.second_boxes
    assert FALSE in list(kept)  # what was seen upright stays seen, and masked
    judged = judge(rgb.shape[:2], sight, None, BlurSettings(max_extra=1.0))
    masked = union([mask.adjusted for mask in judged.masks], rgb.shape[:2])
    assert masked[24, 34]
    assert masked[np.nonzero(masked)].all()


def test_a_turned_sight_keeps_what_was_seen_upright():
    first, second = First(false=(FALSE, 0.3)), Second(faint=[((20.0, 4.0, 26.0, 10.0), 0.3)])
    (sight,) = Looks(first, second, Found(second=[((40.0, 4.0, 46.0, 10.0), 0.9)])).see([marked(2)])
    assert sight.turns == 2
    assert FALSE in [face.box for face in sight.faces]
    assert (40.0, 4.0, 46.0, 10.0) in list(sight.second_boxes)
    assert (20.0, 4.0, 26.0, 10.0) in [one.box for one in sight.faint]


def test_what_only_a_turned_picture_shows_faintly_is_not_masked():
    """Turned pictures show many faint faces that are none: they are faint, and nothing more."""
    first, second = First(score=0.4), Second(sees=True, score=0.65)
    (sight,) = Looks(first, second).see([marked(1)])
    assert (sight.faces, sight.second, sight.turns) == ((), (), 0)
    assert any(near_corner(one.box, marked(1)) for one in sight.faint)


def test_one_sure_look_is_enough_in_a_turned_picture():
    for first, second in ((First(), Second(sees=False)), (First(sees=False), Second())):
        (sight,) = Looks(first, second).see([marked(3)])
        assert len(sight.faces) + len(sight.second) == 1
        assert near_corner([*(face.box for face in sight.faces), *sight.second_boxes][0], marked(3))
        assert judge((WIDTH, HEIGHT), sight, None, BlurSettings()).findings


def test_without_a_second_look_there_are_no_second_boxes():
    sights = Looks(First(), None).see([marked(0), marked(1), np.zeros((30, 40, 3), np.uint8)])
    assert [len(s.faces) for s in sights] == [1, 1, 0]
    assert [s.second for s in sights] == [None, None, None]
    assert [s.turns for s in sights] == [0, 1, 0]


def test_nothing_anywhere_is_nothing():
    (sight,) = Looks(First(), Second()).see([np.zeros((30, 40, 3), np.uint8)])
    assert (sight.faces, sight.second, sight.turns) == ((), (), 0)


def test_small_faces_of_the_search_join_the_look_that_saw_them():
    small, other = (30.0, 20.0, 34.0, 25.0), (40.0, 5.0, 44.0, 10.0)
    search = Found(first=[(FACE, 0.7), (small, 0.4)], second=[(small, 0.6), (other, 0.5)])
    (sight,) = Looks(First(), Second(), search).see([marked(0)])
    assert [face.box for face in sight.faces] == [FACE, small]
    assert [face.view for face in sight.faces] == ["frontal", "unknown"]
    assert list(sight.second_boxes) == [FACE, small, other]
    assert judge((HEIGHT, WIDTH), sight, None, BlurSettings()).counts.both == 2


def test_boxes_of_a_search_whose_networks_are_no_first_look_join_the_second():
    """With landmark files CenterFace only searches."""
    small = (30.0, 20.0, 34.0, 25.0)
    first = First()
    first.name = "landmark-files"
    (sight,) = Looks(first, Second(), Found(first=[(small, 0.4)])).see([marked(0)])
    assert [face.box for face in sight.faces] == [FACE]
    assert small in list(sight.second_boxes)


def test_what_the_second_look_saw_faintly_is_looked_at_again():
    faint = ((20.0, 4.0, 26.0, 10.0), 0.3)
    search = Found()
    Looks(First(), Second(faint=[faint]), search).see([marked(0)])
    assert search.suspected.boxes.tolist() == [list(faint[0])]


@pytest.mark.parametrize("complete", [True, False])
def test_a_search_that_saw_not_all_is_told(complete):
    (sight,) = Looks(First(), Second(), Found(complete=complete)).see([marked(0)])
    assert sight.complete is complete
    (turned,) = Looks(First(), Second(), Found(complete=complete)).see([marked(2)])
    assert turned.complete is complete


def test_a_small_face_at_the_corner_of_a_large_one_is_kept():
    """A child before its parent's shoulder: two faces share half of the smaller box, and are two nevertheless."""
    child = (11.0, 9.0, 15.0, 13.0)
    assert same_face(FACE, child) > 0
    search = Found(first=[(child, 0.5)], second=[(child, 0.9)])
    (sight,) = Looks(First(), Second(), search).see([marked(0)])
    assert child in [face.box for face in sight.faces]
    assert child in list(sight.second_boxes)
