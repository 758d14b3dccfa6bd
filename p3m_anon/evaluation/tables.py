"""Means of rows in the layout of the paper's Table 4, and the paper's own numbers to stand beside them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from p3m_anon.evaluation.rows import METRICS, EvalRow
from p3m_anon.methods.registry import METHODS

TABLE_4 = ("sad", "mse", "mad", "sad_t", "mse_t", "mad_t", "grad", "conn")
"""Its columns."""

TITLES = {name: name.upper().replace("_", "-") for name in METRICS}
PLACES = {"mse": 4, "mad": 4, "mse_t": 4, "mad_t": 4}
"""Decimals that Table 4 prints; 2 for the others. Nothing is rounded before."""

_ABSENT = "-"


@dataclass
class Means:
    """Sums over the scored rows; add them in a fixed order (by id) to get the same last digit.

    pictures: all rows. scored: those without an error. counts: over how many of them each metric is defined.
    """

    pictures: int = 0
    scored: int = 0
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(METRICS, 0))
    _sums: dict[str, float] = field(default_factory=lambda: dict.fromkeys(METRICS, 0.0))

    def add(self, row: EvalRow) -> None:
        """One more picture; undefined metrics (nan) are left out of their own mean only."""
        self.pictures += 1
        if row.error:
            return
        self.scored += 1
        for name in METRICS:
            value = getattr(row, name)
            if not math.isnan(value):
                self.counts[name] += 1
                self._sums[name] += value

    def __getitem__(self, metric: str) -> float:
        """The mean; nan over no picture."""
        count = self.counts[metric]
        return self._sums[metric] / count if count else math.nan

    def caveats(self) -> list[str]:
        """What has to be said beside the numbers, because pictures are missing in them."""
        said = []
        if self.scored < self.pictures:
            said.append(f"means over {self.scored} of {self.pictures} pictures; the others have no score")
        fewer = [f"{TITLES[name]} over {self.counts[name]}" for name in METRICS if self.counts[name] < self.scored]
        return said + ([f"undefined in some pictures: {', '.join(fewer)}"] if fewer else [])


def means(rows: Iterable[EvalRow]) -> Means:
    """The means over `rows`, added in the order given."""
    result = Means()
    for row in rows:
        result.add(row)
    return result


class PaperRow(NamedTuple):
    """What the paper prints for a method: `values` by metric as printed, and the numbers of the tables they are in.

    trained_on: B or N; "" for a method that is not trained.
    """

    title: str
    values: Mapping[str, Decimal]
    tables: tuple[int, ...]
    trained_on: str


def paper_row(
    method: str, split: str, trained_on: str, tested_on: str, *, transition_only: bool = False
) -> PaperRow | None:
    """The paper's numbers of a method; Table 4, where it has the metric, before the others.

    method: a name of METHODS or `paper_methods`, else the result is None. trained_on: `B`, `N`, or `X` where it is not
    known, which is taken for B, the paper's proposal. tested_on: `B` or `N`. transition_only: what is set beside it
    knows the trimap's known area; of a method that does not, only the -T columns can be compared. Of Table 5 the rows
    are taken whose modules are the method's own; P3M-Net with all of them is in Table 4.
    """
    title, name, modules = _in_tables(method)
    trained = "B" if trained_on == "X" else trained_on
    values: dict[str, Decimal] = {}
    used = []
    learned = False
    whole = not transition_only or (name in paper_methods() and paper_methods()[name].needs_trimap)
    for table in sorted(_paper()["tables"], key=lambda one: one["number"] != 4):
        for row in table["rows"]:
            place = row["method"], row["split"], row["trained_on"] or trained, row["tested_on"]
            if place != (name, split, trained, tested_on) or tuple(row.get("modules", ())) != modules:
                continue
            printed = zip(table["metrics"], row["values"], strict=True)
            new = {key: one for key, one in printed if key not in values and (whole or key.endswith("_t"))}
            values |= new
            learned |= row["trained_on"] is not None
            used += [table["number"]] if new else []
    return PaperRow(title, values, tuple(used), trained if learned else "") if values else None


def _in_tables(method: str) -> tuple[str, str, tuple[str, ...]]:
    """Title, the paper's name, and modules as Table 5 has them."""
    if method in METHODS:
        found = METHODS[method]
        return found.title, found.paper_name or method, found.modules
    return (paper_methods()[method].title if method in paper_methods() else ""), method, ()


class PaperMethod(NamedTuple):
    """A method as the tables call it, and whether it is given the trimap."""

    title: str
    needs_trimap: bool


class PaperCell(NamedTuple):
    """One method under one protocol in one of the tables; `values` by metric, as printed.

    modules: which of P3M-Net's are built in, None in tables that do not tell. trained_on: B or N, "" if not trained.
    """

    method: str
    modules: tuple[str, ...] | None
    split: str
    trained_on: str
    tested_on: str
    values: Mapping[str, Decimal]


class PaperTable(NamedTuple):
    """One of the tables 1 to 5, its cells in the paper's order. notes: what has to be known of it."""

    number: int
    title: str
    metrics: tuple[str, ...]
    cells: tuple[PaperCell, ...]
    notes: tuple[str, ...]


def paper_table(number: int) -> PaperTable:
    """The table of this number, 1 to 5; ValueError for another."""
    for table in _paper()["tables"]:
        if table["number"] == number:
            metrics = tuple(table["metrics"])
            cells = tuple(_cell(metrics, row) for row in table["rows"])
            notes = tuple(note for note in _paper()["notes"] if re.match(rf"Tables? (\d and )?{number}\b", note))
            return PaperTable(number, table["title"], metrics, cells, notes)
    raise ValueError(f"number must be that of a table of the paper, 1 to 5, got {number}")


def _cell(metrics: tuple[str, ...], row: Mapping[str, Any]) -> PaperCell:
    modules = tuple(row["modules"]) if "modules" in row else None
    values = dict(zip(metrics, row["values"], strict=True))
    return PaperCell(row["method"], modules, row["split"], row["trained_on"] or "", row["tested_on"], values)


def paper_methods() -> dict[str, PaperMethod]:
    """Our name of each method of the tables -> what the paper says of it."""
    return {name: PaperMethod(**said) for name, said in _paper()["methods"].items()}


def table_4(name: str, ours: Means, paper: PaperRow | None) -> list[list[str]]:
    """Cells of the table: titles, our means, and, where there is a row of the paper, it and the difference to it."""
    lines = [["", *(TITLES[metric] for metric in TABLE_4)], [name, *(_rounded(m, ours[m]) for m in TABLE_4)]]
    if paper is not None:
        label = f"{paper.title}, paper (Table {' and '.join(str(number) for number in paper.tables)})"
        lines.append([label, *(str(paper.values.get(metric, _ABSENT)) for metric in TABLE_4)])
        lines.append(["difference", *_differences(ours, paper)])
    return lines


def _differences(ours: Means, paper: PaperRow) -> Iterator[str]:
    for metric in TABLE_4:
        known = metric in paper.values
        yield _rounded(metric, ours[metric] - float(paper.values[metric]), sign="+") if known else _ABSENT


def _rounded(metric: str, value: float, sign: str = "") -> str:
    return _ABSENT if math.isnan(value) else f"{value:{sign}.{PLACES.get(metric, 2)}f}"


@cache
def _paper() -> dict[str, Any]:
    data = files("p3m_anon.manifests").joinpath("paper_tables.json").read_bytes()
    parsed: dict[str, Any] = json.loads(data, parse_float=Decimal, parse_int=int)
    return parsed
