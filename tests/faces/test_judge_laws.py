"""Laws of `judge` on random faces, boxes, scores, mattes and settings."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage
from shapely.errors import ShapelyError

from p3m_anon.faces.face import Face
from p3m_anon.faces.judge import Ruling, judge
from p3m_anon.faces.matte import FlatMatte
from p3m_anon.faces.pairing import same_faces, seen_faces
from p3m_anon.faces.settings import BlurSettings
from p3m_anon.faces.sight import Sight, Sighting
from p3m_anon.files.ledger_rows import Row
from p3m_anon.jobs.blur.facts import face_facts, picture_facts
from p3m_anon.jobs.blur.outputs import Picture
from p3m_anon.jobs.review.sightings import sight_of
from tests.faces.scenes import Scene, boxes_of, face_at, free_boxes, inner, masked, reasons, scenes
from tools.fit_shape_prior import MIRROR_LANDMARKS

LAW = settings(max_examples=60, deadline=None)


@dataclass
class Drawn:
    mask: np.ndarray
    as_drawn: bool = False


def outline_pixels(mask):
    """Pixels at most one away from a mask's edge, bool (H, W)."""
    around = np.ones((3, 3), bool)
    return ndimage.binary_dilation(mask, around) & ~ndimage.binary_erosion(mask, around, border_value=1)


def whole(judged, size):
    """The masks before exclusion."""
    return [mask.mask.full(size) for mask in judged.masks]


def assert_same_up_to_outlines(judged, other, size, back=lambda mask: mask):
    """The same reasons and masks; pixels differ at outlines only, and so does what exclusion leaves."""
    assert reasons(judged) == reasons(other)
    assert [mask.masked_by for mask in judged.masks] == [mask.masked_by for mask in other.masks]
    edges = np.zeros(size, bool)
    for one, two in zip(whole(judged, size), whole(other, size), strict=True):
        edge = outline_pixels(one)
        assert not ((one ^ back(two)) & ~edge).any()
        edges |= edge
    assert not ((masked(judged, size) ^ back(masked(other, size))) & ~edges).any()


@given(scenes())
@LAW
def test_every_box_is_covered_in_its_middle_or_a_person_is_asked(scene):
    judged = scene.judged()
    if judged.findings:
        return
    covered = masked(judged, scene.size)
    for box in boxes_of(scene.sight):
        assert covered[inner(box, scene.size)].all()


@given(scenes())
@LAW
def test_nothing_is_released_without_a_face_that_is_masked(scene):
    judged = scene.judged()
    assert judged.findings or masked(judged, scene.size).any()


@given(scenes(), st.integers(0, 1000), st.booleans())
@LAW
def test_pixels_in_transition_are_never_touched(scene, seed, by_hand):
    drawn = np.random.default_rng(seed).random(scene.size) < 0.5
    judged = scene.judged(drawn=Drawn(drawn)) if by_hand else scene.judged()
    for mask in judged.masks:
        adjusted = mask.adjusted.full(scene.size)
        assert not (adjusted & scene.between).any()
        assert not (adjusted & ~mask.mask.full(scene.size)).any()


@given(scenes(), st.integers(0, 1000), st.booleans())
@LAW
def test_a_drawn_mask_is_what_was_drawn(scene, seed, as_drawn):
    """What the looks saw neither enlarges nor shrinks it."""
    coarse = np.random.default_rng(seed).random((5, 5)) < 0.4
    drawn = np.kron(coarse, np.ones((28, 28), bool))[: scene.size[0], : scene.size[1]]
    judged = scene.judged(drawn=Drawn(drawn, as_drawn))
    covered = np.zeros(scene.size, bool)
    for mask in judged.masks:
        covered |= mask.mask.full(scene.size)
    assert np.array_equal(covered, drawn)
    if as_drawn:
        assert np.array_equal(masked(judged, scene.size), drawn)


@given(scenes(), st.data())
@LAW
def test_a_lower_score_releases_nothing(scene, data):
    assume(scene.sight.faces and scene.judged().findings)
    index = data.draw(st.integers(0, len(scene.sight.faces) - 1))
    lower = data.draw(st.floats(0, scene.sight.faces[index].score))
    faces = list(scene.sight.faces)
    faces[index] = replace(faces[index], score=lower)
    assert scene.with_sight(faces=tuple(faces)).judged().findings


@given(scenes(two_looks=True), st.data())
@LAW
def test_a_lower_score_of_the_second_look_releases_nothing(scene, data):
    assume(scene.sight.second and scene.judged().findings)
    second = list(scene.sight.second)
    index = data.draw(st.integers(0, len(second) - 1))
    second[index] = second[index]._replace(score=data.draw(st.floats(0, second[index].score)))
    assert scene.with_sight(second=tuple(second)).judged().findings


