"""The benchmark of the metrics runs, on a drawn alpha and on a file, at a size that takes no time."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

TOOL = Path(__file__).parents[2] / "tools" / "bench_metrics.py"


@pytest.fixture
def bench(monkeypatch):
    """The tool, kept from binding the tests to one core."""
    spec = importlib.util.spec_from_file_location("bench_metrics", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(os, "sched_setaffinity", lambda *_: None, raising=False)
    monkeypatch.setattr(module.cv2, "setNumThreads", lambda _: None)
    return module


def test_a_drawn_portrait(bench):
    result = CliRunner().invoke(bench.main, ["--size", "60", "90", "--rounds", "1"])
    assert result.exit_code == 0, result.output
    assert "60x90" in result.output
    lines = [line.split()[0] for line in result.output.splitlines() if "times" in line]
    assert lines == ["GRAD", "CONN", "all"] * 2


def test_an_alpha_of_ones_own(bench, tmp_path):
    Image.fromarray(np.tile(np.arange(0, 250, 5, dtype=np.uint8), (40, 1))).save(tmp_path / "alpha.png")
    result = CliRunner().invoke(bench.main, ["--alpha", str(tmp_path / "alpha.png"), "--rounds", "1"])
    assert result.exit_code == 0, result.output
    assert "50x40" in result.output


def test_numbers_that_differ_are_an_error(bench, monkeypatch):
    monkeypatch.setattr(bench, "score", lambda *_: (0.0,) * 10)
    result = CliRunner().invoke(bench.main, ["--size", "60", "90", "--rounds", "1"])
    assert result.exit_code == 1
    assert "the numbers differ" in result.output
