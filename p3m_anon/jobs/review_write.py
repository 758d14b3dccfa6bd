"""`Write now`: decisions are carried out by the very run that `blur` makes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from p3m_anon.errors import P3MError
from p3m_anon.jobs.blur import blur_folder

if TYPE_CHECKING:
    from p3m_anon.files.ledger_rows import Row
    from p3m_anon.jobs.request import BlurRequest, Summary


class Writer:
    """One run of `blur` at a time, in a thread of its own; what is done already is skipped as always."""

    def __init__(self, request: BlurRequest) -> None:
        """`request`: what the last run was asked."""
        self._request = request
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._running, self._done, self._total = False, 0, 0
        self._message, self._error = "", ""

    def start(self, total: int) -> None:
        """Begin, unless a run is under way; total: how many pictures are expected to be worked on."""
        with self._lock:
            if self._running:
                return
            self._running, self._done, self._total, self._message, self._error = True, 0, total, "", ""
            self._thread = threading.Thread(target=self._run, name="write")
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

    def _run(self) -> None:
        message, error = "", ""
        try:
            message = _said(blur_folder(self._request, on_row=self._row))
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


def _said(summary: Summary) -> str:
    """One line about the run."""
    counts = summary.counts
    parts = [f"{summary.done_now} written", f"{counts.get('accepted', 0)} released in all"]
    if counts.get("needs_review"):
        parts.append(f"{counts['needs_review']} still wait")
    if counts.get("failed") or counts.get("unsupported"):
        parts.append(f"{counts.get('failed', 0) + counts.get('unsupported', 0)} failed")
    return ", ".join(parts) + "".join(f"; {note}" for note in summary.notes[:3])
