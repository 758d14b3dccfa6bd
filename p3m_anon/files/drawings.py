"""Masks that were drawn in the review: a 1-bit PNG, and beside it the shapes as JSON; private."""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from p3m_anon.faces.patch import Patch, from_mask
from p3m_anon.faces.shapes import Shape, shapes_from_json
from p3m_anon.files.atomic import write_bytes
from p3m_anon.files.manual_masks import encode_mask
from p3m_anon.files.tracing import components, exact_polygon

if TYPE_CHECKING:
    from collections.abc import Sequence

    from p3m_anon.arrays import Mask

FOLDER = "masks"
MOST_PARTS = 100  # shapes that somebody may still want to move


def write_drawing(private: Path, name: str, shapes: Sequence[Shape], mask: Mask) -> tuple[str, str]:
    """Write both files; the PNG's path, relative to the private folder, and its sha256.

    name: the picture's id. mask: bool (H, W), upright. A drawing with another content gets another name, so that the
    one that a decision speaks of stays until the new decision is written.
    """
    png = encode_mask(mask)
    size = [mask.shape[1], mask.shape[0]]
    text = json.dumps({"size": size, "shapes": [shape.to_json() for shape in shapes]}).encode()
    digest = hashlib.sha256(png).hexdigest()
    stem = f"{FOLDER}/{name}.{hashlib.sha256(text + png).hexdigest()[:12]}"
    write_bytes(private / f"{stem}.json", text, private=True)
    write_bytes(private / f"{stem}.png", png, private=True)
    return f"{stem}.png", digest


def read_shapes(private: Path, mask: str) -> tuple[Shape, ...]:
    """The shapes beside a mask; empty if they cannot be read, as the mask alone decides."""
    try:
        content = json.loads((private / mask).with_suffix(".json").read_bytes())
        return shapes_from_json(content["shapes"])
    except (OSError, ValueError, KeyError, TypeError):
        return ()


def remove_drawing(private: Path, mask: str) -> None:
    """Remove a drawing that no decision speaks of any more."""
    for path in (private / mask, (private / mask).with_suffix(".json")):
        with contextlib.suppress(OSError):
            path.unlink()


def remove_drawings(private: Path, name: str) -> list[str]:
    """Remove every drawing that was ever made of a picture, by its id; what was there."""
    place = private / FOLDER / name
    digest = re.compile(re.escape(place.name) + r"\.[0-9a-f]{12}\.(png|json)")
    found = [path for path in sorted(place.parent.glob("*")) if digest.fullmatch(path.name)]
    for path in found:
        path.unlink()
    return [path.relative_to(private).as_posix() for path in found]


def shapes_of_mask(mask: Mask) -> list[Shape]:
    """A bool (H, W) mask as polygons that the review page can change, without its holes; none for a very ragged one."""
    shapes: list[Shape] = []
    for part in components(from_mask(mask)):
        polygon = exact_polygon(part) or exact_polygon(_without_holes(part))
        if polygon is None or len(shapes) == MOST_PARTS:
            return []
        shapes.append(Shape("polygon", polygon))
    return shapes


def _without_holes(part: Patch) -> Patch:
    rims, _ = cv2.findContours(part.mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = np.zeros(part.mask.shape, np.uint8)
    cv2.drawContours(filled, rims, -1, 1, cv2.FILLED)
    return part.replaced(filled.astype(np.bool_))
