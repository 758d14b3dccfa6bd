"""COCO's segmentations: exact both ways, and pycocotools says the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pycocotools.mask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from p3m_anon.faces.patch import Patch, from_mask
from p3m_anon.files.segmentation import (
    MOST_TEXT,
    counts_from_text,
    decode_rle,
    encode_rle,
    read_segmentation,
    text_of_counts,
)

# pycocotools 2.0.11 predates numpy 2
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")

MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=20))


def runs_of(mask: np.ndarray) -> list[int]:
    """One pixel after the other, down the columns: slow and obvious."""
    counts, value = [0], False
    for pixel in mask.T.ravel().tolist():
        if pixel != value:
            counts.append(0)
            value = pixel
        counts[-1] += 1
    return counts


@settings(max_examples=200)
@given(MASKS)
def test_round_trip(mask: np.ndarray) -> None:
    h, w = mask.shape
    written = encode_rle(from_mask(mask), (w, h))
    assert written["size"] == [h, w]
    np.testing.assert_array_equal(decode_rle(written, (w, h)).full((h, w)), mask)
    np.testing.assert_array_equal(pycocotools.mask.decode(written) > 0, mask)
    assert written["counts"] == pycocotools.mask.encode(np.asfortranarray(mask, np.uint8))["counts"].decode()
    assert counts_from_text(written["counts"]).tolist() == runs_of(mask)
    plain = {"size": [h, w], "counts": runs_of(mask)}
    np.testing.assert_array_equal(decode_rle(plain, (w, h)).full((h, w)), mask)


@given(st.lists(st.integers(0, 2**33), min_size=1, max_size=30))
def test_text_of_any_counts(counts: list[int]) -> None:
    text = text_of_counts(np.array(counts, np.int64))
    assert counts_from_text(text).tolist() == counts
    if max(counts) < 2**24:  # beyond, pycocotools writes outside its memory
        assert text == pycocotools.mask.frPyObjects({"size": [1, 1], "counts": counts}, 1, 1)["counts"].decode()


@given(MASKS, st.integers(0, 3), st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))
def test_a_patch_need_not_be_tight(mask: np.ndarray, y: int, x: int, below: int, right: int) -> None:
    full = np.pad(mask, ((y, below), (x, right)))
    written = encode_rle(Patch(y, x, mask), (full.shape[1], full.shape[0]))
    assert counts_from_text(written["counts"]).tolist() == runs_of(full)


def test_a_patch_outside_the_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="does not lie"):
        encode_rle(Patch(2, 2, np.ones((3, 3), bool)), (4, 6))


def test_columns_come_first() -> None:
    mask = decode_rle({"size": [3, 2], "counts": [1, 3, 2]}, (2, 3)).full((3, 2))
    np.testing.assert_array_equal(mask, [[False, True], [True, False], [True, False]])


def test_a_side_of_sixteen_bits() -> None:
    mask = np.zeros((2, 65_535), bool)
    mask[1, ::7] = mask[0, -1] = True
    written = encode_rle(from_mask(mask), (65_535, 2))
    np.testing.assert_array_equal(decode_rle(written, (65_535, 2)).full(mask.shape), mask)


@settings(max_examples=300)
@given(st.text(max_size=40) | st.text("0123456789:;<=>?@PQRSTUVWXYZ[\\]^_`abcdefghijklmno", max_size=40))
def test_any_text_is_counts_or_a_value_error(text: str) -> None:
    try:
        patch = decode_rle({"size": [30, 40], "counts": text}, (40, 30))
    except ValueError:
        return
    assert patch.full((30, 40)).shape == (30, 40)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([100, 100], "add up"),
        ([1300], "add up"),
        ([-100, 1300], "add up"),
        ([1200, 2**62, 2**62, 2**62, 2**62], "add up"),
        ([2**63 + 5], "add up"),
        ([2**70], "whole numbers"),
        ([1200.0], "whole numbers"),
        ([600, "600"], "whole numbers"),
        ([[600, 600]], "whole numbers"),
        ([], "whole numbers"),
        ("", "damaged"),
        ("P", "damaged"),
        ("é", "damaged"),
        ("\x00", "damaged"),
        ("oooooooo0", "damaged"),
        ("1" * (MOST_TEXT + 1), "ragged"),
        (None, "no counts"),
        (7, "no counts"),
    ],
)
def test_bad_counts(counts: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        decode_rle({"size": [30, 40], "counts": counts}, (40, 30))


@pytest.mark.parametrize("size", [[40, 30], [10**6, 10**6], [30], None, "30x40", [30, 40, 1]])
def test_the_size_comes_before_anything_is_decoded(size: Any) -> None:
    with pytest.raises(ValueError, match="of the size"):
        decode_rle({"size": size, "counts": None}, (40, 30))


def test_polygons_and_boxes() -> None:
    square = [[8, 5, 20, 5, 20, 12, 8, 12]]
    one = read_segmentation({"segmentation": square}, (40, 30)).full((30, 40))
    assert one[5:12, 8:20].all()
    assert one.sum() <= 9 * 14
    box = read_segmentation({"segmentation": [], "bbox": [8.0, 5.0, 12.0, 7.0]}, (40, 30)).full((30, 40))
    np.testing.assert_array_equal(box, one)
    assert (box == read_segmentation({"bbox": [8, 5, 12, 7]}, (40, 30)).full((30, 40))).all()
    both = read_segmentation({"segmentation": [*square, [30, 20, 35.5, 20, 35.5, 25.5]]}, (40, 30)).full((30, 40))
    assert both[5:12, 8:20].all()
    assert both[21, 34]
    nested = read_segmentation({"segmentation": [*square, [10, 7, 18, 7, 18, 10]]}, (40, 30)).full((30, 40))
    np.testing.assert_array_equal(nested, one)  # a polygon within another is no hole


@given(st.integers(0, 20), st.integers(0, 12), st.integers(2, 19), st.integers(2, 17))
def test_a_polygon_agrees_with_cocos_own_within_its_rim(x: int, y: int, w: int, h: int) -> None:
    flat = [float(v) for v in (x, y, x + w, y, x + w, y + h, x, y + h)]
    ours = read_segmentation({"segmentation": [flat]}, (40, 30)).full((30, 40))
    (coded,) = pycocotools.mask.frPyObjects([flat], 30, 40)
    theirs = pycocotools.mask.decode(coded) > 0
    assert not (theirs & ~ours).any()
    assert ours.sum() <= (w + 2) * (h + 2)


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        ({"segmentation": [[1, 1, 5, 5]]}, "at least 3"),
        ({"segmentation": [[1, 1, 5, 5, 7]]}, "x, y"),
        ({"segmentation": [[]]}, "at least 3"),
        ({"segmentation": [[1, 1, 5, 5, float("nan"), 2]]}, "far outside"),
        ({"segmentation": [[1, 1, 5, 5, 1e300, 2]]}, "far outside"),
        ({"segmentation": [[1, 1, 5, 5, "a", 2]]}, "numbers"),
        ({"segmentation": [[[1, 1], [5, 5]]]}, "numbers|points"),
        ({"segmentation": "x"}, "list of polygons"),
        ({"segmentation": [5]}, "x, y"),
        ({"segmentation": [[90, 90, 95, 90, 95, 95]]}, "covers no pixel"),
        ({"segmentation": {"size": [30, 40], "counts": [1200]}}, "covers no pixel"),
        ({"segmentation": [], "bbox": [1, 1, 0, 5]}, "area"),
        ({"segmentation": [], "bbox": [1, 1, float("nan"), 5]}, "area"),
        ({"segmentation": [], "bbox": [1, 1, 5]}, "unpack"),
        ({"segmentation": [], "bbox": [1, 1, 5, 5], "attributes": {"rotation": 30.0}}, "turned"),
        ({"segmentation": [], "bbox": [1, 1, 5, 5], "keypoints": [1, 1, 2]}, "keypoints"),
    ],
)
def test_bad_annotations(annotation: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_segmentation(annotation, (40, 30))


def test_an_empty_mask_is_an_empty_patch() -> None:
    assert decode_rle({"size": [3, 4], "counts": [12]}, (4, 3)).area == 0
    assert decode_rle({"size": [3, 4], "counts": [5, 0, 7]}, (4, 3)).area == 0
    written = encode_rle(Patch(0, 0, np.zeros((0, 0), bool)), (4, 3))
    assert decode_rle(written, (4, 3)).area == 0
