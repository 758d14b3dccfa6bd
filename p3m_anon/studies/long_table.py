"""A layout for programs: a line for each method, protocol and metric, every digit."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Sequence

from p3m_anon.files.export_tables import formula_safe
from p3m_anon.studies.gaps import Gap
from p3m_anon.studies.layout import Entry, Figure, Layout, Place
from p3m_anon.studies.table_text import state

COLUMNS = (
    *("table", "method", "title", "modules", "trained_on", "tested_on", "split", "metric"),
    *("ours", "spread", "seeds", "paper", "difference", "pictures", "scored", "state", "runs", "note", "flags"),
)
GAP_COLUMNS = (
    "method",
    "title",
    "gap",
    "split",
    "metric",
    "ours",
    "spread",
    "seeds",
    "paper",
    "difference",
    "runs",
    "note",
)

_NEXT = " | "  # between what several seeds say


def table(layout: Layout) -> str:
    """CSV with COLUMNS, RFC 4180.

    A number is the shortest text that reads back as the same float64, the paper's as printed; empty where there is
    none. pictures, scored: the smallest of the seeds, scored of this metric. runs: folders relative to the store, of
    the seeds that the mean is over.
    """
    return _csv(COLUMNS, _lines(layout))


def gap_table(found: Sequence[Gap], layout: Layout) -> str:
    """CSV with GAP_COLUMNS."""
    return _csv(GAP_COLUMNS, _gap_lines(found, layout))


def _lines(layout: Layout) -> Iterator[Sequence[str]]:
    plain = layout.number is None
    for entry in layout.entries:
        for block in layout.blocks:
            place = layout.places[entry, block]
            if plain and not place.results:
                continue
            for metric in layout.metrics:
                trained = place.results[0].trained_on if place.results else block.trained_on
                yield (
                    str(layout.number or ""),
                    *(entry.method, entry.title, _modules(entry), trained, block.tested_on, block.split, metric),
                    *_figures(place.figure(metric)),
                    *_said(place, metric),
                )


def _said(place: Place, metric: str) -> Iterator[str]:
    results, having = place.results, place.having(metric)
    yield str(min(result.pictures for result in place.done)) if place.done else ""
    yield str(min(result.count(metric) for result in place.done)) if place.done else ""
    yield _NEXT.join(dict.fromkeys(result.state for result in results)) or state(place)
    yield _NEXT.join(result.run for result in having)
    yield _NEXT.join(dict.fromkeys(note for result in results for note in (result.note, result.undefined) if note))
    yield _NEXT.join(dict.fromkeys(flag for result in results for flag in result.flags))


def _gap_lines(found: Sequence[Gap], layout: Layout) -> Iterator[Sequence[str]]:
    for gap in found:
        for metric in layout.metrics:
            named = gap.entry.method, gap.entry.title, gap.pair.title, gap.split, metric
            yield (*named, *_figures(gap.figures[metric]), _NEXT.join(gap.runs), gap.why or _NEXT.join(gap.notes))


def _modules(entry: Entry) -> str:
    return " ".join(entry.modules or ())


def _figures(figure: Figure) -> Iterator[str]:
    """ours, spread, seeds, paper, difference."""
    yield from (_number(figure.mean), _number(figure.spread), str(len(figure.values)))
    yield "" if figure.paper is None else str(figure.paper)
    yield _number(figure.difference)


def _number(value: float) -> str:
    return "" if math.isnan(value) else repr(float(value))


def _csv(columns: Sequence[str], lines: Iterator[Sequence[str]]) -> str:
    """Texts that a spreadsheet would run are made safe; numbers are left as they are."""
    numbers = {columns.index(name) for name in ("ours", "spread", "paper", "difference")}
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    for line in lines:
        writer.writerow([cell if n in numbers else formula_safe(cell) for n, cell in enumerate(line)])
    return text.getvalue()
