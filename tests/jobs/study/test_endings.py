"""How cells of a study end that do not end well, and what the next run makes of them."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from p3m_anon.errors import Stopped
from p3m_anon.jobs.study import child as study_child
from p3m_anon.jobs.study import group as study_group
from p3m_anon.jobs.study import run as study_run
from p3m_anon.jobs.study.group import CANNOT_WRITE, decoded, encoded
from p3m_anon.jobs.study.run import run_study
from p3m_anon.studies.store import State, Store
from tests.jobs.study.cases import make_data, plan, request, write_study

BOTH = ("P3M-500-P:B", "P3M-500-NP:N")


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # of the children


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return make_data(tmp_path_factory.mktemp("data"))


def test_an_evaluation_that_was_killed_is_redone_where_the_dataset_has_moved_to(root: Path, tmp_path: Path) -> None:
    data = shutil.copytree(root.parent, tmp_path / "data") / "dataset"
    study = write_study(tmp_path, "mine", ("closed_form",))
    asked = request(study, data, tmp_path / "studies")
    assert run_study(asked).exit_code == 0
    (cell,) = plan(asked)
    Store(asked.store).fail(cell.id, "its process was ended by SIGKILL")
    data.rename(data.with_name("moved"))
    again = request(study, data.with_name("moved"), asked.store)
    assert [one.id for one in plan(again)] == [cell.id]
    assert run_study(again).exit_code == 0


def crashes(text: str, log: int, _tick: object) -> int:
    """A child that does its work, and is ended by a library when it leaves."""
    code = (
        "import os, signal, sys; from p3m_anon.jobs.study.child import main; main(sys.argv[1]);"
        "os.kill(os.getpid(), signal.SIGSEGV)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, text], stdin=subprocess.PIPE, stdout=log, stderr=log)
    with child:
        child.wait()
    os.close(log)
    return child.returncode


def test_a_crash_behind_the_last_cell_is_nobodys(root: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(study_group, "_run_child", crashes)
    asked = request(write_study(tmp_path, "mine", ("closed_form",), tested_on=BOTH), root, tmp_path / "studies")
    assert run_study(asked).counts == {"done": 2}


def child_of(stages: dict[int, State], code: int):
    """A child that leaves cells, by their place, in these states."""

    def child(text: str, log: int, _tick: object) -> int:
        os.close(log)
        asked, cells = decoded(text)
        for place, state in stages.items():
            Store(asked.store).write_state(cells[place].id, state)
        return code

    return child


def test_a_crash_before_the_first_cell_is_the_first_ones(root: Path, tmp_path: Path, monkeypatch) -> None:
    asked = request(write_study(tmp_path, "mine", ("closed_form",), tested_on=BOTH), root, tmp_path / "studies")
    monkeypatch.setattr(study_group, "_run_child", child_of({}, -signal.SIGSEGV))
    summary = run_study(asked)
    assert [one.note for one in summary.cells] == ["its process was ended by SIGSEGV"] * 2
    assert [one.note for one in run_study(asked).cells] == ["its process was ended by SIGSEGV"] * 2


def test_a_crash_after_a_training_that_failed_leaves_its_evaluations_alone(
    root: Path, tmp_path: Path, monkeypatch
) -> None:
    asked = request(write_study(tmp_path, "mine", ("p3mnet",)), root, tmp_path / "studies")
    monkeypatch.setattr(study_group, "_run_child", child_of({0: State("failed", "no memory")}, -signal.SIGSEGV))
    assert next((one.standing, one.note) for one in run_study(asked).cells) == ("failed", "no memory")
    assert Store(asked.store).state(plan(asked)[1].id) is None


def test_what_another_run_has_failed_at_is_not_tried_in_the_same_go(root: Path, tmp_path: Path, monkeypatch) -> None:
    asked = request(write_study(tmp_path, "mine", ("p3mnet", "closed_form")), root, tmp_path / "studies")
    tried: list[str] = []
    (training, *_) = plan(asked)
    run = study_run._Run(asked, study_run.plan_cells(asked.study, study_run.read_inputs(asked)), study_run.Watch())
    Store(asked.store).write_state(training.id, State("failed", "by another run"))

    def child(text: str, log: int, _tick: object) -> int:
        os.close(log)
        tried.extend(one.method for one in decoded(text)[1])
        for one in decoded(text)[1]:
            Store(asked.store).write_state(one.id, State("failed", "here"))
        return 0

    monkeypatch.setattr(study_group, "_run_child", child)
    run.all()
    assert tried == ["closed_form"]
    run_study(asked)
    assert tried.count("p3mnet") == 2  # the training, and the test that waits for it: the next run tries again


def test_a_full_disk_in_a_training_ends_the_run(root: Path, tmp_path: Path, monkeypatch) -> None:
    asked = request(write_study(tmp_path, "mine", ("p3mnet",)), root, tmp_path / "studies")
    text = encoded(asked, plan(asked))

    def full(*_: object) -> None:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise Stopped("last.ckpt cannot be saved") from error

    monkeypatch.setattr("p3m_anon.jobs.train.run.train", full)
    monkeypatch.setattr(study_child, "_end_with_parent", lambda: None)
    monkeypatch.setattr(study_child, "_redirect", lambda *_: None)
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert study_child.main(text) == CANNOT_WRITE
    finally:
        signal.signal(signal.SIGTERM, before)
    monkeypatch.setattr(study_group, "_run_child", child_of({}, CANNOT_WRITE))
    with pytest.raises(Stopped, match="make room"):
        run_study(asked)


def test_a_store_of_another_user_is_one_line(root: Path, tmp_path: Path) -> None:
    asked = request(write_study(tmp_path, "mine", ("closed_form",)), root, tmp_path / "studies")
    store, (cell,) = Store(asked.store), plan(asked)
    store.log(cell.id).mkdir(parents=True)  # as little to be written as a file of another user
    with pytest.raises(Stopped, match="rights of the store"):
        run_study(asked)
    store.log(cell.id).rmdir()
    (asked.store / "cells" / f"{cell.id}.lock").mkdir(parents=True)
    with pytest.raises(Stopped, match="rights"):
        run_study(asked)


def test_logs_are_their_owners(tmp_path: Path) -> None:
    os.close(Store(tmp_path).open_log("eval-x"))
    assert Store(tmp_path).log("eval-x").stat().st_mode & 0o777 == 0o600


def test_a_test_with_pictures_without_a_score_is_incomplete(root: Path, tmp_path: Path) -> None:
    data = shutil.copytree(root.parent, tmp_path / "data") / "dataset"
    (data / "validation/P3M-500-P/mask/p_101.png").write_bytes(b"no image")
    asked = request(write_study(tmp_path, "mine", ("closed_form",)), data, tmp_path / "studies")
    summary = run_study(asked)
    assert (summary.exit_code, len(summary.incomplete)) == (1, 1)
    state = Store(asked.store).state(plan(asked)[0].id)
    assert state is not None
    assert (state.stage, state.complete) == ("done", False)


def test_originals_elsewhere_are_tested_on(root: Path, tmp_path: Path) -> None:
    data = shutil.copytree(root, tmp_path / "dataset")
    originals = shutil.copytree(root.with_name("dataset.private") / "originals", tmp_path / "elsewhere")
    study = write_study(tmp_path, "mine", ("closed_form",), tested_on=("P3M-500-P:N",))
    assert run_study(request(study, data, tmp_path / "studies", originals=originals)).counts == {"done": 1}
