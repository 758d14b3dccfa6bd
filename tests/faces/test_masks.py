"""What speaks against a single face, and masks that a person drew."""

from dataclasses import dataclass

import numpy as np
import pytest

from p3m_anon.faces.masks import face_masks, manual_masks
from p3m_anon.faces.reasons import Reason
from p3m_anon.faces.settings import BlurSettings

SIZE = (200, 200)


@dataclass
class Drawn:
    mask: np.ndarray
    as_drawn: bool = False


def reasons(mask):
    return [finding.reason for finding in mask.findings]


def opaque():
    return np.full(SIZE, 255, np.uint8)


def test_a_plain_face_is_masked_without_a_finding(make_face):
    (mask,) = face_masks(SIZE, (make_face(100, 90, 80),), opaque(), BlurSettings())
    assert not mask.findings
    assert mask.adjusted.area == mask.mask.area > 2000
    assert mask.decision() == "outline"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"score": 0.3}, Reason.LOW_SCORE),
        ({"profile": True}, Reason.PROFILE),
        ({"width": 8}, Reason.TOO_SMALL),
        ({"x": -60}, Reason.IMPLAUSIBLE_OUTLINE),
    ],
)
def test_each_doubt_has_its_reason(make_face, change, reason):
    place = {"x": 100, "y": 90, "width": 80, **change}
    (mask,) = face_masks(SIZE, (make_face(**place),), None, BlurSettings())
    assert reason in reasons(mask)
    assert mask.decision() != "outline"


def test_one_transition_pixel_in_the_core_face_is_enough(make_face):
    face = make_face(100, 90, 80)
    alpha = opaque()
    alpha[95, 100] = 128  # on the nose
    (mask,) = face_masks(SIZE, (face,), alpha, BlurSettings(transition_radius=0))
    assert reasons(mask) == [Reason.MASK_LOST_TO_TRANSITION]


def test_a_cheek_in_transition_is_a_finding_only_beyond_the_bound(make_face):
    face = make_face(100, 90, 80)
    alpha = opaque()
    alpha[:, :67] = 128  # a strip along the left cheek, outside the core face
    (mask,) = face_masks(SIZE, (face,), alpha, BlurSettings(transition_radius=0, max_transition_loss=0.2))
    assert not mask.findings
    assert mask.adjusted.area < mask.mask.area
    (mask,) = face_masks(SIZE, (face,), alpha, BlurSettings(transition_radius=0, max_transition_loss=0.01))
    assert reasons(mask) == [Reason.MASK_LOST_TO_TRANSITION]


def test_hair_in_the_margin_only_is_no_finding(make_face):
    """The margin is for the landmarks' error; what the exclusion takes of it takes nothing of the face."""
    face = make_face(100, 90, 80, margin=0.2)
    plain = make_face(100, 90, 80)
    (own,) = face_masks(SIZE, (plain,), None, BlurSettings())
    alpha = np.where(own.mask.full(SIZE), 255, 128).astype(np.uint8)
    (mask,) = face_masks(SIZE, (face,), alpha, BlurSettings(transition_radius=0))
    assert not mask.findings
    assert mask.mask.area > 1.3 * own.mask.area
    assert mask.adjusted.area == own.mask.area


def test_a_profile_can_be_covered_by_an_ellipse(make_face):
    face = make_face(100, 90, 80, profile=True)
    (mask,) = face_masks(SIZE, (face,), None, BlurSettings(side_views="ellipse"))
    assert not mask.findings
    assert mask.decision() == "ellipse"
    x0, y0, x1, y1 = (round(v) for v in face.box)
    assert mask.adjusted.full(SIZE)[(y0 + y1) // 2, x0 : x1 + 1].all()


def test_drawn_regions_are_masks_of_their_own():
    drawn = np.zeros(SIZE, bool)
    drawn[20:60, 30:50] = drawn[120:150, 100:180] = True
    alpha = opaque()
    alpha[:40] = 128
    masks = manual_masks(Drawn(drawn), alpha, (), BlurSettings(transition_radius=0))
    assert [m.width for m in masks] == [40, 80]
    assert [m.adjusted.area for m in masks] == [20 * 20, 30 * 80]
    kept = manual_masks(Drawn(drawn, as_drawn=True), alpha, (), BlurSettings(transition_radius=0))
    assert [m.adjusted.area for m in kept] == [40 * 20, 30 * 80]
    assert kept[0].decision() == "manual"


def test_a_region_in_pieces_is_blurred_like_the_face_it_covers(make_face):
    face = make_face(100, 90, 80)
    tiles = np.zeros(SIZE, bool)
    tiles[40:170, 50:150] = True
    tiles[::20] = tiles[:, ::20] = False
    (whole,) = manual_masks(Drawn(tiles), None, (), BlurSettings())
    assert whole.width >= 100
    small = np.zeros(SIZE, bool)
    small[90:100, 95:105] = True
    (nose,) = manual_masks(Drawn(small), None, (face,), BlurSettings())
    assert nose.width >= 80


@pytest.mark.parametrize("level", [200, 128])
def test_an_ellipse_that_the_matte_takes_away_is_a_finding(make_face, level):
    face = make_face(100, 90, 80, profile=True)
    alpha = np.full(SIZE, level, np.uint8)
    (mask,) = face_masks(SIZE, (face,), alpha, BlurSettings(side_views="ellipse"))
    assert mask.adjusted.area == 0
    assert reasons(mask) == [Reason.MASK_LOST_TO_TRANSITION]


def test_a_face_of_which_nothing_is_left_to_blur_is_a_finding(make_face):
    face = make_face(100, 90, 80)
    (mask,) = face_masks(SIZE, (face,), np.full(SIZE, 128, np.uint8), BlurSettings(max_transition_loss=1.0))
    assert reasons(mask) == [Reason.MASK_LOST_TO_TRANSITION]


def test_nothing_is_painted_on_the_wall_beyond_a_soft_edge(make_face):
    """The margin reaches over the cheek; the piece beyond the transition region is background, and stays as it is."""
    face = make_face(100, 90, 80, margin=0.15)
    alpha = opaque()
    alpha[:, :57] = 0
    alpha[:, 57:60] = 128
    (mask,) = face_masks(SIZE, (face,), alpha, BlurSettings(transition_radius=0))
    whole, kept = mask.mask.full(SIZE), mask.adjusted.full(SIZE)
    assert whole[:, :57].any()
    assert not kept[:, :60].any()
    assert np.array_equal(kept[:, 60:], whole[:, 60:])


def test_a_bystander_on_the_background_stays_masked(make_face):
    (mask,) = face_masks(SIZE, (make_face(100, 90, 40),), np.zeros(SIZE, np.uint8), BlurSettings())
    assert mask.adjusted.area == mask.mask.area
