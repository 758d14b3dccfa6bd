"""`p3m-anon review`: options, bulk answers, and a server that starts and stops."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from click.testing import CliRunner

from p3m_anon.cli import cli
from p3m_anon.jobs.demo import run_demo


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    """The demo's pictures, blurred; two without a person wait."""
    folder = tmp_path_factory.mktemp("review") / "demo"
    run_demo(folder, lambda line: None)
    return folder / "release"


def run(*arguments):
    return CliRunner().invoke(cli, ["review", *map(str, arguments)])


@pytest.mark.parametrize(
    "options",
    [
        ["--accept-suggestions"],
        ["--accept-suggestions", "--min-score", "0.5"],
        ["--min-score", "0.5"],
        ["--accept-suggestions", "--min-score", "0.3", "--reason", "detectors_disagree"],
        ["--accept-suggestions", "--min-score", "0.5", "--reason", "detectors_disagree", "--below", "x"],
        ["--below", "x"],
        ["--accept-suggestions", "--min-score", "0.5", "--reason", "because"],
        ["--dry-run"],
        ["--json"],
        ["--seed", "3"],
        ["--no-face", __file__, "--sample", "3"],
        ["--write", "--sample", "3"],
    ],
)
def test_options_that_do_not_fit_together_are_one_line(release, options):
    result = run(release, *options)
    assert result.exit_code == 2
    assert result.output.startswith("Error: ")
    assert len(result.output.splitlines()) == 1


def test_a_folder_that_is_no_release_is_one_line(tmp_path):
    result = run(tmp_path)
    assert result.exit_code == 2
    assert "run `p3m-anon blur` first" in result.output


def test_a_dry_run_says_how_many(release, tmp_path):
    waiting = [row["path"] for row in waiting_rows(release)]
    (tmp_path / "list.txt").write_text("\n".join(["rocket.png", "astronaut.png", "", "nowhere.png"]))
    result = run(release, "--no-face", tmp_path / "list.txt", "--dry-run")
    assert "1 would be answered" in result.output
    assert "1 do not wait for an answer\n  astronaut.png\n" in result.output
    assert "nowhere.png: no picture" in result.output
    assert result.exit_code == 1
    assert len(waiting_rows(release)) == len(waiting)


def test_a_dry_run_as_json(release):
    result = run(
        release, "--accept-suggestions", "--min-score", "0.4", "--reason", "detectors_disagree", "--dry-run", "--json"
    )
    assert json.loads(result.stdout)["answered"] == 0


def waiting_rows(release):
    from contextlib import closing

    from p3m_anon.jobs.review.desk import ReviewDesk

    with closing(ReviewDesk(release)) as desk:
        return desk.queue("todo", None, 100)["rows"]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_server_answers_under_its_token_only_and_ends_when_it_is_told(release, ending):
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "p3m_anon", "review", str(release)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(3)]
        url = next(line.split()[1] for line in lines if line.startswith("open"))
        assert url.startswith("http://127.0.0.1:")
        state = json.load(urllib.request.urlopen(f"{url}api/state", timeout=30))
        assert state["out"] == "release"
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"{url[:-4]}/api/state", timeout=30)
        assert caught.value.code == 404
        child.send_signal(ending)
        _, errors = child.communicate(timeout=60)
    assert child.returncode == 0, errors
    assert errors == ""


def test_another_host_is_warned_of(release, monkeypatch):
    monkeypatch.setattr("p3m_anon.review.server.serve", lambda desk, host, port, ready: ready("http://x/"))
    result = run(release, "--host", "0.0.0.0")
    assert "unblurred faces" in result.stderr
    assert run(release).stderr == ""


def test_write_carries_answers_out_with_the_options_of_the_last_run(tmp_path):
    run_demo(tmp_path / "demo", lambda line: None)
    out = tmp_path / "demo/release"
    waiting = {row["path"] for row in waiting_rows(out)}
    (tmp_path / "list.txt").write_text("rocket.png")
    assert "--write carries them out" in run(out, "--no-face", tmp_path / "list.txt").output
    result = run(out, "--write")
    assert result.exit_code == 3, result.output  # detectors take the cat for a face: that is answered on the page
    assert {row["path"] for row in waiting_rows(out)} == waiting - {"rocket.png"}
    assert len((out / "manifest.jsonl").read_text().splitlines()) == 3
