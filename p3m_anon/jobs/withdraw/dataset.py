"""Pictures leave a dataset that was split from a release."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from p3m_anon.dataset.layout import ROLES, folder
from p3m_anon.dataset.rows import FILE_KEYS, SPLITS
from p3m_anon.errors import UsageError
from p3m_anon.files.dataset_facts import UNSPLIT, read_facts, seal, write_facts
from p3m_anon.files.dataset_rows import MANIFEST, read_rows, write_rows
from p3m_anon.files.erasure import scrub
from p3m_anon.files.headers import EXTENSIONS
from p3m_anon.files.inside import remove_inside
from p3m_anon.files.private import private_folder
from p3m_anon.jobs.foreground.record import LayersRecord
from p3m_anon.jobs.foreground.sets import RECORD
from p3m_anon.jobs.split.files import ORIGINALS
from p3m_anon.jobs.split.plan import PLAN, group_sizes
from p3m_anon.jobs.train.leaks import CACHE

DATASHEET = "DATASHEET.md"


class Dataset:
    """One dataset root with the private plan of its split."""

    def __init__(self, root: Path, release: Path) -> None:
        """Raises UsageError where `split` did not make it."""
        self.root, self.private = root.absolute(), private_folder(root.absolute())
        if not (self.private / PLAN).is_file():
            raise UsageError(f"{self.private / PLAN} is not there: `split` did not make {root}; name another --root")
        self._db = sqlite3.connect(self.private / PLAN, isolation_level=None)
        self.is_scrubbed = True  # nothing of what was removed is left in a record's file
        found = self._db.execute("SELECT value FROM facts WHERE name = 'folders'").fetchone()
        folders = json.loads(found[0]) if found else {}
        self._origins = tuple(name for name, folder in folders.items() if Path(folder) == release)
        if not self._origins:
            raise UsageError(f"{root} was not split from {release}; name the release that it was made from")

    def __enter__(self) -> Dataset:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the plan."""
        self._db.close()

    def path_of(self, name: str) -> str | None:
        """The path, in the release's ledger, of a picture of the dataset; None if no picture has this id."""
        found = self._db.execute("SELECT path, origin FROM pictures WHERE id = ?", (name,)).fetchone()
        return found[0] if found and found[1] in self._origins else None

    def remove(self, paths: set[str]) -> list[str]:
        """Remove pictures by their path in the release's ledger; the files that were there."""
        ids = {name: split for path in sorted(paths) for name, split in self._ids(path)}
        if not ids:
            return []
        removed = [self._unlink(path) for name, split in ids.items() for path in self._files(name, SPLITS[split])]
        for row in read_rows(self.root / MANIFEST):
            if row["id"] in ids:
                removed += [self._unlink(self.root / row[key]) for key in FILE_KEYS if row.get(key)]
        self._rewrite(set(ids))
        self._forget(ids)
        return sorted({one for one in removed if one is not None})

    def _ids(self, path: str) -> list[tuple[str, int]]:
        found = self._db.execute("SELECT id, split, origin FROM pictures WHERE path = ?", (path,)).fetchall()
        return [(name, split) for name, split, origin in found if origin in self._origins]

    def _files(self, name: str, split: Any) -> Iterator[Path]:
        """Wherever a file of this id may lie, listed or not."""
        endings = sorted(EXTENSIONS.values())
        for role in ROLES:
            for validation in (True, False):
                place = self.root / folder(split, role, validation=validation)
                yield from (place / f"{name}{ending}" for ending in endings)
        originals = self.private / ORIGINALS / split
        if originals.is_dir():
            yield from (path for path in originals.rglob("*") if path.stem == Path(name).name and path.is_file())

    def _unlink(self, path: Path) -> str | None:
        root = self.root if path.is_relative_to(self.root) else self.private
        return str(path.relative_to(self.root.parent)) if remove_inside(root, path) else None

    def _rewrite(self, ids: set[str]) -> None:
        """Manifest, facts and seal without them."""
        counts: dict[str, dict[str, int]] = {}

        def kept() -> Iterator[dict[str, Any]]:
            for row in read_rows(self.root / MANIFEST):
                if row["id"] not in ids:
                    of_split = counts.setdefault(row["split"] or UNSPLIT, {})
                    of_split[row["status"]] = of_split.get(row["status"], 0) + 1
                    yield row

        write_rows(self.root / MANIFEST, kept())
        facts = read_facts(self.root)
        if facts is not None:
            groups, largest = group_sizes(self._db, without=ids)
            split = facts.split and replace(facts.split, groups=groups, largest_group=largest)
            write_facts(self.root, replace(facts, counts=counts, split=split))
        (self.root / DATASHEET).unlink(missing_ok=True)  # its numbers are no longer true
        seal(self.root)

    def _forget(self, ids: Iterable[str]) -> None:
        """Out of the private records."""
        (self.private / CACHE).unlink(missing_ok=True)  # fingerprints; the next training makes them again
        if (self.private / RECORD).is_file():
            with LayersRecord(self.private) as layers:
                self.is_scrubbed &= layers.erase(ids)
        for name in ids:
            self._db.execute("DELETE FROM pictures WHERE id = ?", (name,))
        self.is_scrubbed &= scrub(self._db)