@given(scenes(two_looks=True), st.data())
@LAW
def test_a_place_that_one_look_alone_sees_releases_nothing(scene, data):
    """The new box is nobody's partner: else it would be agreement, not doubt."""
    assume(scene.judged().findings)
    box = data.draw(free_boxes(scene.size))
    assume(not same_faces([box], boxes_of(scene.sight)).any())
    more = (*scene.sight.second, Sighting(box, data.draw(st.floats(0, 1))))
    assert scene.with_sight(second=more).judged().findings
    face = Face(face_at(0, 0, 1).landmarks * (box[2] - box[0]) + box[:2], box, 0.9, "drawn", view="unknown")
    assert scene.with_sight(faces=(*scene.sight.faces, face)).judged().findings


@given(scenes(two_looks=True), st.data())
@LAW
def test_a_second_look_that_no_longer_sees_a_face_releases_nothing(scene, data):
    """The second look had said the same box, and says nothing else near it."""
    assume(scene.sight.faces)
    face = data.draw(st.sampled_from(scene.sight.faces))
    others = tuple(one for one in scene.sight.second if not same_faces([face.box], [one.box]).any())
    agreed = scene.with_sight(second=(*others, Sighting(face.box, 0.9)))
    assume(not same_faces([face.box], [f.box for f in scene.sight.faces if f is not face]).any())
    assume(agreed.judged().findings)
    assert scene.with_sight(second=others).judged().findings


@given(scenes())
@LAW
def test_strict_runs_release_nothing_that_others_do_not(scene):
    strict = replace(scene, settings=replace(scene.settings, on_disagreement="review"))
    if scene.judged().findings:
        assert strict.judged().findings


@given(scenes())
@LAW
def test_mirrored_in_is_mirrored_out(scene):
    width = scene.size[1]

    def box(one):
        return width - 1 - one[2], one[1], width - 1 - one[0], one[3]

    def face(one):
        return replace(one, landmarks=one.landmarks[MIRROR_LANDMARKS] * (-1, 1) + (width - 1, 0), box=box(one.box))

    second = scene.sight.second
    mirrored = replace(
        scene,
        sight=replace(
            scene.sight,
            faces=tuple(map(face, scene.sight.faces)),
            second=None if second is None else tuple(one._replace(box=box(one.box)) for one in second),
        ),
        alpha=None if scene.alpha is None else np.ascontiguousarray(scene.alpha[:, ::-1]),
    )
    assert_same_up_to_outlines(scene.judged(), mirrored.judged(), scene.size, lambda mask: mask[:, ::-1])


def as_stored(scene: Scene) -> Sight:
    """What the ledger keeps of what was seen, read back as the review page does."""
    pixels = np.zeros((*scene.size, 3), np.uint8)
    decoded = SimpleNamespace(size=scene.size[::-1], pixels=pixels, colours="none", notes=())
    matte = None if scene.alpha is None else FlatMatte(scene.alpha, 0)
    picture = Picture(decoded, matte, scene.sight, scene.judged(), False, ())
    stored = json.loads(
        json.dumps([face_facts(picture), picture_facts(picture, "drawn", scene.settings)], allow_nan=False)
    )
    return sight_of(Row("a.png", "a", faces=stored[0], facts=stored[1]))


@given(scenes(), st.booleans())
@LAW
def test_the_review_page_judges_as_the_run_did(scene, is_complete):
    """Exactly so for what was seen to a tenth of a pixel."""
    tenths = [
        replace(f, landmarks=f.landmarks.round(1), box=rounded(f.box), score=round(f.score, 4))
        for f in scene.sight.faces
    ]
    second = scene.sight.second
    if second is not None:
        second = tuple(Sighting(rounded(one.box), round(one.score, 4)) for one in second)
    scene = scene.with_sight(faces=tuple(tenths), second=second, complete=is_complete)
    run, page = scene.judged(), scene.judged(as_stored(scene))
    assert page.findings == run.findings
    assert page.counts == run.counts
    assert np.array_equal(masked(page, scene.size), masked(run, scene.size))
    assert [mask.width for mask in page.masks] == [mask.width for mask in run.masks]


def rounded(box):
    return tuple(round(v, 1) for v in box)


