"""Which result stands where: the paper's arrangement of a table, or one of all metrics."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from p3m_anon.evaluation.rows import METRICS
from p3m_anon.evaluation.tables import PLACES, PaperTable, paper_methods, paper_row, paper_table
from p3m_anon.methods.registry import METHODS

if TYPE_CHECKING:
    from p3m_anon.studies.results import Result
    from p3m_anon.studies.study import Study

MODULES = ("TFI", "sBFI", "dBFI")
TRIMAP_MARK = "★"
ELSEWHERE = "see All metrics"
_STAND_INS = {"": ("X", "B", "N"), "B": ("", "X"), "N": ("",)}
_TABLE_PLACES = {1: {"sad_t": 4}, 2: {"sad_t": 4}}


class Block(NamedTuple):
    """One protocol on one test set. trained_on: B, N, X (not known), or "" for methods that are not trained."""

    trained_on: str
    tested_on: str
    split: str

    @property
    def protocol(self) -> str:
        """`B:N`; only what it is tested on where nothing is trained."""
        return f"{self.trained_on}:{self.tested_on}" if self.trained_on else self.tested_on


class Identity(NamedTuple):
    """How the paper calls a method: our name of it there, and which modules of P3M-Net it has if not all."""

    method: str
    modules: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Entry:
    """One method of a table, equal to itself only. method: "" for one of the paper's that the study does not have."""

    method: str
    title: str
    paper: Mapping[Block, Mapping[str, Decimal]]
    modules: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Figure:
    """One metric of a method under a protocol: each seed's mean over the pictures, and what the paper prints."""

    values: tuple[float, ...]
    paper: Decimal | None

    @property
    def mean(self) -> float:
        """Over the seeds; nan without one."""
        return statistics.fmean(self.values) if self.values else math.nan

    @property
    def spread(self) -> float:
        """The sample standard deviation; nan for fewer than two seeds."""
        return statistics.stdev(self.values) if len(self.values) > 1 else math.nan

    @property
    def difference(self) -> float:
        """Ours minus the paper's; nan where one of them is missing."""
        return math.nan if self.paper is None else self.mean - float(self.paper)


@dataclass(frozen=True)
class Place:
    """A method under a protocol.

    results: one for each seed, none where the study has no such cell. elsewhere: there are others on this test set that
    this table has no place for.
    """

    results: tuple[Result, ...]
    paper: Mapping[str, Decimal]
    elsewhere: bool = False

    @property
    def done(self) -> tuple[Result, ...]:
        """Those with numbers."""
        return tuple(result for result in self.results if result.state == "done")

    def having(self, metric: str) -> tuple[Result, ...]:
        """Those that one of METRICS is defined for."""
        return tuple(result for result in self.done if not math.isnan(result.means.get(metric, math.nan)))

    def figure(self, metric: str) -> Figure:
        """Of one of METRICS. Means that are not defined (nan) are left out."""
        return Figure(tuple(result.means[metric] for result in self.having(metric)), self.paper.get(metric))


@dataclass(frozen=True)
class Layout:
    """A table before it is text.

    number: of the paper's table, None for the one of all metrics. notes: on what the paper prints there.
    """

    number: int | None
    title: str
    metrics: tuple[str, ...]
    blocks: tuple[Block, ...]
    entries: tuple[Entry, ...]
    places: Mapping[tuple[Entry, Block], Place]
    notes: tuple[str, ...] = ()

    def decimals(self, metric: str) -> int:
        """How many this table prints."""
        return _TABLE_PLACES.get(self.number or 0, {}).get(metric, PLACES.get(metric, 2))

    def filled(self) -> list[tuple[Entry, Block]]:
        """Where there is a cell of the study, entry by entry."""
        return [(e, b) for e in self.entries for b in self.blocks if self.places[e, b].results]


def paper_layout(study: Study, results: Sequence[Result]) -> Layout:
    """The paper's table `study.table`: its methods in its order, then the study's others.

    What the table has no place for is in the one of all metrics only, and notes say so.
    """
    assert study.table is not None
    table = paper_table(study.table)
    blocks = tuple(dict.fromkeys(Block(cell.trained_on, cell.tested_on, cell.split) for cell in table.cells))
    names = list(dict.fromkeys([*study.methods, *(result.method for result in results)]))
    restricted = bool(study.evaluation.get("transition_only", False))
    entries = _entries(table, names, restricted)
    places = _places(entries, blocks, results, exact=False)
    there = {id(result) for place in places.values() for result in place.results}
    tests = {block[1:] for block in blocks}
    left = [one for one in results if id(one) not in there and _block(one)[1:] in tests]
    places = {(e, b): replace(place, elsewhere=_elsewhere(e, b, left)) for (e, b), place in places.items()}
    shown = [e for e in entries if e.paper or _is_shown(e, [places[e, b] for b in blocks])]
    titles = {entry.method: entry.title for entry in entries if entry.method}
    notes = [
        f"{titles[one.method]} {_block(one).protocol} {one.test.split} has no place here; {ELSEWHERE}" for one in left
    ]
    if restricted and any(entry.method and entry.paper and not needs_trimap(entry.method) for entry in shown):
        notes.append("only the transition region was counted, so other columns of ours are not set beside the paper's")
    notes = [*table.notes, *dict.fromkeys(notes)]
    return Layout(table.number, table.title, table.metrics, blocks, tuple(shown), places, tuple(notes))


