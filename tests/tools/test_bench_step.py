"""The step's benchmark: both ways compute the same, and its tables come out."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from p3m_anon.jobs.train.trial import noise
from p3m_anon.methods.registry import METHODS
from p3m_anon.training.run_settings import RunSettings
from p3m_anon.training.settings import SampleSettings
from tests.jobs.train.cases import make_dataset

TOOL = Path(__file__).parents[2] / "tools" / "bench_step.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bench_step", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines_of(bench, *arguments: str) -> list[str]:
    result = CliRunner().invoke(bench.main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    return result.output.splitlines()


def test_the_plain_way_computes_the_same_loss(bench):
    batch = noise(2, 64, layers=True)
    settings = RunSettings(width=8, batch_size=2, samples=SampleSettings(size=64, composition=True))
    torch.manual_seed(0)
    ours = bench.stepper_of(settings, "cpu").step(0, [batch]).losses().terms["total"]
    torch.manual_seed(0)
    assert bench.PlainStep(METHODS["p3mnet"].build(8))(batch) == pytest.approx(ours, rel=1e-3)


def test_tables(bench, tmp_path):
    small = ("--width", "8", "--size", "64")
    lines = lines_of(bench, "step", *small, "--rounds", "1")
    assert [line.split()[0] for line in lines[-2:]] == ["plain", "ours"]
    root = make_dataset(tmp_path / "d", train=4, tests=0) / "train"
    folders = (str(root / "blurred_image"), str(root / "mask"))
    lines = lines_of(bench, "together", *folders, *small, "--workers", "0", "--steps", "2", "--device", "cpu")
    assert "waiting for pictures" in lines[-1]
    lines = lines_of(bench, "devices", *small, "--batch-sizes", "2", "--precision", "fp32", "--rounds", "1")
    assert "h for 1,413,150 samples" in lines[-1]
