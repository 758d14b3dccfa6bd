"""`p3m-anon split`: options, exit codes, what is said."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from p3m_anon.commands.split import split
from p3m_anon.errors import UsageError
from p3m_anon.jobs.split.request import OF_THE_LEDGER, SplitSummary


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """The requests that the job was given; it answers with `asked.summary`."""

    class Asked(list):
        summary = SplitSummary(tmp_path / "root", tmp_path / "root.private")

    requests = Asked()

    def job(request, on_start, on_picture):
        requests.append(request)
        on_start(requests.summary)
        on_picture()
        return requests.summary

    monkeypatch.setattr("p3m_anon.jobs.split.run.split_release", job)
    (tmp_path / "release").mkdir()
    return requests


def run(*arguments):
    return CliRunner().invoke(split, [str(one) for one in arguments])


def test_what_is_asked_reaches_the_job(asked, tmp_path):
    release = tmp_path / "release"
    result = run(
        *(release, "--out", tmp_path / "root", "--p", 5, "--np", 0, "--seed", 3, "--link", "copy", "--no-originals"),
        *("--stratify", "hall", "--stratify", "faces", "--ids", "keep", "--dry-run"),
    )
    assert result.exit_code == 0, result.output
    assert "nothing was written" in result.stdout
    (one,) = asked
    assert (one.release, one.p, one.np, one.seed) == (release, 5, 0, 3)
    assert (one.link, one.ids, one.originals) == ("copy", "keep", False)
    assert one.stratify == ("hall", "faces")
    assert run(release, "--out", tmp_path / "root").exit_code == 0
    assert (asked[1].p, asked[1].np, asked[1].stratify, asked[1].originals) == (500, 500, OF_THE_LEDGER, None)


def test_everything_is_said_and_names_cannot_command_the_terminal(asked, tmp_path):
    summary = asked.summary
    summary.counts = {"train": 20, "P3M-500-P": 4, "P3M-500-NP": 3}
    summary.deviation = {"P3M-500-P": {"pictures": 0.5, "share": 0.1}}
    summary.placed, summary.originals, summary.unused = {"hard": 54}, 24, 2
    summary.notes, summary.warnings = ["small set"], ["too few"]
    summary.refused = 30
    summary.name("refused", "normal: evil\x1b[2J.png <-> release: b.png (2 of 64 bits away)")
    summary.leave_out("have no alpha matte", "release: c.png")
    result = run(tmp_path / "release", "--out", tmp_path / "root")
    assert result.exit_code == 1
    said = result.stdout + result.stderr
    parts = ("train", "20 pictures", "0.5 pictures from", "54 by hard", "small set", "too few", "2 cleared")
    for part in (*parts, "30 clear pictures refused", "29 more", "1 pictures left out: they have no alpha", "c.png"):
        assert part in said
    assert "\x1b" not in said
    assert "\\x1b[2J" in said


def test_json_on_stdout_alone(asked, tmp_path):
    asked.summary.counts = {"train": 20}
    result = run(tmp_path / "release", "--out", tmp_path / "root", "--json")
    assert json.loads(result.stdout)["counts"] == {"train": 20}
    assert json.loads(result.stdout)["exit_code"] == 0
    assert result.stderr == ""


def test_wrong_usage(asked, tmp_path, monkeypatch):
    assert run(tmp_path / "release").exit_code == 2  # no --out
    assert run(tmp_path / "nowhere", "--out", tmp_path / "root").exit_code == 2
    assert run(tmp_path / "release", "--out", tmp_path / "root", "--p", -1).exit_code == 2
    assert not asked

    def refuse(*_):
        raise UsageError("no")

    monkeypatch.setattr("p3m_anon.jobs.split.run.split_release", refuse)
    assert isinstance(run(tmp_path / "release", "--out", tmp_path / "root").exception, UsageError)


def test_help_has_an_example_and_warns_of_links_and_of_the_private_folder():
    said = " ".join(run("--help").stdout.split())
    for part in (
        "Examples:",
        "p3m-anon split release --normal cleared",
        "erase it in both",
        "Never publish",
        "Exit codes",
    ):
        assert part in said
