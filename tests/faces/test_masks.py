"""The region of each face, what exclusion takes from it, and what speaks against it."""

import numpy as np
import pytest

from p3m_anon.faces.masks import face_masks
from p3m_anon.faces.outline import ELLIPSE_CORE, ellipse
from p3m_anon.faces.pairing import Seen
from p3m_anon.faces.patch import union
from p3m_anon.faces.raster import rasterize
from p3m_anon.faces.reasons import Reason
from p3m_anon.faces.settings import BlurSettings

SIZE = (200, 200)


def both(face, sure=True):
    """A face that both looks saw at one place."""
    return Seen(face, (face.box, face.box), "both", sure)


def first(face):
    return Seen(face, (face.box,), "first", True)


def second(box):
    return Seen(None, (box,), "second", True)


def mask_of(seen, alpha=None, **options):
    (mask,) = face_masks(SIZE, (seen,), alpha, BlurSettings(**options))
    return mask


def reasons(mask):
    return [finding.reason for finding in mask.findings]


def opaque():
    return np.full(SIZE, 255, np.uint8)


def pixels(box, scale):
    return rasterize(ellipse(box, scale), SIZE).full(SIZE)


def test_a_frontal_face_that_both_looks_saw_gets_its_outline(make_face):
    face = make_face(100, 90, 80)
    mask = mask_of(both(face), opaque())
    assert not mask.findings
    assert mask.adjusted.area == mask.mask.area > 2000
    assert (mask.decision(), mask.masked_by) == ("outline", "both")
    assert not mask.mask.full(SIZE)[round(face.box[1]) - 5].any()  # the forehead stays


@pytest.mark.parametrize(
    "seen",
    [
        first,
        lambda face: both(face, sure=False),
        lambda face: second(face.box),
    ],
    ids=["first look only", "weakly", "second look only"],
)
def test_what_one_look_saw_alone_or_weakly_gets_the_whole_ellipse_and_does_not_wait(make_face, seen):
    face = make_face(100, 90, 60)
    mask = mask_of(seen(face), opaque())
    assert not mask.findings
    assert (mask.decision(), mask.masked_by) == ("ellipse", "union")
    assert mask.adjusted.full(SIZE)[pixels(face.box, 1.2)].all()


def test_a_small_face_gets_outline_and_ellipse_and_does_not_wait(make_face):
    for width in (6, 14, 0.9 * BlurSettings().small_face):
        face = make_face(100, 90, width)
        mask = mask_of(both(face), opaque())
        assert not mask.findings
        assert mask.adjusted.full(SIZE)[pixels(face.box, 1.2)].all()


def test_every_box_of_a_face_is_covered(make_face):
    """Looks differ by a third of a face at times."""
    face = make_face(100, 90, 60)
    lower = tuple(v + d for v, d in zip(face.box, (10, 20, 10, 20), strict=True))
    for by in ("both", "first"):
        mask = mask_of(Seen(face, (face.box, lower), by, True), opaque())
        assert mask.adjusted.full(SIZE)[pixels(lower, ELLIPSE_CORE)].all()


def test_a_head_in_three_quarter_view_gets_an_ellipse_beside_its_outline(make_face):
    face = make_face(100, 90, 80, view="three-quarter")
    mask = mask_of(both(face), opaque())
    assert not mask.findings
    outline_alone = mask_of(both(make_face(100, 90, 80)))
    assert (mask.adjusted.full(SIZE) >= outline_alone.adjusted.full(SIZE)).all()
    assert mask.adjusted.full(SIZE)[pixels(face.box, 1.1)].all()


@pytest.mark.parametrize("view", ["profile", "unknown"])
def test_a_head_without_an_outline_gets_the_ellipse(make_face, view):
    face = make_face(100, 90, 80, view=view)
    mask = mask_of(both(face))
    assert not mask.findings
    assert mask.decision() == "ellipse"
    assert mask.adjusted.full(SIZE)[pixels(face.box, 1.2)].all()


def test_a_profile_waits_where_the_user_wants_it_so(make_face):
    assert reasons(mask_of(both(make_face(100, 90, 80, view="profile")), side_views="review")) == [Reason.PROFILE]


def test_a_face_half_outside_the_picture_is_masked_as_far_as_it_is_inside(make_face):
    face = make_face(-10, 90, 80)
    mask = mask_of(both(face))
    assert not mask.findings
    assert mask.adjusted.full(SIZE)[pixels(face.box, 1.2)].all()


@pytest.mark.parametrize(
    ("view", "reason"), [("frontal", "implausible_outline"), ("unknown", "implausible_outline"), ("profile", "profile")]
)
def test_landmarks_beside_their_box_wait(make_face, view, reason):
    face = make_face(100, 90, 80)
    beside = type(face)(face.landmarks + np.array([60, 0]), face.box, 0.9, "drawn", view=view)
    assert reasons(mask_of(both(beside))) == [Reason(reason)]


