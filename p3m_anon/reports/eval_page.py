"""`eval.html`: means, histograms, the worst pictures and a sample; one file, without any outside link."""

from __future__ import annotations

import base64
import html
import math
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from p3m_anon.evaluation.rows import EvalRow
from p3m_anon.evaluation.tables import PLACES, TABLE_4, TITLES
from p3m_anon.files.atomic import replacing
from p3m_anon.reports.page import STYLE

MOST_ROWS = 1000
BINS = 30  # bars of a histogram
TAIL = 0.98  # the share of the pictures that they are spread over; the rest is in the last
WIDE, HIGH = 280, 90  # of a histogram

_STYLE = """
:root { --bar: #4878a8; --mark: #a4161a; --paper: #b8860b; }
@media (prefers-color-scheme: dark) { :root { --bar: #6f9fd0; --mark: #ff7b72; --paper: #e3b341; } }
.wide { overflow-x: auto; } .numbers td { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.numbers td:first-child { text-align: left; white-space: normal; min-width: 9em; }
.numbers tr:first-child { font-weight: 600; }
.wide + p { margin-top: 8px; } .note { font-weight: 600; } .panel figcaption { max-width: none; }
figure.panel { max-width: min(613px, 100%); flex: 1 1 560px; box-sizing: border-box; } figure.panel img { width: 100%; }
figure.bars { width: 281px; } .bars svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--dim); font: 11px system-ui, sans-serif; } i.much, i.little { display: inline-block; width: 12px;
height: 12px; border-radius: 2px; margin: 0 4px 0 10px; background: #ff9628; } i.little { background: #3ca0ff; }
"""


@dataclass(frozen=True)
class Card:
    """A picture to be shown: its row, and what `eval_panel` made of it."""

    row: EvalRow
    panel: bytes


@dataclass(frozen=True)
class Histogram:
    """A metric of all pictures. values: in ascending order. paper: the paper's mean, if there is one."""

    metric: str
    values: Sequence[float]
    paper: float | None


@dataclass(frozen=True)
class EvalPage:
    """What the page shows. table: cells, titles first. failed, rows: called when they are written, by id.

    shows_clear_faces: then the page says so, and is for its owner only.
    """

    title: str
    facts: dict[str, str]
    table: Sequence[Sequence[str]]
    caveats: Sequence[str]
    histograms: Sequence[Histogram]
    worst: Sequence[Card]
    sample: Sequence[Card]
    failed: Callable[[], Iterable[EvalRow]]
    rows: Callable[[], Iterable[EvalRow]]
    shows_clear_faces: bool


def write_eval_page(file: Path, page: EvalPage) -> Path:
    """Write the page, at most MOST_ROWS pictures and as many errors in its tables."""
    with replacing(file, private=page.shows_clear_faces) as stream:
        for part in _parts(page):
            stream.write(part.encode("utf-8", "replace"))
    return file


def _parts(page: EvalPage) -> Iterator[str]:
    yield (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>p3m-anon: {_text(page.title)}</title><style>{STYLE}{_STYLE}</style>"
    )
    if page.shows_clear_faces:
        yield "<div class=banner>Private: this page contains unblurred faces. Do not publish it.</div>"
    yield f"<header><h1>{_text(page.title)}</h1>"
    yield from (f"<p class=dim>{_text(label)}: {_text(value)}</p>" for label, value in page.facts.items())
    yield "</header><main><h2>Means</h2>"
    yield from (f"<p class=note>{_text(line[:1].upper() + line[1:])}</p>" for line in page.caveats)
    yield from _table(page.table)
    yield "<p class=dim>SAD and CONN in thousands, GRAD in tens, as in the paper; less is better.</p>"
    yield from _failed(page)
    yield "<h2>How they are spread</h2><p class=dim>Pictures by value; the last bar holds all above it. Red: the mean. "
    yield "Yellow: the paper's mean, where it has one.</p><div class=grid>"
    yield from map(_histogram, page.histograms)
    yield "</div>"
    for title, cards in (("Worst by SAD", page.worst), ("A random sample of the others", page.sample)):
        if cards:
            yield f"<h2>{title}</h2><p class=dim>Image, alpha, prediction, error: <i class=much></i>the prediction is "
            yield "above the alpha <i class=little></i>below it.</p><div class=grid>"
            yield from map(_card, cards)
            yield "</div>"
    yield from _rows(page)
    yield "</main></html>"