@given(scenes(), st.randoms())
@LAW
def test_the_order_in_which_faces_were_seen_does_not_matter(scene, chance):
    alike = same_faces(scene.sight.second_boxes, [face.box for face in scene.sight.faces])
    assume(len(set(alike[alike > 0])) == (alike > 0).sum())  # between equal pairs the order may decide
    faces, second = list(scene.sight.faces), list(scene.sight.second or ())
    chance.shuffle(faces)
    chance.shuffle(second)
    other = scene.with_sight(faces=tuple(faces), second=None if scene.sight.second is None else tuple(second))
    run, again = scene.judged(), other.judged()
    assert set(run.findings) == set(again.findings)
    assert run.counts == again.counts
    assert np.array_equal(masked(run, scene.size), masked(again, scene.size))


@given(scenes(two_looks=True), st.data())
@LAW
def test_a_box_that_the_second_look_says_twice_changes_nothing(scene, data):
    twice = [one for one in seen_faces(scene.sight) if one.by == "both"]
    assume(twice)
    box = data.draw(st.sampled_from(twice)).boxes[1]
    assume((same_faces([box], [face.box for face in scene.sight.faces]) > 0).sum() == 1)
    assume(same_faces([box], [one.boxes[0] for one in twice]).max() >= 0.4)
    (score,) = {one.score for one in scene.sight.second if one.box == box}
    again = scene.with_sight(second=(*scene.sight.second, Sighting(box, score)))
    run, more = scene.judged(), again.judged()
    assert run.findings == more.findings
    assert run.counts == more.counts
    assert np.array_equal(masked(run, scene.size), masked(more, scene.size))


@given(scenes())
@LAW
def test_a_decision_never_adds_a_mask(scene):
    for said in ({"decision": Ruling("no_face")}, {"decision": Ruling("normal")}, {"cleared": True}):
        judged = scene.judged(**said)
        assert judged.masks == ()
        covers = [inner(box, scene.size).any() for box in boxes_of(scene.sight)]
        if any(covers) and "normal" not in str(said):
            assert judged.findings


ODD = st.sampled_from([float("nan"), float("inf"), -float("inf"), 1e300, -1e9, 9.9e6, 0.0, -3.0])


@given(scenes(), st.data())
@settings(max_examples=60, deadline=None)
def test_odd_numbers_never_release(scene, data):
    """Networks' boxes are checked before; this is what would happen else. An error fails the picture, which is safe."""
    assume(scene.sight.second is not None)
    odd_box = tuple(data.draw(st.lists(st.one_of(ODD, st.floats(0, 50)), min_size=4, max_size=4)))
    score = data.draw(st.one_of(ODD, st.floats(0, 1)))
    second = (*scene.sight.second, Sighting(odd_box, score))
    landmarks = face_at(20, 20, 30).landmarks
    faces = (*scene.sight.faces, Face(landmarks, odd_box, score, "drawn"))
    for sight in (replace(scene.sight, second=second), replace(scene.sight, faces=faces)):
        try:
            with np.errstate(all="ignore"):
                judged = scene.judged(sight)
        except (ValueError, OverflowError, ShapelyError):
            continue
        if not judged.findings:
            covered = masked(judged, scene.size)
            assert all(covered[inner(box, scene.size)].all() for box in boxes_of(scene.sight))


@pytest.mark.parametrize("change", ["one point", "far away", "huge", "flat", "crossed", "upside down", "beside"])
@pytest.mark.parametrize("view", ["frontal", "profile"])
def test_odd_landmark_files_never_leave_a_face_clear(change, view):
    """Landmark files hold what somebody's program wrote; the second look checks it."""
    size, real = (200, 200), face_at(100, 90, 80)
    points = {
        "one point": np.full((68, 2), 100.0),
        "far away": real.landmarks + 9e6,
        "huge": (real.landmarks - 100) * 9e4,
        "flat": real.landmarks * (1, 0) + (0, 90),
        "crossed": real.landmarks[np.random.default_rng(1).permutation(68)],
        "upside down": real.landmarks * (1, -1) + (0, 190),
        "beside": real.landmarks + np.array([70, 0]),
    }[change]
    box = (*points.min(0), *points.max(0))
    from_file = Face(points, tuple(map(float, box)), 1.0, "landmark-files", view=view)
    judged = judge(size, Sight((from_file,), (Sighting(real.box, 0.9),)), None, BlurSettings())
    assert judged.findings or masked(judged, size)[inner(real.box, size)].all()


def test_landmarks_beside_the_box_that_both_looks_saw_wait():
    """The outline would lie beside the face, and only the middle of the box be masked."""
    face = face_at(100, 90, 80)
    beside = replace(face, landmarks=face.landmarks + np.array([60, 0]))
    judged = judge((200, 300), Sight((beside,), (Sighting(face.box, 0.9),)), None, BlurSettings())
    assert judged.findings
