"""Where a split's files lie below the dataset's root, and the way back, in both variants of the P3M-10k form."""

from __future__ import annotations

from typing import Literal, NamedTuple, cast

from p3m_anon.dataset.rows import SPLITS, Split

Role = Literal["image", "alpha", "trimap", "foreground", "background", "facemask"]
ROLES: tuple[Role, ...] = ("image", "alpha", "trimap", "foreground", "background", "facemask")
"""All but `facemask`, which no row lists, are fields of a row too."""

VALIDATION = "validation"
"""The level above the two test sets in the download; the published code expects them without it. Both are read."""

BLURRED, ORIGINAL = "blurred_image", "original_image"
ENDINGS = frozenset((".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"))
"""What is cut off a file's name to get its stem, in any case; what ties a picture to its alpha is the stem."""

_FOLDERS: dict[Role, str] = {
    "alpha": "mask",
    "trimap": "trimap",
    "foreground": "fg",
    "background": "bg",
    "facemask": "facemask",
}
_ROLES = {name: role for role, name in _FOLDERS.items()}


class Place(NamedTuple):
    """What a path says: `stem` is what is below the folder, without the ending of a picture; it may hold `/`."""

    split: Split
    role: Role
    stem: str


def image_folder(split: Split) -> str:
    """`original_image` in P3M-500-NP, `blurred_image` everywhere else: only NP holds what is not blurred."""
    return ORIGINAL if split == "P3M-500-NP" else BLURRED


def split_folder(split: Split, *, validation: bool = True) -> str:
    """The split's own folder, posix, relative to the root."""
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    return f"{VALIDATION}/{split}" if validation and split != "train" else split


def folder(split: Split, role: str, *, validation: bool = True) -> str:
    """Where the files of one role lie, posix, relative to the root: `folder("train", "alpha")` is `train/mask`.

    validation: with the level `validation/` above the two test sets, as downloaded and as we write it.
    Raises ValueError for an unknown split or role.
    """
    if role not in ROLES:
        raise ValueError(f"role must be one of {', '.join(ROLES)}, got {role!r}")
    name = image_folder(split) if role == "image" else _FOLDERS[cast("Role", role)]
    return f"{split_folder(split, validation=validation)}/{name}"


def place(path: str) -> Place | None:
    """The inverse of `folder` for a file's path, posix, relative to the root; None for what has no place there.

    An `original_image` of train or P3M-500-P has none: it would be a face that nobody blurred.
    """
    parts = path.split("/")
    if parts[0] == VALIDATION and parts[1:2] != ["train"]:
        parts = parts[1:]
    split = next((one for one in SPLITS if one == parts[0]), None)
    if split is None or len(parts) < 3 or not all(part not in ("", ".", "..") for part in parts):
        return None
    role = "image" if parts[1] == image_folder(split) else _ROLES.get(parts[1])
    return None if role is None else Place(split, role, stem("/".join(parts[2:])))


def stem(path: str) -> str:
    """A path without its ending, where that is a picture's: `holiday.2020` keeps its last part."""
    head, dot, ending = path.rpartition(".")
    known = dot and head and not head.endswith("/") and f".{ending.lower()}" in ENDINGS
    return head if known else path
