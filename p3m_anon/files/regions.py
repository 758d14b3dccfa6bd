"""Regions of a picture with a label, as annotation tools exchange them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from p3m_anon.errors import ImageError

if TYPE_CHECKING:
    from p3m_anon.faces.patch import Patch

FACE = "face"
"""What a person drew, or accepted."""

SUGGESTION = "suggestion"
"""What was found automatically: never taken for a drawing, until a person renames it."""


@dataclass(frozen=True, eq=False)
class Region:
    """One labelled region to write: FACE or SUGGESTION, and its pixels in a patch of the upright picture."""

    label: str
    patch: Patch

    def __post_init__(self) -> None:
        if self.label not in (FACE, SUGGESTION):
            raise ValueError(f"label must be {FACE} or {SUGGESTION}, got {self.label!r}")


@dataclass(frozen=True, eq=False)
class Drawing:
    """What a file of an annotation tool says about one picture.

    drawn: all that a person answers for, whatever its label. suggested: what is still labelled as a suggestion.
    Either patch may be empty. as_drawn: the transition region is not taken off what is drawn.
    """

    drawn: Patch
    suggested: Patch
    as_drawn: bool = False

    @property
    def is_blank(self) -> bool:
        """Nothing was drawn and nothing suggested: the file decides nothing about the picture."""
        return not self.drawn.area and not self.suggested.area


def is_suggestion(label: str) -> bool:
    """Whether a label means SUGGESTION; case and spaces around it do not count, as tools change both."""
    return label.strip().casefold() == SUGGESTION


def check_size(found: tuple[int, int], size: tuple[int, int], stored_size: tuple[int, int] | None, name: str) -> None:
    """Raise ImageError unless a mask of size `found` fits the upright picture's `size`; all are (W, H).

    `stored_size` (before the picture was turned upright) lets the error say that it was drawn on the picture lying
    on its side. `name` begins the message.
    """
    if found == size:
        return
    what = f"{name}: the mask is {found[0]} x {found[1]}, the upright picture {size[0]} x {size[1]}"
    if found == stored_size:
        raise ImageError(
            f"{what}; it was drawn on the picture as stored: turn it as the picture's EXIF orientation says"
        )
    raise ImageError(f"{what}; draw it on this picture at full size")
