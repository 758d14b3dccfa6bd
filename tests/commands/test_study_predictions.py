"""`p3m-anon study add-predictions` on the command line."""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from p3m_anon.commands.study import study as command
from p3m_anon.errors import UsageError
from p3m_anon.studies.store import Store
from p3m_anon.studies.study import read_study
from tests.jobs.eval.cases import make_mattes, make_split


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_mattes(tmp_path / "mattes")
    make_split(tmp_path / "data")
    before = signal.getsignal(signal.SIGTERM)
    yield tmp_path
    signal.signal(signal.SIGTERM, before)


def run(*arguments: str):
    return CliRunner().invoke(command, ["add-predictions", *arguments])


def test_it_says_the_figures_and_where_the_row_stands(folder):
    result = run("My net", "mattes", "--data", "data", "--trained-on", "B")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[1].startswith("My net ")
    assert "scored: 6 of 6 pictures" in result.stdout
    assert "protocol: B:B" in result.stdout
    assert "shown as My net by all studies of studies that test on P3M-500-P:B" in result.stdout
    assert len(list(folder.glob("studies/runs/eval-My-net-P3M-500-P-B-*/rows.csv"))) == 1
    (said,) = [json.loads(file.read_text()) for file in folder.glob("studies/predictions/*.json")]
    assert (said["name"], said["trained_on"], said["studies"]) == ("My net", "B", [])


def test_flags_are_told(folder):
    for name in "ab":
        Store(Path("studies")).write_grid(replace(read_study("smoke"), name=name), [])
    result = run("BiRefNet", "mattes", "--data", "data", "--saw-test", "I did it", "--study", "a", "--study", "b")
    assert "note: no fair test: trained on pictures of P3M-500-P: " in result.stdout
    assert "flagged, no fair test: saw the test pictures: I did it" in result.stdout
    assert "shown as BiRefNet by a, b" in result.stdout


def test_a_study_that_the_store_does_not_know_is_wrong_usage(folder):
    """Its row would be in no report, and nobody would know."""
    none = run("Mine", "mattes", "--data", "data", "--study", "nosuch")
    assert isinstance(none.exception, UsageError)
    assert "knows none yet" in str(none.exception)
    assert not Path("studies").exists()
    Store(Path("studies")).write_grid(replace(read_study("smoke"), name="mine"), [])
    wrong = run("Mine", "mattes", "--data", "data", "--study", "mine", "--study", "nosuch")
    assert "studies knows no study nosuch; it knows mine: run it first" in str(wrong.exception)
    assert run("Mine", "mattes", "--data", "data", "--study", "mine", "--study", "table3").exit_code == 0


def test_a_missing_matte_is_exit_code_1_and_json_is_all_of_stdout(folder):
    (folder / "mattes/p_3.png").unlink()
    result = run("Mine", "mattes", "--data", "data", "--out", "store", "--pictures", "N", "--json")
    said = json.loads(result.stdout)
    assert result.exit_code == said["exit_code"] == 1
    assert said["errors"] == ["p_3: no prediction of this name"]
    assert said["protocol"] == "X:N"
    assert result.stderr == ""


def test_normal_pictures_are_those_of_the_other_test_set(folder):
    make_split(folder / "data", split="P3M-500-NP")
    result = run("Mine", "mattes", "--data", "data", "--split", "P3M-500-NP")
    assert "that test on P3M-500-NP:N" in result.stdout
    wrong = run("Mine", "mattes", "--data", "data", "--split", "P3M-500-NP", "--pictures", "B")
    assert isinstance(wrong.exception, UsageError)


def test_help_has_an_example():
    assert "p3m-anon study add-predictions MyNet mattes --data P3M-10k" in run("--help").output
