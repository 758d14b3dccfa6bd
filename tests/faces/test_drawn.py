"""Masks that a person drew: their regions, and the faces that they leave clear."""

from dataclasses import dataclass

import numpy as np
import pytest

from p3m_anon.faces.drawn import lost_regions, manual_masks, uncovered
from p3m_anon.faces.judge import Ruling, judge, manual_findings
from p3m_anon.faces.masks import face_masks
from p3m_anon.faces.pairing import Seen
from p3m_anon.faces.reasons import Reason
from p3m_anon.faces.settings import BlurSettings
from p3m_anon.faces.sight import Sight, Sighting

SIZE = (200, 300)
CHOICE = BlurSettings()


@dataclass
class Drawn:
    mask: np.ndarray
    as_drawn: bool = False


def opaque():
    return np.full(SIZE, 255, np.uint8)


def both(face):
    return Seen(face, (face.box,), "both", True)


def second(box):
    return Seen(None, (box,), "second", True)


def rectangle(x0, y0, x1, y1):
    drawn = np.zeros(SIZE, bool)
    drawn[y0:y1, x0:x1] = True
    return drawn


def waits(drawn, seen, alpha=None, as_drawn=False, dismissed=()):
    masks = manual_masks(Drawn(drawn, as_drawn), alpha, seen, CHOICE)
    return [f.reason for f in manual_findings(SIZE, masks, seen, CHOICE, dismissed)]


def test_drawn_regions_are_masks_of_their_own():
    drawn = rectangle(30, 20, 50, 60) | rectangle(100, 120, 180, 150)
    alpha = opaque()
    alpha[:40] = 128
    masks = manual_masks(Drawn(drawn), alpha, (), BlurSettings(transition_radius=0))
    assert [m.width for m in masks] == [40, 80]
    assert [m.adjusted.area for m in masks] == [20 * 20, 30 * 80]
    kept = manual_masks(Drawn(drawn, as_drawn=True), alpha, (), BlurSettings(transition_radius=0))
    assert [m.adjusted.area for m in kept] == [40 * 20, 30 * 80]
    assert (kept[0].decision(), kept[0].masked_by) == ("manual", "person")


def test_a_region_is_blurred_like_the_face_it_covers(make_face):
    face = make_face(100, 90, 80)
    grid = rectangle(50, 40, 150, 170)
    grid[::20] = grid[:, ::20] = False
    (whole,) = manual_masks(Drawn(grid), None, (), CHOICE)
    assert whole.width >= 100
    nose = rectangle(95, 90, 105, 100)
    for seen in (both(face), second(face.box)):
        (mask,) = manual_masks(Drawn(nose), None, (seen,), CHOICE)
        assert mask.width >= 80
        assert np.array_equal(mask.mask.full(SIZE), nose)  # what was seen does not enlarge it


def test_a_manual_mask_has_to_cover_every_face_that_a_look_sees(make_face):
    face, other = make_face(80, 90, 80), make_face(220, 90, 60)
    drawn = rectangle(30, 60, 130, 160)
    assert waits(drawn, (both(face),)) == []
    assert waits(drawn, (both(face), both(other))) == [Reason.FACE_OUTSIDE_MANUAL_MASK]
    assert waits(drawn, (both(face), second(other.box))) == [Reason.FACE_OUTSIDE_MANUAL_MASK]
    half = drawn.copy()
    half[:, :80] = False
    assert waits(half, (both(face),)) == [Reason.FACE_OUTSIDE_MANUAL_MASK]


def test_a_manual_mask_that_exclusion_empties_does_not_release(make_face):
    face = make_face(80, 90, 80)
    drawn, grey = rectangle(30, 60, 130, 160), np.full(SIZE, 128, np.uint8)
    assert waits(drawn, (both(face),), grey) == [Reason.FACE_OUTSIDE_MANUAL_MASK]
    assert waits(drawn, (both(face),), grey, as_drawn=True) == []


