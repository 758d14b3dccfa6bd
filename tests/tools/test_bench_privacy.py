"""The privacy benchmark's ways of hiding a face, and its table."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image
from skimage import data

TOOL = Path(__file__).parents[2] / "tools" / "bench_privacy.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bench_privacy", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_table_of_one_portrait(bench, tmp_path, monkeypatch):
    kept = ("sigma 0.1 w", "p3m (0.3 w)", "strict", "pixelated w / 8", "solid fill")
    monkeypatch.setattr(bench, "WAYS", {name: bench.WAYS[name] for name in kept})
    Image.fromarray(data.astronaut()).save(tmp_path / "astronaut.png")
    result = CliRunner().invoke(bench.main, [str(tmp_path)])
    assert result.exit_code == 0, result.output
    lines = {line.split(" | ")[0].strip("| "): line.split(" | ") for line in result.output.splitlines() if "|" in line}
    assert "1 faces in 1 pictures" in result.output
    likeness = {name: float(lines[name][4].split(" / ")[0]) for name in kept}
    assert likeness["sigma 0.1 w"] > 0.75
    assert max(likeness["p3m (0.3 w)"], likeness["strict"]) < 0.5


def test_a_folder_without_faces_is_an_error(bench, tmp_path):
    assert CliRunner().invoke(bench.main, [str(tmp_path)]).exit_code == 1
