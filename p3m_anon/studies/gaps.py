"""What privacy-preserving training costs: how a method's figures differ between two protocols."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from p3m_anon.evaluation.grids import Grid, GridCell
from p3m_anon.evaluation.tables import TITLES
from p3m_anon.studies.layout import Block, Entry, Figure, Layout, Place
from p3m_anon.studies.table_text import ABSENT, NOT_HERE, contaminations, printed, source_name, state

if TYPE_CHECKING:
    from p3m_anon.studies.results import Result


class Pair(NamedTuple):
    """Two protocols; the gap is the first one's figure minus the second's, so above 0 the first is worse."""

    first: str
    second: str

    @property
    def title(self) -> str:
        """As in `B:N - N:N`."""
        return f"{self.first} - {self.second}"


PAIRS = (Pair("B:N", "N:N"), Pair("N:B", "B:B"))
"""The other training against training on what is tested: normal pictures, and blurred ones."""


_HEADS = ("Method", "Gap", "", "Test set", "")


@dataclass(frozen=True)
class Gap:
    """One method's gap between two protocols on one split.

    figures: by metric, with a value for each seed that both protocols have; the paper's, of its printed numbers.
    sources, runs: where the numbers come from. why: no number, for want of which protocol. notes: what has to be said
    beside the numbers.
    """

    entry: Entry
    pair: Pair
    split: str
    figures: dict[str, Figure]
    sources: tuple[str, str] | None = None
    runs: tuple[str, ...] = ()
    why: str = ""
    notes: tuple[str, ...] = ()


def gaps(layout: Layout) -> list[Gap]:
    """Of all methods that are trained, on the splits that the layout has under both protocols."""
    found: list[Gap] = []
    splits = dict.fromkeys(block.split for block in layout.blocks)
    for entry in layout.entries:
        for pair in PAIRS:
            for split in splits:
                blocks = [Block(said[0], said[2], split) for said in pair]
                if all(block in layout.blocks for block in blocks):
                    found += _gap(layout, entry, pair, blocks[0], blocks[1])
    return found


def _gap(layout: Layout, entry: Entry, pair: Pair, first: Block, second: Block) -> Iterator[Gap]:
    one, two = layout.places[entry, first], layout.places[entry, second]
    if any(result.trained_on not in ("B", "N") for place in (one, two) for result in place.results):
        return  # not trained, or nobody knows on what
    paired = _paired(one, two)
    figures = {}
    for metric in layout.metrics:
        values = [a.means.get(metric, math.nan) - b.means.get(metric, math.nan) for a, b in paired]
        known = metric in one.paper and metric in two.paper
        paper: Decimal | None = one.paper[metric] - two.paper[metric] if known else None
        figures[metric] = Figure(tuple(value for value in values if not math.isnan(value)), paper)
    if paired:
        sources = source_name(entry, first, one), source_name(entry, second, two)
        runs = tuple(result.run for pairs in paired for result in pairs)
        notes = [*_differ(paired), *_alone(pair, one, two)]
        yield Gap(entry, pair, first.split, figures, sources, runs, notes=tuple(notes))
    elif one.results or two.results or any(figure.paper is not None for figure in figures.values()):
        yield Gap(entry, pair, first.split, figures, why=_why(pair, one, two))


def _paired(one: Place, two: Place) -> list[tuple[Result, Result]]:
    """Results of the same seed."""
    others = {result.seed: result for result in two.done}
    return [(result, others[result.seed]) for result in one.done if result.seed in others]


def _differ(paired: Sequence[tuple[Result, Result]]) -> Iterator[str]:
    """The same pictures are compared, or it is said that they are not."""
    for one, two in paired:
        first, second = ({id for id, scored in result.ids.items() if scored} for result in (one, two))
        if first != second:
            seed = f"seed {one.seed}: " if len(paired) > 1 else ""
            counts = f"{one.scored} and {two.scored}, {len(first & second)} of them the same"
            yield f"{seed}the two means are over different pictures: {counts}"


def _alone(pair: Pair, one: Place, two: Place) -> Iterator[str]:
    """Seeds that only one of the two has count in neither."""
    seeds = [{result.seed for result in place.done} for place in (one, two)]
    for name, its, others in zip(pair, seeds, seeds[::-1], strict=True):
        left = sorted(seed for seed in its - others if seed is not None)
        if left:
            yield f"without seed {', '.join(map(str, left))}, which only {name} has"


def _why(pair: Pair, one: Place, two: Place) -> str:
    if not (one.results or two.results):
        return NOT_HERE
    missing = [f"{name} {state(place)}" for name, place in zip(pair, (one, two), strict=True) if not place.done]
    return ", ".join(missing) or "no seed under both"


def gaps_grid(layout: Layout, found: list[Gap]) -> Grid:
    """Lines: a method's gap, ours, the paper's and the difference. Columns: the metrics."""
    notes: dict[str, int] = {}
    lines = [line for gap in found for line in _gap_lines(layout, gap, notes)]
    heads = (*map(GridCell, _HEADS), *(GridCell(TITLES[metric]) for metric in layout.metrics))
    return Grid("gaps", "Gaps of privacy-preserving training", len(_HEADS), (heads,), tuple(lines), tuple(notes))


def _gap_lines(layout: Layout, gap: Gap, notes: dict[str, int]) -> Iterator[tuple[GridCell, ...]]:
    """notes: sentence -> its number, for all lines of the grid."""
    figures = [(gap.figures[metric], layout.decimals(metric)) for metric in layout.metrics]
    first, second = gap.sources or ("", "")
    count = max(len(figure.values) for figure, _ in figures)
    said = (f"{gap.entry.title} {gap.pair.title} {gap.split}: {note}" for note in gap.notes)
    marks = tuple(notes.setdefault(line, len(notes) + 1) for line in said)
    pair = GridCell(gap.pair.first, source=first), GridCell(f"- {gap.pair.second}", source=second)
    ours = [GridCell(_signed(printed(f, n), f), kind="ours", source=first) for f, n in figures]
    ours[0] = replace(ours[0], notes=marks)
    if gap.why:
        ours = [GridCell(gap.why, len(figures), kind="state")]
    seeds = GridCell(f"ours, {count} seeds" if count > 1 else "ours")
    yield (GridCell(_label(layout, gap)), *pair, GridCell(gap.split), seeds, *ours)
    if all(figure.paper is None for figure, _ in figures):
        return
    blank = [GridCell("")] * (len(_HEADS) - 1)
    paper = (ABSENT if f.paper is None else f"{f.paper:+}" for f, _ in figures)
    yield (*blank, GridCell("paper"), *(GridCell(text, kind="paper") for text in paper))
    if not gap.why:
        rest = (ABSENT if math.isnan(f.difference) else f"{f.difference:+.{n}f}" for f, n in figures)
        yield (*blank, GridCell("difference"), *(GridCell(text, kind="difference", source=first) for text in rest))


def _label(layout: Layout, gap: Gap) -> str:
    blocks = [Block(said[0], said[2], gap.split) for said in gap.pair]
    flagged = any(contaminations(gap.entry, layout.places[gap.entry, block]) for block in blocks)
    return f"{gap.entry.title}, contaminated" if flagged else gap.entry.title


def _signed(text: str, figure: Figure) -> str:
    return f"+{text}" if figure.mean >= 0 else text