def test_the_soft_edge_may_take_from_a_drawn_mask_what_it_may_take_from_an_automatic_one(make_face):
    """Else every face with hair at its edge would have to be confirmed."""
    face = make_face(80, 90, 80)
    drawn = rectangle(20, 40, 140, 180)
    left = int(face.landmarks[:17, 0].min())
    core_left = int(face.landmarks[17:, 0].min())

    def edge(until):
        alpha = opaque()
        alpha[:, :until] = 0
        alpha[:, left : until + 1] = 128
        return alpha

    shallow = edge(left + 5)
    assert face_masks(SIZE, (both(face),), shallow, CHOICE)[0].findings == ()
    assert waits(drawn, (both(face),), shallow) == []
    assert waits(drawn, (both(face),), edge(core_left + 3)) == [Reason.FACE_OUTSIDE_MANUAL_MASK]
    half = drawn.copy()
    half[:, :70] = False
    assert waits(half, (both(face),), shallow) == [Reason.FACE_OUTSIDE_MANUAL_MASK]


def test_what_a_person_dismissed_needs_no_cover_and_nothing_else_does(make_face):
    face, other = make_face(80, 90, 80), make_face(220, 90, 60)
    seen, nothing = (both(face), both(other)), np.zeros(SIZE, bool)
    assert len(set(waits(nothing, seen))) == 1
    assert len(waits(nothing, seen, dismissed=[face.box])) == 1
    assert waits(nothing, seen, dismissed=[face.box, other.box]) == []


def test_a_face_known_by_its_box_only_has_to_be_covered_from_the_brows_down():
    """Eyes left clear above a mask: found by a look that has no landmarks."""
    box = (60.0, 40.0, 140.0, 150.0)
    assert waits(rectangle(55, 95, 145, 155), (second(box),)) == [
        Reason.FACE_OUTSIDE_MANUAL_MASK
    ]  # from under the eyes
    assert waits(rectangle(55, 65, 145, 155), (second(box),)) == []


def test_a_face_outside_the_picture_needs_no_cover():
    assert uncovered(SIZE, (), (second((400.0, 20.0, 440.0, 70.0)),), CHOICE) == []


def test_a_drawing_that_the_soft_edge_takes_away_is_told_where_no_look_saw_a_face(make_face):
    drawn = rectangle(20, 40, 140, 180)
    alpha = opaque()
    alpha[:, :80] = 128
    (lost,) = lost_regions(manual_masks(Drawn(drawn), alpha, (), CHOICE), (), CHOICE)
    assert lost == pytest.approx(0.5, abs=0.05)
    face = both(make_face(80, 90, 40))
    assert (
        lost_regions(manual_masks(Drawn(drawn), alpha, (face,), CHOICE), (face,), CHOICE) == []
    )  # `uncovered` tells it

    nothing_seen = Sight((), ())
    asked = judge(SIZE, nothing_seen, alpha, CHOICE, drawn=Drawn(drawn))
    assert [f.reason for f in asked.findings] == [Reason.MASK_LOST_TO_TRANSITION]
    knows = Ruling("mask", knows_loss=True)
    assert judge(SIZE, nothing_seen, alpha, CHOICE, drawn=Drawn(drawn), decision=knows).findings == ()
    unaware = Ruling("mask")
    assert judge(SIZE, nothing_seen, alpha, CHOICE, drawn=Drawn(drawn), decision=unaware).findings


def test_a_face_that_may_stay_has_to_be_dismissed(make_face):
    face = make_face(80, 90, 80)
    sight = Sight((face,), (Sighting(face.box, 0.9),))
    asked = judge(SIZE, sight, None, CHOICE, decision=Ruling("normal"))
    assert (asked.masks, [f.reason for f in asked.findings]) == ((), [Reason.FACE_OUTSIDE_MANUAL_MASK])
    assert judge(SIZE, sight, None, CHOICE, decision=Ruling("normal", (face.box,))).findings == ()
