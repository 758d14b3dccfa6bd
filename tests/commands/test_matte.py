"""`p3m-anon matte` on the command line, with a small network."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from p3m_anon.commands.matte import matte
from p3m_anon.errors import UsageError, WeightsError
from p3m_anon.evaluation.predict import load_predictor
from tests.evaluation.networks import narrow_checkpoint, photo


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for seed, name in enumerate(("a", "b")):
        Image.fromarray(photo(90, 120, seed)).save(folder / f"{name}.png")
    narrow_checkpoint(tmp_path / "narrow.ckpt")
    return folder


def run(folder: Path, *arguments: object, checkpoint: bool = True):
    named = ["--checkpoint", folder.parent / "narrow.ckpt"] if checkpoint else []
    options = ["--out", folder.parent / "out", "--device", "cpu"]
    return CliRunner().invoke(matte, [str(one) for one in (folder, *named, *options, *arguments)])


def test_the_mattes_are_the_predictor_s(photos: Path, tmp_path: Path) -> None:
    result = run(photos, "--strategy", "full", "--depth", 16)
    assert result.exit_code == 0
    assert "2 pictures: 2 made, 0 right already, 0 problems" in result.stdout
    assert f"mattes: {tmp_path / 'out'}" in result.stdout
    assert "cut-outs" not in result.stdout
    found = np.asarray(Image.open(tmp_path / "out" / "b.png")) / 65535
    expected = load_predictor("p3mnet", tmp_path / "narrow.ckpt", strategy="full", device="cpu").predict(
        photo(90, 120, 1)
    )
    assert abs(found - expected).max() < 1e-5


def test_cut_outs_are_said_to_be_private_and_problems_are_one_line_each(photos: Path, tmp_path: Path) -> None:
    (photos / "bad\nname.png").write_bytes(b"nothing")
    result = run(photos, "--rgba", "--batch", 2)
    assert result.exit_code == 1
    assert f"cut-outs: {tmp_path / 'out.rgba'} (clear faces, unless" in result.stdout
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("bad\\nname.png: ")
    assert sorted(path.name for path in (tmp_path / "out.rgba").iterdir()) == ["a.png", "b.png"]


def test_json_is_all_that_stdout_gets(photos: Path) -> None:
    (photos / "broken.png").write_bytes(b"nothing")
    result = run(photos, "--json")
    summary = json.loads(result.stdout)
    assert result.exit_code == summary["exit_code"] == 1
    assert (summary["made"], len(summary["problems"])) == (2, 1)
    assert result.stderr == ""


def test_a_dry_run_writes_nothing(photos: Path) -> None:
    result = run(photos, "--dry-run")
    assert "dry run: 2 pictures, 2 to be made, 0 right already, 0 problems; nothing was written" in result.stdout
    assert sorted(path.name for path in photos.parent.iterdir()) == ["narrow.ckpt", "photos"]


def test_without_a_checkpoint_it_says_where_one_is(photos: Path) -> None:
    result = run(photos, checkpoint=False)
    assert isinstance(result.exception, UsageError)
    assert "github.com/JizhiziLi/P3M" in str(result.exception)
    missing = run(photos, "--checkpoint", photos / "none.pth")
    assert isinstance(missing.exception, WeightsError)
    assert not (photos.parent / "out").exists()


def test_a_picture_too_large_for_the_memory_says_what_to_do(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p3m_anon.evaluation.passes._free_memory", lambda: 1e6)
    result = run(photos, "--strategy", "full")
    assert result.exit_code == 1
    assert result.stderr.count("use --strategy tiled or resize") == 2


def test_a_gpu_that_is_not_there_is_wrong_usage(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    result = run(photos, "--device", "cuda")
    assert isinstance(result.exception, UsageError)
    assert "--device cpu" in str(result.exception)
