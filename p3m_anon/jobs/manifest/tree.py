"""What lies below a root that is to be indexed: sorted into pictures and their layers by a temporary database."""

from __future__ import annotations

import json
import sqlite3
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from p3m_anon.dataset.layout import ORIGINAL, VALIDATION, Place, Role, folder, place
from p3m_anon.dataset.rows import SPLITS, Split
from p3m_anon.errors import UsageError
from p3m_anon.files.dataset_facts import SEAL, may_be_sealed
from p3m_anon.files.dataset_files import walk
from p3m_anon.files.dataset_rows import MANIFEST, read_rows
from p3m_anon.files.remote import Location
from p3m_anon.jobs.manifest.findings import Findings

ENDINGS: Mapping[Role, tuple[str, ...]] = {
    "image": (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"),
    "alpha": (".png",),
    "trimap": (".png",),
    "foreground": (".png", ".jpg"),
    "background": (".jpg", ".png"),
    "facemask": (".png",),
}
"""What we write ourselves; a facts file may say less."""

_TABLES = (
    "files (split INT, stem TEXT, role TEXT, file TEXT, PRIMARY KEY (split, stem, role, file))",
    "old (split INT, stem TEXT, row TEXT, taken INT, PRIMARY KEY (split, stem))",
    "once (what TEXT, value TEXT, file TEXT, PRIMARY KEY (what, value))",
)


class Pictured(NamedTuple):
    """One picture: its files by role, relative to the root, and the row that the old manifest has of it."""

    split: Split
    stem: str
    files: dict[Role, str]
    row: dict[str, Any] | None


class Tree:
    """The files below a root by split, role and stem. For one thread."""

    def __init__(self, root: Location, findings: Findings, endings: Mapping[Role, tuple[str, ...]] = ENDINGS) -> None:
        """Walk `root` and read the manifest that it may have; what has no place goes into `findings`."""
        self._root, self._findings, self._endings = root, findings, endings
        self._variants: dict[Split, set[bool]] = {}
        self.is_ours = False
        """Whether a row of the old manifest says that p3m-anon made its picture."""
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA cache_size = -65536")  # 64 MB: files come in no order
        for table in _TABLES:
            self._db.execute(f"CREATE TABLE {table} WITHOUT ROWID")
        self._db.execute("BEGIN")
        self._read_old()
        for file, _, kind in walk(root):
            self._sort(file, kind)
        self._name_twins()

    def pictures(self) -> Iterator[Pictured]:
        """Every picture with all that belongs to it, by split and stem."""
        query = (
            "SELECT split, stem, min(file) FROM files WHERE role = 'image' GROUP BY split, stem ORDER BY split, stem"
        )
        for split, stem, image in self._db.execute(query):
            files: dict[Role, str] = {"image": image}
            mine = "SELECT role, min(file) FROM files WHERE split = ? AND stem = ? AND role != 'image' GROUP BY role"
            files.update(self._db.execute(mine, (split, stem)))
            yield Pictured(SPLITS[split], stem, files, self._old_row(split, stem))

    def layers(self, split: Split) -> set[Role]:
        """The roles of which the split has any file."""
        query = "SELECT DISTINCT role FROM files WHERE split = ?"
        return {role for (role,) in self._db.execute(query, (SPLITS.index(split),))}

    def orphans(self) -> Iterator[str]:
        """Files of a layer whose picture is not there."""
        query = """SELECT file FROM files AS f WHERE role != 'image' AND NOT EXISTS
            (SELECT 1 FROM files AS i WHERE i.split = f.split AND i.stem = f.stem AND i.role = 'image')"""
        yield from (file for (file,) in self._db.execute(query))

    def gone(self) -> Iterator[dict[str, Any]]:
        """Rows of the old manifest whose picture is not there; complete once `pictures` has ended."""
        yield from (json.loads(row) for (row,) in self._db.execute("SELECT row FROM old WHERE NOT taken"))

    def first(self, what: str, value: str, file: str) -> str | None:
        """Note that `file` has this id, or these bytes; returns the file that had them before, or None."""
        found = self._db.execute("SELECT file FROM once WHERE what = ? AND value = ?", (what, value)).fetchone()
        if found is None:
            self._db.execute("INSERT INTO once VALUES (?, ?, ?)", (what, value, file))
        return found[0] if found else None

    def _sort(self, file: str, kind: str) -> None:
        if kind != "file":
            self._findings.add("link" if kind == "link" else "odd", file, "a link" if kind == "link" else "no file")
            return
        found = place(file)
        why = None if found is None else self._why_odd(file, found)
        if found is not None and why is None:
            self._variants.setdefault(found.split, set()).add(file.startswith(f"{VALIDATION}/"))
            values = (SPLITS.index(found.split), unicodedata.normalize("NFC", found.stem), found.role, file)
            self._db.execute("INSERT INTO files VALUES (?, ?, ?, ?)", values)
        elif file != SEAL and not ("/" not in file and may_be_sealed(file)):
            is_clear = f"/{ORIGINAL}/" in f"/{file}"
            why = why or ("clear pictures lie in P3M-500-NP only" if is_clear else "has no place in the P3M-10k form")
            self._findings.add("unblurred" if is_clear else "odd", file, why)

    def _why_odd(self, file: str, found: Place) -> str | None:
        name = file.rpartition("/")[2]
        if name.startswith("."):
            return "a hidden file"
        if "\\" in file or "\0" in file:
            return "a name that no row can hold; rename the file"
        if not name.lower().endswith(self._endings[found.role]):
            return f"{found.role} files end in {' or '.join(self._endings[found.role])}"
        return None

    def _name_twins(self) -> None:
        """Several files in one place."""
        query = "SELECT min(file), max(file) FROM files GROUP BY split, stem, role HAVING count(*) > 1"
        for first, other in self._db.execute(query):
            self._findings.add("duplicate", other, f"the same stem as {first}")
        for split, variants in self._variants.items():
            if len(variants) > 1 and split != "train":
                self._findings.add("odd", folder(split, "image").rpartition("/")[0], f"also lies without {VALIDATION}/")

    def _read_old(self) -> None:
        if not (self._root / MANIFEST).is_file():
            return
        for row in read_rows(self._root / MANIFEST):
            found = place(row["image"])
            if found is None:
                raise UsageError(
                    f"{self._root} is a release or has rows of one ({row['image']}); split makes a dataset of it,"
                    " manifest verify checks it"
                )
            self.is_ours |= row.get("detector") is not None
            stem = unicodedata.normalize("NFC", found.stem)
            values = (SPLITS.index(found.split), stem, json.dumps(row))
            self._db.execute("INSERT OR IGNORE INTO old VALUES (?, ?, ?, 0)", values)

    def _old_row(self, split: int, stem: str) -> dict[str, Any] | None:
        found = self._db.execute("SELECT row FROM old WHERE split = ? AND stem = ?", (split, stem)).fetchone()
        if found is None:
            return None
        self._db.execute("UPDATE old SET taken = 1 WHERE split = ? AND stem = ?", (split, stem))
        row: dict[str, Any] = json.loads(found[0])
        return row


def id_of(picture: Pictured) -> str:
    """The id that the picture has or gets."""
    return str(picture.row["id"]) if picture.row else picture.stem
