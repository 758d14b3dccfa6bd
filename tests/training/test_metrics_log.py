"""Tables that survive a kill, and go back to where the checkpoint is."""

from __future__ import annotations

import contextlib
import math
import os
from pathlib import Path

import pytest

from p3m_anon.errors import Stopped
from p3m_anon.training.metrics_log import METRICS, TENSORBOARD, VALIDATIONS, Log, Table, read_table

NAN = float("nan")


def add(file: Path, steps: range, start: int = 0) -> None:
    table = Table(file, start)
    for step in steps:
        table.add({"step": step, "loss": step / 3, "none": NAN})
    table.close()


def test_rows_come_back(tmp_path: Path) -> None:
    add(tmp_path / "t.csv", range(1, 4))
    found = read_table(tmp_path / "t.csv")
    assert found["step"] == [1, 2, 3]
    assert found["loss"] == pytest.approx([1 / 3, 2 / 3, 1], rel=1e-8)
    assert all(math.isnan(one) for one in found["none"])


def test_rows_after_the_checkpoint_go(tmp_path: Path) -> None:
    add(tmp_path / "t.csv", range(1, 8))
    add(tmp_path / "t.csv", range(4, 6), start=3)
    assert read_table(tmp_path / "t.csv")["step"] == [1, 2, 3, 4, 5]


def test_a_line_that_was_cut_goes(tmp_path: Path) -> None:
    add(tmp_path / "t.csv", range(1, 4))
    file = tmp_path / "t.csv"
    file.write_bytes(file.read_bytes()[:-3])
    add(file, range(3, 5), start=3)
    assert read_table(file)["step"] == [1, 2, 3, 4]


def test_it_is_there_at_once_and_for_its_owner(tmp_path: Path) -> None:
    table = Table(tmp_path / "t.csv", 0)
    table.add({"step": 1, "loss": 2.0})
    assert (tmp_path / "t.csv").read_text() == "step,loss\n1,2\n"
    assert os.stat(tmp_path / "t.csv").st_mode & 0o777 == 0o600


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    table = Table(tmp_path / "t.csv", 0)
    said = r"t.csv cannot be written \(No space left on device\).*--resume"
    full = Path("/dev/full")
    with contextlib.suppress(OSError), full.open("a") as table._stream, pytest.raises(Stopped, match=said):
        table.add({"step": 1})  # closing the stream fails again


def test_no_table_is_no_columns(tmp_path: Path) -> None:
    assert read_table(tmp_path / "t.csv") == {}


def plotted(folder: Path) -> list[tuple[int, float]]:
    """What TensorBoard shows of the loss."""
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    found = events.EventAccumulator(str(folder / TENSORBOARD)).Reload()
    return [(one.step, one.value) for one in found.Scalars("train/loss")]


@pytest.mark.parametrize("goes_on_from", [0, 2])
def test_tensorboard_shows_no_steps_of_an_attempt_that_was_lost(tmp_path: Path, goes_on_from: int) -> None:
    for start, last, loss in ((0, 4, 1.0), (goes_on_from, 3, 2.0)):
        log = Log(tmp_path, start, 0)
        for step in range(start + 1, last + 1):
            log.step({"step": step, "loss": loss})
        log.close()
    assert plotted(tmp_path) == [(step, 1.0 if step <= goes_on_from else 2.0) for step in range(1, 4)]


def test_both_tables_and_tensorboard_are_on_disk_before_a_checkpoint(tmp_path: Path, monkeypatch) -> None:
    log = Log(tmp_path, 0, 0)
    log.step({"step": 1, "loss": 2.0})
    log.validation({"step": 1, "sad": 3.0})
    synced: list[str] = []
    names = {(tmp_path / name).stat().st_ino: name for name in (METRICS, VALIDATIONS)}
    monkeypatch.setattr("os.fsync", lambda handle: synced.append(names[os.fstat(handle).st_ino]))
    monkeypatch.setattr(log._board, "flush", lambda: synced.append(TENSORBOARD))
    log.sync()
    assert synced == [METRICS, VALIDATIONS, TENSORBOARD]
    log.close()
