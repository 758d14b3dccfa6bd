"""Checkpoints: what is damaged or of another network is refused in one line."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from p3m_anon.errors import WeightsError
from p3m_anon.training.checkpoints import BEST, LAST, Progress, load_last, read_note, save_best, save_last
from tests.training.cases import NOTE, SETTINGS, drawn, make_stepper


def test_progress_and_the_average_come_back(tmp_path: Path) -> None:
    settings = replace(SETTINGS, ema=0.5)
    stepper = make_stepper(settings)
    for number in range(2):
        stepper.step(number, [drawn(number)])
    save_last(tmp_path, stepper, Progress(2, 1, 3.5, 1), NOTE)
    other = make_stepper(settings)
    assert load_last(tmp_path / LAST, other) == Progress(2, 1, 3.5, 1)
    for ours, theirs in ((other.network, stepper.network), (other.result, stepper.result)):
        assert all(torch.equal(one, theirs.state_dict()[name]) for name, one in ours.state_dict().items())
    saved = torch.load(tmp_path / LAST, weights_only=True)["state_dict"]
    name = "encoder.stem.conv.weight"
    assert torch.equal(saved[name], stepper.result.state_dict()[name])
    assert not torch.equal(saved[name], stepper.network.state_dict()[name])
    assert read_note(tmp_path / LAST) == {**NOTE, "step": 2}


def test_of_another_network(tmp_path: Path) -> None:
    save_last(tmp_path, make_stepper(), Progress(), NOTE)
    with pytest.raises(WeightsError, match="it is of another network"):
        load_last(tmp_path / LAST, make_stepper(replace(SETTINGS, width=10)))


def test_damaged(tmp_path: Path) -> None:
    save_last(tmp_path, make_stepper(), Progress(), NOTE)
    data = (tmp_path / LAST).read_bytes()
    (tmp_path / LAST).write_bytes(data[: len(data) // 2])
    with pytest.raises(WeightsError, match="is damaged"):
        load_last(tmp_path / LAST, make_stepper())


def test_the_best_one_is_not_gone_on_from(tmp_path: Path) -> None:
    stepper = make_stepper()
    save_best(tmp_path, stepper.result, Progress(1, 1, 2.0, 1), NOTE)
    with pytest.raises(WeightsError, match="no checkpoint that a run can go on from"):
        load_last(tmp_path / BEST, stepper)


def test_they_are_for_their_owner(tmp_path: Path) -> None:
    stepper = make_stepper()
    save_last(tmp_path, stepper, Progress(), NOTE)
    save_best(tmp_path, stepper.result, Progress(), NOTE)
    assert [os.stat(tmp_path / name).st_mode & 0o777 for name in (LAST, BEST)] == [0o600, 0o600]
