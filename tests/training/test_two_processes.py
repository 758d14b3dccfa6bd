"""Two real processes (torchrun, gloo): they share one gradient, that of one process with the same batches."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.jobs.train.cases import command, curve, environment, make_dataset

SCRIPT = Path(__file__).with_name("two_processes.py")
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    make_dataset(folder / "dataset")
    for arguments in (TORCHRUN, ()):
        subprocess.run(
            [sys.executable, *arguments, str(SCRIPT), str(folder / "dataset"), str(folder)],
            env=environment(PYTHONPATH=str(SCRIPT.parents[2])),
            check=True,
        )
    return folder


def result(folder: Path, rank: int, world: int) -> dict[str, Any]:
    return torch.load(folder / f"rank-{rank}-of-{world}.pt", weights_only=True)


def test_the_gradient_is_that_of_one_process_with_the_same_batches(folder: Path) -> None:
    alone = result(folder, 0, 1)
    for rank in range(2):
        shared = result(folder, rank, 2)
        assert shared["gradients"].keys() == alone["gradients"].keys()
        largest = max(float((shared["gradients"][name] - one).abs().max()) for name, one in alone["gradients"].items())
        assert largest < 1e-5
        assert shared["loss"] == pytest.approx(alone["loss"], abs=1e-5)
    assert max(float(one.abs().max()) for one in alone["gradients"].values()) > 1e-2


def test_all_hold_the_same_weights_after_ten_steps(folder: Path) -> None:
    first, second = (result(folder, rank, 2)["weights"] for rank in range(2))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_what_one_is_asked_to_stop_all_hear(folder: Path) -> None:
    assert [result(folder, rank, 2)["stop"] for rank in range(2)] == [True, True]


def test_the_command_trains_with_two_processes(folder: Path, tmp_path: Path) -> None:
    """The second one is its own: it starts it, and it is silent. What they do is what one does that accumulates."""
    dataset, out, alone = folder / "dataset", tmp_path / "two", tmp_path / "one"
    options = ("--max-steps", "2", "--validate-every", "9")
    done = subprocess.run(
        command(dataset, out, *options, "--devices", "2"), env=environment(), check=True, capture_output=True, text=True
    )
    assert done.stdout.count("best: SAD") == 1
    asked = command(dataset, alone, *options, "--accumulate", "2")
    subprocess.run(asked, env=environment(), check=True, capture_output=True)
    ours, reference = curve(out), curve(alone)
    assert [row["step"] for row in ours] == ["1", "2"]
    assert float(ours[0]["total"]) == pytest.approx(float(reference[0]["total"]), abs=1e-5)
    assert (out / "validations.csv").read_text().splitlines()[1].split(",")[2] == "3"
