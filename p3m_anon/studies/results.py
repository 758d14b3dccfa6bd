"""What has come of a study's cells: states, and means that are computed from the rows of their run folders."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from p3m_anon.errors import UsageError
from p3m_anon.evaluation.rows import METRICS, EvalRow, read_csv
from p3m_anon.evaluation.tables import TITLES, means
from p3m_anon.studies.cells import Cell, Planned
from p3m_anon.studies.predictions import predictions_of, with_predictions
from p3m_anon.studies.store import Store
from p3m_anon.studies.study import Study, TestSet

Standing = Literal["done", "running", "failed", "absent", "impossible"]
ROWS = "rows.csv"
_FOLDERS = re.compile(r"(?<![\w./:])/(?:[^\s/:]+/)+")  # of an absolute path, and of no address
NO_WEIGHTS = "its training failed"


@dataclass(frozen=True)
class Result:
    """A method on a test set.

    method: a name of METHODS or of the paper, or the name of somebody's predictions. trained_on: B, N, "" (it is not
    trained), X (not known). state: absent: not run yet; impossible: cannot be run, as `note` says. note: the line of
    error, how far it is, or what has to be said beside the numbers. run: its folder, relative to the store, "" if none.
    means: by METRICS, nan where one is not defined; empty unless done. pictures, scored: how many there are, and how
    many of them have a score. counts: over how many of these a metric is defined. ids: of all pictures, with whether
    they have a score. flags: why the numbers flatter it. added: somebody's mattes, and no cell of the study's own.
    """

    method: str
    trained_on: str
    test: TestSet
    seed: int | None
    state: Standing
    note: str = ""
    run: str = ""
    means: Mapping[str, float] = field(default_factory=dict)
    pictures: int = 0
    scored: int = 0
    flags: tuple[str, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    ids: Mapping[str, bool] = field(default_factory=dict)
    added: bool = False

    def count(self, metric: str) -> int:
        """Over how many pictures the mean of one of METRICS is."""
        return self.counts.get(metric, self.scored)

    @property
    def undefined(self) -> str:
        """Which means are over fewer pictures than have a score, as part of a sentence; "" for none."""
        fewer = [f"{TITLES[name]} over {self.count(name)}" for name in self.means if self.count(name) < self.scored]
        return f"undefined in some pictures: {', '.join(fewer)}" if fewer else ""


def results(study: Study, store: Store) -> list[Result]:
    """Of all evaluations of the study, in its order, as of its last run, and of the predictions that were added.

    Raises UsageError where it was never run.
    """
    _, cells = store.grid(study.name)
    added = {one.cell for one in predictions_of(study, store)}
    found = [
        replace(_result(one, store), flags=flags, added=one.cell.id in added)
        for one, flags in with_predictions(cells, study, store)
        if one.cell.kind == "eval"
    ]
    return [_compared(one, present(found, one.test)) for one in found]


def present(found: Iterable[Result], test: TestSet) -> frozenset[str]:
    """Ids of the pictures that the study's own cells have on the split; empty where none is done.

    What was withdrawn from the dataset is in none of them, but may be in mattes that were added before.
    """
    own = (one for one in found if one.test.split == test.split and not one.added)
    return frozenset(id for one in own for id in one.ids)


def with_rows(result: Result, rows: Sequence[EvalRow]) -> Result:
    """What the rows of its run folder say, means and the rest."""
    found = means(rows)
    return replace(
        result,
        means={name: found[name] for name in METRICS},
        counts=found.counts,
        pictures=found.pictures,
        scored=found.scored,
        ids={row.id: not row.error for row in rows},
    )


def published(note: str, root: Path) -> str:
    """A line of error as a report may show it: paths relative to the store, without their folders if elsewhere."""
    for folder in dict.fromkeys((f"{root.absolute()}", f"{root.resolve()}", f"{root}")):
        note = note.replace(f"{folder}/", "") if folder != "." else note
    return _FOLDERS.sub("", note)


def _compared(result: Result, there: frozenset[str]) -> Result:
    """With a note where somebody's mattes are of other pictures than the study's own cells."""
    more, fewer = len(result.ids.keys() - there), len(there - result.ids.keys())
    if not (result.added and result.ids and there and (more or fewer)):
        return result
    said = [f"{more} that these do not have" if more else "", f"without {fewer} that these have" if fewer else ""]
    note = f"over other pictures than the study's own cells, {' and '.join(filter(None, said))}; add the mattes again"
    return replace(result, note=note)


def standing(planned: Planned, store: Store) -> tuple[Standing, str]:
    """How it stands with a cell, and its note. One whose process has ended is not running, whatever its file says."""
    cell = planned.cell
    if planned.impossible:
        return "impossible", planned.impossible
    state = store.state(cell.id)
    if state is None:
        return "absent", _waiting(cell, store)
    if state.stage != "running":
        return state.stage, state.note
    far = f"{'step' if cell.kind == 'train' else 'picture'} {state.step} of {state.of}" if state.of else ""
    if store.is_worked_on(cell.id):
        return "running", far
    return "absent", f"broken off{f' after {far}' if far else ''}"


def _waiting(cell: Cell, store: Store) -> str:
    """What an evaluation that was not begun waits for."""
    training = store.state(cell.needs) if cell.needs else None
    return NO_WEIGHTS if training is not None and training.stage == "failed" else ""


def _result(planned: Planned, store: Store) -> Result:
    cell = planned.cell
    assert cell.test is not None
    state, note = standing(planned, store)
    note = published(note, store.root)
    place = cell.method, cell.trained_on, cell.test, cell.seed
    run = f"runs/{cell.id}" if cell.id and store.run(cell.id).is_dir() else ""
    if state != "done":
        return Result(*place, state, note, run)
    try:
        rows = list(read_csv(store.run(cell.id) / ROWS))
    except UsageError as error:
        return Result(*place, "failed", published(str(error), store.root), run)
    return with_rows(Result(*place, state, note, run), rows)
