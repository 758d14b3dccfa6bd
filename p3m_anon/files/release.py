"""Where a picture's files lie in the release folder and in the private one, and their removal."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from p3m_anon.dataset.layout import split_folder
from p3m_anon.dataset.rows import SPLITS
from p3m_anon.files.atomic import write_bytes
from p3m_anon.files.dataset_rows import MANIFEST
from p3m_anon.files.headers import EXTENSIONS
from p3m_anon.files.inside import check_inside, remove_inside
from p3m_anon.files.ledger_rows import Output

FOR_LOOKING = frozenset({"thumbnail", "figure"})  # can be thrown away without losing a result
IMAGE_FOLDERS = ("blurred_image", "original_image")  # the second for pictures that may stay as they are
LAYER_FILES = (("trimap", ".png"), ("fg", ".png"), ("bg", ".jpg"), ("bg", ".png"))
"""Folder and ending of what `trimap` and `foreground` make of a released picture."""

PRIVATE_ROLES = FOR_LOOKING | {"facemask"}


def published_above(folder: Path) -> Path | None:
    """The release or dataset, with a manifest or in P3M-10k's form, that a folder is or lies in; None for no such."""
    parts = [split_folder(split, validation=below) for split in SPLITS for below in (True, False)]
    for one in (*reversed(folder.resolve().parents), folder.resolve()):
        if (one / MANIFEST).is_file() or any((one / part / "mask").is_dir() for part in parts):
            return one
    return None


class Release:
    """Writes outputs and removes them; `out` holds only what may be published, `private` the rest."""

    def __init__(self, out: Path, private: Path) -> None:
        """Nothing is created before the first write."""
        self.out, self.private = out, private

    def place(self, role: str) -> Path:
        """The folder that an output's `file` is relative to."""
        return self.private if role in PRIVATE_ROLES else self.out

    def write(self, role: str, file: str, data: bytes) -> Output:
        """Write one output atomically; private files are readable by their owner only."""
        check_inside(self.place(role), self.place(role) / file)
        write_bytes(self.place(role) / file, data, private=role in PRIVATE_ROLES)
        return Output(role, file, len(data), hashlib.sha256(data).hexdigest())

    def present(self, outputs: Iterable[Output], *, rehash: bool = False) -> bool:
        """Every output is there with its recorded size (and, with rehash, its content)."""
        for output in outputs:
            if output.role in FOR_LOOKING:
                continue
            path = self.place(output.role) / output.file
            try:
                if path.stat().st_size != output.size:
                    return False
                if rehash and hashlib.sha256(path.read_bytes()).hexdigest() != output.sha256:
                    return False
            except OSError:
                return False
        return True

    def clear(self, name: str, old: Iterable[Output], keep: Iterable[Output] = ()) -> None:
        """Remove what a picture has in the release and private folders, layers too, but for `keep`.

        Removed are the recorded outputs and every file that a run killed before its ledger row was
        written may have left under this id.
        """
        kept = {self.place(o.role) / o.file for o in keep}
        stale = {self.place(o.role) / o.file for o in old}
        stale |= {self.out / folder / f"{name}{ext}" for folder in IMAGE_FOLDERS for ext in EXTENSIONS.values()}
        stale |= {self.out / "mask" / f"{name}.png", self.out / "facemask" / f"{name}.png"}
        stale |= {self.out / folder / f"{name}{ending}" for folder, ending in LAYER_FILES}
        stale |= {self.private / "facemask" / f"{name}.png"}
        for path in stale - kept:
            remove_inside(self.out if path.is_relative_to(self.out) else self.private, path)
