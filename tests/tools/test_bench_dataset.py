"""The dataset benchmark runs, at a size that takes no time."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from p3m_anon.files.dataset_schema import schema_problems

TOOL = Path(__file__).parents[2] / "tools" / "bench_dataset.py"


@pytest.fixture(scope="module")
def bench():
    spec = importlib.util.spec_from_file_location("bench_dataset", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_its_rows_are_rows_and_its_tree_is_sound(bench, tmp_path):
    rows = [bench.row(number) for number in range(20)]
    assert {row["split"] for row in rows} == {"train", "P3M-500-P", "P3M-500-NP"}
    bench.make_tree(tmp_path, 20)
    summary = bench.build_manifest(bench.BuildRequest(tmp_path))
    assert summary.findings.counts == {"basis": 1}
    assert summary.rows == 20
    empty = {"license": None, "source": None, "attribution": None, "release_basis": None}
    assert [schema_problems("row", empty | row) for row in rows] == [[]] * 20


def test_one_size(bench):
    result = CliRunner().invoke(bench.main, ["--one", "40"])
    assert result.exit_code == 0, result.output
    assert set(json.loads(result.stdout)) == {"write", "read", "diff", "build", "build again", "verify", "memory"}


def test_the_share(bench, monkeypatch):
    monkeypatch.setattr(bench, "CLASSES", {"1 KB": (1024, 5)})
    result = CliRunner().invoke(bench.main, ["--share", "--runs", "1"])
    assert result.exit_code == 0, result.output
    assert "5 files of 1 KB: verify" in result.stdout
