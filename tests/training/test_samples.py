"""Laws of samples: all parts move together, every place is reached, and no picture is too small."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3m_anon.matting.trimap import published_trimap
from p3m_anon.training.draws import Draw, draw
from p3m_anon.training.samples import apply, place
from p3m_anon.training.settings import SampleSettings

TINY = SampleSettings(size=32, crops=(32, 48, 64), kernels=(3, 9))
OFFICIAL = replace(TINY, recipe="official")
STILL = Draw(crop=32, on_transition=False, x=0.5, y=0.5, anchor=0.5, flip=False, kernel=5)


def blob(height: int, width: int, softness: float = 4.0) -> np.ndarray:
    """A disc with a soft edge, uint8 (H, W)."""
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(y - height / 2, x - width / 2)
    return np.clip((min(height, width) / 3 - distance) / softness * 255 + 128, 0, 255).astype(np.uint8)


def noise(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def drawn(count: int, settings: SampleSettings = TINY) -> list[Draw]:
    return [draw(0, 0, index, settings) for index in range(count)]


@st.composite
def pictures(draw_one) -> tuple[np.ndarray, np.ndarray]:
    shape = draw_one(st.tuples(st.integers(1, 90), st.integers(1, 90)))
    kind = draw_one(st.sampled_from(["blob", "hard", "empty", "full", "noise"]))
    alpha = {
        "blob": blob(*shape),
        "hard": np.where(blob(*shape) > 127, 255, 0).astype(np.uint8),
        "empty": np.zeros(shape, np.uint8),
        "full": np.full(shape, 255, np.uint8),
        "noise": noise(*shape)[..., 0],
    }[kind]
    return noise(*shape, seed=1), alpha


DRAWS = st.integers(0, 10**6).map(lambda index: draw(1, 2, index, TINY))


@given(pictures(), DRAWS, st.sampled_from([TINY, OFFICIAL]))
@settings(deadline=None)
def test_no_picture_is_too_small_or_too_known(picture, one, how):
    image, alpha = picture
    kept = image.copy(), alpha.copy()
    sample = apply(one, image, alpha, None, None, how)
    assert sample.image.shape == (32, 32, 3)
    assert sample.alpha.shape == sample.trimap.shape == (32, 32)
    assert {part.dtype for part in sample[:3]} == {np.dtype(np.uint8)}
    assert sample[3:] == (None, None)
    assert np.array_equal(image, kept[0])
    assert np.array_equal(alpha, kept[1])
    assert not any(np.shares_memory(part, source) for part in sample[:3] for source in (image, alpha))


@pytest.mark.parametrize("shape", [(1, 1), (40, 2000), (2000, 40), (31, 33), (1080, 1080)])
@pytest.mark.parametrize("recipe", ["paper", "official"])
def test_odd_shapes_at_the_papers_sizes(shape, recipe):
    how = SampleSettings(recipe=recipe)
    for index in range(4):
        sample = apply(draw(0, 0, index, how), noise(*shape), blob(*shape), None, None, how)
        assert sample.image.shape == (512, 512, 3)


@given(pictures(), DRAWS)
@settings(deadline=None)
def test_the_trimap_agrees_with_the_alpha(picture, one):
    sample = apply(one, *picture, None, None, TINY)
    assert set(np.unique(sample.trimap)) <= {0, 128, 255}
    if one.kernel >= 5:  # a narrower band can be missed between two pixels
        assert (sample.alpha[sample.trimap == 0] == 0).all()
        assert (sample.alpha[sample.trimap == 255] == 255).all()


@given(pictures(), DRAWS)
@settings(deadline=None)
def test_the_trimap_is_that_of_the_whole_picture(picture, one):
    image, alpha = picture
    window = place(one, alpha, TINY)
    whole = window.of(published_trimap(alpha, one.kernel))
    sample = apply(replace(one, flip=False), image, alpha, None, None, TINY)
    assert np.array_equal(sample.trimap, cv2.resize(whole, (32, 32), interpolation=cv2.INTER_NEAREST_EXACT))
    if window.side == 32:
        assert np.array_equal(sample.trimap, whole)
        assert np.array_equal(sample.alpha, window.of(alpha))
        assert np.array_equal(sample.image, window.of(image))


@pytest.mark.parametrize("how", [TINY, OFFICIAL])
@pytest.mark.parametrize("composition", [False, True])
def test_a_flip_mirrors_every_part(how, composition):
    parts = noise(70, 90), blob(70, 90), noise(70, 90, 1), noise(70, 90, 2)
    how = replace(how, composition=composition)
    for one in drawn(20):
        straight, flipped = (apply(replace(one, flip=flip), *parts, how) for flip in (False, True))
        for a, b in zip(straight, flipped, strict=True):
            assert (a is None and b is None) or np.array_equal(a[:, ::-1], b)
        assert (straight.foreground is not None) == composition


@pytest.mark.parametrize("how", [TINY, OFFICIAL])
def test_a_composite_stays_one(how):
    alpha = blob(90, 110)
    y, x = np.mgrid[:90, :110]
    foreground = np.stack([x * 2, y * 2, x + y], -1).astype(np.uint8)
    background = np.stack([255 - x, 200 - y, 100 + 0 * x], -1).astype(np.uint8)
    share = alpha[..., None] / 255
    image = np.rint(share * foreground + (1 - share) * background).astype(np.uint8)
    for one in drawn(30):
        sample = apply(one, image, alpha, foreground, background, replace(how, composition=True))
        share = sample.alpha[..., None] / 255
        error = np.abs(share * sample.foreground + (1 - share) * sample.background - sample.image)
        assert error.max() < 5
        assert error.mean() < 0.8


def test_layers_that_are_not_there_are_estimated_of_the_crop():
    alpha = blob(90, 110)
    image = cv2.GaussianBlur(noise(90, 110), (0, 0), 8)
    how = replace(TINY, composition=True)
    for one in drawn(4):
        sample = apply(one, image, alpha, None, None, how)
        share = sample.alpha[..., None] / 255
        error = np.abs(share * sample.foreground + (1 - share) * sample.background - sample.image)
        assert error.mean() < 2
        assert np.array_equal(sample.foreground[sample.alpha == 255], sample.image[sample.alpha == 255])


def windows(alpha: np.ndarray, how: SampleSettings, **fixed) -> set[tuple[int, int]]:
    found = (place(replace(draw(0, 0, index, how), **fixed), alpha, how) for index in range(1500))
    return {(window.x, window.y) for window in found}


def test_every_place_is_reached_also_the_corners():
    how = SampleSettings(size=32, crops=(32,))
    reached = windows(blob(36, 39), how, on_transition=False)
    assert reached == {(x, y) for x in range(8) for y in range(5)}


@pytest.mark.parametrize(("width", "places"), [(70, {0, 2, 4, 6}), (69, {0, 2, 4, 5}), (64, {0})])
def test_a_crop_that_is_halved_moves_by_pixels_of_the_result(width, places):
    how = SampleSettings(size=32, crops=(64,))
    assert {x for x, _ in windows(blob(64, width), how, on_transition=False)} == places


@pytest.mark.parametrize("corner", [(0, 0), (0, -1), (-1, 0), (-1, -1)])
def test_a_crop_on_a_pixel_of_the_border_stays_inside(corner):
    alpha = np.zeros((80, 90), np.uint8)
    alpha[corner] = 128
    for one in drawn(30):
        window = place(replace(one, on_transition=True), alpha, TINY)
        assert window.of(alpha).shape == (window.side, window.side)
        assert window.of(alpha).any()


def test_half_of_the_crops_are_on_the_transition():
    alpha = np.zeros((400, 400), np.uint8)
    alpha[300, 100] = 128
    hits = {True: [], False: []}
    for one in drawn(600):
        hits[one.on_transition].append(place(one, alpha, TINY).of(alpha).any())
    assert 250 < len(hits[True]) < 350
    assert all(hits[True])
    assert np.mean(hits[False]) < 0.1


def test_anchors_are_anywhere_on_the_transition():
    alpha = np.zeros((200, 200), np.uint8)
    alpha[20:24, 20:24] = alpha[170:174, 170:174] = 128
    upper = [place(replace(one, on_transition=True), alpha, TINY).y < 100 for one in drawn(200)]
    assert 70 < sum(upper) < 130


def test_a_hard_edge_is_a_transition_and_noise_is_none():
    alpha = np.zeros((300, 300), np.uint8)
    alpha[:, 200:] = 255
    for one in drawn(20):
        cut = place(replace(one, on_transition=True), alpha, TINY).of(alpha)
        assert set(np.unique(cut)) == {0, 255}
    haze = np.random.default_rng(0).integers(0, 5, (300, 300), dtype=np.uint8)
    known = [place(replace(one, on_transition=flag), haze, TINY) for one in drawn(20) for flag in (True, False)]
    assert known[::2] == known[1::2]


def test_a_crop_larger_than_the_picture_is_the_largest_square():
    how = SampleSettings(crops=(1024,))
    assert place(replace(STILL, crop=1024), blob(600, 900), how).side == 600
    assert place(replace(STILL, crop=1024), blob(300, 900), how).side == 300


class TestOfficial:
    """Where the published sampling differs."""

    how = SampleSettings(size=32, crops=(32, 48), kernels=(3, 9), recipe="official")

    def test_the_last_places_are_never_reached(self):
        reached = windows(blob(36, 39), self.how, on_transition=False, crop=32)
        assert reached == {(x, y) for x in range(7) for y in range(4)}

    def test_half_of_the_corners_are_unknown_pixels(self):
        alpha = blob(100, 120)
        for index in range(40):
            one = replace(draw(0, 0, index, self.how), on_transition=True)
            window = place(one, alpha, self.how)
            assert published_trimap(alpha, one.kernel)[window.y, window.x] == 128

    def test_without_an_unknown_pixel_to_start_from_any_other_will_do(self):
        alpha = np.zeros((100, 120), np.uint8)
        alpha[95:, 100:] = 128
        one = replace(STILL, crop=48, on_transition=True)
        assert place(one, alpha, self.how) == place(replace(one, on_transition=False), alpha, self.how)

    @pytest.mark.parametrize(
        ("shape", "side"), [((49, 90), 48), ((48, 90), 32), ((33, 90), 32), ((32, 90), 32), ((20, 9), 9)]
    )
    def test_a_crop_that_does_not_fit_becomes_the_smallest(self, shape, side):
        assert place(replace(STILL, crop=48), np.zeros(shape, np.uint8), self.how).side == side

    def test_everything_is_resized_bilinearly_the_trimap_too(self):
        image, alpha = noise(60, 60), blob(60, 60)
        one = replace(STILL, crop=48, x=0, y=0)
        sample = apply(one, image, alpha, None, None, self.how)

        def small(array):
            return cv2.resize(array[:48, :48], (32, 32), interpolation=cv2.INTER_LINEAR)

        assert np.array_equal(sample.image, small(image))
        assert np.array_equal(sample.alpha, small(alpha))
        assert np.array_equal(sample.trimap, small(published_trimap(alpha, one.kernel)))
        assert not set(np.unique(sample.trimap)) <= {0, 128, 255}
        ours = apply(one, image, alpha, None, None, replace(self.how, recipe="paper"))
        assert not np.array_equal(ours.image, sample.image)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"image": np.zeros((9, 8, 3), np.uint8)}, r"image must be as large as alpha \(9, 9\), got \(9, 8\)"),
        ({"image": np.zeros((9, 9), np.uint8)}, "image must be uint8"),
        ({"alpha": np.zeros((9, 9), np.uint16)}, "alpha must be uint8"),
        ({"foreground": np.zeros((9, 9, 3), np.uint8)}, "given together"),
    ],
)
def test_refuses_what_does_not_fit(changed, said):
    parts = {"image": np.zeros((9, 9, 3), np.uint8), "alpha": np.zeros((9, 9), np.uint8)}
    parts |= {"foreground": None, "background": None} | changed
    with pytest.raises(ValueError, match=said):
        apply(STILL, *parts.values(), TINY)
