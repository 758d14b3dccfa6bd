"""One picture of a tree: its files are hashed and looked into, and held against each other."""

from __future__ import annotations

from collections.abc import Iterator, Set
from typing import NamedTuple

from p3m_anon.dataset.layout import Role, folder
from p3m_anon.errors import ImageError
from p3m_anon.files.dataset_files import Examined, below, examine, levels
from p3m_anon.files.remote import Location
from p3m_anon.jobs.manifest.findings import Finding
from p3m_anon.jobs.manifest.tree import Pictured

TRIMAP_LEVELS, MASK_LEVELS = frozenset((0, 128, 255)), frozenset((0, 255))


class Checked(NamedTuple):
    """files: the roles that are whole and may be listed; face masks, which no row lists, are not among them.

    is_damaged: there is a file that is not whole.
    """

    picture: Pictured
    files: dict[Role, Examined]
    findings: list[Finding]
    is_damaged: bool


def check_picture(root: Location, picture: Pictured, layers: Set[Role]) -> Checked:
    """Examine all files of a picture; `layers` are the roles that its split has at all. Runs in a thread."""
    findings, whole = [], {}
    for role, file in picture.files.items():
        found = examine(below(root, file))
        if found.problem is not None:
            kind, why = found.problem
            findings.append(Finding("truncated" if kind == "empty" else kind, file, f"{why}; it is left out"))
        else:
            whole[role] = found
            findings += _oddities(root, role, file, found)
    image = whole.get("image")
    for role, found in whole.items():
        if image is not None and found.size != image.size:
            findings.append(Finding("size", picture.files[role], f"{_wxh(found)}, its picture is {_wxh(image)}"))
    findings += _missing(picture, layers)
    is_damaged = len(whole) < len(picture.files)
    whole.pop("facemask", None)
    return Checked(picture, whole, findings, is_damaged)


def _missing(picture: Pictured, layers: Set[Role]) -> Iterator[Finding]:
    """Each picture has an alpha, in the test sets a trimap, and every layer that another of its split has."""
    needed: set[Role] = {"alpha", *layers} - {"facemask"}
    if picture.split != "train":
        needed.add("trimap")
    for role in sorted(needed - set(picture.files)):
        place = folder(picture.split, role, validation=picture.files["image"].startswith("validation/"))
        yield Finding("missing", f"{place}/{picture.stem}", f"no {role} of this picture")


def _oddities(root: Location, role: Role, file: str, found: Examined) -> Iterator[Finding]:
    if found.orientation != 1:
        yield Finding(
            "odd", file, f"EXIF turns it (orientation {found.orientation}); programs differ in whether they do"
        )
    if role in ("alpha", "trimap") and found.header is not None and found.header.channels != 1:
        yield Finding("odd", file, f"has {found.header.channels} channels, {role} files have one")
    if role in ("trimap", "facemask"):
        try:
            foreign = sorted(levels(below(root, file)) - (TRIMAP_LEVELS if role == "trimap" else MASK_LEVELS))
        except ImageError as error:
            yield Finding("values", file, str(error).partition(": ")[2])
            return
        if foreign:
            some = ", ".join(map(str, foreign[:5])) + (", ..." if len(foreign) > 5 else "")
            yield Finding("values", file, f"a {role} with grey level {some}")


def _wxh(found: Examined) -> str:
    return "{} x {}".format(*found.size) if found.size else "?"
