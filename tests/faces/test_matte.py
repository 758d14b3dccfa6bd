"""Inside a face mask a matte holds no more than full, nothing and a soft edge."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from p3m_anon.faces.anonymize import anonymize
from p3m_anon.faces.masks import FaceMask
from p3m_anon.faces.matte import flattened, hidden_values, likeness, matte_findings, soft
from p3m_anon.faces.patch import Patch
from p3m_anon.faces.reasons import Reason
from p3m_anon.faces.settings import BlurSettings

HEAD = np.ascontiguousarray(data.astronaut()[25:225, 125:325])
GREY = cv2.cvtColor(HEAD, cv2.COLOR_RGB2GRAY)
WIDTH = 90.0


def drawn(shape, window=(slice(None), slice(None))):
    """A drawn mask of a window, nothing excluded."""
    whole = np.zeros(shape, bool)
    whole[window] = True
    patch = Patch(0, 0, whole)
    return FaceMask(None, (), None, patch, patch, WIDTH, "person")


@given(
    st.integers(0, 10_000),
    st.sampled_from([np.uint8, np.uint16]),
    st.sampled_from([BlurSettings(), BlurSettings(transition_lo=20, transition_hi=200)]),
)
@settings(max_examples=50, deadline=None)
def test_soft_values_stay_and_all_others_are_full_or_nothing(seed, dtype, choice):
    rng = np.random.default_rng(seed)
    alpha = rng.integers(0, int(np.iinfo(dtype).max) + 1, (40, 50)).astype(dtype)
    alpha.flags.writeable = False
    mask = drawn(alpha.shape, (slice(5, 30), slice(10, 45)))
    flat = flattened(alpha, [mask], choice)
    lo, hi = choice.transition_lo, choice.transition_hi
    inside = mask.mask.mask
    between = soft(alpha, mask.mask, lo, hi)
    assert np.array_equal(flat.pixels[~inside], alpha[~inside])
    assert np.array_equal(flat.pixels[between], alpha[between])
    assert set(np.unique(flat.pixels[inside & ~between])) <= {0, np.iinfo(dtype).max}
    assert flat.changed == np.count_nonzero(flat.pixels != alpha)
    assert hidden_values(flat.pixels, inside, lo, hi) == 0
    assert hidden_values(alpha, inside, lo, hi) == flat.changed
    assert flattened(flat.pixels, [mask], choice).pixels is flat.pixels  # nothing moves twice


@pytest.mark.parametrize(
    ("dtype", "hide"),
    [
        (np.uint8, lambda grey: 251 + grey // 64),
        (np.uint8, lambda grey: grey // 52),
        (np.uint16, lambda grey: 65535 - grey.astype(np.uint16)),
        (np.uint16, lambda grey: 64512 + grey.astype(np.uint16)),
    ],
    ids=["251 to 254", "0 to 4", "low byte, from above", "low byte"],
)
def test_a_photo_in_the_last_values_is_gone(dtype, hide):
    alpha = np.asarray(hide(GREY), dtype)
    assert likeness(alpha, HEAD, Patch(0, 0, np.ones(GREY.shape, bool)), WIDTH) > 0.9
    flat = flattened(alpha, [drawn(alpha.shape)], BlurSettings())
    assert len(np.unique(flat.pixels)) == 1


@pytest.mark.parametrize("inverted", [False, True])
def test_a_matte_that_shows_the_face_waits_where_it_is_blurred_over(inverted):
    alpha = np.asarray(60 + GREY // 2, np.uint8)
    alpha = 255 - alpha if inverted else alpha
    (finding,) = matte_findings(alpha, HEAD, [drawn(alpha.shape)], BlurSettings())
    assert finding.reason == Reason.FACE_IN_ALPHA


def test_a_soft_edge_that_is_blurred_over_does_not_wait():
    ramp = np.clip((np.arange(200) - 40) / 12, 0, 1)
    alpha = np.round(np.tile(ramp, (200, 1)) * 255).astype(np.uint8)
    assert not matte_findings(alpha, HEAD, [drawn(alpha.shape)], BlurSettings())


def test_a_pictures_own_transparency_is_flat_too():
    alpha = np.asarray(251 + GREY // 64, np.uint8)
    alpha[:, :20] = 100
    out = anonymize(np.dstack([HEAD, alpha]), [drawn(alpha.shape)], BlurSettings())
    assert set(np.unique(out[..., 3])) == {100, 255}
