"""A running count on the terminal, and text that is shown and not obeyed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.status import Status


class Counter:
    """Progress and problems on stderr, so that stdout stays clean for the summary."""

    def __init__(self, what: str, quiet: bool = False, every: int = 500) -> None:
        """what: "trimaps" and the like. quiet: nothing is shown. every: plain lines come once for so many."""
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._what, self._quiet, self._every = what, quiet, every
        self._status: Status | None = None
        self._count, self._next = 0, every

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

    def done(self) -> None:
        """One more."""
        self.at(self._count + 1)

    def at(self, count: int) -> None:
        """So many are done."""
        self._count = count
        if self._status:
            self._status.update(f"{count} {self._what}")
        elif not self._quiet and count >= self._next:
            self._next = count - count % self._every + self._every
            self._console.print(f"{count} {self._what}")

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
