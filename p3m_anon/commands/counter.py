"""A running count on the terminal, and text that is shown and not obeyed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.progress import Progress
    from rich.status import Status


class Counter:
    """Progress and problems on stderr, so that stdout stays clean for the summary."""

    def __init__(self, what: str, quiet: bool = False, every: int = 500) -> None:
        """what: "trimaps" and the like. quiet: nothing is shown. every: plain lines come once for so many."""
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._what, self._quiet, self._every = what, quiet, every
        self._status: Status | None = None
        self._count, self._next = 0, every
        self._progress: Progress | None = None
        self._total, self._start = 0, 0.0

    def __enter__(self) -> Counter:
        """Itself."""
        if self._console.is_terminal and not self._quiet:
            self._status = self._console.status(self._what)
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the count off the terminal."""
        if self._status:
            self._status.stop()
        if self._progress:
            self._progress.stop()

    def expect(self, total: int) -> None:
        """Say how many there will be: a bar with the time left takes the running count's place."""
        self._total, self._start = total, time.monotonic()
        if not self._status:
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._status.stop()
        self._status = None
        columns = (BarColumn(), MofNCompleteColumn(), TextColumn(self._what), TimeRemainingColumn())
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._task = self._progress.add_task(self._what, total=total)
        self._progress.start()

    def done(self) -> None:
        """One more."""
        self.at(self._count + 1)

    def at(self, count: int) -> None:
        """So many are done."""
        self._count = count
        if self._progress:
            self._progress.update(self._task, completed=count)
        elif self._status:
            self._status.update(f"{count} {self._what}")
        elif not self._quiet and count >= self._next:
            self._next = count - count % self._every + self._every
            self._console.print(f"{self._counted(count)} {self._what}")

    def _counted(self, count: int) -> str:
        """With the total and the time left, once they are known."""
        if not self._total:
            return str(count)
        left = (time.monotonic() - self._start) * (self._total - count) / max(count, 1)
        return f"{count} of {self._total} (about {left / 60:.0f} min left)"

    def line(self, text: str) -> None:
        """Something that a person should know now."""
        if not self._quiet:
            self._console.print(printable(text))


def printable(text: str) -> str:
    """File names may hold line ends, terminal codes and marks that turn the text around; shown, not obeyed."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def count(number: int, one: str) -> str:
    """The number and its noun."""
    return f"{number} {one}{'' if number == 1 else 's'}"
