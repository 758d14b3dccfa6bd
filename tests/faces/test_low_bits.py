"""What the low bits of a face held is not in the blurred face."""

import numpy as np
import pytest

from p3m_anon.faces.anonymize import anonymize
from p3m_anon.faces.masks import face_masks
from p3m_anon.faces.pairing import Seen
from p3m_anon.faces.patch import union
from p3m_anon.faces.settings import BlurSettings

SIZE = (150, 190)


@pytest.mark.parametrize("profile", ["p3m", "strict"])
@pytest.mark.parametrize(("dtype", "hidden"), [(np.uint8, 1), (np.uint8, 3), (np.uint16, 1), (np.uint16, 255)])
def test_low_bits_in_the_mask_are_those_of_the_blur(make_face, profile, dtype, hidden):
    """hidden: the bits of each value that hold a planted pattern."""
    rng = np.random.default_rng(7)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    smooth = (0.5 + 0.3 * np.sin(x / 17) * np.cos(y / 13))[..., None] * np.ones(3) * np.iinfo(dtype).max
    pattern = rng.integers(0, hidden + 1, smooth.shape).astype(dtype)
    picture = (smooth.astype(dtype) & ~np.array(hidden, dtype)) | pattern
    face = make_face(95, 75, 90, 0.0, margin=0.06)
    choice = BlurSettings(blur_profile=profile)
    masks = face_masks(SIZE, (Seen(face, (face.box,), "both", True),), np.full(SIZE, 255, np.uint8), choice)
    out = anonymize(picture, masks, choice)
    core = union([mask.adjusted for mask in masks], SIZE)
    assert np.count_nonzero(core) > 1000
    left = (out[core] & np.array(hidden, dtype)).astype(float).ravel()
    planted = pattern[core].astype(float).ravel()
    likeness = 0.0 if left.std() == 0 else np.corrcoef(left, planted)[0, 1]
    assert abs(likeness) < 0.1
    assert np.corrcoef((picture[core] & np.array(hidden, dtype)).astype(float).ravel(), planted)[0, 1] > 0.99
