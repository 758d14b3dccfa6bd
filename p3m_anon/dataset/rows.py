"""Manifest rows: which fields there are, and in which order they are written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

SCHEMA_VERSION = 1

Split = Literal["train", "P3M-500-P", "P3M-500-NP"]
SPLITS: tuple[Split, ...] = ("train", "P3M-500-P", "P3M-500-NP")

FILE_KEYS = ("image", "alpha", "trimap", "foreground", "background")
"""Fields that name a file, relative to the folder of the manifest, posix; each has a twin that ends in `_sha256`."""

KEYS = (
    *("id", "split", "status"),
    *(name for key in FILE_KEYS for name in (key, f"{key}_sha256")),
    *("width", "height", "faces", "detector", "profile", "fidelity", "settings_digest"),
    *("release_basis", "viewed", "license", "source", "attribution"),
)
"""All that a row may say; everything else is private until someone decides otherwise."""

OPTIONAL = frozenset(("viewed", *(name for key in FILE_KEYS[2:] for name in (key, f"{key}_sha256"))))
"""Fields that a row lacks where there is nothing to say: how a person saw the picture, layers that are made later."""


def row_line(row: Mapping[str, Any]) -> str:
    """One line of JSON with the fields in the order of KEYS; the same row is always the same text.

    Raises ValueError for a field that is not public.
    """
    foreign = sorted(set(row) - set(KEYS))
    if foreign:
        raise ValueError(f"not public: {', '.join(foreign)}")
    kept = {key: row.get(key) for key in KEYS if key not in OPTIONAL or row.get(key) is not None}
    return json.dumps(kept, ensure_ascii=False)
