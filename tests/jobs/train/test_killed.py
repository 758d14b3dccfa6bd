"""kill -9 in the middle of an epoch: the run that goes on has the losses of one that was never killed."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest
import torch

from tests.jobs.train.cases import command, curve, environment, make_dataset

OPTIONS = ("--epochs", "4", "--save-every", "3", "--ema", "0.9", "--clip", "1", "--schedule", "cosine", "--warmup", "4")
STEPS = 16


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("train") / "dataset")


@pytest.fixture(scope="module")
def whole(dataset: Path, tmp_path_factory) -> Path:
    """A run that nothing interrupts."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    subprocess.run(command(dataset, out, *OPTIONS), env=environment(), check=True, capture_output=True)
    return out


def wait_for_step(process: subprocess.Popen[bytes], out: Path, step: int) -> None:
    """Until metrics.csv has it; the run must still be at work."""
    file = out / "metrics.csv"
    while process.poll() is None and (not file.exists() or file.read_bytes().count(b"\n") <= step):
        time.sleep(0.002)
    assert process.poll() is None


def start(dataset: Path, out: Path, *more: str) -> subprocess.Popen[bytes]:
    asked = command(dataset, out, *OPTIONS, *more)
    return subprocess.Popen(asked, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def assert_same_end(out: Path, whole: Path) -> None:
    assert len(curve(whole)) == STEPS
    assert curve(out) == curve(whole)
    assert (out / "validations.csv").read_text() == (whole / "validations.csv").read_text()
    for name in ("last.ckpt", "best.ckpt"):
        ours, theirs = (torch.load(folder / name, weights_only=True) for folder in (out, whole))
        assert all(torch.equal(ours["state_dict"][key], one) for key, one in theirs["state_dict"].items())


def test_killed_in_an_epoch_and_resumed_is_as_if_it_had_not_been(dataset: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    for step in (5, 10):  # an epoch has 4 steps, and checkpoints come after 3: neither is at an edge
        process = start(dataset, out, "--resume")
        wait_for_step(process, out, step)
        process.kill()
        process.wait()
    saved = torch.load(out / "last.ckpt", weights_only=True)["training"]["progress"]["step"]
    assert 8 <= saved < STEPS
    subprocess.run(command(dataset, out, *OPTIONS, "--resume"), env=environment(), check=True, capture_output=True)
    assert_same_end(out, whole)


def test_signals_save_and_the_run_goes_on(dataset: Path, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    for sent, code, step in ((signal.SIGINT, 130, 5), (signal.SIGTERM, 143, 10)):
        process = start(dataset, out, "--resume")
        wait_for_step(process, out, step)
        process.send_signal(sent)
        said, _ = process.communicate()
        assert process.returncode == code
        assert b"--resume goes on" in said
        saved = torch.load(out / "last.ckpt", weights_only=True)["training"]["progress"]["step"]
        assert saved == len(curve(out)) < STEPS
    subprocess.run(command(dataset, out, *OPTIONS, "--resume"), env=environment(), check=True, capture_output=True)
    assert_same_end(out, whole)
