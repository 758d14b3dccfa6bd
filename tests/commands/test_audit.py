"""`p3m-anon audit` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from p3m_anon.cli import cli


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    picture = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    Image.fromarray(picture).save(folder / "clean.png")
    return folder


def test_no_leak_is_exit_code_0_and_never_called_anonymous(images):
    result = CliRunner().invoke(cli, ["audit", "--images", str(images), "--quick"])
    assert result.exit_code == 0
    assert "the audit found no leak" in result.stdout
    assert "skipped: comparison with the source" in result.stdout
    assert "anonymous" not in result.stdout


def test_a_leak_is_exit_code_1_in_words_and_in_json(images):
    Image.open(images / "clean.png").save(images / "b\nad.jpg", comment="at home")
    shown = CliRunner().invoke(cli, ["audit", "--images", str(images), "--quick"], env={"COLUMNS": "200"})
    assert shown.exit_code == 1
    assert "b\\nad.jpg" in shown.stdout
    assert "do not publish" in shown.stdout
    result = CliRunner().invoke(cli, ["audit", "--images", str(images), "--quick", "--json"])
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["counts"]["leak"] == 1
    assert found["findings"][0]["image"] == "b\nad.jpg"
    assert found["findings"][0]["severity"] == "leak"
    assert found["pictures"] == 2


@pytest.mark.parametrize("arguments", [[], ["--images", "IMAGES", "IMAGES"], ["IMAGES"]])
def test_wrong_use_is_exit_code_2(images, arguments):
    arguments = [str(images) if one == "IMAGES" else one for one in arguments]
    result = CliRunner().invoke(cli, ["audit", *arguments])
    assert result.exit_code == 2
    assert result.stdout == ""
