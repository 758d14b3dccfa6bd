"""The command as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result

from p3m_anon.cli import cli
from p3m_anon.commands.train_view import duration
from tests.jobs.train.cases import SMALL, curve, make_dataset


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("train") / "dataset", train=5, tests=2)


def run(root: Path, out: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["train", str(root), "--out", str(out), *SMALL, *options])


def test_a_run_in_words(root: Path, tmp_path: Path) -> None:
    result = run(root, tmp_path / "run", "--max-steps", "3")
    assert result.exit_code == 0, result.output
    assert "3 of 3 steps" in result.stdout
    assert "best.ckpt" in result.stdout
    assert "5 pictures, 2 a step, 2 steps an epoch, 3 in all; without composition loss" in result.stderr
    assert "no GPU is used: a step takes" in result.stderr
    assert "validation after step 3: SAD" in result.stderr
    assert "composition loss is off: no picture has layers" in result.stderr


def test_json_for_programs(root: Path, tmp_path: Path) -> None:
    result = run(root, tmp_path / "run", "--max-steps", "1", "--validate", "none", "--json")
    said = json.loads(result.stdout)
    assert (said["step"], said["steps"], said["exit_code"], said["best_sad"]) == (1, 1, 0, None)


def test_a_dry_run_begins_nothing(root: Path, tmp_path: Path) -> None:
    result = run(root, tmp_path / "run", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "2 steps an epoch, 300 in all" in result.stdout
    assert "a step takes" in result.stdout
    assert "dry run: no run was begun" in result.stdout
    assert "composition loss is off" in result.stderr
    assert not (tmp_path / "run").exists()


def test_a_methods_own_settings_and_those_that_win_over_them(root: Path, tmp_path: Path) -> None:
    """SMALL gives size, crops, batch and width."""
    result = run(root, tmp_path / "run", "--method", "gfm", "--pipeline", "own", "--max-steps", "1")
    assert result.exit_code == 0, result.output
    said = json.loads((tmp_path / "run" / "settings.json").read_text())["settings"]
    given = json.loads((run_p3m(root, tmp_path) / "settings.json").read_text())["settings"]
    assert (said["pipeline"], given["pipeline"]) == ("own", "p3m")
    assert (said["epochs"], said["samples"]["kernels"], said["samples"]["recipe"]) == (500, [25, 35], "official")
    assert (given["epochs"], given["samples"]["kernels"], given["samples"]["recipe"]) == (150, [15, 30], "paper")
    assert (said["samples"]["composition"], given["samples"]["composition"]) == (True, False)
    for name in ("batch_size", "width"):
        assert said[name] == given[name]
    for name in ("size", "crops"):
        assert said["samples"][name] == given["samples"][name]


def run_p3m(root: Path, tmp_path: Path) -> Path:
    result = run(root, tmp_path / "p3m", "--method", "gfm", "--max-steps", "1", "--validate", "none")
    assert result.exit_code == 0, result.output
    return tmp_path / "p3m"


def test_resume(root: Path, tmp_path: Path) -> None:
    run(root, tmp_path / "run", "--max-steps", "1")
    refused = run(root, tmp_path / "run", "--max-steps", "2")
    assert refused.exit_code == 2
    assert "go on with it with --resume" in refused.stderr
    result = run(root, tmp_path / "run", "--max-steps", "2", "--resume")
    assert result.exit_code == 0
    assert "2 in all, 1 done" in result.stderr
    assert len(curve(tmp_path / "run")) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--size", "100"), "multiple of 32"),
        (("--crops", "512x768"), "no list of sides"),
        (("--precision", "fp16"), "fp16 needs a GPU"),
        (("--method", "unet"), "no method is called unet"),
        (("--batch-size", "6"), "a batch of 6 pictures needs as many, and there are 5"),
        (("--accumulate", "3"), "an epoch has 2 batches of 2, and a step takes 3"),
        (("--device", "tpu"), "--device tpu"),
        (("--ema", "2"), "--ema must be below 1"),
        (("--width", "2"), "--width must be even and at least 8, got 2"),
        (("--width", "5"), "--width must be even and at least 8, got 5"),
        (("--seed", str(2**64 - 1)), "not in the range"),
    ],
)
def test_wrong_usage_is_one_line(root: Path, tmp_path: Path, options: tuple[str, ...], said: str) -> None:
    result = run(root, tmp_path / "run", *options)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not (tmp_path / "run").exists()


def test_pictures_that_are_left_out_make_the_exit_code(root: Path, tmp_path: Path) -> None:
    dataset = make_dataset(tmp_path / "dataset", train=4, tests=1)
    (dataset / "train" / "mask" / "p_001.png").unlink()
    result = run(dataset, tmp_path / "run", "--max-steps", "1")
    assert result.exit_code == 1
    assert "not trained on: p_001" in result.stderr
    assert "1 picture not trained on:" in result.stdout


def test_leave_out(root: Path, tmp_path: Path) -> None:
    (tmp_path / "ids.txt").write_text("p_001\np_002\n")
    result = run(root, tmp_path / "run", "--dry-run", "--leave-out", str(tmp_path / "ids.txt"))
    assert "3 pictures" in result.stdout


@pytest.mark.parametrize("content", ["\ufeffp_001\r\n  p_002 \r\n\r\n", "p_001\n\np_002"])
def test_leave_out_as_other_programs_write_it(root: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "ids.txt").write_bytes(content.encode())
    result = run(root, tmp_path / "run", "--dry-run", "--leave-out", str(tmp_path / "ids.txt"))
    assert "3 pictures" in result.stdout, result.output


@pytest.mark.parametrize(("content", "said"), [(b"p_001\np_01\n", "(1): p_01"), (b"p_\xe9\n", "(1): p_")])
def test_ids_to_leave_out_that_are_not_there_are_named(root: Path, tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "ids.txt").write_bytes(content)
    result = run(root, tmp_path / "run", "--leave-out", str(tmp_path / "ids.txt"))
    assert result.exit_code == 2
    assert f"--leave-out has ids that train does not {said}" in result.stderr
    assert not (tmp_path / "run").exists()


def test_durations_in_words() -> None:
    said = [duration(seconds) for seconds in (3, 89, 90, 5399, 5400, 172799, 172800)]
    assert said == ["3 s", "89 s", "2 min", "90 min", "1.5 h", "48.0 h", "2.0 days"]
