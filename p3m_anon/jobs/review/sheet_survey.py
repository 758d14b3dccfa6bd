"""A walk through the pictures of a filter: which of them sheets may offer, and why the others are left."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Set
from typing import TYPE_CHECKING, Any

from p3m_anon.files.decisions import Decisions
from p3m_anon.jobs.review.sheet_places import Offered, offer

if TYPE_CHECKING:
    from p3m_anon.files.ledger import Ledger

PAGE = 200  # rows that are read at once, so that others can ask the ledger in between


class Survey:
    """Used from several threads; the pictures come in path order."""

    def __init__(self, ask: Callable[[Callable[[Ledger], Any]], Any], wanted: str) -> None:
        """ask: runs a question in the ledger's thread; wanted: a queue of `files.decisions`."""
        self._ask, self._wanted = ask, wanted
        self._lock = threading.Lock()
        self._after: str | None = None
        self._waiting: deque[Offered] = deque()
        self._all: list[Offered] = []
        self._left: Counter[str] = Counter()
        self._complete = self._ended = False

    def take(self, besides: Set[str] = frozenset()) -> Offered | None:
        """The next picture that may be offered, as the ledger has it now; None when all were taken.

        besides: paths that come last.
        """
        while (next_one := self._next(besides)) is not None:
            if (now := self.again(next_one)) is not None:
                return now
        return None

    def again(self, picture: Offered) -> Offered | None:
        """The picture as the ledger has it now; None, and counted, if it may not be offered any more."""
        now = self._ask(lambda ledger: _offer(ledger, picture.path))
        if isinstance(now, str):
            self.leave(now)
        return now if isinstance(now, Offered) else None

    def put_back(self, *pictures: Offered) -> None:
        """Pictures that did not fit: they come first again."""
        with self._lock:
            self._waiting.extendleft(reversed(pictures))

    def leave(self, why: str) -> None:
        """One more picture is left to the single page."""
        with self._lock:
            self._left[why] += 1

    def others(self, paths: set[str]) -> list[Offered]:
        """Pictures known so far besides `paths`, and besides those that come next if there are more."""
        with self._lock:
            rest = [one for one in self._all if one.path not in paths]
            soon = {one.path for one, _ in zip(self._waiting, range(PAGE // 4), strict=False)}
        return [one for one in rest if one.path not in soon] or rest

    def finish(self) -> None:
        """Go through all that is left."""
        while True:
            with self._lock:
                if self._complete or self._ended:
                    return
                self._read()

    def end(self) -> None:
        """Nobody asks any more."""
        self._ended = True

    def to_json(self) -> dict[str, Any]:
        """What is left to the single page: {complete, waiting, singly: [{why, pictures}]}; see `review.desk.Sheets`."""
        with self._lock:
            singly = [{"why": why, "pictures": count} for why, count in sorted(self._left.items())]
            return {"complete": self._complete, "waiting": len(self._waiting), "singly": singly}

    def _next(self, besides: Set[str]) -> Offered | None:
        with self._lock:
            while True:
                index = next((i for i, one in enumerate(self._waiting) if one.path not in besides), None)
                if index is not None or self._complete:
                    break
                self._read()
            if not self._waiting:
                return None
            found = self._waiting[index or 0]
            del self._waiting[index or 0]
            return found

    def _read(self) -> None:
        found, left, last = self._ask(lambda ledger: _page(ledger, self._wanted, self._after))
        self._waiting.extend(found)
        self._all.extend(found)
        self._left.update(left)
        self._after, self._complete = last, last is None


def _page(ledger: Ledger, wanted: str, after: str | None) -> tuple[list[Offered], list[str], str | None]:
    """Pictures to offer, why others are left, and the last path that was read; None at the end."""
    rows = Decisions(ledger).listed(wanted, after, PAGE)
    answers = [_offer(ledger, row.path) for row in rows if row.open]
    found = [one for one in answers if isinstance(one, Offered)]
    left = [one for one in answers if isinstance(one, str)]
    return found, left, rows[-1].path if len(rows) == PAGE else None


def _offer(ledger: Ledger, path: str) -> Offered | str | None:
    row = ledger.row(path)
    return None if row is None else offer(ledger, row)
