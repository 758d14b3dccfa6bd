"""COCO's ways to say which pixels are meant: run lengths down each column, polygons, or a box.

The run lengths are coded here and not by pycocotools 2.0.11, which trusts what it is given: it reads beyond the end of
a text that is cut off, and writes beyond its memory when counts take six characters, as in pictures of 70 megapixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from p3m_anon.faces.patch import Patch, from_mask
from p3m_anon.faces.shapes import draw, shapes_from_json

MOST_TEXT = 8_000_000  # characters; a face has thousands
_LONGEST = 7  # characters of one count: 35 bits

Counts = npt.NDArray[np.int64]


def encode_rle(patch: Patch, size: tuple[int, int]) -> dict[str, Any]:
    """COCO's `segmentation` of a patch in a picture of `size` (W, H): its size as [H, W] and the counts as text."""
    return {"size": [size[1], size[0]], "counts": text_of_counts(_runs(patch, size))}


def read_segmentation(annotation: dict[str, Any], size: tuple[int, int]) -> Patch:
    """The pixels of an annotation in an upright picture of `size` (W, H), at least one.

    Run lengths are exact. Polygons, all of them together, and a box without any are drawn as `faces.shapes.draw` does:
    the pixels of an outline are in. Raises ValueError or TypeError for what is malformed, for keypoints, for boxes
    that were turned (tools disagree about how), and where no pixel of the picture is covered.
    """
    segmentation = annotation.get("segmentation")
    if isinstance(segmentation, dict):
        patch = decode_rle(segmentation, size)
    else:
        corners = _polygons(segmentation) if segmentation else [_box(annotation)]
        shapes = shapes_from_json([{"kind": "polygon", "points": points} for points in corners])
        patch = from_mask(draw(shapes, size))
    if not patch.area:
        raise ValueError("it covers no pixel of the picture")
    return patch


def decode_rle(segmentation: dict[str, Any], size: tuple[int, int]) -> Patch:
    """The pixels of a `segmentation`, whose counts are text or a list, in a picture of `size` (W, H).

    Raises ValueError unless its size and the sum of its counts are the picture's; the size is looked at first.
    """
    w, h = size
    declared = segmentation.get("size")
    if declared != [h, w]:
        raise ValueError(f"its mask is of the size {str(declared)[:40]}, the upright picture [{h}, {w}]")
    counts = segmentation.get("counts")
    if not isinstance(counts, (str, list)):
        raise ValueError("its mask has no counts")
    runs = counts_from_text(counts) if isinstance(counts, str) else _whole_numbers(counts)
    if (runs < 0).any() or (runs > w * h).any() or int(runs.sum()) != w * h:
        raise ValueError(f"the counts of its mask do not add up to {h} x {w} pixels")
    return _patch(runs, h)


def text_of_counts(runs: Counts) -> str:
    """COCO's text of counts, int64, none negative: the reverse of `counts_from_text`."""
    values = runs.copy()
    values[3:] -= runs[1:-2]
    lengths = np.ones(len(values), np.int64)
    for place in range(1, _LONGEST):
        half = np.int64(1) << (5 * place - 1)
        lengths += (values < -half) | (values >= half)
    ends = lengths.cumsum()
    text = np.zeros(int(ends[-1]), np.uint8)
    for place in range(int(lengths.max())):
        long = lengths > place
        more = (lengths[long] > place + 1) * 0x20
        text[(ends - lengths)[long] + place] = ((values[long] >> (5 * place)) & 0x1F) + more + 48
    return text.tobytes().decode("ascii")


