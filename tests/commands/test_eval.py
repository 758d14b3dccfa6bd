"""`p3m-anon eval` on the command line."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from p3m_anon.commands.eval import eval as command
from p3m_anon.errors import UsageError
from tests.jobs.eval.cases import disc, eight, make_mattes, make_split, save


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    make_mattes(tmp_path / "mattes")
    return make_split(tmp_path / "data")


def run(*arguments: object):
    return CliRunner().invoke(command, [str(one) for one in arguments])


def test_the_table_has_the_papers_row_and_the_difference(root):
    result = run(root, "--pred", "mattes", "--method", "p3mnet", "--protocol", "B:B")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["SAD", "MSE", "MAD", "SAD-T", "MSE-T", "MAD-T", "GRAD", "CONN"]
    ours, paper, difference = (line.split()[-8:] for line in lines[1:4])
    assert paper == ["8.73", "0.0026", "0.0051", "6.89", "0.0193", "0.0478", "8.22", "13.88"]
    for one, other, said in zip(ours, paper, difference, strict=True):
        assert float(said) == pytest.approx(float(one) - float(other), abs=0.0101 if "." in one[-3:] else 0.000101)
    assert "scored: 6 of 6 pictures" in result.stdout
    assert "paper: trained on blurred\n" in result.stdout
    assert "rows: eval/P3M-500-P-B-B-p3mnet-mattes/rows.csv" in result.stdout
    assert result.stderr == ""


def test_what_has_no_score_is_said_beside_the_means(root):
    Path("mattes/p_1.png").unlink()
    save(Path("mattes/p_2.png"), eight(disc(2))[1:])
    save(Path("mattes/b\nad.png"), eight(disc(2)))
    result = run(root, "--pred", "mattes")
    assert result.exit_code == 1
    assert "note: means over 4 of 6 pictures" in result.stdout
    assert "2 pictures without a score:\n  p_1: no prediction of this name\n  p_2: the prediction has" in result.stdout
    assert "1 file not used, as no picture is called so: b\\nad.png" in result.stdout
    assert result.stderr == ""


def test_json_is_all_that_stdout_gets(root):
    Path("mattes/p_1.png").unlink()
    result = run(root, "--pred", "mattes", "--json", "--out", "run")
    summary = json.loads(result.stdout)
    assert result.exit_code == summary["exit_code"] == 1
    assert (summary["pictures"], summary["scored"], summary["folder"]) == (6, 5, "run")
    assert summary["errors"] == ["p_1: no prediction of this name"]
    assert summary["means"]["sad"] > 0
    assert result.stderr == ""


def test_a_dry_run_writes_nothing(root):
    Path("mattes/p_1.png").unlink()
    result = run(root, "--pred", "mattes", "--dry-run")
    assert result.exit_code == 1
    assert "dry run: 6 pictures of P3M-500-P; nothing was written" in result.stdout
    assert "p_1: no prediction of this name" in result.stdout
    assert not Path("eval").exists()


def test_a_page_with_clear_faces_says_so(root):
    make_split(root, split="P3M-500-NP")
    result = run(root, "--pred", "mattes", "--split", "P3M-500-NP")
    assert "eval.html (contains unblurred faces)" in result.stdout
    assert "unblurred" not in run(root, "--pred", "mattes").stdout


def test_sigterm_ends_it_as_ctrl_c_does(root, monkeypatch):
    monkeypatch.setattr("p3m_anon.jobs.eval.run.evaluate", lambda *_, **__: signal.raise_signal(signal.SIGTERM))
    before = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        result = run(root, "--pred", "mattes")
    finally:
        signal.signal(signal.SIGTERM, before)
    assert result.exit_code == 143
    assert result.stderr == "stopped; run the same command again to resume\n"


def test_what_begins_with_a_dot_is_named_by_a_dry_run_too(root):
    Path("mattes/.p_1.png").write_bytes(b"")
    assert (
        "note: left out, as their names begin with a dot: 1 files" in run(root, "--pred", "mattes", "--dry-run").stdout
    )


def test_memory_is_a_size_as_in_foreground(root, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "p3m_anon.jobs.eval.run.evaluate", lambda request, **_: asked.append(request.memory) or sys.exit(0)
    )
    for arguments in ([], ["--memory", "16G"], ["--memory", "700mb"]):
        run(root, "--method", "closed_form", *arguments)
    assert asked == [0, 16 << 30, 700 << 20]
    assert (
        "'lots' is not a valid size; write it like 8G or 500M"
        in run(root, "--method", "knn", "--memory", "lots").output
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give --method"),
        (["--method", "unheard_of"], "no method is called unheard_of"),
        (["--pred", "mattes", "--protocol", "B:N", "--split", "P3M-500-NP"], "leave out --protocol"),
        (["--pred", "mattes", "--split", "train"], "holds no train"),
        (["--pred", "mattes", "--out", "data/run"], "lies inside a dataset"),
        (["--pred", "mattes", "--out", ""], "no run folder, and not empty"),
        (["--pred", "mattes", "--device", "cpu"], "leave out --strategy, --precision and --device"),
        (["--method", "knn", "--strategy", "tiled"], "knn is not a network; leave out --strategy"),
        (["--method", "knn", "--precision", "bfloat16"], "knn is not a network"),
        (["--method", "knn", "--device", "cuda"], "knn is not a network"),
    ],
)
def test_wrong_use_is_one_line(root, arguments, message):
    result = run(root, *arguments)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)
    assert not Path("eval").exists()


def test_help_has_an_example():
    assert "p3m-anon eval P3M-10k --pred mattes" in run("--help").output
