"""Overlapping tiles of a large picture, so that a network sees every pixel at full size in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

Window = tuple[int, int, int, int]


def tiles(width: int, height: int, side: int, overlap: int) -> Iterator[Window]:
    """Windows (x0, y0, x1, y1) that cover a picture; every square of `overlap` pixels lies whole in one of them.

    Args:
        width, height: of the picture, in pixels.
        side: longest side of a window, in pixels.
        overlap: what neighbours share, in pixels; less than side.

    Raises:
        ValueError: for an overlap that does not leave the tiles a step of at least a pixel.

    Example:
        >>> list(tiles(1500, 800, side=960, overlap=200))
        [(0, 0, 960, 800), (540, 0, 1500, 800)]
    """
    if not 0 <= overlap < side:
        raise ValueError(f"overlap must be from 0 to side - 1 = {side - 1}, got {overlap}")
    for y0, y1 in _spans(height, side, overlap):
        for x0, x1 in _spans(width, side, overlap):
            yield x0, y0, x1, y1


def _spans(length: int, side: int, overlap: int) -> list[tuple[int, int]]:
    """Evenly spread spans of at most `side` that share at least `overlap` with their neighbours."""
    if length <= side:
        return [(0, length)]
    count = -(-(length - overlap) // (side - overlap))
    starts = [round(i * (length - side) / (count - 1)) for i in range(count)]
    return [(start, start + side) for start in starts]
