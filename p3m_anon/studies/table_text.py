"""A layout as a `Grid`: what is printed in each cell, and the notes that belong below."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from p3m_anon.evaluation.grids import Grid, GridCell
from p3m_anon.evaluation.tables import TITLES
from p3m_anon.studies.layout import ELSEWHERE, MODULES, TRIMAP_MARK, Block, Entry, Figure, Layout, Place

if TYPE_CHECKING:
    from p3m_anon.studies.results import Result

ABSENT, CHECK = "-", "✓"
STATES = {"running": "running", "failed": "failed", "absent": "not run", "impossible": "impossible"}
NOT_HERE = "not in this study"
_FIRST = ("failed", "running", "absent", "impossible")  # of several seeds, which is said in the cell

Cells = tuple[GridCell, ...]


class _Notes:
    """What is said below the table, each sentence once."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def number(self, line: str) -> int:
        """Of this sentence, from 1."""
        if line not in self.lines:
            self.lines.append(line)
        return self.lines.index(line) + 1

    def numbers(self, lines: Iterable[str]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(map(self.number, lines)))


def table_grid(layout: Layout) -> Grid:
    """The table as the paper arranges it, ours, the paper's numbers and the differences one below the other."""
    if layout.number is None:
        return _plain(layout)
    return _methods_across(layout) if layout.number == 1 else _methods_down(layout)


def printed(figure: Figure, decimals: int) -> str:
    """Our number: the mean over the seeds, and the spread where there are several."""
    if math.isnan(figure.mean):
        return "undefined"
    spread = "" if math.isnan(figure.spread) else f" ± {figure.spread:.{decimals}f}"
    return f"{figure.mean:.{decimals}f}{spread}"


def source_name(entry: Entry, block: Block, place: Place) -> str:
    """The name of the line, in the table of sources, that a number comes from; "" where there is none."""
    trained = place.results[0].trained_on if place.results else block.trained_on
    return f"{entry.method} {trained}:{block.tested_on} {block.split}" if place.done else ""


def state(place: Place) -> str:
    """What stands in the place of a number."""
    there = {result.state for result in place.results}
    return next((STATES[one] for one in _FIRST if one in there), ELSEWHERE if place.elsewhere else NOT_HERE)


def remarks(entry: Entry, block: Block, place: Place) -> list[str]:
    """What has to be said about a place: why there is no number, of how few seeds it is, what is wrong with it."""
    where = f"{entry.title} {block.protocol} {block.split}"
    said = []
    for result in place.results:
        start = f"{where}, seed {result.seed}" if len(place.results) > 1 else where
        if result.state == "impossible":
            said.append(f"impossible: {result.note}")
        elif result.state == "failed":
            said.append(f"{start}: failed: {result.note or 'no reason is known'}")
        elif result.state != "done" and (result.note or place.done):
            said.append(f"{start}: {STATES[result.state]}{f': {result.note}' if result.note else ''}")
        elif result.state == "done":
            said += [f"{start}: {line}" for line in _caveats(result)]
    if place.done and len(place.done) < len(place.results):
        said.append(f"{where}: over {len(place.done)} of {len(place.results)} seeds")
    return said + contaminations(entry, place) + _trainings(block, place)


def _caveats(result: Result) -> list[str]:
    """Of one that is done; the note of a cell of our own says itself what has no score."""
    fewer = result.scored < result.pictures and (result.added or not result.note)
    count = f"the mean is over {result.scored} of {result.pictures} pictures" if fewer else ""
    return [line for line in (result.note, count, result.undefined) if line]


def contaminations(entry: Entry, place: Place) -> list[str]:
    """What makes its numbers no fair ones."""
    flags = dict.fromkeys(flag for result in place.results for flag in result.flags)
    return [f"{entry.title}: contaminated: {flag}" for flag in flags]


def _trainings(block: Block, place: Place) -> list[str]:
    trained = {result.trained_on for result in place.done}
    if "X" in trained:
        beside = "; it stands beside training on blurred pictures" if block.trained_on else ""
        return [f"on what it was trained is not known{beside}"]
    if trained & {"B", "N"} and not block.trained_on:
        return [f"trained on {'blurred' if 'B' in trained else 'normal'} pictures"]
    return ["not trained: the same under every training"] if "" in trained and block.trained_on else []


def _methods_down(layout: Layout) -> Grid:
    """Tables 2 to 5: a method has three lines, a block as many columns as metrics."""
    notes, lines = _Notes(), []
    modules = MODULES if any(entry.modules is not None for entry in layout.entries) else ()
    for entry in layout.entries:
        checks = [GridCell(CHECK if module in (entry.modules or ()) else "") for module in modules]
        parts = [_three(layout, entry, block, notes) for block in layout.blocks]
        for number, kind in enumerate(_kinds(layout, entry, layout.blocks)):
            first = _label(layout, entry, layout.blocks, notes) if not number else GridCell("")
            marks = checks if not number else [GridCell("") for _ in modules]
            name = GridCell(_seeds(layout, entry, layout.blocks) if kind == "ours" else kind)
            lines.append((first, *marks, name, *(cell for part in parts for cell in part[number])))
    blank = [GridCell("")] * (2 + len(modules))
    span = len(layout.metrics)
    titles = [block.split if layout.number in (4, 5) else block.protocol for block in layout.blocks]
    heads = (
        (*blank, *(GridCell(title, span) for title in titles)),
        (GridCell("Method"), *map(GridCell, modules), GridCell(""), *_metric_heads(layout) * len(layout.blocks)),
    )
    return _grid(layout, 2 + len(modules), heads, lines, notes)


