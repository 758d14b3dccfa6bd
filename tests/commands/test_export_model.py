"""`p3m-anon export` from the command line."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path

import onnxruntime
import pytest
import torch
from click.testing import CliRunner, Result

from p3m_anon.cli import cli
from p3m_anon.errors import UsageError
from p3m_anon.jobs.export_model import ExportModelRequest, export_model
from p3m_anon.methods.registry import METHODS
from p3m_anon.methods.weights import NOTE

Run = Callable[..., Result]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A narrow BASIC network, the quickest to export."""
    torch.manual_seed(0)
    state = METHODS["basic"].build(2).state_dict()
    torch.save({"state_dict": state, NOTE: json.dumps({"method": "basic", "width": 2})}, tmp_path / "basic.ckpt")
    return tmp_path / "basic.ckpt"


@pytest.fixture
def run(checkpoint: Path, tmp_path: Path) -> Run:
    def call(*more: str, method: str = "basic") -> Result:
        where = ["--checkpoint", str(checkpoint), "--out", str(tmp_path / "out" / "basic.onnx")]
        return CliRunner().invoke(cli, ["export", "--method", method, "--to", "onnx", *where, *more])

    return call


def test_a_file_that_runs_and_says_what_it_is(run: Run, checkpoint: Path, tmp_path: Path) -> None:
    result = run("--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    out = tmp_path / "out" / "basic.onnx"
    assert list(out.parent.iterdir()) == [out]
    assert said["sha256"] == hashlib.sha256(out.read_bytes()).hexdigest()
    assert said["bytes"] == out.stat().st_size
    assert [one["output"] for one in said["deviations"]] == ["alpha", "global_logits", "local"]
    props = onnxruntime.InferenceSession(out).get_modelmeta().custom_metadata_map
    assert props["method"] == "basic"
    assert props["checkpoint_sha256"] == said["checkpoint_sha256"]
    assert said["checkpoint_sha256"] == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    again = run()
    assert again.exit_code == 2
    assert "there already" in again.stderr


def test_a_dry_run_writes_nothing(run: Run, tmp_path: Path) -> None:
    result = run("--dry-run")
    assert result.exit_code == 0
    assert "dry run" in result.stdout
    assert json.loads(run("--dry-run", "--json").stdout)["bytes"] == 0
    assert not (tmp_path / "out").exists()


def test_what_differs_from_torch_is_not_written(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from p3m_anon.methods.onnx_check import Deviation

    monkeypatch.setattr("p3m_anon.methods.onnx_export.to_onnx", lambda *_: b"model")
    wrong = (Deviation("local", quantile99=0.2, largest=0.5, beyond=0.3, uncertain=0.4, scale=1.0),)
    monkeypatch.setattr("p3m_anon.methods.onnx_check.compare", lambda *_: wrong)
    result = run()
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert "local: onnxruntime and torch differ, by 5.0e-01 at most" in result.stderr
    assert not (tmp_path / "out").exists()
    right = (Deviation("local", quantile99=1e-7, largest=1e-6, beyond=0.0, uncertain=0.4, scale=1.0),)
    monkeypatch.setattr("p3m_anon.methods.onnx_check.compare", lambda *_: right)
    assert "local: differs from torch by 1.0e-07 at 99 % of the pixels, 1.0e-06 at most" in run().stdout


@pytest.mark.parametrize("module", ["onnx", "onnxscript"])
def test_without_the_extra_one_line_names_it(run: Run, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    result = run()
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert "pip install 'p3m-anon[export]'" in result.stderr


def test_a_method_without_onnx_form_is_refused_before_the_extra_is_asked_for(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(UsageError, match="dim has no ONNX form"):
        export_model(ExportModelRequest("dim", checkpoint, tmp_path / "dim.onnx"))


def test_wrong_usage(run: Run, tmp_path: Path) -> None:
    other = run(method="p3mnet")
    assert (other.exit_code, other.stderr.count("\n")) == (2, 1)
    assert "use --method basic" in other.stderr
    for method in ("dim", "shm"):
        assert "is not one of 'p3mnet'" in run(method=method).stderr
    none = CliRunner().invoke(cli, ["export", "--method", "p3mnet", "--out", str(tmp_path / "x.onnx")])
    assert none.exit_code == 2
    assert "Missing option '--checkpoint'" in none.stderr
    assert run(method="mine").exit_code == 2
