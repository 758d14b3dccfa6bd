"""The laws of the pure core, on random pictures, faces and mattes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3m_anon.faces.anonymize import anonymize
from p3m_anon.faces.masks import face_masks
from p3m_anon.faces.matte import flattened
from p3m_anon.faces.pairing import Seen
from p3m_anon.faces.patch import union
from p3m_anon.faces.settings import BlurSettings
from p3m_anon.faces.turn import box_back, face_back, point_back
from p3m_anon.matting.transition import transition

SIZE = (150, 190)
SEEDS = st.integers(0, 10_000)


def masks_of(size, faces, alpha, choice):
    """Masks of faces that both looks saw."""
    return face_masks(size, tuple(Seen(face, (face.box,), "both", True) for face in faces), alpha, choice)


def scene(seed, make_face, dtype=np.uint8, channels=3):
    """A random picture, one to three faces and a matte with a soft edge."""
    rng = np.random.default_rng(seed)
    scale = np.iinfo(dtype).max
    shape = SIZE if channels == 1 else (*SIZE, channels)
    picture = rng.integers(0, scale + 1, shape).astype(dtype)
    faces = tuple(
        make_face(rng.uniform(30, 160), rng.uniform(30, 110), rng.uniform(15, 60), rng.uniform(-0.6, 0.6), margin=0.06)
        for _ in range(rng.integers(1, 4))
    )
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    distance = 60 - np.hypot(y - rng.uniform(50, 90), x - rng.uniform(60, 120))
    alpha = np.clip(distance / rng.uniform(1, 12), 0, 1)
    return picture, faces, np.round(alpha * scale).astype(dtype)


@given(SEEDS)
@settings(max_examples=40, deadline=None)
def test_the_adjusted_mask_is_inside_the_mask_and_apart_from_the_transition(make_face, seed):
    _, faces, alpha = scene(seed, make_face)
    choice = BlurSettings(transition_radius=3)
    masks = masks_of(SIZE, faces, alpha, choice)
    mask, adjusted = union([m.mask for m in masks], SIZE), union([m.adjusted for m in masks], SIZE)
    near, between = transition(alpha, 3), transition(alpha, 0)
    assert not (adjusted & ~mask).any()
    assert not (adjusted & between).any()
    assert np.count_nonzero(adjusted & near) <= sum(m.kept_close for m in masks)  # the dilation gives way, counted
    assert not (mask & ~near & (alpha > 5) & ~adjusted).any()  # of the person, all else is blurred


@given(SEEDS, st.sampled_from(["p3m", "strict"]), st.sampled_from([(np.uint8, 3), (np.uint16, 1), (np.uint8, 4)]))
@settings(max_examples=40, deadline=None)
def test_pixels_outside_the_mask_equal_the_input(make_face, seed, profile, kind):
    picture, faces, alpha = scene(seed, make_face, *kind)
    choice = BlurSettings(blur_profile=profile)
    before = picture.copy()
    masks = masks_of(SIZE, faces, alpha, choice)
    out = anonymize(picture, masks, choice)
    outside = ~union([m.adjusted for m in masks], SIZE)
    assert np.array_equal(picture, before)
    assert out.dtype == picture.dtype
    assert np.array_equal(out[outside][..., :3], picture[outside][..., :3])
    if kind[1] == 4:  # transparency is made flat in all of the mask
        apart = ~union([m.mask for m in masks], SIZE)
        assert np.array_equal(out[apart], picture[apart])
        assert np.array_equal(out[..., 3], flattened(picture[..., 3], masks, choice).pixels)


def test_no_faces_give_an_equal_picture(make_face):
    picture, _, _ = scene(1, make_face)
    assert np.array_equal(anonymize(picture, (), BlurSettings()), picture)


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_strict_does_not_depend_on_masked_pixels(make_face, seed):
    picture, faces, alpha = scene(seed, make_face)
    choice = BlurSettings(blur_profile="strict")
    masks = masks_of(SIZE, faces, alpha, choice)
    hidden = union([m.adjusted for m in masks], SIZE)
    other = picture.copy()
    other[hidden] = np.random.default_rng(seed + 1).integers(0, 256, (int(hidden.sum()), 3))
    assert np.array_equal(anonymize(picture, masks, choice)[hidden], anonymize(other, masks, choice)[hidden])


def test_strict_works_where_nothing_is_left_to_see(make_face):
    face = make_face(20, 15, 200)
    choice = BlurSettings(blur_profile="strict")
    picture = np.random.default_rng(0).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    masks = masks_of((40, 40), (face,), None, BlurSettings(blur_profile="strict", min_inside_picture=0.0))
    assert union([m.adjusted for m in masks], (40, 40)).all()
    assert (anonymize(picture, masks, choice) == 128).all()


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_a_mirrored_picture_gives_the_mirrored_result(make_face, seed):
    """Within twice the fast path's bound, as each side has its own error; coordinates on eighths are exact."""
    picture, faces, alpha = scene(seed, make_face)
    order = [*range(16, -1, -1), *range(26, 16, -1), 27, 28, 29, 30, 35, 34, 33, 32, 31]
    order += [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40, 54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55]
    order += [64, 63, 62, 61, 60, 67, 66, 65]
    width = SIZE[1]

    def mirrored(face):
        points = face.landmarks[order] * (-1, 1) + (width - 1, 0)
        x0, y0, x1, y1 = face.box
        return type(face)(points, (width - 1 - x1, y0, width - 1 - x0, y1), face.score, face.detector)

    exact = [np.round(f.landmarks * 8) / 8 for f in faces]
    faces = tuple(type(f)(p, (*p.min(0), *p.max(0)), f.score, f.detector) for f, p in zip(faces, exact, strict=True))
    choice = BlurSettings()
    out = anonymize(picture, masks_of(SIZE, faces, alpha, choice), choice)
    flipped = masks_of(SIZE, tuple(mirrored(f) for f in faces), alpha[:, ::-1], choice)
    back = anonymize(np.ascontiguousarray(picture[:, ::-1]), flipped, choice)[:, ::-1]
    assert np.abs(out.astype(int) - back).max() <= 2 * 0.01 * 255 + 1


def test_a_weak_blur_is_refused():
    with pytest.raises(ValueError, match="inverted"):
        BlurSettings(sigma=0.1)


def test_a_larger_face_gets_a_stronger_blur(make_face):
    rng = np.random.default_rng(3)
    picture = rng.integers(0, 256, (200, 300, 3), dtype=np.uint8)
    faces = (make_face(70, 80, 90), make_face(220, 80, 30))
    masks = masks_of((200, 300), faces, None, BlurSettings())
    out = anonymize(picture, masks, BlurSettings())
    large, small = (out[m.adjusted.slices][m.adjusted.mask].std() for m in masks)
    assert large < small


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_points_come_back_from_a_turned_picture(make_face, turns):
    picture = np.zeros(SIZE, np.uint8)
    picture[20, 33] = 255
    y, x = np.argwhere(np.rot90(picture, turns))[0]
    assert point_back(np.array([[x, y]], float), turns, SIZE).tolist() == [[33, 20]]
    assert box_back((x, y, x, y), turns, SIZE) == (33, 20, 33, 20)
    face = make_face(70, 60, 40)
    assert face_back(face, turns, SIZE).landmarks.shape == (68, 2)


@pytest.mark.parametrize("bad", [np.zeros((4, 4), np.float32), np.zeros((2, 4, 4, 3), np.uint8)])
def test_other_arrays_are_refused(bad):
    with pytest.raises(ValueError, match="uint8 or uint16"):
        anonymize(bad, (), BlurSettings())
