"""The fast blur against the exact one, and the exact one against a Gaussian of the whole picture."""

import cv2
import numpy as np
import pytest
import skimage.data

from p3m_anon.faces.blur import blurred
from p3m_anon.faces.patch import Patch, from_mask

BOUND = 0.01  # of full scale, as `blurred` promises


def disc(size: tuple[int, int], y: int, x: int, radius: int) -> Patch:
    rows, cols = np.mgrid[: size[0], : size[1]]
    return from_mask((rows - y) ** 2 + (cols - x) ** 2 <= radius**2)


def pictures() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    noise = rng.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    squares = ((rng.random((30, 40)) > 0.5) * 255).astype(np.uint8).repeat(10, 0).repeat(10, 1)
    return {"astronaut": skimage.data.astronaut(), "noise": noise, "squares": squares}


@pytest.mark.parametrize("name", ["astronaut", "noise", "squares"])
@pytest.mark.parametrize("sigma", [3.0, 9.0, 24.0, 60.0])
@pytest.mark.parametrize("place", [(100, 220, 60), (10, 10, 30), (150, 200, 5)])
def test_fast_is_within_its_bound_of_exact(name, sigma, place):
    picture = pictures()[name]
    patch = disc(picture.shape[:2], *place)
    difference = blurred(picture, patch, sigma, "fast").astype(int) - blurred(picture, patch, sigma, "exact")
    assert np.abs(difference).max() <= BOUND * 255


def test_fast_is_within_its_bound_of_exact_in_16_bit():
    picture = pictures()["noise"].astype(np.uint16) * 257
    patch = disc(picture.shape[:2], 100, 200, 60)
    difference = blurred(picture, patch, 20.0, "fast").astype(int) - blurred(picture, patch, 20.0, "exact")
    assert np.abs(difference).max() <= BOUND * 65535


def test_exact_equals_a_gaussian_of_the_whole_picture():
    picture = pictures()["noise"]
    patch = disc(picture.shape[:2], 40, 60, 30)
    whole = cv2.GaussianBlur(picture, (61, 61), 10.0, borderType=cv2.BORDER_REFLECT_101)
    assert np.array_equal(blurred(picture, patch, 10.0, "exact"), whole[patch.slices])


@pytest.mark.parametrize("method", ["fast", "exact"])
def test_one_colour_stays_that_colour(method):
    picture = np.full((50, 60, 3), 77, np.uint8)
    assert (blurred(picture, disc((50, 60), 5, 5, 20), 30.0, method) == 77).all()


def test_the_blur_really_blurs():
    picture = pictures()["squares"]
    patch = disc(picture.shape[:2], 150, 200, 60)
    assert blurred(picture, patch, 30.0).std() < 0.15 * picture[patch.slices].std()
