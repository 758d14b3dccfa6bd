"""The benchmark of the network runs, on a small one."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from tests.evaluation.networks import narrow_checkpoint, narrow_network

TOOL = Path(__file__).parents[2] / "tools" / "bench_matte.py"


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch):
    spec = importlib.util.spec_from_file_location("bench_matte", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "SIDES", (64,))
    monkeypatch.setattr(module, "PICTURE", (70, 90))
    monkeypatch.setattr(module, "LARGE", (100, 140))
    monkeypatch.setattr(module, "STRATEGIES", ("hybrid",))
    return module


def test_work_is_counted_two_for_a_multiplication_and_an_addition(bench) -> None:
    layer = torch.nn.Conv2d(3, 8, 3, padding=1)
    assert bench.flops(layer, (32, 64), (32, 32)) == 2 * 3 * 8 * 9 * 32 * (64 + 32)


def test_the_whole_of_it(bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    checkpoint = narrow_checkpoint(tmp_path / "narrow.ckpt")
    result = CliRunner().invoke(bench.main, ["--checkpoint", str(checkpoint), "--rounds", "2"])
    assert result.exit_code == 0, result.output
    for line in ("forward 64, folded, channels_last", "hybrid  90 x 70", "tiled   140 x 100", "--device cuda"):
        assert line in result.output
    assert re.search(r"folded.*logits within \de-0[5-9]|folded.*logits within \d\.\de-0[5-9]", result.output)


def test_a_gpu_s_table_has_every_row(
    bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the CPU, which stands in for the GPU."""
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H200")
    monkeypatch.setattr(torch.cuda, "synchronize", lambda: None)
    monkeypatch.setattr(torch, "compile", lambda network, mode: network)
    monkeypatch.setattr(bench, "BATCHES", (1, 2))
    bench.show_gpu(narrow_network(), torch.device("cpu"))
    lines = capsys.readouterr().out.splitlines()
    assert "989 TFLOP/s" in lines[0]
    assert len(lines) == 1 + 2 * 3
    assert all("ms/image" in line and "% of the bf16 rate" in line for line in lines[1:])
