"""doctor: rows that say what to do, and an exit code that says whether blur can run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from p3m_anon.cli import cli
from p3m_anon.jobs import doctor
from p3m_anon.jobs.doctor import Check


def invoke(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, ["doctor", *args])
    return result.exit_code, result.stdout


def test_here_blur_can_run(tmp_path: Path) -> None:
    code, output = invoke("--weights-dir", str(tmp_path))
    assert code == 0, output
    assert "blur can run here" in output
    assert "p3m-anon weights fetch s3fd" in output


def test_json_has_one_object_per_check(tmp_path: Path) -> None:
    code, output = invoke("--json", "--weights-dir", str(tmp_path))
    report = json.loads(output)
    assert report["can_blur"] == (code == 0)
    assert all(set(check) == {"what", "state", "found", "todo"} for check in report["checks"])
    assert {"python", "opencv", "devices", "weights centerface"} <= {c["what"] for c in report["checks"]}


def test_a_problem_is_exit_code_1_and_names_its_cure(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = [Check("opencv", "problem", "none installed", "pip install opencv-python")]
    monkeypatch.setattr(doctor, "examine", lambda weights_dir: checks)
    code, output = invoke()
    assert code == 1
    assert "-> pip install opencv-python" in output
    assert "blur cannot run here" in output


def test_weights_that_are_not_the_published_ones_are_a_problem(tmp_path: Path) -> None:
    (tmp_path / "s3fd-619a316812.pth").write_bytes(b"something else")
    code, output = invoke("--weights-dir", str(tmp_path))
    assert code == 1
    assert "p3m-anon weights fetch --force s3fd" in output
