"""Which studies show which predictions, under which name, and with which flags."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from p3m_anon.errors import UsageError
from p3m_anon.evaluation.rows import EvalRow, write_csv
from p3m_anon.studies.cells import NO_METHOD, Cell, Planned
from p3m_anon.studies.predictions import (
    Prediction,
    check_name,
    known_prediction,
    predictions_of,
    words_of,
    write_prediction,
)
from p3m_anon.studies.results import results
from p3m_anon.studies.store import State, Store
from tests.studies.report_cases import NP_N, P_B, P_N, study

MINE = Prediction("Mine", "B", P_B, "eval-Mine-0")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store that has run a study of gfm, which is built, and lf, which is not."""
    store = Store(tmp_path)
    own = [Planned(Cell(f"eval-gfm-{test}", "eval", "gfm", "B", 0, test, "train-gfm")) for test in (P_B, P_N)]
    none = Planned(Cell("", "eval", "lf", "B", 0, P_B, None), NO_METHOD)
    store.write_grid(study(methods=("gfm", "lf")), [*own, none])
    return store


def score(store: Store, prediction: Prediction, sad: float = 5.0) -> None:
    store.run(prediction.cell).mkdir(parents=True)
    write_csv(
        store.run(prediction.cell) / "rows.csv", [EvalRow("a", "P3M-500-P", sad=sad), EvalRow("b", "x", error="e")]
    )
    store.write_state(prediction.cell, State("done", complete=False))
    write_prediction(store, prediction)


def rows_of(store: Store, **changes):
    return {(one.method, str(one.test)): one for one in results(study(methods=("gfm", "lf"), **changes), store)}


def test_a_prediction_is_a_result_of_the_studies_that_test_on_its_set(store):
    score(store, MINE)
    write_prediction(store, Prediction("Elsewhere", "X", NP_N, "eval-Elsewhere-0"))
    found = rows_of(store)[("Mine", "P3M-500-P:B")]
    assert (found.trained_on, found.seed, found.state, found.run) == ("B", None, "done", "runs/eval-Mine-0")
    assert (found.means["sad"], found.pictures, found.scored) == (5.0, 2, 1)
    assert math.isnan(found.means["grad"])
    assert [name for name, _ in rows_of(store)] == ["gfm", "gfm", "lf", "Mine"]


def test_only_the_studies_that_were_named_show_it(store):
    write_prediction(store, replace(MINE, studies=("other",)))
    assert predictions_of(study(), store) == []
    write_prediction(store, replace(MINE, studies=("other", "tried")))
    assert predictions_of(study(), store) == [replace(MINE, studies=("other", "tried"))]


def test_the_last_one_of_a_name_training_and_test_counts(store):
    write_prediction(store, MINE)
    write_prediction(store, replace(MINE, cell="eval-Mine-1"))
    write_prediction(store, replace(MINE, trained_on="X", cell="eval-Mine-2"))
    assert known_prediction(store, "Mine", "B", P_B) == replace(MINE, cell="eval-Mine-1")
    assert known_prediction(store, "mine", "B", P_B) is None
    assert {one.cell for one in predictions_of(study(), store)} == {"eval-Mine-1", "eval-Mine-2"}


def test_mattes_of_a_method_that_is_not_built_take_its_place(store):
    score(store, Prediction("lf", "X", P_B, "eval-lf-0"))
    assert rows_of(store)[("lf", "P3M-500-P:B")].state == "done"
    assert len(rows_of(store)) == 3


def test_mattes_of_a_method_of_the_study_are_no_seed_of_it(store):
    score(store, Prediction("gfm", "X", P_B, "eval-gfm-0"))
    found = rows_of(store)
    assert found[("gfm", "P3M-500-P:B")].state == "absent"
    assert found[("gfm (mattes)", "P3M-500-P:B")].state == "done"


def test_flags_come_from_the_list_and_from_who_added_it(store):
    write_prediction(store, Prediction("BiRefNet portrait", "X", NP_N, "c", saw_test="all of P3M-10k"))
    write_prediction(store, Prediction("birefnet-portrait", "X", P_B, "d"))
    wanted = study(methods=("gfm", "lf"), tested_on=(P_B, NP_N))
    by_cell = {one.cell: one.flags for one in predictions_of(wanted, store)}
    assert by_cell["d"] == ()
    known, said = by_cell["c"]
    assert "huggingface.co" in known
    assert said == "saw the test pictures: all of P3M-10k"
    assert [one.flags for one in results(wanted, store)][-2:] in ([(), by_cell["c"]], [by_cell["c"], ()])


@pytest.mark.parametrize("name", ["", " ", " a", "a\nb", "a" * 81, "\x1b[2J"])
def test_names_that_no_table_can_hold(name):
    with pytest.raises(UsageError, match="no name for a table's row"):
        check_name(name)


def test_names_in_files_have_no_separators():
    assert words_of("My net/v2 (ours)") == "My-net-v2-ours"
    assert words_of("../..") == words_of("模型") == "mattes"


def test_a_damaged_file_is_named(store):
    write_prediction(store, MINE)
    (file,) = (store.root / "predictions").iterdir()
    for content in ("", "{}", '{"version": 2}', "[]"):
        file.write_text(content)
        with pytest.raises(UsageError, match=f"{file.name}: cannot be read"):
            predictions_of(study(), store)


def test_status_has_them_too_and_their_flags(store):
    from click.testing import CliRunner

    from p3m_anon.commands.study_status import status

    score(store, Prediction("lf", "X", P_B, "eval-lf-0", saw_test="all of it"))
    said = CliRunner().invoke(status, ["tried", "--out", str(store.root)])
    assert said.exit_code == 0
    (line,) = [one.split() for one in said.stdout.splitlines() if one.startswith("lf")]
    assert line[:2] == ["lf", "X"]
    assert "done" in line
    assert "flagged, no fair test: lf: saw the test pictures: all of it" in said.stdout
    cells = json.loads(CliRunner().invoke(status, ["tried", "--json", "--out", str(store.root)]).stdout)["cells"]
    assert {"id": "eval-lf-0", "state": "done"}.items() <= cells[-1].items()
