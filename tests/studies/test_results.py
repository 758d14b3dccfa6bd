"""Results: states as they are, and means that are those of the rows."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from p3m_anon.evaluation.rows import METRICS, EvalRow, write_csv
from p3m_anon.studies.cells import Cell, Planned
from p3m_anon.studies.predictions import Prediction, write_prediction
from p3m_anon.studies.results import NO_WEIGHTS, present, results
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
        assert found.count(name) == len(values)
    assert found.undefined == "undefined in some pictures: MSE-T over 1"
    assert found.ids == {"a": True, "b": True, "c": False}


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
    assert found.note.startswith("runs/eval-1/rows.csv: cannot be read")


@pytest.mark.parametrize(
    ("note", "shown"),
    [
        ("{root}/runs/x/rows.csv: broken", "runs/x/rows.csv: broken"),
        ("/home/bob/P3M-10k/a.png: no such file", "a.png: no such file"),
        ("see https://github.com/a/b and B:N/N:N, 1 / 2", "see https://github.com/a/b and B:N/N:N, 1 / 2"),
    ],
)
def test_a_report_names_no_folder_outside_of_the_store(note: str, shown: str, tmp_path: Path, study: Study) -> None:
    store = stored(study, tmp_path)
    store.write_state("eval-1", State("failed", note.format(root=tmp_path)))
    assert results(study, store)[0].note == shown


def test_mattes_of_other_pictures_are_noted(study: Study, tmp_path: Path) -> None:
    """As after pictures were withdrawn from the dataset."""
    store, test = stored(study, tmp_path), study.tested_on[0]
    write_csv(store.run("eval-1") / "rows.csv", [ROWS[0], ROWS[2]])
    store.write_state("eval-1", State("done"))
    for cell, rows in (("theirs", ROWS), ("others", [ROWS[0], ROWS[2]]), ("few", ROWS[:1])):
        write_csv(store.run(cell) / "rows.csv", rows)
        store.write_state(cell, State("done"))
        write_prediction(store, Prediction(cell, "X", test, cell))
    found = {one.method: one for one in results(study, store)}
    start, end = "over other pictures than the study's own cells, ", "; add the mattes again"
    assert found["theirs"].note == f"{start}1 that these do not have{end}"
    assert found["few"].note == f"{start}without 1 that these have{end}"
    assert found["others"].note == found["p3mnet"].note == ""
    assert [one.method for one in found.values() if one.added] == ["few", "others", "theirs"]
    assert present(found.values(), test) == {"a", "c"}