def counts_from_text(text: str) -> Counts:
    """Counts, int64, from COCO's text: five bits to a character, each count from the fourth on less the last but one.

    The sixth bit says that more characters follow, the fifth of the last one is the sign. Raises ValueError for text
    that is not so.
    """
    if len(text) > MOST_TEXT:
        raise ValueError("its mask is far too ragged to be drawn")
    codes = np.frombuffer(text.encode("ascii", "ignore"), np.uint8) - np.uint8(48)
    more = (codes & 0x20) > 0
    if not 0 < len(codes) == len(text) or codes.max() > 63 or more[-1]:
        raise ValueError("the counts of its mask are damaged")
    ends = np.flatnonzero(~more)
    lengths = np.diff(ends, prepend=-1)
    if lengths.max() > _LONGEST:
        raise ValueError("the counts of its mask are damaged")
    values = np.zeros(len(ends), np.int64)
    for place in range(int(lengths.max())):
        long = lengths > place
        values[long] += (codes[(ends - lengths + 1 + place)[long]] & 0x1F).astype(np.int64) << (5 * place)
    values -= ((codes[ends] & 0x10) > 0) * (np.int64(1) << (5 * lengths))
    values[1::2] = values[1::2].cumsum()
    values[2::2] = values[2::2].cumsum()
    return values


def _polygons(segmentation: object) -> list[list[list[Any]]]:
    """Points of each polygon; COCO has them as one list of x, y, x, y and so on."""
    if not isinstance(segmentation, list):
        raise ValueError("its segmentation is no list of polygons")
    for flat in segmentation:
        if not isinstance(flat, list) or len(flat) % 2:
            raise ValueError("a polygon is no list of x, y, x, y and so on")
    return [[list(pair) for pair in zip(flat[::2], flat[1::2], strict=True)] for flat in segmentation]


def _box(annotation: dict[str, Any]) -> list[list[float]]:
    attributes = annotation.get("attributes")
    if annotation.get("keypoints"):
        raise ValueError("keypoints are no region")
    if isinstance(attributes, dict) and attributes.get("rotation"):
        raise ValueError("a turned box")
    x, y, w, h = (float(value) for value in annotation["bbox"])
    if not (w > 0 and h > 0):
        raise ValueError("a box without an area")
    return [[x, y], [x + w, y], [x + w, y + h], [x, y + h]]


def _whole_numbers(counts: list[Any]) -> Counts:
    numbers = np.asarray(counts)
    if numbers.ndim != 1 or numbers.dtype.kind not in "iu":
        raise ValueError("the counts of its mask are not whole numbers")
    return numbers.astype(np.int64)


def _patch(runs: Counts, h: int) -> Patch:
    """Checked runs as a patch; only the columns that hold any pixel are spread out."""
    ends = runs.cumsum()
    filled = np.flatnonzero(runs[1::2]) * 2 + 1
    if not filled.size:
        return Patch(0, 0, np.zeros((0, 0), bool))
    first, last = int(ends[filled[0] - 1]) // h, (int(ends[filled[-1]]) - 1) // h
    edges = ends.clip(first * h, (last + 1) * h)
    columns = np.repeat(np.arange(len(runs)) % 2 == 1, np.diff(edges, prepend=first * h))
    patch = from_mask(columns.reshape(last - first + 1, h).T)
    return Patch(patch.y, patch.x + first, patch.mask)


def _runs(patch: Patch, size: tuple[int, int]) -> Counts:
    """Lengths of what is out, in, out and so on, down the columns of the whole picture."""
    w, h = size
    rows, columns = patch.mask.shape
    if patch.y < 0 or patch.x < 0 or patch.y + rows > h or patch.x + columns > w:
        raise ValueError(f"the patch does not lie in a picture of {w} x {h}")
    ended = np.zeros((columns, rows + 1), bool)  # a row of nothing below, so that every run ends in its own column
    ended[:, :rows] = patch.mask.T
    column, row = np.divmod(np.flatnonzero(np.diff(ended.ravel(), prepend=False)), rows + 1)
    places, times = np.unique((patch.x + column) * h + patch.y + row, return_counts=True)
    turns = places[(times == 1) & (places < w * h)]  # what ends where the next column begins goes on
    return np.diff(turns, prepend=0, append=w * h).astype(np.int64)