def _failed(page: EvalPage) -> Iterator[str]:
    failed = iter(page.failed())
    first = list(islice(failed, MOST_ROWS))
    if first:
        yield "<h2>Without a score</h2><table>"
        yield from (f"<tr><td>{_text(row.id)}<td>{_text(row.error)}" for row in first)
        yield "</table>"
        more = sum(1 for _ in failed)
        yield f"<p class=dim>{more} more in rows.csv.</p>" if more else ""


def _rows(page: EvalPage) -> Iterator[str]:
    scored = (row for row in page.rows() if not row.error)
    lines = [["", *(TITLES[name] for name in TABLE_4)]]
    lines += ([row.id, *(_number(name, getattr(row, name)) for name in TABLE_4)] for row in islice(scored, MOST_ROWS))
    yield f"<h2>{'The first ' + str(MOST_ROWS) if next(scored, None) else 'All'} pictures</h2>"
    yield from _table(lines)
    yield "<p class=dim>rows.csv has every picture and every digit.</p>"


def _table(lines: Iterable[Sequence[str]]) -> Iterator[str]:
    yield "<div class=wide><table class=numbers>"
    yield from ("<tr>" + "".join(f"<td>{_text(cell)}" for cell in line) for line in lines)
    yield "</table></div>"


def _card(card: Card) -> str:
    row = card.row
    data = base64.b64encode(card.panel).decode()
    figures = ", ".join(f"{TITLES[name]} {_number(name, getattr(row, name))}" for name in TABLE_4)
    return (
        f"<figure class=panel><img loading=lazy alt='' src='data:image/jpeg;base64,{data}'><figcaption>{_text(row.id)}"
        f"<br><span class=dim>{figures}</span></figcaption></figure>"
    )


def _histogram(histogram: Histogram) -> str:
    values, name = histogram.values, histogram.metric
    if not values:
        return f"<figure class=bars><figcaption><b>{TITLES[name]}</b><br>in no picture</figcaption></figure>"
    low, high = 0.0, values[min(len(values) - 1, int(TAIL * len(values)))] or 1.0
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, int((value - low) / (high - low) * BINS))] += 1
    step, tallest = WIDE / BINS, max(counts)
    bars = "".join(
        f"<rect x='{i * step:.1f}' y='{HIGH - n / tallest * HIGH:.1f}' width='{step - 1:.1f}' "
        f"height='{n / tallest * HIGH:.1f}' fill='var(--bar)'/>"
        for i, n in enumerate(counts)
        if n
    )
    mean = math.fsum(values) / len(values)
    marks = _mark(mean / high, "--mark", 2) + (_mark(histogram.paper / high, "--paper", 2) if histogram.paper else "")
    axis = (
        f"<line x1='0' x2='{WIDE}' y1='{HIGH}' y2='{HIGH}' stroke='var(--dim)'/><text x='0' y='{HIGH + 14}'>0</text>"
        f"<text x='{WIDE}' y='{HIGH + 14}' text-anchor='end'>{_axis(high)}</text>"
    )
    said = f"mean {_number(name, mean)}, median {_number(name, statistics.median(values))}, "
    return (
        f"<figure class=bars><svg viewBox='0 -2 {WIDE} {HIGH + 20}' role=img aria-label='{TITLES[name]}'>{bars}{axis}"
        f"{marks}</svg><figcaption><b>{TITLES[name]}</b><br>{said}max {_number(name, values[-1])}"
        "</figcaption></figure>"
    )


def _mark(share: float, colour: str, width: int) -> str:
    """A line at this share of the width; what lies further out is marked at the end."""
    x = min(share, 1.0) * WIDE
    return f"<line x1='{x:.1f}' x2='{x:.1f}' y1='-2' y2='{HIGH}' stroke='var({colour})' stroke-width='{width}'/>"


def _axis(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _number(metric: str, value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.{PLACES.get(metric, 2)}f}"


def _text(value: str) -> str:
    return html.escape(value)
