"""What has come of a study's cells: states, and means that are computed from the rows of their run folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from p3m_anon.errors import UsageError
from p3m_anon.evaluation.rows import METRICS, read_csv
from p3m_anon.evaluation.tables import means
from p3m_anon.studies.cells import Cell, Planned
from p3m_anon.studies.predictions import with_predictions
from p3m_anon.studies.store import Store
from p3m_anon.studies.study import Study, TestSet

Standing = Literal["done", "running", "failed", "absent", "impossible"]
ROWS = "rows.csv"
NO_WEIGHTS = "its training failed"


@dataclass(frozen=True)
class Result:
    """A method on a test set.

    method: a name of METHODS or of the paper, or the name of somebody's predictions. trained_on: B, N, "" (it is not
    trained), X (not known). state: absent: not run yet; impossible: cannot be run, as `note` says. note: the line of
    error, how far it is, or what has to be said beside the numbers. run: its folder, relative to the store, "" if none.
    means: by METRICS, nan where one is not defined; empty unless done. pictures, scored: how many there are, and how
    many of them the means are over. flags: why the numbers flatter it.
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


def results(study: Study, store: Store) -> list[Result]:
    """Of all evaluations of the study, in its order, as of its last run, and of the predictions that were added.

    Raises UsageError where it was never run.
    """
    _, cells = store.grid(study.name)
    shown = with_predictions(cells, study, store)
    return [replace(_result(one, store), flags=flags) for one, flags in shown if one.cell.kind == "eval"]


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
    place = cell.method, cell.trained_on, cell.test, cell.seed
    run = f"runs/{cell.id}" if cell.id and store.run(cell.id).is_dir() else ""
    if state != "done":
        return Result(*place, state, note, run)
    try:
        found = means(read_csv(store.run(cell.id) / ROWS))
    except UsageError as error:
        return Result(*place, "failed", str(error), run)
    return Result(*place, state, note, run, {name: found[name] for name in METRICS}, found.pictures, found.scored)
