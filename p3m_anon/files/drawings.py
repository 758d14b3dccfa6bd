"""Masks that were drawn in the review: a 1-bit PNG, and beside it the shapes as JSON; private."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from p3m_anon.faces.shapes import Shape, shapes_from_json
from p3m_anon.files.atomic import write_bytes
from p3m_anon.files.manual_masks import encode_mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from p3m_anon.arrays import Mask

FOLDER = "masks"


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
