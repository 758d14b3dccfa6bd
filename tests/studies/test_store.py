"""The store: states, locks and grids."""

from __future__ import annotations

import multiprocessing
import os
import signal
from pathlib import Path

import pytest

from p3m_anon.errors import UsageError
from p3m_anon.studies.cells import Cell, Planned
from p3m_anon.studies.store import State, Store
from p3m_anon.studies.study import read_study


def test_a_state_is_what_was_written(tmp_path: Path) -> None:
    store = Store(tmp_path / "new")
    assert store.state("one") is None
    for state in (State("running", step=1, of=2), State("failed", "why"), State("done", about="this", complete=False)):
        store.write_state("one", state)
        assert store.state("one") == state


@pytest.mark.parametrize("content", [b"", b"[]", b'{"stage": "done", "colour": 1}'])
def test_a_damaged_state_is_named(tmp_path: Path, content: bytes) -> None:
    store = Store(tmp_path)
    store.write_state("one", State("done"))
    (tmp_path / "cells/one.json").write_bytes(content)
    with pytest.raises(UsageError, match=r"one\.json: cannot be read"):
        store.state("one")


def test_one_process_at_a_time_works_on_a_cell(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("p3m_anon.studies.store._TRIES", 1)
    store = Store(tmp_path)
    assert not store.is_worked_on("one")
    with store.working_on("one") as is_mine:
        assert is_mine
        assert store.is_worked_on("one")
        assert not store.is_worked_on("two")
        with store.working_on("one") as is_mine:
            assert not is_mine
    assert not store.is_worked_on("one")


def hold(root: Path, pipe) -> None:
    with Store(root).working_on("one") as is_mine:
        pipe.send(is_mine)
        signal.pause()


def test_a_lock_goes_with_its_process(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    child = context.Process(target=hold, args=(tmp_path, theirs))
    child.start()
    assert ours.recv()
    assert Store(tmp_path).is_worked_on("one")
    assert child.pid
    os.kill(child.pid, signal.SIGKILL)
    child.join()
    with Store(tmp_path).working_on("one") as is_mine:
        assert is_mine


def test_a_grid_is_what_was_written(tmp_path: Path) -> None:
    study, store = read_study("table4"), Store(tmp_path)
    cells = [
        Planned(Cell("train-1", "train", "p3mnet", "B", 0, None, None, {"settings": {"crops": [64]}})),
        Planned(Cell("eval-1", "eval", "p3mnet", "B", 0, study.tested_on[0], "train-1", {})),
        Planned(Cell("", "eval", "lf", "B", 0, study.tested_on[1], None), "no such method here yet"),
    ]
    store.write_grid(study, cells)
    assert store.grid("table4") == (study, cells)


def test_a_grid_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="p3m-anon study run"):
        Store(tmp_path).grid("table4")
    (tmp_path / "table4").mkdir()
    (tmp_path / "table4/grid.json").write_text("{}")
    with pytest.raises(UsageError, match=r"grid\.json: cannot be read"):
        Store(tmp_path).grid("table4")