@pytest.mark.parametrize("view", ["frontal", "profile"])
@pytest.mark.parametrize("seen", [both, first])
def test_one_transition_pixel_in_the_middle_of_the_face_is_enough(make_face, view, seen):
    face = make_face(100, 90, 80, view=view)
    alpha = opaque()
    alpha[95, 100] = 128  # on the nose
    assert reasons(mask_of(seen(face), alpha, transition_radius=0)) == [Reason.MASK_LOST_TO_TRANSITION]
    assert reasons(mask_of(seen(face), alpha)) == [Reason.MASK_LOST_TO_TRANSITION]


def test_the_dilation_gives_way_in_the_middle_of_the_face_and_is_counted(make_face):
    """A strand of hair beside an eye must not send every portrait to a person; its own pixels stay as they are."""
    face = make_face(100, 90, 80)
    alpha = opaque()
    alpha[60:150, 63] = 128  # beside the core: brows and eyes end at 68
    near = mask_of(both(face), alpha, transition_radius=8, max_transition_loss=1.0)
    assert not near.findings
    core_reached = mask_of(both(face), alpha, transition_radius=0, max_transition_loss=1.0)
    assert near.kept_close > 0 == core_reached.kept_close
    inner = pixels(face.box, ELLIPSE_CORE)
    assert near.adjusted.full(SIZE)[inner].all()
    assert not near.adjusted.full(SIZE)[:, 63].any()
    assert near.adjusted.area < core_reached.adjusted.area  # outside the core the dilation takes what it always took


def test_a_cheek_in_transition_is_a_finding_only_beyond_the_bound(make_face):
    face = make_face(100, 90, 80)
    alpha = opaque()
    alpha[:, :67] = 128  # a strip along the left cheek, outside the core face
    mask = mask_of(both(face), alpha, transition_radius=0, max_transition_loss=0.2)
    assert not mask.findings
    assert mask.adjusted.area < mask.mask.area
    assert reasons(mask_of(both(face), alpha, transition_radius=0, max_transition_loss=0.01)) == [
        Reason.MASK_LOST_TO_TRANSITION
    ]


@pytest.mark.parametrize("scale", [1, 257])
def test_the_soft_edge_may_take_15_percent_of_an_ellipse(make_face, scale):
    box = (60.0, 60.0, 140.0, 140.0)
    whole = pixels(box, 1.2)
    for column, waits in ((62, False), (75, True)):
        alpha = np.full(SIZE, 255 * scale, np.uint8 if scale == 1 else np.uint16)
        alpha[:, :column] = 128 * scale
        share = whole[:, :column].sum() / whole.sum()
        assert (share > 0.15) == waits
        found = reasons(mask_of(second(box), alpha, transition_radius=0))
        assert found == ([Reason.MASK_LOST_TO_TRANSITION] if waits else [])


def test_hair_in_the_margin_only_is_no_finding(make_face):
    """The margin is for the landmarks' error; what the exclusion takes of it takes nothing of the face."""
    face = make_face(100, 90, 80, margin=0.2)
    own = mask_of(both(make_face(100, 90, 80)))
    alpha = np.where(own.mask.full(SIZE), 255, 128).astype(np.uint8)
    mask = mask_of(both(face), alpha, transition_radius=0)
    assert not mask.findings
    assert mask.mask.area > 1.3 * own.mask.area
    assert mask.adjusted.area == own.mask.area


@pytest.mark.parametrize("level", [200, 128])
def test_an_ellipse_that_the_matte_takes_away_is_a_finding(make_face, level):
    face = make_face(100, 90, 80, view="profile")
    mask = mask_of(both(face), np.full(SIZE, level, np.uint8))
    assert mask.adjusted.area == 0
    assert reasons(mask) == [Reason.MASK_LOST_TO_TRANSITION]


def test_a_face_of_which_nothing_is_left_to_blur_is_a_finding(make_face):
    mask = mask_of(both(make_face(100, 90, 80)), np.full(SIZE, 128, np.uint8), max_transition_loss=1.0)
    assert reasons(mask) == [Reason.MASK_LOST_TO_TRANSITION]


def test_nothing_is_painted_on_the_wall_beyond_a_soft_edge(make_face):
    """The margin reaches over the cheek; the piece beyond the transition region is background, and stays as it is."""
    face = make_face(100, 90, 80, margin=0.15)
    alpha = opaque()
    alpha[:, :57] = 0
    alpha[:, 57:60] = 128
    mask = mask_of(both(face), alpha, transition_radius=0)
    whole, kept = mask.mask.full(SIZE), mask.adjusted.full(SIZE)
    assert whole[:, :57].any()
    assert not kept[:, :60].any()
    assert np.array_equal(kept[:, 60:], whole[:, 60:])


@pytest.mark.parametrize("seen", [both, first])
def test_a_bystander_on_the_background_stays_masked(make_face, seen):
    mask = mask_of(seen(make_face(100, 90, 40)), np.zeros(SIZE, np.uint8))
    assert mask.adjusted.area == mask.mask.area > 0


def test_masks_of_neighbours_are_all_there(make_face):
    faces = [make_face(60, 90, 60), make_face(110, 90, 60)]
    masks = face_masks(SIZE, tuple(map(first, faces)), None, BlurSettings())
    covered = union([one.adjusted for one in masks], SIZE)
    assert all(covered[pixels(face.box, 1.2)].all() for face in faces)
