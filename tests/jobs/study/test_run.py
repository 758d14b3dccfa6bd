"""Studies for real: child processes, tiny networks, drawn portraits."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from p3m_anon.errors import UsageError
from p3m_anon.evaluation.rows import write_csv
from p3m_anon.jobs.study import group as study_group
from p3m_anon.jobs.study import run as study_run
from p3m_anon.jobs.study.child import eval_request, train_request
from p3m_anon.jobs.study.group import decoded, encoded
from p3m_anon.jobs.study.request import StudyRequest
from p3m_anon.jobs.study.run import run_study, standings
from p3m_anon.studies.results import NO_WEIGHTS, Result, results
from p3m_anon.studies.store import State, Store
from tests.jobs.study.cases import command, make_data, plan, request, write_study
from tests.jobs.train.cases import environment

SOLVED = ("closed_form", "knn")
BOTH = ("P3M-500-P:B", "P3M-500-NP:N")
STEPS = 40


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = "1"  # of the children
    yield
    os.environ.pop("OMP_NUM_THREADS") if before is None else os.environ.update(OMP_NUM_THREADS=before)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return make_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def whole(root: Path, tmp_path_factory) -> StudyRequest:
    """A study that nothing disturbed: a network trained on both kinds, and a solved method."""
    folder = tmp_path_factory.mktemp("whole")
    study = write_study(folder, "mine", ("closed_form", "p3mnet"), ("B", "N"), BOTH, STEPS)
    asked = request(study, root, folder / "studies")
    summary = run_study(asked)
    assert summary.exit_code == 0, summary.to_json()
    assert summary.counts == {"done": 2 + 2 * 3}
    return asked


def found(asked: StudyRequest) -> list[Result]:
    return results(asked.study, Store(asked.store))


def headers(store: Path) -> Counter[str]:
    """How often each cell was begun."""
    logs = list((store / "runs").glob("*.log"))
    return Counter(
        log.stem for log in logs for line in log.read_text().splitlines() if line.startswith(f"{log.stem}, ")
    )


def test_every_cell_leaves_its_run_folder_and_means(whole: StudyRequest) -> None:
    assert [(one.method, one.trained_on, str(one.test)) for one in found(whole)] == [
        (method, trained_on, test)
        for method, trained_on in (("closed_form", ""), ("p3mnet", "B"), ("p3mnet", "N"))
        for test in ("P3M-500-P:B", "P3M-500-NP:N")
    ]
    for one in found(whole):
        assert (one.state, one.pictures, one.scored) == ("done", 2, 2)
        assert one.means["sad"] > 0
        assert {"rows.csv", "record.sqlite", "settings.json", "eval.html"} <= set(os.listdir(whole.store / one.run))
    assert len({one.means["sad"] for one in found(whole)}) == 6
    assert set(headers(whole.store).values()) == {1}


def test_what_is_done_is_not_done_again(whole: StudyRequest, monkeypatch) -> None:
    monkeypatch.setattr(study_group, "_run_child", lambda *_: pytest.fail("there is nothing to do"))
    assert run_study(whole).exit_code == 0


def test_dataset_and_store_may_move(whole: StudyRequest, root: Path, tmp_path: Path, monkeypatch) -> None:
    shutil.copytree(root.parent, tmp_path / "data")
    shutil.copytree(whole.store, tmp_path / "store")
    (tmp_path / "data/dataset").rename(tmp_path / "data/elsewhere")
    monkeypatch.setattr(study_group, "_run_child", lambda *_: pytest.fail("there is nothing to do"))
    originals = tmp_path / "data/dataset.private/originals"
    moved = StudyRequest(whole.study, tmp_path / "data/elsewhere", originals, tmp_path / "store")
    assert run_study(moved).exit_code == 0
    assert [one.means for one in found(moved)] == [one.means for one in found(whole)]


def test_killed_in_the_middle_and_run_again_is_as_if_it_had_not_been(
    whole: StudyRequest, root: Path, tmp_path: Path
) -> None:
    """The parent alone, whose child must not live on; then parent and child, in an evaluation or wherever they are."""
    study = write_study(tmp_path, "mine", ("p3mnet",), steps=STEPS)
    store = tmp_path / "studies"
    for file, kills_child in (("train-*/last.ckpt", False), ("eval-*/record.sqlite", True)):
        process = subprocess.Popen(command(study, root, store), env=environment(), stderr=subprocess.DEVNULL)
        while not list(store.glob(f"runs/{file}")):
            assert process.poll() is None
            time.sleep(0.01)
        children = child_of(process.pid)
        process.kill()
        process.wait()
        for child in children if kills_child else ():
            os.kill(child, signal.SIGKILL)
        left = [one for one in standings(Store(store).grid("mine")[1], Store(store)) if one.standing != "done"]
        assert left
    again = request(study, root, store)
    assert run_study(again).exit_code == 0
    (undisturbed,) = (one for one in found(whole) if (one.trained_on, str(one.test)) == ("B", "P3M-500-P:B"))
    assert [one.means for one in found(again)] == [undisturbed.means]


def child_of(pid: int) -> list[int]:
    said = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(one) for one in said.stdout.split()]


def pretended(text: str, _log: Path, _tick: object) -> int:
    """A child that works through its cells in no time."""
    asked, cells = decoded(text)
    store = Store(asked.store)
    for cell in cells:
        with store.working_on(cell.id) as is_mine:
            if is_mine:
                write_csv(store.run(cell.id) / "rows.csv", [])
                store.write_state(cell.id, State("done"))
    return 0


def test_a_cell_that_fails_stops_no_other_and_is_tried_again(root: Path, tmp_path: Path) -> None:
    study = write_study(tmp_path, "mine", ("p3mnet", "closed_form"), batch_size=100)
    asked = request(study, root, tmp_path / "studies")
    summary = run_study(asked)
    assert summary.exit_code == 1
    assert [(one.state, one.note) for one in found(asked)] == [("absent", NO_WEIGHTS), ("done", "")]
    (line,) = summary.named("failed")
    assert "a batch of 100 pictures needs as many, and there are 4" in line
    again = study_group.to_do(plan(asked), Store(asked.store))
    assert [one.method for one in again] == ["p3mnet", "p3mnet"]


def test_a_child_that_is_killed_costs_the_cell_that_it_was_at(root: Path, tmp_path: Path, monkeypatch) -> None:
    children = []
    start = subprocess.Popen

    def popen(*given, **named):
        children.append(start(*given, **named))
        return children[-1]

    monkeypatch.setattr(study_group.subprocess, "Popen", popen)
    monkeypatch.setattr(study_group, "TICK", 0.01)
    asked = request(write_study(tmp_path, "mine", ("closed_form",), tested_on=BOTH), root, tmp_path / "studies")
    text = encoded(asked, plan(asked))
    study_group.run_group(text, lambda: children[0].kill())
    states = [Store(asked.store).state(one.id) for one in plan(asked)]
    assert [one.stage for one in states if one] == ["failed", "done"]
    assert "SIGKILL" in states[0].note
    assert len(children) == 2
    assert run_study(asked).exit_code == 0


def test_two_runs_at_once_do_nothing_twice(root: Path, tmp_path: Path) -> None:
    study = write_study(tmp_path, "mine", ("closed_form",), tested_on=BOTH)
    store = tmp_path / "studies"
    two = [subprocess.Popen(command(study, root, store, "--json"), stdout=subprocess.DEVNULL) for _ in range(2)]
    assert [one.wait() for one in two] == [0, 0]
    assert set(headers(store).values()) == {1}
    assert len(headers(store)) == 2


def test_shards_are_parts_of_the_whole(root: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(study_group, "_run_child", pretended)
    study = write_study(tmp_path, "mine", (*SOLVED, "lf"))
    parts = [run_study(request(study, root, tmp_path / "studies", shard=(number, 3))) for number in (1, 2, 3)]
    ids = [[one.planned.cell.id for one in part.cells if one.planned.cell.id] for part in parts]
    assert [len(one) for one in ids] == [1, 1, 0]
    assert [part.exit_code for part in parts] == [0, 0, 0]
    assert [part.others for part in parts] == [3, 3, 2]
    assert {one.state for one in found(request(study, root, tmp_path / "studies"))} == {"done", "impossible"}


def test_what_another_process_holds_is_left_to_it(root: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(study_group, "_run_child", pretended)
    monkeypatch.setattr(study_run, "PATIENCE", 0.5)
    monkeypatch.setattr("p3m_anon.studies.store._TRIES", 1)
    asked = request(write_study(tmp_path, "mine", ("closed_form",), tested_on=BOTH), root, tmp_path / "studies")
    store, first = Store(asked.store), plan(asked)[0]
    with store.working_on(first.id) as is_mine:
        assert is_mine
        store.write_state(first.id, State("running", step=1, of=2))
        summary = run_study(asked)
        assert summary.exit_code == 4
        assert [(one.standing, one.note) for one in summary.cells] == [("running", "picture 1 of 2"), ("done", "")]
    left = standings(store.grid("mine")[1], store)[0]
    assert (left.standing, left.note) == ("absent", "broken off after picture 1 of 2")
    assert run_study(asked).exit_code == 0


def test_without_originals_the_cells_that_need_them_say_so(root: Path, tmp_path: Path) -> None:
    bare = shutil.copytree(root, tmp_path / "bare")
    study = write_study(tmp_path, "mine", ("p3mnet",), ("B", "N"), ("P3M-500-P:B", "P3M-500-P:N"))
    asked = request(study, bare, tmp_path / "studies", dry_run=True)
    summary = run_study(asked)
    said = {(one.planned.cell.trained_on, str(one.planned.cell.test)): one.note for one in summary.cells}
    needs = "needs originals (--originals DIR)"
    clear = {("N", "None"), ("N", "P3M-500-P:B"), ("N", "P3M-500-P:N"), ("B", "P3M-500-P:N")}
    assert {key for key, note in said.items() if note == needs} == clear
    assert not asked.store.exists()
    with_originals = request(
        study, bare, tmp_path / "studies", dry_run=True, originals=root.with_name("dataset.private") / "originals"
    )
    assert run_study(with_originals).counts == {"absent": 6}


def test_a_split_that_is_not_there_is_said(root: Path, tmp_path: Path) -> None:
    bare = shutil.copytree(root, tmp_path / "bare")
    shutil.rmtree(bare / "validation/P3M-500-NP")
    asked = request(write_study(tmp_path, "mine", ("knn",), tested_on=BOTH), bare, tmp_path / "studies", dry_run=True)
    states = [(one.standing, "P3M-500-NP" in one.note) for one in run_study(asked).cells]
    assert states == [("absent", False), ("impossible", True)]


def test_the_store_is_no_part_of_the_dataset(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="inside the dataset"):
        request(write_study(tmp_path, "mine", SOLVED), root, root / "studies")


def test_a_request_survives_the_way_to_its_child(root: Path, tmp_path: Path) -> None:
    asked = request(write_study(tmp_path, "mine", SOLVED), root, tmp_path / "studies", backbones={"": Path("r34.pth")})
    back, cells = decoded(encoded(asked, plan(asked)))
    assert cells == plan(asked)
    assert (back.study, back.root, back.store, back.originals) == (asked.study, root, asked.store, None)


def test_both_kinds_are_trained_on_the_same_losses(root: Path, tmp_path: Path) -> None:
    """Layers lie on disk for blurred pictures only, and decide for originals, too."""
    data = shutil.copytree(root.parent, tmp_path / "data") / "dataset"
    study = write_study(tmp_path, "mine", ("p3mnet",), ("B", "N"))
    asked = request(study, data, tmp_path / "studies", dry_run=True)

    def compositions() -> list[bool]:
        return [one.address["composition"] for one in plan(asked) if one.kind == "train"]

    assert compositions() == [False, False]
    for role in ("fg", "bg"):
        shutil.copytree(data / "train/blurred_image", data / "train" / role)
    before = {one.id for one in plan(asked)}
    assert compositions() == [True, True]
    (data / "train/fg/p_000.jpg").write_bytes(b"other")
    assert len(before - {one.id for one in plan(asked)}) == 2  # trained on B, and tested: N has layers of its own
    trainings = {one.trained_on: train_request(asked, one) for one in plan(asked) if one.kind == "train"}
    assert {kind: one.inputs.composition for kind, one in trainings.items()} == {"B": "on", "N": "on"}


def test_a_training_chooses_nothing_by_test_pictures(root: Path, tmp_path: Path) -> None:
    asked = request(write_study(tmp_path, "mine", ("p3mnet",)), root, tmp_path / "studies", devices=2)
    training, test = plan(asked)
    assert (train_request(asked, training).validate, train_request(asked, training).settings.batch_size) == ("none", 1)
    assert eval_request(asked, test).checkpoint == asked.store / "runs" / training.id / "last.ckpt"
    with pytest.raises(UsageError, match="2 pictures cannot be divided among 3 devices"):
        train_request(replace(asked, devices=3), training)
