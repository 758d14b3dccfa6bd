"""What of a study is drawn: layouts in, plots out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from p3m_anon.evaluation.tables import TITLES
from p3m_anon.reports.study_page import Plot
from p3m_anon.reports.study_plots import NAN, Bar, Line, Shift, Slopes, bars_plot, shifts_plot, slopes_plot
from p3m_anon.studies.layout import Block, Entry, Layout
from p3m_anon.studies.table_text import contaminations

SHIFTS = "from_blurred_to_normal"
NO_SLOPES = (
    "No slopes from blurred to normal pictures for want of numbers: they need a method that was tested on both kinds "
    "of the same pictures"
)
NO_SHIFTS = (
    "No plot of all methods from blurred to normal pictures: it needs one that was trained on blurred ones, or not at "
    "all, and tested on both kinds of the same pictures"
)


def plots_of(layout: Layout, headline: str) -> tuple[list[Plot], list[str]]:
    """The plots, and a sentence for each that has nothing to show. headline: the metric of all but the bars."""
    plots, missing = [], []
    name = TITLES[headline]
    drawn = [
        (f"slopes_{headline}", slopes_plot(name, _slopes(layout, headline)), NO_SLOPES),
        (f"{SHIFTS}_{headline}", shifts_plot(name, _shifts(layout, headline)), NO_SHIFTS),
    ]
    for file, png, without in drawn:
        if png is not None:
            plots.append(Plot(file, _said(file, name), png))
        else:
            missing.append(without)
    compared = {metric for place in layout.places.values() for metric in place.paper}
    order = [headline, *(metric for metric in layout.metrics if metric != headline and metric in compared)]
    undrawn = []
    for metric in order:
        png = bars_plot(TITLES[metric], _bars(layout, metric))
        if png is None:
            undrawn.append(TITLES[metric])
        else:
            plots.append(Plot(f"bars_{metric}", f"{TITLES[metric]}, ours beside the paper; less is better.", png))
    if undrawn:
        missing.append(f"No bars of {', '.join(undrawn)}: there is no number of ours")
    return plots, missing


def _said(file: str, metric: str) -> str:
    if file.startswith(SHIFTS):
        return (
            f"{metric} after training on blurred pictures, tested on blurred (filled) and normal ones (hollow): "
            "what models meet that have seen no clear face. Methods that are not trained are tested on both."
        )
    return f"{metric} on blurred and on normal pictures, each method with its own scale; hollow and dashed: the paper."


def _bars(layout: Layout, metric: str) -> list[tuple[str, list[Bar]]]:
    panels = []
    for block in layout.blocks:
        bars = []
        for entry in layout.entries:
            place = layout.places[entry, block]
            figure = place.figure(metric)
            if place.results or place.paper:
                paper = NAN if figure.paper is None else float(figure.paper)
                bars.append(Bar(_named(layout, entry, (block,)), figure.mean, paper, figure.spread))
        panels.append((f"{block.protocol} on {block.split}", bars))
    return panels


def _named(layout: Layout, entry: Entry, blocks: Sequence[Block]) -> str:
    """A plot may be shown without its page, so it says itself what is no fair test."""
    flagged = any(contaminations(entry, layout.places[entry, block]) for block in blocks)
    return f"{entry.title}\ncontaminated" if flagged else entry.title


def _pairs(layout: Layout) -> Iterator[tuple[Block, Block]]:
    """Protocols with one training, tested on the blurred and the normal pictures of one split."""
    for block in layout.blocks:
        normal = block._replace(tested_on="N")
        if block.tested_on == "B" and normal in layout.blocks:
            yield block, normal


def _slopes(layout: Layout, metric: str) -> list[Slopes]:
    found = []
    for entry in layout.entries:
        lines = [line for pair in _pairs(layout) for line in _lines(layout, entry, pair, metric)]
        if lines:
            found.append(Slopes(_named(layout, entry, layout.blocks), tuple(lines)))
    return found


def _lines(layout: Layout, entry: Entry, pair: tuple[Block, Block], metric: str) -> Iterator[Line]:
    ours, paper = _both(layout, entry, pair, metric)
    if ours is not None:
        untrained = layout.places[entry, pair[0]].results[0].trained_on == ""
        if untrained and pair[0].trained_on == "N":
            return  # it stands under B already
        yield Line("" if untrained else pair[0].trained_on, *ours, paper=False)
    if paper is not None:
        yield Line(pair[0].trained_on, *paper, paper=True)


def _shifts(layout: Layout, metric: str) -> list[Shift]:
    """After training on blurred pictures, or none."""
    found = []
    for entry in layout.entries:
        for pair in _pairs(layout):
            ours, paper = _both(layout, entry, pair, metric)
            if pair[0].trained_on in ("B", "") and (ours or paper):
                found.append(Shift(_named(layout, entry, pair), ours, paper))
    return found


def _both(
    layout: Layout, entry: Entry, pair: tuple[Block, Block], metric: str
) -> tuple[tuple[float, float] | None, tuple[float, float] | None]:
    """(blurred, normal) of ours and of the paper, None where one of the two is missing."""
    one, two = (layout.places[entry, block].figure(metric) for block in pair)
    ours = None if math.isnan(one.mean) or math.isnan(two.mean) else (one.mean, two.mean)
    known = one.paper is not None and two.paper is not None
    return ours, (float(one.paper or 0), float(two.paper or 0)) if known else None
