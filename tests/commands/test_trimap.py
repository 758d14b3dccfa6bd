"""`p3m-anon trimap` on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from p3m_anon.commands.trimap import trimap
from p3m_anon.errors import UsageError


@pytest.fixture
def alphas(tmp_path: Path) -> Path:
    folder = tmp_path / "alphas"
    folder.mkdir()
    ramp = np.tile(np.clip(np.arange(60) * 9 - 200, 0, 255).astype(np.uint8), (50, 1))
    for name in ("a", "b"):
        cv2.imwrite(str(folder / f"{name}.png"), ramp)
    return folder


def run(*arguments: object):
    return CliRunner().invoke(trimap, [str(one) for one in arguments])


def test_it_says_what_it_made_and_where(alphas, tmp_path):
    result = run(alphas, "--out", tmp_path / "t")
    assert result.exit_code == 0
    assert "2 alphas: 2 trimaps written, 0 right already, 0 problems, 0 warnings" in result.stdout
    assert f"trimaps: {tmp_path / 't'}" in result.stdout
    assert result.stderr == ""
    assert sorted(p.name for p in (tmp_path / "t").iterdir()) == ["a.png", "b.png"]


def test_problems_and_warnings_are_one_line_each_names_shown_not_obeyed(alphas):
    (alphas / "bad\nname.png").write_bytes(b"nothing")
    cv2.imwrite(str(alphas / "empty.png"), np.zeros((9, 9), np.uint8))
    result = run(alphas)
    assert result.exit_code == 1
    lines = sorted(result.stderr.splitlines())
    assert len(lines) == 2
    assert lines[0].startswith("alphas/bad\\nname.png: ")
    assert lines[1] == "alphas/empty.png: empty: no foreground at all"


def test_json_is_all_that_stdout_gets(alphas):
    (alphas / "broken.png").write_bytes(b"nothing")
    result = run(alphas, "--kernel", "3:9", "--seed", 1, "--json")
    summary = json.loads(result.stdout)
    assert result.exit_code == summary["exit_code"] == 1
    assert (summary["written"], len(summary["problems"])) == (2, 1)
    assert summary["record"].endswith("trimap.private/layers.sqlite")
    assert result.stderr == ""


def test_a_dry_run_writes_nothing(alphas):
    result = run(alphas, "--dry-run")
    assert result.exit_code == 0
    assert "dry run: 2 alphas; nothing was written" in result.stdout
    assert [p.name for p in alphas.parent.iterdir()] == ["alphas"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--kernel", "wide"], "number like 25"),
        (["--kernel", "15:30"], "needs a --seed"),
        (["--seed", "7"], "goes with a range"),
        (["--kernel", "30:15", "--seed", "7"], "goes with a range|must be 1 to"),
        (["--kernel", "0"], "must be 1 to"),
    ],
)
def test_wrong_kernels_are_wrong_usage(alphas, options, message):
    result = run(alphas, *options)
    assert isinstance(result.exception, UsageError)
    assert re.search(message, str(result.exception))


def test_help_has_an_example():
    assert "p3m-anon trimap release" in run("--help").output
