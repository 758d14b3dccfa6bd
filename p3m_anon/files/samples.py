"""Spot checks of what was released, in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from p3m_anon.dataset.sampling import draw_sample, statement
from p3m_anon.files.ledger_errors import now

if TYPE_CHECKING:
    from p3m_anon.files.ledger import Ledger

COVERED, MISSED = "covered", "missed"


@dataclass(frozen=True)
class Sample:
    """A spot check so far.

    size: pictures drawn that still count. asked: how many were asked for. population: released pictures when it was
    drawn.
    """

    number: int
    size: int
    answered: int
    missed: int
    population: int
    at: str
    seed: int
    asked: int

    @property
    def is_finished(self) -> bool:
        """Every picture has an answer."""
        return self.answered == self.size

    @property
    def statement(self) -> str | None:
        """What it says, once it is finished."""
        return statement(self.missed, self.size, self.population) if self.is_finished and self.size else None


class Samples:
    """The spot checks of one ledger; used from its thread."""

    def __init__(self, ledger: Ledger) -> None:
        """The newest one counts."""
        self._ledger, self._db = ledger, ledger.db

    def newest(self) -> Sample | None:
        """The spot check that was drawn last.

        A picture whose released file has changed since is out of it: its answer was about another file.
        """
        row = self._db.execute("SELECT * FROM samples ORDER BY n DESC LIMIT 1").fetchone()
        if row is None:
            return None
        query = (
            "SELECT count(*), count(s.answer), coalesce(sum(s.answer = 'missed'), 0) FROM sample_items s"
            " LEFT JOIN outputs o ON o.path = s.path AND o.role = 'image'"
            " WHERE s.sample = ? AND (s.answer = 'missed' OR o.sha256 IS s.output_sha256)"
        )
        size, answered, missed = self._db.execute(query, (row["n"],)).fetchone()
        return Sample(row["n"], size, answered, missed, row["population"], row["at"], row["seed"], row["asked"])

    def draw(self, size: int, seed: int, who: str) -> Sample:
        """Draw a new one from all that is released now."""
        population = self._ledger.counts().get("accepted", 0)
        items = draw_sample(self._released(), size, seed)
        with self._ledger.transaction():
            values = (now(), who, seed, size, population)
            number = self._db.execute(
                "INSERT INTO samples (at, who, seed, asked, population) VALUES (?, ?, ?, ?, ?)", values
            ).lastrowid
            rows = ((number, place, *item) for place, item in enumerate(items))
            self._db.executemany(
                "INSERT INTO sample_items (sample, place, path, output_sha256) VALUES (?, ?, ?, ?)", rows
            )
            self._ledger.note(f"sample {number}: {len(items)} of {population}", None, None, who)
        sample = self.newest()
        assert sample is not None
        return sample

    def answer(self, path: str, answer: str | None, who: str) -> bool:
        """Note an answer (None takes it back) for a picture of the newest sample; False if it is not in it.

        A miss stays a miss once the released file was made again.
        """
        if answer != MISSED and self._is_repaired(path):
            return True
        with self._ledger.transaction():
            changed = self._db.execute(
                "UPDATE sample_items SET answer = ?, who = ?, at = ?"
                " WHERE path = ? AND sample = (SELECT max(n) FROM samples)",
                (answer, who, now(), path),
            ).rowcount
            if changed:
                self._ledger.note(f"sample: {answer or 'open again'}", path, None, who)
                newest = self.newest()
                assert newest is not None
                self._db.execute("UPDATE samples SET statement = ? WHERE n = ?", (newest.statement, newest.number))
        return bool(changed)

    def statements(self) -> list[str]:
        """What every finished spot check said, oldest first; later repairs do not change it."""
        query = "SELECT at, statement FROM samples WHERE statement IS NOT NULL ORDER BY n"
        return [f"{at[:10]}: {said}" for at, said in self._db.execute(query)]

    def was_drawn(self, seed: int) -> bool:
        """Has a spot check been drawn with this seed? The same pictures again would say nothing new."""
        return self._db.execute("SELECT 1 FROM samples WHERE seed = ? LIMIT 1", (seed,)).fetchone() is not None

    def answer_of(self, path: str) -> str | None:
        """What was said of a picture in the newest sample."""
        query = "SELECT answer FROM sample_items WHERE path = ? AND sample = (SELECT max(n) FROM samples)"
        row = self._db.execute(query, (path,)).fetchone()
        return row[0] if row else None

    def _is_repaired(self, path: str) -> bool:
        query = (
            "SELECT 1 FROM sample_items s LEFT JOIN outputs o ON o.path = s.path AND o.role = 'image' WHERE s.path = ?"
            " AND s.sample = (SELECT max(n) FROM samples) AND s.answer = 'missed' AND o.sha256 IS NOT s.output_sha256"
        )
        return self._db.execute(query, (path,)).fetchone() is not None

    def _released(self) -> Iterator[tuple[str, str]]:
        """Path and released file's sha256 of all accepted pictures of this run, in path order."""
        query = (
            "SELECT i.path, o.sha256 FROM inputs i JOIN outputs o ON o.path = i.path AND o.role = 'image'"
            " WHERE i.seen = ? AND i.status = 'accepted' ORDER BY i.path"
        )
        for row in self._db.execute(query, (self._ledger.run,)):
            yield row[0], row[1]
