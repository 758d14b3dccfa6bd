"""What waits for a person, case by case; test_judge_laws.py has the laws."""

import numpy as np
import pytest

from p3m_anon.faces.judge import Ruling, judge, ranked
from p3m_anon.faces.reasons import EXPLANATION, Finding, Reason
from p3m_anon.faces.settings import BlurSettings
from p3m_anon.faces.sight import Sight, Sighting

SIZE = (200, 300)
STRICT = BlurSettings(on_disagreement="review")


def sight(faces=(), boxes=None, **fields):
    """Faces of the first look and boxes of the second."""
    second = None if boxes is None else tuple(Sighting(tuple(map(float, box)), 0.9) for box in boxes)
    return Sight(tuple(faces), second, **fields)


def verdict(seen, alpha=None, settings=None, size=SIZE, **said):
    return [f.reason for f in judge(size, seen, alpha, settings or BlurSettings(), **said).findings]


def small_boxes(count, size=6, gap=20, top=10.0):
    return [(10.0 + gap * n, top, 10.0 + gap * n + size, top + size) for n in range(count)]


def test_two_looks_that_agree_release(make_face):
    face = make_face(100, 90, 80)
    shifted = tuple(v + 5 for v in face.box)
    assert verdict(sight([face], [shifted])) == []
    assert verdict(sight([face])) == []


def test_no_face_waits_for_a_person():
    assert verdict(sight((), ())) == verdict(sight()) == [Reason.NO_FACE]
    faint = (Sighting((10.0, 10.0, 40.0, 40.0), 0.3),)
    assert verdict(sight((), (), faint=faint)) == [Reason.NO_FACE]


def test_a_face_that_lies_outside_the_picture_is_none(make_face):
    outside = make_face(-200, 90, 60)
    assert verdict(sight([outside], [outside.box])) == [Reason.NO_FACE]
    small = (100.0, 50.0, 112.0, 64.0)
    assert verdict(sight([outside], [outside.box, small])) == [Reason.NO_FACE]


def test_a_bystander_that_one_look_misses_is_masked_and_does_not_wait(make_face):
    """The old rule made every such picture wait."""
    face, other = make_face(80, 90, 80), make_face(250, 40, 20)
    for seen in (sight([face], [face.box, other.box]), sight([face, other], [face.box])):
        judged = judge(SIZE, seen, None, BlurSettings())
        assert judged.findings == ()
        assert [mask.masked_by for mask in judged.masks] == ["both", "union"]
        assert [mask.decision() for mask in judged.masks] == ["outline", "ellipse"]
        assert verdict(seen, settings=STRICT) == [Reason.DETECTORS_DISAGREE]


def test_the_largest_face_has_to_be_seen_by_both(make_face):
    face, small = make_face(80, 90, 80), make_face(250, 40, 20)
    assert verdict(sight([face], ())) == [Reason.DETECTORS_DISAGREE]
    assert verdict(sight((), [face.box])) == [Reason.DETECTORS_DISAGREE]
    assert verdict(sight([face, small], [small.box])) == [Reason.DETECTORS_DISAGREE]
    assert verdict(sight([small], [small.box, face.box])) == [Reason.DETECTORS_DISAGREE]


def test_a_large_place_that_one_look_took_for_a_face_waits(make_face):
    """It would blur what is perhaps no face."""
    face, large = make_face(80, 90, 90), make_face(220, 90, 70)
    for seen in (sight([face], [face.box, large.box]), sight([face, large], [face.box])):
        assert verdict(seen) == [Reason.DETECTORS_DISAGREE]
        assert verdict(seen, settings=BlurSettings(max_extra=0.2)) == []
    assert verdict(sight([face, large], [face.box, large.box])) == []


def test_the_share_of_an_extra_place_is_that_of_its_ellipse(make_face):
    """A box of 36 x 36 px has an ellipse of 1.2 times its sides: 2.4 % of 300 x 200."""
    face = make_face(80, 90, 90)
    share = np.pi / 4 * (1.2 * 36) ** 2 / (SIZE[0] * SIZE[1])
    seen = sight([face], [face.box, (220, 20, 256, 56)])
    assert verdict(seen, settings=BlurSettings(max_extra=share * 1.01)) == []
    assert verdict(seen, settings=BlurSettings(max_extra=share * 0.98)) == [Reason.DETECTORS_DISAGREE]


