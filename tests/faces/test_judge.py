"""Every finding sends a picture to a person; none lets one pass."""

from dataclasses import dataclass

import numpy as np

from p3m_anon.faces.masks import face_masks, manual_masks
from p3m_anon.faces.reasons import EXPLANATION, Finding, Reason
from p3m_anon.faces.settings import BlurSettings
from p3m_anon.faces.verdict import findings, manual_findings, no_face_findings, not_dismissed, ranked, unmatched

SIZE = (200, 300)
CHOICE = BlurSettings()


@dataclass
class Drawn:
    mask: np.ndarray
    as_drawn: bool


def verdict(faces, second, alpha=None):
    masks = face_masks(SIZE, faces, alpha, CHOICE)
    return [f.reason for f in findings(SIZE, masks, second, alpha, CHOICE)]


def test_two_looks_that_agree_release(make_face):
    face = make_face(100, 90, 80)
    shifted = tuple(v + 5 for v in face.box)
    assert verdict((face,), (shifted,)) == []
    assert verdict((face,), None) == []


def test_no_face_waits_for_a_person():
    assert verdict((), ()) == [Reason.NO_FACE]
    assert verdict((), None) == [Reason.NO_FACE]


def test_a_face_that_one_look_misses_waits(make_face):
    face, other = make_face(80, 90, 80), make_face(220, 90, 60)
    assert verdict((face,), (face.box, other.box)) == [Reason.DETECTORS_DISAGREE]
    assert verdict((face, other), (face.box,)) == [Reason.DETECTORS_DISAGREE]
    assert verdict((), (other.box,)) == [Reason.DETECTORS_DISAGREE]


def test_a_box_many_times_larger_is_another_face(make_face):
    face = make_face(100, 90, 30)
    assert verdict((face,), ((0, 0, 290, 190),)) == [Reason.DETECTORS_DISAGREE]


def test_two_heads_cheek_to_cheek_are_not_one(make_face):
    """Each box has one partner: a second face inside or beside a large one is not covered by it."""
    parent, child = (50.0, 30.0, 170.0, 180.0), (120.0, 90.0, 170.0, 160.0)
    assert unmatched([parent], [parent, child]) == ([], [child])
    left, right, both = (40.0, 30.0, 100.0, 110.0), (95.0, 30.0, 160.0, 110.0), (40.0, 30.0, 160.0, 110.0)
    assert len(unmatched([both], [left, right])[1]) == 1
    assert unmatched([left, right], [right, left]) == ([], [])


def test_the_largest_face_has_to_lie_on_the_matte(make_face):
    large, bystander = make_face(80, 90, 80), make_face(230, 60, 30)
    boxes = (large.box, bystander.box)
    alpha = np.zeros(SIZE, np.uint8)
    alpha[:, :160] = 255
    assert verdict((large, bystander), boxes, alpha) == []
    assert verdict((large, bystander), boxes, 255 - alpha) == [Reason.FACE_OUTSIDE_ALPHA]


def manual(drawn, faces, second=None, alpha=None, as_drawn=False):
    masks = manual_masks(Drawn(drawn, as_drawn), alpha, tuple(faces), CHOICE)
    return [f.reason for f in manual_findings(SIZE, masks, faces, second, CHOICE)]


def test_a_manual_mask_has_to_cover_every_face_that_a_look_sees(make_face):
    face, other = make_face(80, 90, 80), make_face(220, 90, 60)
    drawn = np.zeros(SIZE, bool)
    drawn[60:160, 30:130] = True
    assert manual(drawn, (face,)) == []
    assert manual(drawn, (face, other)) == [Reason.FACE_OUTSIDE_MANUAL_MASK]
    assert manual(drawn, (face,), (face.box, other.box)) == [Reason.FACE_OUTSIDE_MANUAL_MASK]
    half = drawn.copy()
    half[:, :80] = False
    assert manual(half, (face,)) == [Reason.FACE_OUTSIDE_MANUAL_MASK]


