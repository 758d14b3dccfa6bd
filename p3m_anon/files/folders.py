"""Folders of pictures: which files are pictures, and which file belongs to which picture."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from p3m_anon.errors import UsageError
from p3m_anon.files.headers import sniff

_READ = (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".tif", ".tiff", ".bmp", ".dib")
_NAMED = (".apng", ".gif", ".heic", ".heif", ".hif", ".avif", ".jxl", ".jp2", ".j2k", ".psd")  # not read, not ignored
PICTURE_ENDINGS = frozenset(_READ + _NAMED)
PICTURES = ("original_image", "image", "images")
ALPHAS = ("mask", "alpha", "alphas")
AS_DRAWN = ".as_drawn"
"""Before the ending of a manual mask's name: no transition exclusion."""

_ENDINGS = {"manual_mask": frozenset((".png", ".json")), "landmarks": frozenset((".pts", ".npy", ".json"))}


@dataclass(frozen=True)
class Folders:
    """Where the pictures of a folder lie, and the alphas if there are any."""

    pictures: Path
    alphas: Path | None


def locate(folder: Path) -> Folders:
    """Find pictures and alphas in `folder`.

    Pictures lie in its `original_image`, `image` or `images`, else in itself; alphas in `mask`, `alpha` or `alphas`.
    Leave the alphas out of a walk with `find_pictures(pictures, exclude=[alphas])`. Raises UsageError if it is no
    folder or holds several of the same kind.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder")
    return Folders(_only(folder, PICTURES) or folder, _only(folder, ALPHAS))


def _only(folder: Path, names: tuple[str, ...]) -> Path | None:
    found = [folder / name for name in names if (folder / name).is_dir()]
    if len(found) > 1:
        raise UsageError(f"{folder} holds {' and '.join(p.name for p in found)}; name the one that is meant")
    return found[0] if found else None


def find_pictures(root: Path, exclude: Iterable[Path] = (), *, follow_links: bool = False) -> Iterator[Path]:
    """All picture files in `root` and below, one at a time; within each folder sorted by name.

    A picture has a picture's ending (any case), or another or none and begins like one. Left out are the folders in
    `exclude` and all that is hidden, our temporary files among it. Links to folders are not followed, links to files
    only inside `root`, so nothing outside is read; with `follow_links` all are, each folder once, so that nothing
    loops. Raises UsageError for a folder that cannot be listed.
    """
    for path in _files(root, exclude, follow_links):
        if path.suffix.lower() in PICTURE_ENDINGS or _begins_like_a_picture(path):
            yield path


def walk_stems(root: Path, role: str) -> Iterator[tuple[str, Path]]:
    """(stem, file) of all files in `root` and below that can play `role`: "alpha", "manual_mask" or "landmarks".

    The stem of a manual mask does not contain `.as_drawn`.
    """
    if role == "alpha":
        yield from ((stem_of(path.relative_to(root)), path) for path in find_pictures(root))
        return
    for path in _files(root):
        if path.suffix.lower() in _ENDINGS[role]:
            stem = _normal(path.relative_to(root).with_suffix("").as_posix())
            yield (stem.removesuffix(AS_DRAWN) if role == "manual_mask" else stem), path


def stem_of(relative: Path) -> str:
    """What ties a picture to its alpha: the relative path without a picture's ending, posix, NFC.

    Only known endings are cut off: `holiday.2020` without an ending is not `holiday`.
    """
    known = relative.suffix.lower() in PICTURE_ENDINGS
    return _normal((relative.with_suffix("") if known else relative).as_posix())


def _normal(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _files(root: Path, exclude: Iterable[Path] = (), follow_links: bool = False) -> Iterator[Path]:
    """Regular files below `root`, a folder's own files and subfolders in one order by name."""
    inside = os.path.realpath(root)
    left_out = {os.path.realpath(path) for path in exclude} | ({inside} if follow_links else set())
    waiting = [(root, inside, iter(_list(root, follow_links)))]
    while waiting:
        folder, real_folder, entries = waiting[-1]
        for name, is_folder in entries:
            path = folder / name
            if is_folder:
                # resolved step by step: from the root, each of thousands of nested folders would resolve all above it
                real = os.path.realpath(path) if path.is_symlink() else os.path.join(real_folder, name)
                if real not in left_out:
                    if follow_links:
                        left_out.add(real)  # a link back up, or a second way to the same folder
                    waiting.append((path, real, iter(_list(path, follow_links))))
                    break
            elif follow_links or not path.is_symlink() or _lies_in(path, inside):
                yield path
        else:
            waiting.pop()


def _list(folder: Path, follow_links: bool = False) -> list[tuple[str, bool]]:
    """(name, is a folder) of what is neither hidden nor something other than file, folder or link to a file.

    Plain names, not Paths: a flat folder may hold a million pictures.
    """
    try:
        with os.scandir(folder) as entries:
            return sorted(
                (entry.name, kind == "folder")
                for entry in entries
                if not entry.name.startswith(".") and (kind := _kind(entry, follow_links))
            )
    except OSError as error:
        raise UsageError(f"{folder}: cannot be listed ({os.strerror(error.errno or 5)}); check its rights") from error


def _kind(entry: os.DirEntry[str], follow_links: bool) -> str:
    """`folder`, `file`, or "" for anything else, a link that leads nowhere or to itself among it."""
    try:
        if entry.is_dir(follow_symlinks=follow_links):
            return "folder"
        return "file" if entry.is_file() else ""
    except OSError:
        return ""


def _lies_in(link: Path, root: str) -> bool:
    return Path(os.path.realpath(link)).is_relative_to(root)


def _begins_like_a_picture(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return sniff(stream.read(32)) is not None
    except OSError:
        return False  # no ending and no content to go by: nothing says that it is a picture
