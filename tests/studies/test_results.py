"""Results: states as they are, and means that are those of the rows."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from p3m_anon.evaluation.rows import METRICS, EvalRow, write_csv
from p3m_anon.studies.cells import Cell, Planned
from p3m_anon.studies.results import NO_WEIGHTS, results
from p3m_anon.studies.store import State, Store
from p3m_anon.studies.study import Study, read_study

ROWS = [
    EvalRow("a", "P3M-500-P", **{name: 1 / 3 + place for place, name in enumerate(METRICS)}),
    EvalRow("b", "P3M-500-P", **dict.fromkeys(METRICS, 7.7)),
    EvalRow("c", "P3M-500-P", error="broken"),
]


@pytest.fixture
def study() -> Study:
    return replace(read_study("table3"), name="mine")


def stored(study: Study, folder: Path) -> Store:
    store = Store(folder)
    test = study.tested_on[0]
    train = Planned(Cell("train-1", "train", "p3mnet", "B", 0, None, None))
    store.write_grid(study, [train, Planned(Cell("eval-1", "eval", "p3mnet", "B", 0, test, "train-1"))])
    return store


def test_means_are_those_of_the_rows_that_have_a_score(study: Study, tmp_path: Path) -> None:
    store = stored(study, tmp_path)
    rows = [ROWS[0], replace(ROWS[1], mse_t=math.nan), ROWS[2]]
    write_csv(store.run("eval-1") / "rows.csv", rows)
    store.write_state("eval-1", State("done", "1 of 3", complete=False))
    (found,) = results(study, store)
    assert (found.state, found.note, found.run, found.pictures, found.scored) == ("done", "1 of 3", "runs/eval-1", 3, 2)
    for name in METRICS:
        values = [value for row in rows[:2] if not math.isnan(value := getattr(row, name))]
        assert found.means[name] == sum(values) / len(values)


def test_states_that_have_no_numbers(study: Study, tmp_path: Path) -> None:
    store = stored(study, tmp_path)

    def found() -> tuple[str, str]:
        (one,) = results(study, store)
        assert one.means == {}
        return one.state, one.note

    assert found() == ("absent", "")
    store.write_state("train-1", State("failed", "out of memory"))
    assert found() == ("absent", NO_WEIGHTS)
    store.write_state("eval-1", State("running", step=3, of=4))
    assert found() == ("absent", "broken off after picture 3 of 4")
    with store.working_on("eval-1"):
        assert found() == ("running", "picture 3 of 4")
    store.write_state("eval-1", State("failed", "why"))
    assert found() == ("failed", "why")


def test_rows_that_are_gone_are_no_result(study: Study, tmp_path: Path) -> None:
    store = stored(study, tmp_path)
    store.write_state("eval-1", State("done"))
    (found,) = results(study, store)
    assert found.state == "failed"
    assert "rows.csv: cannot be read" in found.note
