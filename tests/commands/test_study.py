"""The command line of studies: errors in one line, the grid in all its states."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from p3m_anon.cli import cli
from p3m_anon.jobs.study import group as study_group
from p3m_anon.studies.cells import Cell, Planned
from p3m_anon.studies.store import State, Store
from p3m_anon.studies.study import Study
from p3m_anon.studies.study import TestSet as On

ON = On("P3M-500-P", "B")
STUDY = Study("mine", "Mine", None, "", ("knn", "lf", "p3mnet"), ("B", "N"), (ON,), (0, 1), {}, {})


def call(*words: object) -> Result:
    return CliRunner().invoke(cli, ["study", *map(str, words)])


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A grid of which some is done, some runs, some failed."""
    cells = [
        Planned(Cell("knn-1", "eval", "knn", "", None, ON, None)),
        Planned(Cell("", "eval", "lf", "B", 0, ON, None), "no such method here yet"),
    ]
    for trained_on in ("B", "N"):
        for seed in (0, 1):
            name = f"{trained_on}{seed}"
            cells.append(Planned(Cell(f"train-{name}", "train", "p3mnet", trained_on, seed, None, None)))
            test = Cell(f"eval-{name}", "eval", "p3mnet", trained_on, seed, ON, f"train-{name}")
            cells.append(Planned(test))
    store = Store(tmp_path)
    store.write_grid(STUDY, cells)
    store.write_state("knn-1", State("done"))
    store.write_state("train-B0", State("done"))
    store.write_state("eval-B0", State("done"))
    store.write_state("train-B1", State("running", step=3, of=9))
    store.write_state("train-N0", State("failed", "the \x1b[31mloss is not finite"))
    return store


def rows(text: str) -> list[list[str]]:
    return [re.split(r"  +", line.strip()) for line in text.splitlines()]


def test_the_grid_has_every_state(store: Store) -> None:
    with store.working_on("train-B1"):
        done = call("status", "mine", "--out", store.root)
    assert done.exit_code == 0, done.output
    assert rows(done.output)[:5] == [
        ["method", "trained on", "training", "P3M-500-P:B"],
        ["knn", "-", "-", "done"],
        ["lf", "B", "-", "impossible"],
        ["p3mnet", "B", "1 of 2 done; 1 of 2 running, step 3 of 9", "1 of 2 done; 1 of 2 not run"],
        ["p3mnet", "N", "1 of 2 failed; 1 of 2 not run", "2 of 2 not run, its training failed"],
    ]
    assert "failed: p3mnet trained on N, seed 0: the \\x1b[31mloss is not finite" in done.output
    assert "impossible: no such method here yet: lf B" in done.output


def test_a_test_set_is_no_emoji(store: Store) -> None:
    """`:B:` is one to rich, where a colon follows."""
    store.write_state("eval-B0", State("done", "2 of 2 pictures have no score", complete=False))
    output = call("status", "mine", "--out", store.root).output
    assert "on P3M-500-P:B: 2 of 2 pictures have no score" in output


def test_what_was_killed_is_not_running(store: Store) -> None:
    assert "1 of 2 not run, broken off after step 3 of 9" in call("status", "mine", "--out", store.root).output
    said = json.loads(call("status", "mine", "--out", store.root, "--json").output)
    (one,) = (cell for cell in said["cells"] if cell["id"] == "train-B1")
    assert (one["state"], one["note"]) == ("absent", "broken off after step 3 of 9")


def test_watching_ends_when_nothing_is_left_to_wait_for(store: Store, monkeypatch) -> None:
    for id in ("train-B1", "train-N0", "train-N1", "eval-B1", "eval-N0"):
        store.write_state(id, State("done"))
    waits = []
    monkeypatch.setattr("p3m_anon.commands.study_view.time.sleep", lambda _: waits.append(finish(store)))
    done = call("status", "mine", "--out", store.root, "--watch")
    assert done.exit_code == 0, done.output
    assert len(waits) == 1
    assert "9 of 10 cells done" not in done.output
    assert "8 of 9 cells done" in done.output
    assert "not run" not in done.output


def test_watching_does_not_wait_for_weights_that_will_not_come(store: Store, monkeypatch) -> None:
    for id in ("train-B1", "train-N1", "eval-B1", "eval-N1"):
        store.write_state(id, State("done"))
    store.write_state("train-N0", State("failed", "no memory"))
    monkeypatch.setattr("p3m_anon.commands.study_view.time.sleep", lambda _: pytest.fail("nothing will come"))
    assert call("status", "mine", "--out", store.root, "--watch").exit_code == 0


def finish(store: Store) -> None:
    store.write_state("eval-N1", State("done"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("status", "nobody"), "knows nothing of the study nobody"),
        (("run", "nobody"), "table3"),
        (("run", "table3", "--data", "."), "inside the dataset"),
        (("run", "mine.toml"), "give --data ROOT"),
        (("run", "smoke"), "dataset: no such folder"),
        (("run", "table3", "--shard", "5/4"), "no shard"),
        (("run", "table3", "--data", ".", "--out", "../studies", "--backbone", "none.pth"), "none.pth: no such file"),
        (("run", "table3", "--data", ".", "--out", "../studies", "--backbone", "p3mnett=r34.pth"), "p3mnett"),
        (("run", "mine.toml", "--data", ".", "--out", "../studies", "--memory", "100M"), "too little"),
        (("run", "mine.toml", "--data", ".", "--out", "../studies", "--memory", "0.0001K"), "not a valid size"),
        (("run", "mine.conf", "--data", ".", "--out", "../studies"), "call it mine.toml"),
    ],
)
def test_wrong_usage_is_one_line_and_writes_nothing(
    words: tuple[str, ...], said: str, tmp_path: Path, monkeypatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for name in ("mine.toml", "mine.conf"):
        Path(name).write_text("methods = ['knn']\ntested_on = ['P3M-500-P:B']\n")
    done = call(*words)
    assert done.exit_code == 2
    assert said in done.output
    assert "Traceback" not in done.output
    here = tmp_path / "here"
    assert sorted(tmp_path.rglob("*")) == [here, here / "mine.conf", here / "mine.toml"]


def test_a_dry_run_says_what_there_is_to_do(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(study_group, "_run_child", lambda *_: pytest.fail("it is dry"))
    data = tmp_path / "data"
    data.mkdir()
    done = call("run", "table1", "--data", data, "--out", tmp_path / "studies", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "dry run: nothing was written" in done.output
    assert "no such method here yet" in done.output
    assert list(tmp_path.iterdir()) == [data]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_is_answered_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    monkeypatch.setattr("p3m_anon.jobs.study.run.run_study", lambda *_: signal.raise_signal(number))
    (tmp_path / "dataset").mkdir()
    before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        done = call("run", "smoke", "--data", tmp_path / "dataset", "--out", tmp_path / "store")
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    assert done.exit_code == code
    assert done.output.splitlines() == [
        "stopping; what is under way is saved", "stopped; run the same command again to resume"
    ]  # fmt: skip
