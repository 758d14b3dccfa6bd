"""The attack is a real one: it undoes weak blurs, and cannot bring back what is not there."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from p3m_anon.faces.anonymize import anonymize
from p3m_anon.faces.blur import blurred
from p3m_anon.faces.detail import measure
from p3m_anon.faces.inverse_filter import attacked, deconvolved
from p3m_anon.faces.masks import FaceMask
from p3m_anon.faces.patch import Patch
from p3m_anon.faces.settings import BlurSettings

WIDTH = 110.0  # of the astronaut's face


@pytest.fixture(scope="module")
def rgb() -> np.ndarray:
    return np.asarray(data.astronaut())


@pytest.fixture(scope="module")
def hidden() -> Patch:
    yy, xx = np.mgrid[-65:66, -50:51]
    return Patch(55, 173, (yy / 65) ** 2 + (xx / 50) ** 2 <= 1)


@pytest.fixture(scope="module")
def zone() -> Patch:
    yy, xx = np.mgrid[-36:37, -30:31]
    return Patch(84, 193, (yy / 36) ** 2 + (xx / 30) ** 2 <= 1)


def likeness(rgb: np.ndarray, out: np.ndarray, hidden: Patch, zone: Patch, sigma: float) -> float:
    found = measure(attacked(out, hidden, sigma * WIDTH, WIDTH), rgb, zone, WIDTH).likeness
    assert found is not None
    return found


def blurred_face(rgb: np.ndarray, hidden: Patch, sigma: float) -> np.ndarray:
    out = rgb.copy()
    np.copyto(out[hidden.slices], blurred(rgb, hidden, sigma * WIDTH, "exact"), where=hidden.mask[..., None])
    return out


def test_a_weak_blur_is_undone_and_a_strong_one_is_not(rgb, hidden, zone):
    found = [likeness(rgb, blurred_face(rgb, hidden, s), hidden, zone, s) for s in (0.05, 0.1, 0.3)]
    assert found[0] > 0.95
    assert found[1] > 0.75
    assert found[2] < 0.5


def test_nothing_comes_back_of_a_strict_face(rgb, hidden, zone):
    mask = FaceMask(None, (), None, hidden, hidden, WIDTH, "person")
    out = anonymize(rgb, [mask], BlurSettings(blur_profile="strict"))
    assert likeness(rgb, out, hidden, zone, 0.3) < 0.5


def test_only_hidden_pixels_change(rgb, hidden):
    out = attacked(rgb, hidden, 0.1 * WIDTH, WIDTH)
    assert np.array_equal(out[~hidden.full(rgb.shape[:2])], rgb[~hidden.full(rgb.shape[:2])])
    nothing = Patch(0, 0, np.zeros((0, 0), bool))
    assert np.array_equal(attacked(rgb, nothing, 10.0, WIDTH), rgb)


def test_at_the_picture_border(rgb):
    edge = Patch(0, 0, np.ones((40, 40), bool))
    out = deconvolved(blurred_face(rgb, edge, 0.02)[:120, :120].astype(np.float32), edge.full((120, 120)), 0.02 * WIDTH)
    before = np.abs(blurred_face(rgb, edge, 0.02)[:40, :40].astype(float) - rgb[:40, :40]).mean()
    assert np.abs(out[:40, :40] - rgb[:40, :40]).mean() < 0.7 * before