def _methods_across(layout: Layout) -> Grid:
    """Table 1: a column for each method; a metric on a test set has three lines."""
    notes, lines = _Notes(), []
    threes = {(e, b): _three(layout, e, b, notes, merged=False) for e in layout.entries for b in layout.blocks}
    for block in layout.blocks:
        for column, metric in enumerate(layout.metrics):
            for number, kind in enumerate(("ours", "paper", "difference")):
                labels = (block.protocol if not (column or number) else "", TITLES[metric] if not number else "", kind)
                cells = [_of(threes[entry, block], number, column) for entry in layout.entries]
                lines.append((*map(GridCell, labels), *cells))
    titles = (_label(layout, entry, layout.blocks, notes) for entry in layout.entries)
    return _grid(layout, 3, ((*map(GridCell, ("Test set", "Metric", "")), *titles),), lines, notes)


def _plain(layout: Layout) -> Grid:
    """One method under one protocol has up to three lines, a metric one column."""
    notes, lines = _Notes(), []
    for entry, block in layout.filled():
        part = _three(layout, entry, block, notes)
        for number, kind in enumerate(_kinds(layout, entry, (block,))):
            name = _label(layout, entry, (block,), notes) if not number else GridCell("")
            said = (block.protocol, block.split) if not number else ("", "")
            label = GridCell(_seeds(layout, entry, (block,)) if kind == "ours" else kind)
            lines.append((name, *map(GridCell, said), label, *part[number]))
    heads = (*map(GridCell, ("Method", "Protocol", "Test set", "")), *_metric_heads(layout))
    return _grid(layout, 4, (heads,), lines, notes)


def _three(layout: Layout, entry: Entry, block: Block, notes: _Notes, *, merged: bool = True) -> Sequence[Cells]:
    """Ours, the paper's, the difference. merged: what stands for numbers that are not there covers all columns."""
    place, count = layout.places[entry, block], len(layout.metrics)
    figures = [(place.figure(metric), layout.decimals(metric)) for metric in layout.metrics]
    marks = notes.numbers(remarks(entry, block, place))
    paper = tuple(GridCell(ABSENT if f.paper is None else str(f.paper), kind="paper") for f, _ in figures)
    if not place.done:
        ours = GridCell(state(place) if entry.method else NOT_HERE, count if merged else 1, marks, "state")
        nothing = GridCell("", count if merged else 1, kind="difference")
        repeat = 1 if merged else count
        return (ours,) * repeat, paper, (nothing,) * repeat
    source = source_name(entry, block, place)
    ours_cells = [GridCell(printed(f, decimals), 1, (), "ours", source) for f, decimals in figures]
    ours_cells[0] = replace(ours_cells[0], notes=marks)
    gaps = (ABSENT if math.isnan(f.difference) else f"{f.difference:+.{decimals}f}" for f, decimals in figures)
    return tuple(ours_cells), paper, tuple(GridCell(gap, kind="difference", source=source) for gap in gaps)


def _of(three: Sequence[Cells], number: int, column: int) -> GridCell:
    return three[number][column]


def _kinds(layout: Layout, entry: Entry, blocks: Sequence[Block]) -> tuple[str, ...]:
    """Methods that the paper does not have are alone, and there is no difference to what was not run."""
    places = [layout.places[entry, block] for block in blocks]
    if not any(place.paper for place in places):
        return ("ours",)
    return ("ours", "paper", "difference") if any(place.done for place in places) else ("ours", "paper")


def _label(layout: Layout, entry: Entry, blocks: Sequence[Block], notes: _Notes) -> GridCell:
    """The method's name, with a mark where it knows the test pictures."""
    said = [line for block in blocks for line in contaminations(entry, layout.places[entry, block])]
    return GridCell(f"{entry.title}{', contaminated' if said else ''}", notes=notes.numbers(said))


def _seeds(layout: Layout, entry: Entry, blocks: Sequence[Block]) -> str:
    most = max((len(layout.places[entry, block].done) for block in blocks), default=0)
    return f"ours, {most} seeds" if most > 1 else "ours"


def _metric_heads(layout: Layout) -> list[GridCell]:
    return [GridCell(TITLES[metric]) for metric in layout.metrics]


def _grid(layout: Layout, labels: int, heads: tuple[Cells, ...], lines: Sequence[Cells], notes: _Notes) -> Grid:
    if any(entry.title.endswith(TRIMAP_MARK) for entry in layout.entries):
        notes.number(f"{TRIMAP_MARK} is given the trimap of the test set")
    notes.numbers(layout.notes)
    number = layout.number
    title = f"Table {number} of the paper: {layout.title}" if number else "All metrics"
    return Grid(f"table{number}" if number else "all_metrics", title, labels, heads, tuple(lines), tuple(notes.lines))
