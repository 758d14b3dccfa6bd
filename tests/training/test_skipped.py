"""The list of pictures that were skipped: real CSV, for its owner, and as far as the checkpoint."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import pytest

from p3m_anon.errors import Stopped
from p3m_anon.training.batch import Replaced
from p3m_anon.training.skipped import SKIPPED, Skipped

PROBLEM = 'a "name", with a comma'


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / SKIPPED).open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_it_is_csv_for_its_owner(tmp_path: Path) -> None:
    for step in (1, 2):
        Skipped(tmp_path).add(step, [Replaced("p_1", PROBLEM, "p_2")])
    assert rows(tmp_path) == [
        {"step": str(step), "id": "p_1", "taken_instead": "p_2", "problem": PROBLEM} for step in (1, 2)
    ]
    assert os.stat(tmp_path / SKIPPED).st_mode & 0o777 == 0o600
    assert Skipped(tmp_path).ids() == {"p_1"}


def test_it_goes_back_to_a_checkpoint(tmp_path: Path) -> None:
    for step in (3, 4, 5):
        Skipped(tmp_path).add(step, [Replaced(f"p_{step}", PROBLEM, "p_2")])
    with (tmp_path / SKIPPED).open("a") as stream:
        stream.write("6,p_")  # cut
    Skipped(tmp_path).go_back(4)
    assert [row["id"] for row in rows(tmp_path)] == ["p_3", "p_4"]
    assert os.stat(tmp_path / SKIPPED).st_mode & 0o777 == 0o600


def test_nothing_skipped_is_no_file(tmp_path: Path) -> None:
    Skipped(tmp_path).go_back(0)
    assert Skipped(tmp_path).ids() == frozenset()
    assert not (tmp_path / SKIPPED).exists()


def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    (tmp_path / SKIPPED).symlink_to("/dev/full")
    with pytest.raises(Stopped, match=r"skipped.csv cannot be written \(No space left on device\).*--resume"):
        Skipped(tmp_path).add(1, [Replaced("p_1", PROBLEM, "p_2")])
