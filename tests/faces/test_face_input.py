"""Each embedder gets its own input: order, range, margin and mirror image."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from p3m_anon.faces.align import SIDE, TEMPLATE, template
from p3m_anon.faces.face_input import FaceInput

PLAIN = FaceInput(16, "rgb", 255, (0, 0, 0), (1, 1, 1), 0.0, mirrored=False, same_person=0.4)


@pytest.fixture
def crop() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (16, 16, 3), dtype=np.uint8)


def test_plain_input_holds_the_values_themselves(crop: np.ndarray) -> None:
    (blob,) = PLAIN.blobs_of(crop)
    assert blob.dtype == np.float32
    np.testing.assert_array_equal(blob[0].transpose(1, 2, 0), crop)


def test_order_range_mean_and_std(crop: np.ndarray) -> None:
    wanted = replace(PLAIN, colours="bgr", highest=1, mean=(0.1, 0.2, 0.3), std=(0.5, 0.25, 2.0))
    (blob,) = wanted.blobs_of(crop)
    expected = (crop[..., ::-1] / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.25, 2.0]
    np.testing.assert_allclose(blob[0].transpose(1, 2, 0), expected, rtol=1e-5, atol=1e-6)


def test_mirror_image_comes_second(crop: np.ndarray) -> None:
    first, second = replace(PLAIN, mirrored=True).blobs_of(crop)
    np.testing.assert_array_equal(second, first[..., ::-1])


def test_margin_shrinks_the_template_about_the_centre() -> None:
    centre = SIDE / 2
    np.testing.assert_allclose(template(), TEMPLATE)
    np.testing.assert_allclose(template(margin=0.25) - centre, (TEMPLATE - centre) / 1.5)
    np.testing.assert_allclose(template(224), 2 * TEMPLATE)


def test_face_is_brought_to_the_template(crop: np.ndarray) -> None:
    """A dot on the nose tip lands where the template has it, for any side and margin."""
    landmarks = np.zeros((68, 2))
    points = 3 * TEMPLATE + 40
    landmarks[36:42], landmarks[42:48], landmarks[30], landmarks[48], landmarks[54] = points
    rgb = np.zeros((420, 420, 3), np.uint8)
    x, y = np.rint(points[2]).astype(int)
    rgb[y - 4 : y + 5, x - 4 : x + 5] = 255
    for side, margin in ((112, 0.0), (160, 0.25)):
        (blob,) = replace(PLAIN, side=side, margin=margin).blobs(rgb, landmarks)
        rows, columns = np.nonzero(blob[0, 0] > 127)
        np.testing.assert_allclose([columns.mean(), rows.mean()], template(side, margin)[2], atol=1.0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("side", 0),
        ("side", 100_000),
        ("colours", "grey"),
        ("highest", 128),
        ("std", (1, 0, 1)),
        ("mean", (0, float("nan"), 0)),
        ("margin", -0.1),
        ("same_person", 2),
    ],
)
def test_wrong_contracts_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(ValueError, match=field):
        replace(PLAIN, **{field: value})
