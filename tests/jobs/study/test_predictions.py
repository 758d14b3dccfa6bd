"""Other people's mattes: the figures of eval, a cell by their bytes, and a rerun that scores what changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from p3m_anon.errors import Stopped, UsageError
from p3m_anon.evaluation.rows import read_csv
from p3m_anon.jobs.eval.request import EvalRequest
from p3m_anon.jobs.eval.run import evaluate
from p3m_anon.jobs.study import predictions as job
from p3m_anon.jobs.study.predictions import PredictionsRequest, add_predictions, cell_id
from p3m_anon.studies.store import Store
from p3m_anon.studies.study import TestSet
from tests.jobs.eval.cases import disc, eight, figures, make_mattes, make_split, save, worked_on

P_B, P_N, NP_N = TestSet("P3M-500-P", "B"), TestSet("P3M-500-P", "N"), TestSet("P3M-500-NP", "N")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_mattes(tmp_path / "mattes")
    return make_split(tmp_path / "data")


def asked(root: Path, name: str = "Mine", **options) -> PredictionsRequest:
    defaults = {"mattes": root.parent / "mattes", "test": P_B, "store": root.parent / "store"}
    return PredictionsRequest(name, root=root, **defaults | options)


def rows(request: PredictionsRequest, cell: str):
    return {row.id: row for row in read_csv(request.store / "runs" / cell / "rows.csv")}


def test_the_figures_are_those_of_eval(root, tmp_path):
    prediction, summary = add_predictions(asked(root))
    assert (summary.scored, summary.exit_code, prediction.flags) == (6, 0, ())
    evaluate(EvalRequest(root, "P3M-500-P", pred=tmp_path / "mattes", out=tmp_path / "run"))
    for row in read_csv(tmp_path / "run/rows.csv"):
        assert figures(rows(asked(root), prediction.cell)[row.id]) == figures(row)
    state = Store(tmp_path / "store").state(prediction.cell)
    assert state is not None
    assert (state.stage, state.complete) == ("done", True)


def test_given_trimaps_count_in_the_transition_only(root):
    plain, _ = add_predictions(asked(root))
    given, summary = add_predictions(asked(root, needs_trimap=True))
    assert given.cell != plain.cell
    assert summary.transition_only
    assert all(row.sad == row.sad_t for row in rows(asked(root), given.cell).values())
    assert add_predictions(asked(root, "dim"))[1].transition_only  # the paper says so of DIM


def test_a_name_of_the_paper_has_its_row(root):
    _, summary = add_predictions(asked(root, "shm", trained_on="B"))
    assert summary.table[2][0].startswith("SHM, paper")
    assert summary.protocol == "B:B"


def test_only_what_changed_is_scored_again(root, tmp_path):
    before, _ = add_predictions(asked(root))
    save(tmp_path / "mattes/p_2.png", eight(disc(2, 5)))
    after, summary = add_predictions(asked(root))
    assert after.cell != before.cell
    assert worked_on(summary) == 1
    old, new = rows(asked(root), before.cell), rows(asked(root), after.cell)
    assert [id for id in old if old[id] != new[id]] == ["p_2"]
    assert worked_on(add_predictions(asked(root))[1]) == 0
    assert not [one for one in (tmp_path / "store/runs").iterdir() if one.name.startswith(".")]


def test_the_cell_is_of_bytes_and_not_of_places(root, tmp_path):
    there = cell_id(asked(root))
    shutil.copytree(tmp_path / "mattes", tmp_path / "moved")
    assert cell_id(asked(root, mattes=tmp_path / "moved")) == there
    add_predictions(asked(root))
    assert add_predictions(asked(root, mattes=tmp_path / "moved"))[1].scored == 6
    assert len({there, cell_id(asked(root, "Other")), cell_id(asked(root, trained_on="B"))}) == 3
    save(root / "validation/P3M-500-P/mask/p_0.png", eight(disc(3)))
    assert cell_id(asked(root)) != there


def test_missing_mattes_are_error_rows(root, tmp_path):
    (tmp_path / "mattes/p_1.png").unlink()
    prediction, summary = add_predictions(asked(root))
    assert (summary.scored, summary.exit_code) == (5, 1)
    assert rows(asked(root), prediction.cell)["p_1"].error == "no prediction of this name"
    assert Store(tmp_path / "store").state(prediction.cell).complete is False
    save(tmp_path / "mattes/p_1.png", eight(disc(1)))
    assert worked_on(add_predictions(asked(root))[1]) == 1


def test_a_killed_run_goes_on(root, tmp_path):
    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_predictions(asked(root), stop)
    assert not (tmp_path / "store/predictions").exists()  # no row before it is whole
    assert worked_on(add_predictions(asked(root))[1]) < 6


def test_an_error_of_the_run_is_a_failed_cell(root, tmp_path, monkeypatch):
    def fail(request, **_):
        if not request.dry_run:
            raise Stopped("disk full: make room")

    monkeypatch.setattr(job, "evaluate", fail)
    with pytest.raises(Stopped):
        add_predictions(asked(root))
    state = Store(tmp_path / "store").state(cell_id(asked(root)))
    assert (state.stage, state.note) == ("failed", "disk full: make room")


def test_what_cannot_be_leaves_nothing(root, tmp_path):
    (tmp_path / "empty").mkdir()
    for options, said in (
        ({"mattes": tmp_path / "empty"}, "no file in .* is called after a picture"),
        ({"mattes": tmp_path / "none"}, "no such folder"),
        ({"test": NP_N}, "holds no P3M-500-NP"),
    ):
        with pytest.raises(UsageError, match=said):
            add_predictions(asked(root, **options))
    assert not (tmp_path / "store").exists()
    for options, said in (
        ({"store": root / "studies"}, "lies inside the dataset"),
        ({"test": TestSet("P3M-500-NP", "B")}, "normal pictures only"),
        ({"name": "a\nb"}, "no name"),
    ):
        with pytest.raises(UsageError, match=said):
            asked(root, **options)


def test_one_process_at_a_time(root, tmp_path):
    request = asked(root)
    with Store(tmp_path / "store").working_on(cell_id(request)), pytest.raises(Stopped, match="another process"):
        add_predictions(request)


@pytest.mark.parametrize(("test", "label"), [(P_B, "X:B"), (P_N, "X:N"), (NP_N, "")])
def test_on_what_it_was_tested_is_in_the_rows(root, test, label):
    make_split(root, split="P3M-500-NP")
    prediction, _ = add_predictions(asked(root, test=test))
    assert {row.protocol for row in rows(asked(root), prediction.cell).values()} == {label}


def test_known_models_are_flagged_on_what_they_saw(root, tmp_path):
    assert add_predictions(asked(root, "birefnet-portrait"))[0].flags == ()
    make_split(root, split="P3M-500-NP")
    prediction, _ = add_predictions(asked(root, "birefnet-portrait", test=NP_N, saw_test="the author says so"))
    assert [flag.split(":")[0] for flag in prediction.flags] == [
        "trained on pictures of P3M-500-NP",
        "saw the test pictures",
    ]
    (tmp_path / "mattes").rename(tmp_path / "BiRefNet-matting")
    request = EvalRequest(root, "P3M-500-P", pred=tmp_path / "BiRefNet-matting", out=tmp_path / "run")
    assert evaluate(request).caveats[0].startswith("no fair test: trained on pictures of P3M-500-P")
    assert json.loads((tmp_path / "run/settings.json").read_text())["pred"].endswith("BiRefNet-matting")
