"""What a person sees of a study: its grid, one line while it runs, and what came of it."""

from __future__ import annotations

import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.table import Table

from p3m_anon.commands.counter import Counter, count, printable
from p3m_anon.commands.train_view import duration
from p3m_anon.jobs.study.request import Standings, Watch, title
from p3m_anon.studies.results import NO_WEIGHTS

if TYPE_CHECKING:
    from rich.status import Status

    from p3m_anon.jobs.study.request import StudySummary
    from p3m_anon.studies.study import Study, TestSet

STYLES = {"done": "green", "running": "cyan", "failed": "red", "absent": "", "impossible": "dim"}
WORDS = {"absent": "not run"}
SECONDS = 2.0  # between looks of `status --watch`


class Screen(Watch):
    """Progress on stderr, so that stdout stays clean for the summary."""

    def __init__(self, quiet: bool) -> None:
        """quiet: nothing is shown."""
        self._console = Console(stderr=True, highlight=False, markup=False, emoji=False, soft_wrap=True)
        self._quiet = quiet
        self._hashed = Counter("files of the dataset read", quiet=quiet)
        self._status: Status | None = None
        self._known: dict[str, str] = {}

    def __enter__(self) -> Screen:
        """Itself."""
        self._hashed.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """Take everything off the terminal."""
        self._hashed.__exit__()
        if self._status:
            self._status.stop()

    def on_hashed(self) -> None:
        """One more."""
        self._hashed.done()

    def on_tick(self, cells: list[Standings]) -> None:
        """A line for each cell that has ended since, and what is under way."""
        self._hashed.__exit__()
        if self._quiet:
            return
        if self._status is None and self._console.is_terminal:
            self._status = self._console.status("")
            self._status.start()
        for one in cells:
            before = self._known.get(one.planned.cell.id, "")
            if before and before != one.standing and one.standing in ("done", "failed"):
                note = f": {printable(one.note)}" if one.note else ""
                self._console.print(f"{one.standing}: {title(one.planned)}{note}")
            self._known[one.planned.cell.id] = one.standing
        if self._status:
            self._status.update(_now(cells))


def _now(cells: list[Standings]) -> str:
    counts = Tally(one.standing for one in cells)
    possible = len(cells) - counts["impossible"]
    failed = f", {counts['failed']} failed" if counts["failed"] else ""
    running = [f"; {title(one.planned)}{f', {one.note}' if one.note else ''}" for one in cells if one[1] == "running"]
    more = f" and {len(running) - 1} more" if len(running) > 1 else ""
    return f"{counts['done']} of {count(possible, 'cell')} done{failed}{''.join(running[:1])}{more}"


def show(summary: StudySummary, study: Study, *, dry_run: bool) -> None:
    """What came of a run, or what there is to do."""
    out = _out()
    show_grid(study, summary.cells)
    if summary.others:
        out.print(f"{count(summary.others, 'cell')} of other shards")
    if dry_run:
        out.print("dry run: nothing was written")
        return
    busy = summary.named("running")
    if busy:
        out.print(f"{count(len(busy), 'cell')} left to another run that is at work in this store")
    if summary.named("failed"):
        out.print(f"what failed is tried again by the same command; logs: {printable(summary.store)}/runs/*.log")
    out.print(f"{duration(summary.seconds)}; store: {printable(summary.store)}")


def show_grid(study: Study, cells: list[Standings]) -> None:
    """The grid, counts, and a line for each cell that failed or is impossible."""
    out = _out()
    if out.is_terminal:
        out.print(_table(study, cells))
    else:
        lines = list(_lines(study, cells))
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            out.print("  ".join(f"{cell:{w}}" for cell, w in zip(line, widths, strict=True)).rstrip())
    for note in _notes(cells):
        out.print(note)


def watch_grid(study: Study, look: Callable[[], list[Standings]]) -> None:
    """Until Ctrl-C, or nothing is left to wait for; on a terminal in one place."""
    out = _out()
    with Live(console=out, auto_refresh=False, transient=True) as live:
        cells = look()
        while any(one.standing in ("running", "absent") and one.note != NO_WEIGHTS for one in cells):
            if out.is_terminal:
                live.update(_table(study, cells), refresh=True)
            else:
                out.print(_now(cells))
            time.sleep(SECONDS)
            cells = look()
    show_grid(study, cells)


def _table(study: Study, cells: list[Standings]) -> Table:
    titles, *lines = _lines(study, cells)
    table = Table(box=None, pad_edge=False, header_style="bold", title=study.title, title_justify="left")
    for name in titles:
        table.add_column(name)
    for line in lines:
        table.add_row(*line)
    return table


def _lines(study: Study, cells: list[Standings]) -> Iterator[list[str]]:
    """Titles first: methods and what they are trained on, down; training and tests, across."""
    columns: list[TestSet | None] = [None, *study.tested_on]
    yield ["method", "trained on", "training", *map(str, study.tested_on)]
    rows: dict[tuple[str, str], list[Standings]] = {}
    for one in cells:
        rows.setdefault((one.planned.cell.method, one.planned.cell.trained_on), []).append(one)
    for (method, trained_on), own in rows.items():
        places = [[one for one in own if one.planned.cell.test == test] for test in columns]
        yield [method, trained_on or "-", *map(_said, places)]


def _said(cells: list[Standings]) -> str:
    """A cell for each seed."""
    if not cells:
        return "-"
    counts = Tally(one.standing for one in cells)
    said = []
    for standing, number in counts.items():
        word = WORDS.get(standing, standing)
        notes = [one.note for one in cells if one.standing == standing and standing in ("running", "absent")]
        far = next(filter(None, notes), "")
        said.append(f"{f'{number} of {len(cells)} ' if len(cells) > 1 else ''}{word}{f', {far}' if far else ''}")
    return "; ".join(said)


def _notes(cells: list[Standings]) -> Iterator[str]:
    counts = Tally(one.standing for one in cells)
    yield ", ".join(f"{number} {WORDS.get(standing, standing)}" for standing, number in counts.items())
    for one in cells:
        if one.standing == "failed":
            yield f"failed: {title(one.planned)}: {printable(one.note)}"
        elif one.standing == "done" and one.note:
            yield f"note: {title(one.planned)}: {printable(one.note)}"
    whys: dict[str, list[str]] = {}
    for one in cells:
        if one.standing == "impossible":
            cell = one.planned.cell
            whys.setdefault(one.note, []).append(f"{cell.method}{f' {cell.trained_on}' if cell.trained_on else ''}")
    for why, names in whys.items():
        yield f"impossible: {printable(why)}: {', '.join(dict.fromkeys(names))}"


def _out() -> Console:
    return Console(highlight=False, markup=False, emoji=False, soft_wrap=True)
