"""The folders of a dataset or release that hold alphas, and what lies beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from p3m_anon.errors import ImageError, UsageError
from p3m_anon.files.private import private_folder
from p3m_anon.files.probe import probe

MASK, RECORD = "mask", "layers.sqlite"
_PARTS = ("train", "validation", "P3M-500-P", "P3M-500-NP")  # of a dataset, never a dataset themselves
OnLine = Callable[[str], None]


@dataclass(frozen=True)
class LayerSet:
    """One folder with a `mask` folder in it; `name` is its posix path in the dataset, "" for a release itself."""

    name: str
    folder: Path

    @property
    def masks(self) -> Path:
        """The alphas."""
        return self.folder / MASK

    def label(self, file: str) -> str:
        """How a file of this set is called in messages and records: relative to the dataset's root."""
        return f"{self.name}/{file}" if self.name else file


def find_sets(root: Path) -> list[LayerSet]:
    """Every folder with alphas: the root itself, or folders one or two levels below, in name order."""
    if not root.is_dir():
        raise UsageError(f"{root}: no such folder")
    candidates = [root, *_subfolders(root)]
    candidates += [below for folder in candidates[1:] for below in _subfolders(folder)]
    found = [one for one in candidates if (one / MASK).is_dir()]
    return sorted((LayerSet(_name(one, root), one) for one in found), key=lambda one: one.name)


def private_of(root: Path, asked: Path | None) -> Path:
    """`ROOT.private`, or the folder that was asked for; a part of a dataset has none of its own."""
    whole = root.resolve()
    if asked is None and whole.name in _PARTS:
        raise UsageError(f"{root} is a part of a dataset; name the dataset's own folder, or a --private folder")
    return private_folder(whole, asked)


def pixels_of(path: Path) -> int:
    """Pixels of a picture; 0 for a file that will fail when it is read, which says why."""
    try:
        return probe(path).pixels
    except ImageError:
        return 0


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(one for one in folder.iterdir() if one.is_dir() and not one.name.startswith("."))
    except OSError as error:
        raise UsageError(f"{folder}: cannot be listed ({error.strerror}); check its rights") from error


def _name(folder: Path, root: Path) -> str:
    return "" if folder == root else folder.relative_to(root).as_posix()
