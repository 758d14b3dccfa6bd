"""What a person sees of `trimap` and `foreground`: a count while they run, a line for every picture that needs one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.status import Status

EVERY = 500  # plain lines: one for so many pictures


class Counter:
    """Progress and problems on stderr, so that stdout stays clean for the summary."""

    def __init__(self, what: str, quiet: bool = False) -> None:
        """what: "trimaps" and the like. quiet: nothing is shown."""
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._what, self._quiet = what, quiet
        self._status: Status | None = None
        self._done = 0

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
        """One more picture."""
        self._done += 1
        if self._status:
            self._status.update(f"{self._done} {self._what}")
        elif not self._quiet and self._done % EVERY == 0:
            self._console.print(f"{self._done} {self._what}")

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
