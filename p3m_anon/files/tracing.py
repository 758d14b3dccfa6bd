"""Masks as polygons that give back the same pixels when they are drawn again."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from p3m_anon.faces.patch import Patch
from p3m_anon.faces.shapes import Shape, draw

Points = tuple[tuple[float, float], ...]
_ROOM = 0.499  # a side may pass this far from a pixel's centre; at a half, the rasteriser may round to the next pixel


def components(patch: Patch) -> Iterator[Patch]:
    """The connected parts of a patch, corners connect, each in its smallest rectangle; none for an empty patch."""
    if not patch.area:
        return
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(patch.mask.astype(np.uint8), connectivity=8)
    for number in range(1, count):
        x, y, w, h = (int(value) for value in boxes[number][:4])
        yield Patch(patch.y + y, patch.x + x, np.asarray(labels[y : y + h, x : x + w] == number))


def exact_polygon(part: Patch) -> Points | None:
    """A polygon from which `faces.shapes.draw` makes exactly the pixels of one connected part.

    Corners are centres of pixels on the rim, in pixels of the whole picture counted from the corner of the first one;
    at least three, which may coincide. None for what no single polygon gives, such as a part with a hole.
    """
    contours, _ = cv2.findContours(part.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    rim = [(int(x), int(y)) for x, y in contours[0][:, 0, :]]
    corners = _few_corners(rim)
    padded = corners + corners[-1:] * (3 - len(corners))
    inside = tuple((x + 0.5, y + 0.5) for x, y in padded)
    if not np.array_equal(draw([Shape("polygon", inside)], (part.mask.shape[1], part.mask.shape[0])), part.mask):
        return None
    return tuple((x + part.x, y + part.y) for x, y in inside)


def _few_corners(rim: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Leave out corners as long as the straight side between those kept runs through the same pixels.

    A person who opens the polygon has fewer corners to move: 1100 instead of 4600 around a face of 3000 pixels.
    """
    closed, corners, start = [*rim, rim[0]], [], 0
    while start < len(rim):
        corners.append(rim[start])
        start = max(_side(closed, start, 0), _side(closed, start, 1))
    return corners


def _side(rim: list[tuple[int, int]], start: int, axis: int) -> int:
    """The last pixel of the rim that one straight side from `start` reaches, in steps of one along `axis` (x, y).

    Each pixel on the way leaves a narrower range of slopes for the side; it may end at a pixel that lies in it.
    """
    along, across = rim[start][axis], rim[start][1 - axis]
    direction = rim[start + 1][axis] - along
    least, most, reached = -1.0, 1.0, start + 1
    for step, pixel in enumerate(rim[start + 1 :], 1):
        if pixel[axis] - along != direction * step or not direction:
            break
        offset = pixel[1 - axis] - across
        if least <= offset / step <= most:
            reached = start + step
        least, most = max(least, (offset - _ROOM) / step), min(most, (offset + _ROOM) / step)
        if least > most:
            break
    return reached
