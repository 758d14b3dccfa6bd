"""Panels of a run that is over, read without touching its record."""

from __future__ import annotations

from pathlib import Path

import pytest

from p3m_anon.errors import Stopped
from p3m_anon.evaluation.rows import EvalRow
from p3m_anon.jobs.eval.record import RECORD, EvalRecord, read_panels


def record(folder: Path) -> EvalRecord:
    made = EvalRecord(folder, "a test", private=False)
    for id in ("a", "b", "c?#%"):
        made.add(EvalRow(id, "P3M-500-P", sad=1.0), f"panel of {id}".encode())
    return made


def test_panels_are_read_and_nothing_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "run #1?"
    with record(folder):
        pass
    before = (folder / RECORD).read_bytes(), sorted(folder.iterdir())
    assert read_panels(folder, ["c?#%", "a", "none"]) == {"c?#%": b"panel of c?#%", "a": b"panel of a"}
    assert ((folder / RECORD).read_bytes(), sorted(folder.iterdir())) == before


def test_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    with pytest.raises(Stopped, match="cannot be read"):
        read_panels(tmp_path, ["a"])
    assert not list(tmp_path.iterdir())
    with record(tmp_path / "open"), pytest.raises(Stopped, match="locked"):
        read_panels(tmp_path / "open", ["a"])
    (tmp_path / RECORD).write_bytes(b"no database")
    with pytest.raises(Stopped, match="cannot be read"):
        read_panels(tmp_path, ["a"])
