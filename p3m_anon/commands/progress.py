"""What a person sees of a run: a bar on a terminal, plain lines elsewhere, and the end of it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from p3m_anon.commands.counter import count, printable

if TYPE_CHECKING:
    from types import TracebackType

    from p3m_anon.files.ledger_rows import Row
    from p3m_anon.jobs.blur.request import Summary

LISTED = 20  # pictures named per group at the end; the report has all
EVERY = 500  # plain lines: one for so many pictures
SHORT = {"accepted": "released", "needs_review": "review"}


class Reporter:
    """Progress on stderr, so that stdout stays clean for a summary."""

    def __init__(self, quiet: bool = False) -> None:
        """quiet: only problems are shown."""
        self._console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
        self._quiet = quiet
        self._counts: Counter[str] = Counter()
        self._listed: dict[str, list[str]] = {}
        self._progress: Progress | None = None
        self._done = self._total = 0

    def __enter__(self) -> Reporter:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Take the bar off the terminal."""
        if self._progress:
            self._progress.stop()

    def start(self, summary: Summary) -> None:
        """Say what is about to happen."""
        self._total = summary.inputs
        if self._quiet:
            return
        device = f" on {summary.device}" if summary.detector == "face-alignment" else ""
        looks = f"detector {summary.detector}{device}, second look {summary.second}"
        self._console.print(f"{summary.inputs} pictures; {looks}; {summary.alphas}")
        if summary.outdated:
            self._console.print(_outdated(summary))
        if self._console.is_terminal:
            columns = (
                *(BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"), TimeRemainingColumn()),
                TextColumn("{task.fields[counts]}"),
            )
            self._progress = Progress(*columns, console=self._console, transient=True)
            self._task = self._progress.add_task("blur", total=summary.inputs, rate="", counts="")
            self._progress.start()

    def row(self, row: Row, fresh: bool) -> None:
        """One picture is done (fresh: just now)."""
        self._done += 1
        self._counts[row.status] += 1
        group = row.reason if row.status == "needs_review" else row.status
        if row.status == "accepted":
            group = "released, with a note" if row.detail else None
        if group:
            names = self._listed.setdefault(group, [])
            if len(names) <= LISTED:
                names.append(_line(row))
        if self._progress:
            speed = self._progress.tasks[0].finished_speed or self._progress.tasks[0].speed
            rate = f"{speed:.1f}/s" if speed else ""
            self._progress.update(self._task, advance=1, rate=rate, counts=self._counted())
        elif not self._quiet and self._done % EVERY == 0:
            self._console.print(f"{self._done} of {self._total}: {self._counted()}")

    def conclude(self, summary: Summary, *, dry_run: bool = False) -> None:
        """What was done, what waits for whom, and where to look."""
        out = Console(highlight=False, soft_wrap=True, markup=False)
        if dry_run:
            out.print(
                f"dry run: {summary.inputs} pictures, of them {summary.to_do} to be worked on; nothing was written"
            )
            if summary.outdated:
                out.print(_outdated(summary))
            return
        for note in summary.notes:
            out.print(printable(note), style="yellow")
        self._problems(out)
        table = Table(box=None, show_header=False, pad_edge=False)
        for status, pictures in sorted(summary.counts.items()):
            table.add_row(f"{pictures}", SHORT.get(status, status))
        out.print(table)
        rate = f", {summary.done_now / summary.seconds:.1f}/s" if summary.done_now and summary.seconds else ""
        out.print(f"{summary.done_now} worked on now, in {summary.seconds:.1f} s{rate}")
        out.print(f"second look: {summary.second}")
        if summary.searched is not None:
            out.print(f"faces looked for: {summary.searched.words()}")
        if summary.recalled:
            out.print(_recalled(summary), style="yellow")
        if summary.public_folders:
            names = count(summary.public_folders, "folder name")
            out.print(f"{names} and all file names are public in the release; --ids opaque replaces them")
        if summary.gone:
            kept = "their outputs were removed" if summary.pruned else "their outputs stay; --prune removes them"
            out.print(f"{summary.gone} earlier inputs are gone; {kept}")
        out.print(f"release: {summary.out}")
        out.print(f"report:  {summary.report} (contains unblurred faces)")

    def _problems(self, out: Console) -> None:
        """Everything that was not released, by reason."""
        for group, names in sorted(self._listed.items()):
            shown = names[:LISTED]
            out.print(f"{group}:", style="bold")
            for name in shown:
                out.print(f"  {name}")
            if len(names) > len(shown):
                out.print("  ... and more, in the report")

    def _counted(self) -> str:
        return ", ".join(f"{n} {SHORT.get(status, status)}" for status, n in sorted(self._counts.items()))


def _outdated(summary: Summary) -> str:
    """How much of an earlier release is looked at again."""
    pictures = count(summary.outdated, "picture")
    return (
        f"{pictures} judged by another version or with other settings: looked at again"
        f" ({summary.outdated_released} of them released)"
    )


def _recalled(summary: Summary) -> str:
    """What the owner of a dataset made from an earlier release has to do, in one line."""
    pictures = count(summary.recalled, "released picture")
    return (
        f"{pictures} had a clear face, or wait for review again, and are listed in {summary.recall}; datasets made"
        f" earlier still hold them: p3m-anon withdraw --release {summary.out} --list {summary.recall} --root DATASET"
    )


def _line(row: Row) -> str:
    """The picture and what is to be said of it; our own messages begin with the file's name already."""
    detail = (row.detail or "").removeprefix(row.path.rpartition("/")[2] + ": ")
    return printable(f"{row.path}: {detail}" if detail else row.path)
