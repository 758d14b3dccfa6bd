"""`manifest diff` and `manifest show`: what two manifests say differently, and what one says of a picture."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from p3m_anon.dataset.rows import FILE_KEYS, KEYS
from p3m_anon.errors import UsageError
from p3m_anon.files.dataset_rows import MANIFEST, read_rows
from p3m_anon.files.ledger_rows import id_key
from p3m_anon.files.private import private_folder
from p3m_anon.files.remote import Location
from p3m_anon.jobs.split.plan import PLAN

if TYPE_CHECKING:
    from p3m_anon.files.recall_list import Listed

CHANGES = ("added", "removed", "moved", "changed")


class Change(NamedTuple):
    """before, after: the splits. fields: which differ; of a picture that moved without its paths, which move along.

    kind: one of CHANGES. Of a listed picture also `same` (both have it, unchanged) and `nowhere` (neither has it).
    """

    kind: Literal["added", "removed", "moved", "changed", "same", "nowhere"]
    id: str
    before: str | None
    after: str | None
    fields: tuple[str, ...] = ()

    def to_json(self) -> str:
        """One line."""
        return json.dumps(self._asdict(), ensure_ascii=False)


class ManifestDiff:
    """Two manifests, joined in a temporary database."""

    def __init__(self, before: Location, after: Location, only: Sequence[Listed] | None = None) -> None:
        """Read both; each is a manifest file or a folder that holds one. UsageError where one cannot be read.

        only: the pictures that are compared, None for all. A dataset of opaque ids is known by its private plan.
        """
        self.counts: Counter[str] = Counter(dict.fromkeys(CHANGES, 0))
        self._only = None if only is None else _ids(only, (before, after))
        self._db = sqlite3.connect("", isolation_level=None)
        for name, path in (("a", before), ("b", after)):
            self._db.execute(f"CREATE TABLE {name} (id TEXT PRIMARY KEY, split TEXT, row TEXT) WITHOUT ROWID")
            self._db.execute("BEGIN")
            self._read(name, manifest_of(path))
            self._db.execute("COMMIT")

    def changes(self) -> Iterator[Change]:
        """All differences: by kind in the order of CHANGES, then by id. `counts` is complete when it ends."""
        self.counts = Counter(dict.fromkeys(CHANGES, 0))
        for change in self._changes():
            if self._only is None or change.id in self._only:
                self.counts[change.kind] += 1
                yield change

    @property
    def differ(self) -> bool:
        """Whether any picture was added, removed, moved or changed."""
        return any(self.counts[kind] for kind in CHANGES)

    def _changes(self) -> Iterator[Change]:
        alone = "SELECT id, split FROM {0} AS x WHERE NOT EXISTS (SELECT 1 FROM {1} AS y WHERE y.id = x.id) ORDER BY id"
        for name, split in self._db.execute(alone.format("b", "a")):
            yield Change("added", name, None, split or None)
        for name, split in self._db.execute(alone.format("a", "b")):
            yield Change("removed", name, split or None, None)
        both = "SELECT id, a.split, b.split, a.row, b.row FROM a JOIN b USING (id) WHERE {} ORDER BY id"
        for name, before, after, old, new in self._db.execute(both.format("a.split != b.split")):
            fields = tuple(key for key in _differing(old, new) if key != "split" and key not in FILE_KEYS)
            yield Change("moved", name, before or None, after or None, fields)
        for name, before, after, old, new in self._db.execute(both.format("a.split = b.split AND a.row != b.row")):
            yield Change("changed", name, before or None, after or None, tuple(_differing(old, new)))
        for name in sorted(self._only or ()):
            yield from self._unchanged(name)

    def _unchanged(self, name: str) -> Iterator[Change]:
        """A listed picture of which there is nothing else to say."""
        query = "SELECT (SELECT row FROM a WHERE id = ?1), (SELECT row FROM b WHERE id = ?1)"
        before, after = self._db.execute(query, (name,)).fetchone()
        if before is None and after is None:
            yield Change("nowhere", name, None, None)
        elif before == after:
            split = json.loads(before)["split"] if before else None
            yield Change("same", name, split, split)

    def _read(self, table: str, file: Location) -> None:
        for row in read_rows(file):
            values = (_text(row["id"]), _text(str(row.get("split") or "")), json.dumps(row, sort_keys=True))
            if self._db.execute(f"INSERT OR IGNORE INTO {table} VALUES (?, ?, ?)", values).rowcount != 1:
                raise UsageError(f"{file}: the id {row['id']} is there twice; manifest verify lists all such ids")


def _ids(listed: Sequence[Listed], roots: Sequence[Location]) -> frozenset[str]:
    """The ids that listed pictures have in manifests: the release's, and that of each dataset split from it."""
    mapped: dict[str, set[str]] = {}
    for root in roots:
        plan = private_folder(root) / PLAN if isinstance(root, Path) and root.is_dir() else None
        if plan is None or not plan.is_file():
            continue
        with closing(sqlite3.connect(f"{plan.absolute().as_uri()}?mode=ro", uri=True)) as db:
            for one in listed:
                found = db.execute("SELECT id FROM pictures WHERE path = ?", (one.path,))
                mapped.setdefault(one.path, set()).update(name for (name,) in found)
    return frozenset(_text(name) for one in listed for name in mapped.get(one.path) or {one.id})


def manifest_of(path: Location) -> Location:
    """The manifest that a path means: itself, or the one in that folder."""
    return path / MANIFEST if path.is_dir() else path


def rows_of(root: Location, name: str) -> list[dict[str, Any]]:
    """The rows with this id, in any case and form of writing; a sound manifest has at most one."""
    wanted = id_key(name)
    return [row for row in read_rows(manifest_of(root)) if id_key(row["id"]) == wanted]


def _differing(old: str, new: str) -> list[str]:
    before, after = json.loads(old), json.loads(new)
    keys = [*KEYS, *sorted((set(before) | set(after)) - set(KEYS))]
    return [key for key in keys if before.get(key) != after.get(key)]


def _text(value: str) -> str:
    return value.encode("utf-8", "backslashreplace").decode()