def plain_layout(study: Study, results: Sequence[Result]) -> Layout:
    """All METRICS of all that the study has, and there what the paper prints anywhere."""
    blocks = tuple(dict.fromkeys(map(_block, results)))
    names = list(dict.fromkeys([*study.methods, *(result.method for result in results)]))
    restricted = bool(study.evaluation.get("transition_only", False))
    there = {(result.method, _block(result)) for result in results}
    entries = tuple(
        Entry(name, title, {block: _printed(name, block, restricted) for block in blocks if (name, block) in there})
        for name, title in zip(names, _titles(names), strict=True)
    )
    return Layout(None, study.title, METRICS, blocks, entries, _places(entries, blocks, results, exact=True))


def identity(name: str) -> Identity:
    """How the paper calls our method of this name."""
    method = METHODS.get(name)
    return Identity(method.paper_name or name, method.modules) if method is not None else Identity(name, ())


def needs_trimap(name: str) -> bool:
    """Whether the method is given the trimap; somebody's mattes are not known to be."""
    known = METHODS.get(name) or paper_methods().get(name)
    return known is not None and known.needs_trimap


def _entries(table: PaperTable, names: Sequence[str], restricted: bool) -> list[Entry]:
    rows = list(dict.fromkeys((cell.method, cell.modules) for cell in table.cells))
    found: list[tuple[str, str, tuple[str, ...] | None]] = []  # name, title, modules
    left = dict(zip(names, _titles(names), strict=True))
    papers = []
    for method, modules in rows:
        own = [name for name in names if _is_row(identity(name), method, modules)]
        for name in own or [""]:
            title = left.pop(name) if name else paper_methods()[method].title
            star = TRIMAP_MARK if paper_methods()[method].needs_trimap and table.number == 4 else ""
            found.append((name, title + star, modules))
            partly = bool(name) and restricted and not paper_methods()[method].needs_trimap
            papers.append(_paper_of(table, method, modules, partly=partly))
    without = [Entry(name, title, {}, _modules(table, name)) for name, title in left.items()]
    return [Entry(*said[:2], paper, said[2]) for said, paper in zip(found, papers, strict=True)] + without


def _is_row(ours: Identity, method: str, modules: tuple[str, ...] | None) -> bool:
    """Whether a row of the paper is about our method; what has all modules, and so has the plain name, says none."""
    named = () if modules is None or modules == MODULES else modules
    return ours == (method, named)


def _modules(table: PaperTable, name: str) -> tuple[str, ...] | None:
    return identity(name).modules if table.cells[0].modules is not None else None


def _paper_of(
    table: PaperTable, method: str, modules: tuple[str, ...] | None, *, partly: bool
) -> dict[Block, Mapping[str, Decimal]]:
    """partly: only of the transition region."""
    cells = (cell for cell in table.cells if (cell.method, cell.modules) == (method, modules))
    return {
        Block(cell.trained_on, cell.tested_on, cell.split): {
            metric: value for metric, value in cell.values.items() if metric.endswith("_t") or not partly
        }
        for cell in cells
    }


def _elsewhere(entry: Entry, block: Block, left: Sequence[Result]) -> bool:
    return any(one.method == entry.method and _block(one)[1:] == block[1:] for one in left)


def _is_shown(entry: Entry, places: Sequence[Place]) -> bool:
    """Not where all that there is of it has its place in another table."""
    return any(place.results for place in places) or not any(place.elsewhere for place in places)


def _printed(name: str, block: Block, restricted: bool) -> Mapping[str, Decimal]:
    """What the paper prints in any of its tables; of what it does not train, nothing beside what was trained."""
    row = paper_row(name, block.split, block.trained_on, block.tested_on, transition_only=restricted)
    untrained = row is not None and not row.trained_on and block.trained_on in ("B", "N")
    return {} if row is None or untrained else row.values


def _titles(names: Sequence[str]) -> list[str]:
    """What tables call them; where two would be called the same, their names are said, too."""
    known = [METHODS.get(name) or paper_methods().get(name) for name in names]
    titles = [one.title if one is not None else name for name, one in zip(names, known, strict=True)]
    return [
        f"{title} ({name})" if titles.count(title) > 1 and title != name else title
        for name, title in zip(names, titles, strict=True)
    ]


def _block(result: Result) -> Block:
    return Block(result.trained_on, result.test.pictures, result.test.split)


def _places(
    entries: Sequence[Entry], blocks: Sequence[Block], results: Sequence[Result], *, exact: bool
) -> dict[tuple[Entry, Block], Place]:
    return {(entry, block): _place(entry, block, results, exact=exact) for entry in entries for block in blocks}


def _place(entry: Entry, block: Block, results: Sequence[Result], *, exact: bool) -> Place:
    """In the paper's tables, what is not trained stands under every training, and unknown training under B.

    Where the table is of methods that are not trained, so does what was trained, on blurred pictures if on both.
    """
    own = [one for one in results if one.method == entry.method and _block(one)[1:] == block[1:]]
    stand_ins = () if exact else _STAND_INS[block.trained_on]
    found: list[Result] = []
    for trained in (block.trained_on, *stand_ins):
        found = found or [one for one in own if one.trained_on == trained]
    order = sorted(found, key=lambda one: -1 if one.seed is None else one.seed)
    return Place(tuple(order), entry.paper.get(block, {}))
