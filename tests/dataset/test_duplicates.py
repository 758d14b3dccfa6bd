"""The perceptual hash: near-duplicates are near, others far."""

import cv2
import numpy as np
import pytest
import skimage.data

from p3m_anon.dataset.duplicates import perceptual_hash


def distance(a: np.ndarray, b: np.ndarray) -> int:
    """Bits in which two hashes differ, of 64."""
    return (int(perceptual_hash(a), 16) ^ int(perceptual_hash(b), 16)).bit_count()


def test_a_resized_reencoded_and_brighter_copy_is_near():
    picture = skimage.data.astronaut()
    half = cv2.resize(picture, (300, 300), interpolation=cv2.INTER_AREA)
    coded = cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], cv2.IMREAD_COLOR)
    brighter = np.clip(picture.astype(int) + 12, 0, 255).astype(np.uint8)
    for copy in (half, coded, brighter):
        assert distance(picture, copy) <= 6


def test_a_blurred_face_hardly_moves_the_hash():
    picture = skimage.data.astronaut()
    blurred = picture.copy()
    blurred[60:190, 160:280] = cv2.GaussianBlur(picture[60:190, 160:280], (0, 0), 30)
    assert distance(picture, blurred) <= 8


def test_other_pictures_are_far():
    pictures = [skimage.data.astronaut(), skimage.data.chelsea(), skimage.data.coffee(), skimage.data.rocket()]
    pairs = [(a, b) for i, a in enumerate(pictures) for b in pictures[:i]]
    assert min(distance(a, b) for a, b in pairs) > 16


def test_tiny_pictures_have_a_hash_and_other_arrays_have_none():
    assert len(perceptual_hash(np.zeros((1, 1, 3), np.uint8))) == 16
    with pytest.raises(ValueError, match="uint8"):
        perceptual_hash(np.zeros((9, 9), np.uint8))
