"""What is left of a region is measured in the region alone, whatever was put in its place."""

from __future__ import annotations

import numpy as np
import pytest

from p3m_anon.faces.blur import blurred
from p3m_anon.faces.detail import measure
from p3m_anon.faces.patch import Patch

WIDTH = 80.0


@pytest.fixture
def rgb() -> np.ndarray:
    """A busy picture: noise at several scales, uint8 (160, 160, 3)."""
    rng = np.random.default_rng(0)
    out = np.zeros((160, 160, 3))
    for step in (4, 8, 16):
        out += np.kron(rng.normal(0, 25, (160 // step, 160 // step, 3)), np.ones((step, step, 1)))
    return np.clip(out + 128, 0, 255).astype(np.uint8)


@pytest.fixture
def region() -> Patch:
    yy, xx = np.mgrid[:60, :60] - 29.5
    return Patch(50, 50, yy**2 + xx**2 < 28**2)


def test_a_copy_keeps_everything(rgb, region):
    detail = measure(rgb, rgb, region, WIDTH)
    assert detail.kept == pytest.approx(1)
    assert detail.likeness == pytest.approx(1)
    assert detail.before == detail.after


def test_less_is_kept_the_stronger_the_blur(rgb, region):
    whole = Patch(0, 0, np.ones(rgb.shape[:2], bool))
    kept = [measure(blurred(rgb, whole, s * WIDTH, "exact"), rgb, region, WIDTH).kept for s in (0.03, 0.06, 0.1, 0.3)]
    assert kept == sorted(kept, reverse=True)
    assert kept[0] > 0.6
    assert abs(kept[-1]) < 0.1


def test_what_was_put_in_the_place_does_not_count(rgb, region):
    other = np.random.default_rng(1).integers(0, 256, rgb.shape, dtype=np.uint8)
    detail = measure(other, rgb, region, WIDTH)
    assert detail.after > 1
    assert abs(detail.kept) < 0.1
    assert measure(np.zeros_like(rgb), rgb, region, WIDTH).kept == 0


def test_pixels_outside_the_region_have_no_influence(rgb, region):
    spoilt = rgb.copy()
    spoilt[~region.full(rgb.shape[:2])] = 0
    assert measure(spoilt, rgb, region, WIDTH) == measure(rgb, spoilt, region, WIDTH)
    assert measure(spoilt, rgb, region, WIDTH).kept == pytest.approx(1)


def test_size_does_not_matter(rgb, region):
    large = rgb.repeat(3, 0).repeat(3, 1)
    patch = Patch(150, 150, region.mask.repeat(3, 0).repeat(3, 1))
    small, big = measure(rgb, None, region, WIDTH), measure(large, None, patch, 3 * WIDTH)
    assert big.after == pytest.approx(small.after, rel=0.2)
    assert small.kept is None


def test_no_pixels_no_detail(rgb):
    assert measure(rgb, rgb, Patch(0, 0, np.zeros((4, 4), bool)), WIDTH).after == 0


def test_two_sizes_are_refused(rgb, region):
    with pytest.raises(ValueError, match="one size"):
        measure(rgb, rgb[:-1], region, WIDTH)