def test_a_manual_mask_that_exclusion_empties_does_not_release(make_face):
    face = make_face(80, 90, 80)
    drawn = np.zeros(SIZE, bool)
    drawn[60:160, 30:130] = True
    grey = np.full(SIZE, 128, np.uint8)
    assert manual(drawn, (face,), alpha=grey) == [Reason.FACE_OUTSIDE_MANUAL_MASK]
    assert manual(drawn, (face,), alpha=grey, as_drawn=True) == []


def test_the_soft_edge_may_take_from_a_drawn_mask_what_it_may_take_from_an_automatic_one(make_face):
    """Else every face with hair at its edge would have to be confirmed."""
    face = make_face(80, 90, 80)
    drawn = np.zeros(SIZE, bool)
    drawn[40:180, 20:140] = True
    left = int(face.landmarks[:17, 0].min())
    core_left = int(face.landmarks[17:, 0].min())

    def edge(until):
        alpha = np.full(SIZE, 255, np.uint8)
        alpha[:, :until] = 0
        alpha[:, left : until + 1] = 128
        return alpha

    shallow = edge(left + 5)
    automatic = face_masks(SIZE, (face,), shallow, CHOICE)[0]
    assert automatic.findings == ()
    assert manual(drawn, (face,), alpha=shallow) == []
    assert manual(drawn, (face,), alpha=edge(core_left + 3)) == [Reason.FACE_OUTSIDE_MANUAL_MASK]
    half = drawn.copy()
    half[:, :70] = False
    assert manual(half, (face,), alpha=shallow) == [Reason.FACE_OUTSIDE_MANUAL_MASK]


def test_what_a_person_dismissed_needs_no_cover_and_nothing_else_does(make_face):
    face, other = make_face(80, 90, 80), make_face(220, 90, 60)
    masks = manual_masks(Drawn(np.zeros(SIZE, bool), False), None, (face, other), CHOICE)
    assert len(manual_findings(SIZE, masks, (face, other), None, CHOICE)) == 1  # said once
    assert len(manual_findings(SIZE, masks, (face, other), None, CHOICE, [face.box])) == 1
    assert manual_findings(SIZE, masks, (face, other), None, CHOICE, [face.box, other.box]) == ()
    assert no_face_findings((face,), (face.box,), [face.box]) == ()
    # one saying holds for one place, and not for small faces within it
    x0, y0 = face.box[0], face.box[1]
    small = [(x0 + d, y0, x0 + d + 30, y0 + 30) for d in (0, 30)]
    assert not_dismissed(small, [face.box]) == small
    assert not_dismissed([face.box, face.box], [face.box]) == [face.box]
    assert len(no_face_findings((face,), (other.box,), [face.box])) == 1


def test_the_no_face_list_is_contradicted_by_any_look(make_face):
    face = make_face(80, 90, 80)
    assert no_face_findings((), ()) == ()
    assert [f.reason for f in no_face_findings((face,), ())] == [Reason.NO_FACE_CONTRADICTED]
    assert [f.reason for f in no_face_findings((), (face.box,))] == [Reason.NO_FACE_CONTRADICTED]


def test_findings_come_in_the_order_of_the_list_and_once():
    low, disagree = Finding(Reason.LOW_SCORE, "a"), Finding(Reason.DETECTORS_DISAGREE, "b")
    assert ranked([low, disagree, low]) == (disagree, low)


def test_every_reason_is_explained():
    assert set(EXPLANATION) == set(Reason)


def test_a_face_known_by_its_box_only_has_to_be_covered_from_the_brows_down(make_face):
    """Eyes left clear above a mask: found by a look that has no landmarks."""
    box = (60.0, 40.0, 140.0, 150.0)
    drawn = np.zeros(SIZE, bool)
    drawn[95:155, 55:145] = True  # from under the eyes
    assert manual(drawn, (), (box,)) == [Reason.FACE_OUTSIDE_MANUAL_MASK]
    drawn[65:155, 55:145] = True
    assert manual(drawn, (), (box,)) == []
