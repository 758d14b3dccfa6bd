"""`Write now`: decisions are carried out by the very run that `blur` makes."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

from p3m_anon.errors import P3MError
from p3m_anon.jobs.blur.run import blur_folder

if TYPE_CHECKING:
    from p3m_anon.files.ledger_rows import Row
    from p3m_anon.jobs.blur.request import BlurRequest


class Writer:
    """One run of `blur` at a time, in a thread of its own; what is done already is skipped as always."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._running, self._done, self._total = False, 0, 0
        self._became: Counter[str] = Counter()
        self._message, self._error = "", ""

    def start(self, request: BlurRequest, total: int) -> None:
        """Begin, unless a run is under way; total: how many pictures are expected to be worked on."""
        with self._lock:
            if self._running:
                return
            self._running, self._done, self._total, self._message, self._error = True, 0, total, "", ""
            self._became.clear()
            self._thread = threading.Thread(target=self._run, args=(request,), name="write")
            self._thread.start()

    def state(self) -> dict[str, Any]:
        """See `Desk.writing`."""
        with self._lock:
            return {
                "running": self._running,
                "done": self._done,
                "total": max(self._total, self._done),
                "message": self._message,
                "error": self._error or None,
            }

    def wait(self) -> None:
        """Until the run is over."""
        if self._thread is not None:
            self._thread.join()

    def _run(self, request: BlurRequest) -> None:
        message, error = "", ""
        try:
            summary = blur_folder(request, on_row=self._row)
            message = _said(self._became) + "".join(f"; {note}" for note in summary.notes[:3])
        except P3MError as problem:
            error = str(problem)
        except Exception as problem:  # the page has to be told, whatever it is
            error = f"unexpected {type(problem).__name__}: {problem}; run `p3m-anon blur` in a terminal to see more"
        with self._lock:
            self._running, self._message, self._error = False, message, error

    def _row(self, row: Row, fresh: bool) -> None:
        if fresh:
            with self._lock:
                self._done += 1
                self._became[row.status] += 1


def _said(became: Counter[str]) -> str:
    """What became of the pictures that were worked on."""
    words = {"accepted": "released", "excluded": "left out", "needs_review": "sent back", "withdrawn": "withdrawn"}
    parts = [f"{count} {words.get(status, status)}" for status, count in sorted(became.items())]
    return ", ".join(parts) or "nothing to do"
