"""What privacy-preserving training costs: how a method's figures differ between two protocols."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from p3m_anon.evaluation.grids import Grid, GridCell
from p3m_anon.evaluation.tables import TITLES
from p3m_anon.studies.layout import Block, Entry, Figure, Layout, Place
from p3m_anon.studies.table_text import ABSENT, contaminations, printed, source_name, state

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


@dataclass(frozen=True)
class Gap:
    """One method's gap between two protocols on one split.

    figures: by metric, with a value for each seed that both protocols have; the paper's, of its printed numbers.
    sources, runs: where the numbers come from. why: no number, for want of which protocol.
    """

    entry: Entry
    pair: Pair
    split: str
    figures: dict[str, Figure]
    sources: tuple[str, str] | None = None
    runs: tuple[str, ...] = ()
    why: str = ""


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
        yield Gap(entry, pair, first.split, figures, sources, runs)
    elif one.results or two.results or any(figure.paper is not None for figure in figures.values()):
        yield Gap(entry, pair, first.split, figures, why=_why(pair, one, two))


def _paired(one: Place, two: Place) -> list[tuple[Result, Result]]:
    """Results of the same seed."""
    others = {result.seed: result for result in two.done}
    return [(result, others[result.seed]) for result in one.done if result.seed in others]


def _why(pair: Pair, one: Place, two: Place) -> str:
    missing = [f"{name} {state(place)}" for name, place in zip(pair, (one, two), strict=True) if not place.done]
    return ", ".join(missing) or "no seed under both"


def gaps_grid(layout: Layout, found: list[Gap]) -> Grid:
    """Lines: a method's gap, ours, the paper's and the difference. Columns: the metrics."""
    lines = []
    for gap in found:
        figures = [(gap.figures[metric], layout.decimals(metric)) for metric in layout.metrics]
        first, second = gap.sources or ("", "")
        count = max(len(figure.values) for figure, _ in figures)
        ours = [GridCell(_signed(printed(f, n), f), kind="ours", source=first) for f, n in figures]
        if gap.why:
            ours = [GridCell(gap.why, len(figures), kind="state")]
        pair = GridCell(gap.pair.first, source=first), GridCell(f"- {gap.pair.second}", source=second)
        seeds = GridCell(f"ours, {count} seeds" if count > 1 else "ours")
        lines.append((GridCell(_label(layout, gap)), *pair, seeds, *ours))
        if all(figure.paper is None for figure, _ in figures):
            continue
        paper = (ABSENT if f.paper is None else f"{f.paper:+}" for f, _ in figures)
        lines.append((*map(GridCell, ("", "", "", "paper")), *(GridCell(text, kind="paper") for text in paper)))
        if not gap.why:
            rest = (ABSENT if math.isnan(f.difference) else f"{f.difference:+.{n}f}" for f, n in figures)
            cells = (GridCell(text, kind="difference", source=first) for text in rest)
            lines.append((*map(GridCell, ("", "", "", "difference")), *cells))
    heads = (*map(GridCell, ("Method", "Gap", "", "")), *(GridCell(TITLES[metric]) for metric in layout.metrics))
    return Grid("gaps", "Gaps of privacy-preserving training", 4, (heads,), tuple(lines))


def _label(layout: Layout, gap: Gap) -> str:
    blocks = [Block(said[0], said[2], gap.split) for said in gap.pair]
    flagged = any(contaminations(gap.entry, layout.places[gap.entry, block]) for block in blocks)
    return f"{gap.entry.title}, contaminated" if flagged else gap.entry.title


def _signed(text: str, figure: Figure) -> str:
    return f"+{text}" if figure.mean >= 0 else text
