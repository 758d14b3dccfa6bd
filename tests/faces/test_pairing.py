"""Which boxes are one face, and the estimate of what neither look saw."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from p3m_anon.faces.pairing import Counts, counts, not_dismissed, paired, same_face, same_faces, seen_faces, unmatched
from p3m_anon.faces.sight import Sight, Sighting

NUMBERS = st.integers(0, 30)
COORDINATES = st.floats(-50, 150, allow_nan=False)
BOXES = st.lists(
    st.tuples(COORDINATES, COORDINATES, st.floats(1, 90), st.floats(1, 90)).map(
        lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
    ),
    max_size=6,
)


def sighting(box, score=0.9):
    return Sighting(tuple(map(float, box)), score)


def test_one_face_is_seen_once(make_face):
    face, other = make_face(80, 90, 60, score=0.4), make_face(220, 90, 60)
    near = [v + 4 for v in face.box]
    seen = seen_faces(Sight((face, other), (sighting(near), sighting((10, 200, 40, 240)))))
    assert [one.by for one in seen] == ["both", "first", "second"]
    assert seen[0].boxes == (face.box, tuple(near))
    assert [one.face for one in seen] == [face, other, None]
    assert counts(seen) == Counts(1, 1, 1)


def test_a_face_is_sure_if_any_look_was_sure_of_it(make_face):
    for first, second, sure in ((0.9, 0.2, True), (0.2, 0.9, True), (0.2, 0.2, False)):
        face = make_face(80, 90, 60, score=first)
        (seen,) = seen_faces(Sight((face,), (sighting(face.box, second),)))
        assert seen.sure == sure
    face = make_face(80, 90, 60, score=0.45)
    assert seen_faces(Sight((face,), None, sure_first=0.4))[0].sure
    assert not seen_faces(Sight((face,), None))[0].sure


def test_with_one_look_only_nothing_is_seen_by_that_look_alone(make_face):
    assert [one.by for one in seen_faces(Sight((make_face(80, 90, 60),), None))] == ["both"]
    assert [one.by for one in seen_faces(Sight((make_face(80, 90, 60),), ()))] == ["first"]


def test_a_second_box_of_one_face_is_no_other_face(make_face):
    face = make_face(80, 90, 60)
    near = [tuple(v + d for v in face.box) for d in (2, 6)]
    (seen,) = seen_faces(Sight((face,), tuple(map(sighting, near))))
    assert seen.by == "both"
    assert set(seen.boxes) == {face.box, *near}


def test_a_box_many_times_larger_is_another_face(make_face):
    face = make_face(100, 90, 30)
    assert [one.by for one in seen_faces(Sight((face,), (sighting((0, 0, 290, 190)),)))] == ["first", "second"]


def test_two_heads_cheek_to_cheek_are_not_one():
    """Each box has one partner: a second face inside or beside a large one is not covered by it."""
    parent, child = (50.0, 30.0, 170.0, 180.0), (120.0, 90.0, 170.0, 160.0)
    assert unmatched([parent], [parent, child]) == ([], [child])
    left, right, around = (40.0, 30.0, 100.0, 110.0), (95.0, 30.0, 160.0, 110.0), (40.0, 30.0, 160.0, 110.0)
    assert len(unmatched([around], [left, right])[1]) == 1
    assert unmatched([left, right], [right, left]) == ([], [])


def test_one_dismissal_holds_for_one_place():
    face, other = (40.0, 40.0, 120.0, 140.0), (190.0, 60.0, 250.0, 130.0)
    assert not_dismissed([face], [face]) == []
    assert not_dismissed([face, face], [face]) == [face]
    assert not_dismissed([other], [face]) == [other]
    small = [(40.0 + d, 40.0, 70.0 + d, 70.0) for d in (0, 30)]
    assert not_dismissed(small, [face]) == small


@settings(deadline=None)
@given(NUMBERS, NUMBERS, NUMBERS)
def test_the_estimate_is_chapmans(both, first, second):
    n1, n2 = both + first, both + second
    population = (n1 + 1) * (n2 + 1) / (both + 1) - 1
    assert abs(Counts(both, first, second).unseen - (population - both - first - second)) < 1e-9 * (population + 1)


@settings(deadline=None)
@given(NUMBERS, NUMBERS, NUMBERS)
def test_the_estimate_grows_with_every_disagreement(both, first, second):
    here = Counts(both, first, second)
    assert Counts(both, first + 1, second).unseen >= here.unseen >= 0
    assert Counts(both, first, second + 1).unseen >= here.unseen
    if both:
        assert Counts(both - 1, first + 1, second + 1).unseen >= here.unseen  # a face of both becomes two faces of one
    total = here + Counts(1, 2, 3)
    assert total == Counts(both + 1, first + 2, second + 3)


@settings(deadline=None)
@given(BOXES, BOXES)
def test_pairs_are_one_to_one_and_alike(boxes, others):
    partner = paired(boxes, others)
    assert len(set(partner.values())) == len(partner)
    assert all(same_face(boxes[i], others[j]) > 0 for i, j in partner.items())
    alone, strangers = unmatched(boxes, others)
    assert len(alone) + len(partner) == len(boxes)
    assert not same_faces(alone, strangers).any()
    assert np.allclose(same_faces(boxes, others), same_faces(others, boxes).T)


@settings(deadline=None)
@given(BOXES, BOXES)
def test_no_box_of_any_look_is_lost(boxes, others):
    faces = seen_faces(Sight((), tuple(map(sighting, boxes))))
    assert [one.boxes for one in faces] == [(tuple(map(float, box)),) for box in boxes]
    assert sorted(box for one in faces for box in one.boxes) == sorted(boxes)