@pytest.mark.parametrize(("alone", "waits"), [((3, 0), False), ((0, 9), False), ((1, 1), False), ((2, 2), True)])
def test_looks_that_disagree_much_wait_for_what_neither_saw(make_face, alone, waits):
    """One face of both and a, b of one each: ab / 2 more that neither saw."""
    face = make_face(150, 110, 80)
    of_first, of_second = small_boxes(alone[0]), small_boxes(alone[1], top=180.0)
    faces = [make_face(box[0] + 3, box[1] + 3, 6) for box in of_first]
    judged = judge(SIZE, sight([face, *faces], [face.box, *of_second]), None, BlurSettings(max_unseen=1.0))
    assert (judged.counts.both, judged.counts.first, judged.counts.second) == (1, *alone)
    assert judged.counts.unseen == alone[0] * alone[1] / 2
    assert [f.reason for f in judged.findings] == ([Reason.DETECTORS_DISAGREE] if waits else [])


def test_a_look_whose_list_was_full_waits(make_face):
    face = make_face(100, 90, 80)
    assert verdict(sight([face], [face.box], complete=False)) == [Reason.DETECTORS_DISAGREE]


def test_a_weak_face_waits_only_where_there_is_no_second_look(make_face):
    weak = make_face(100, 90, 80, score=0.3)
    assert verdict(sight([weak])) == [Reason.LOW_SCORE]
    assert verdict(sight([weak], [weak.box])) == []
    second = (Sighting(weak.box, 0.3),)
    assert verdict(Sight((weak,), second)) == []  # both saw it, neither surely: the whole ellipse is masked
    assert verdict(Sight((weak,), second), settings=STRICT) == [Reason.LOW_SCORE]


def test_small_faces_wait_only_in_strict_runs(make_face):
    small = make_face(100, 90, 8)
    assert verdict(sight([small], [small.box])) == []
    assert verdict(sight([small], [small.box]), settings=STRICT) == [Reason.TOO_SMALL]


def test_strict_runs_name_each_look(make_face):
    face, one, other = make_face(80, 90, 80), make_face(250, 40, 20), make_face(250, 140, 20)
    judged = judge(SIZE, sight([face, one], [face.box, other.box]), None, STRICT)
    details = " ".join(f.detail for f in judged.findings)
    assert "1 face was seen by the first look only" in details
    assert "1 face was seen by the second look only" in details


def test_the_largest_face_has_to_lie_on_the_matte(make_face):
    large, bystander = make_face(80, 90, 80), make_face(230, 60, 30)
    boxes = (large.box, bystander.box)
    alpha = np.zeros(SIZE, np.uint8)
    alpha[:, :160] = 255
    assert verdict(sight([large, bystander], boxes), alpha) == []
    assert verdict(sight([large, bystander], boxes), 255 - alpha) == [Reason.FACE_OUTSIDE_ALPHA]


def test_a_flat_place_that_is_wider_than_the_largest_face_does_not_speak_for_it(make_face):
    """The largest face lies off the matte; what one look saw on the matte has more width and less area."""
    face = make_face(60, 90, 50)
    main = type(face)(face.landmarks, (48.0, 60.0, 72.0, 128.0), 0.9, "drawn", view="unknown")
    alpha = np.zeros(SIZE, np.uint8)
    alpha[:, 150:] = 255
    flat = (200.0, 60.0, 256.0, 80.0)
    loose = BlurSettings(max_extra=0.05)
    for boxes in ([main.box], [main.box, flat]):
        assert verdict(sight([main], boxes), alpha, loose) == [Reason.FACE_OUTSIDE_ALPHA]


def test_the_no_face_list_is_contradicted_by_any_look(make_face):
    face = make_face(80, 90, 80)
    for said in ({"cleared": True}, {"decision": Ruling("no_face")}):
        assert verdict(sight((), ()), **said) == []
        for seen in (sight([face], ()), sight((), [face.box]), sight([face])):
            assert verdict(seen, **said) == [Reason.NO_FACE_CONTRADICTED]
    dismissed = Ruling("no_face", (face.box,))
    assert verdict(sight([face], [face.box]), decision=dismissed) == []
    other = make_face(220, 90, 60)
    assert verdict(sight([face], [face.box, other.box]), decision=dismissed) == [Reason.NO_FACE_CONTRADICTED]


def test_findings_come_in_the_order_of_the_list_and_once():
    low, disagree = Finding(Reason.LOW_SCORE, "a"), Finding(Reason.DETECTORS_DISAGREE, "b")
    assert ranked([low, disagree, low]) == (disagree, low)


def test_every_reason_is_explained():
    assert set(EXPLANATION) == set(Reason)
