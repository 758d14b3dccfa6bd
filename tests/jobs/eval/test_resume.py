"""An evaluation that is run again: what is kept is what a fresh run would find, and nothing else is left of before."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from p3m_anon.errors import Stopped, UsageError
from p3m_anon.evaluation import rows as eval_rows
from p3m_anon.jobs.eval.record import EvalRecord
from p3m_anon.jobs.eval.request import EvalRequest
from p3m_anon.jobs.eval.run import evaluate
from p3m_anon.jobs.manifest.build import BuildRequest, build_manifest
from tests.jobs.eval.cases import (
    HEIGHT,
    SPLIT,
    WIDTH,
    change_rows,
    disc,
    eight,
    figures,
    make_mattes,
    make_split,
    run,
    save,
    worked_on,
)

KILLED = """
import os, signal, sys
from pathlib import Path
from p3m_anon.jobs.eval.run import evaluate
from p3m_anon.jobs.eval.request import EvalRequest

count = 0

def on_result(_):
    global count
    count += 1
    if count == 3:
        os.kill(os.getpid(), signal.SIGKILL)

root, mattes, out = map(Path, sys.argv[1:])
evaluate(EvalRequest(root, "P3M-500-P", pred=mattes, out=out, workers=1), on_result=on_result)
"""


def test_a_killed_run_goes_on_where_it_was(root, mattes, tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, root, mattes, tmp_path / "killed"], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (tmp_path / "killed/rows.csv").exists()
    summary, _ = run(root, mattes, "killed")
    assert (summary.pictures, summary.kept) == (6, 3)
    run(root, mattes, "whole")
    assert (tmp_path / "killed/rows.csv").read_bytes() == (tmp_path / "whole/rows.csv").read_bytes()
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == [
        *("eval.html", "record.sqlite", "rows.csv", "settings.json")
    ]


def test_only_what_changed_is_scored_again(root, mattes, monkeypatch):
    _, before = run(root, mattes)
    summary, again = run(root, mattes)
    assert (worked_on(summary), again) == (0, before)
    monkeypatch.setattr(eval_rows, "METRICS_VERSION", 2)
    summary, again = run(root, mattes)
    assert (summary.kept, {row.digest for row in again.values()} & {row.digest for row in before.values()}) == (
        0,
        set(),
    )
    monkeypatch.undo()
    run(root, mattes)
    save(mattes / "p_1.png", eight(disc(1, 4)))
    save(root / SPLIT / "mask/p_2.png", eight(disc(3)))
    save(root / SPLIT / "trimap/p_3.png", np.full((HEIGHT, WIDTH), 128, np.uint8))
    (root / SPLIT / "trimap/p_4.png").unlink()
    summary, after = run(root, mattes)
    assert worked_on(summary) == 4
    assert [id for id in before if after[id] != before[id]] == ["p_1", "p_2", "p_3", "p_4"]
    assert after["p_4"].trimap == "published 25"
    assert after["p_1"].sad > before["p_1"].sad


@pytest.mark.parametrize("gone", [False, True])
def test_a_picture_that_was_replaced_keeps_its_figures_and_loses_its_panel(root, mattes, tmp_path, gone):
    """A face that was blurred badly, and is blurred again or removed."""
    _, before = run(root, mattes)
    panel, page = _panel(tmp_path / "run", "p_1"), (tmp_path / "run/eval.html").read_bytes()
    picture = root / SPLIT / "blurred_image/p_1.jpg"
    if gone:
        picture.unlink()
    else:
        save(picture, np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    summary, after = run(root, mattes)
    assert worked_on(summary) == 1
    assert all(figures(after[id]) == figures(before[id]) and after[id].digest == before[id].digest for id in before)
    assert panel not in (tmp_path / "run/record.sqlite").read_bytes()
    shown = [part.split(b"'")[0] for part in page.split(b"base64,")[1:]]
    now = (tmp_path / "run/eval.html").read_bytes()
    assert sum(one not in now for one in shown) == 1
    assert worked_on(run(root, mattes)[0]) == 0


def test_a_picture_that_cannot_be_read_is_not_tried_again(root, mattes):
    (root / SPLIT / "blurred_image/p_1.jpg").write_bytes(b"no picture")
    run(root, mattes)
    assert worked_on(run(root, mattes)[0]) == 0


def test_pictures_that_left_the_dataset_leave_the_run_folder(root, mattes, tmp_path):
    run(root, mattes)
    panel = _panel(tmp_path / "run", "p_2")
    assert panel in (tmp_path / "run/record.sqlite").read_bytes()
    for folder in ("mask", "blurred_image", "trimap"):
        next((root / SPLIT / folder).glob("p_2.*")).unlink()
    summary, rows = run(root, mattes)
    assert (summary.forgotten, summary.pictures, summary.unused) == (1, 5, ["p_2.png"])
    assert "p_2" not in rows
    assert panel not in (tmp_path / "run/record.sqlite").read_bytes()
    assert b"p_2" not in (tmp_path / "run/eval.html").read_bytes()


def _panel(folder: Path, id: str) -> bytes:
    """The end of it: the beginning of a JPEG is the same in all."""
    with closing(sqlite3.connect(folder / "record.sqlite")) as db:
        (panel,) = db.execute("SELECT substr(panel, -200) FROM rows WHERE id = ?", (id,)).fetchone()
    return panel


@pytest.mark.parametrize("role", ["alpha", "trimap"])
def test_another_manifest_is_not_resumed_from(root, mattes, role):
    """What a fresh run refuses, a rerun does not keep."""
    build_manifest(BuildRequest(root))
    run(root, mattes)
    change_rows(root, **{f"{role}_sha256": "0" * 64})
    resumed, rows = run(root, mattes)
    fresh, again = run(root, mattes, "fresh")
    assert (resumed.kept, resumed.exit_code, fresh.exit_code) == (0, 1, 1)
    assert {row.error for row in rows.values()} == {
        f"the {role} is not the file that the manifest lists; p3m-anon manifest verify says more"
    }
    assert rows == again


def test_a_trimap_that_is_listed_and_not_there_is_not_made_up_for(root, mattes):
    shutil.rmtree(root / SPLIT / "trimap")
    build_manifest(BuildRequest(root))
    assert run(root, mattes)[0].trimaps == {"published 25": 6}
    change_rows(root, trimap=f"{SPLIT}/trimap/p_0.png", trimap_sha256="0" * 64)
    resumed, rows = run(root, mattes)
    assert (resumed.kept, resumed.scored) == (0, 0)
    assert all(row.error.startswith("trimap p_0.png: ") for row in rows.values())


def test_a_picture_that_is_not_the_listed_one_is_not_shown(root, mattes, tmp_path):
    build_manifest(BuildRequest(root))
    summary, rows = run(root, mattes)
    panel = _panel(tmp_path / "run", "p_1")
    change_rows(root, image_sha256="0" * 64)
    summary, rows = run(root, mattes)
    assert (summary.scored, worked_on(summary)) == (6, 6)
    assert rows["p_1"].image_sha256 == ""
    assert panel not in (tmp_path / "run/record.sqlite").read_bytes()


def test_a_run_folder_holds_one_evaluation(root, mattes, tmp_path):
    run(root, mattes)
    for options in ({"method": "gfm"}, {"protocol": "B:B"}, {"transition_only": True}):
        with pytest.raises(UsageError, match="holds the evaluation of something else"):
            run(root, mattes, **options)
    with pytest.raises(UsageError, match="something else"):
        run(root, make_mattes(tmp_path / "others"))
    with pytest.raises(UsageError, match="something else"):
        run(make_split(tmp_path / "other_data"), mattes)
    (tmp_path / "moved").mkdir()
    root.rename(tmp_path / "moved/data")
    summary = evaluate(EvalRequest(tmp_path / "moved/data", "P3M-500-P", pred=mattes, out=tmp_path / "run"))
    assert summary.kept == 6


def test_two_runs_do_not_share_a_folder(root, mattes):
    def second(_):
        with pytest.raises(Stopped, match="another run is working on"):
            run(root, mattes)

    assert run(root, mattes, on_result=second)[0].exit_code == 0


def test_a_record_that_is_none_is_said_to_be_none(root, mattes, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/record.sqlite").write_bytes(b"not a database, " * 100)
    with pytest.raises(Stopped, match="cannot be used"):
        run(root, mattes)


def test_what_fails_is_said_as_it_is(root, mattes, tmp_path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Stopped, match=r"^cannot write .*file/run \(Not a directory\); check its rights"):
        run(root, mattes, "file/run")
    with EvalRecord(tmp_path / "new", "", private=False) as record:
        for text, said in (
            ("disk I/O error", "its disk fails or is full"),
            ("database or disk is full", "disk full: make room"),
            ("attempt to write a readonly database", "check the folder's rights"),
        ):
            assert said in str(record._explained(sqlite3.OperationalError(text)))


def test_a_rerun_with_nothing_to_do_writes_no_row(root, mattes, tmp_path):
    """One durable write for each kept row costs as much as scoring it."""
    run(root, mattes)
    before = (tmp_path / "run/record.sqlite").read_bytes()
    assert run(root, mattes)[0].kept == 6
    assert (tmp_path / "run/record.sqlite").read_bytes() == before


def test_files_of_an_earlier_run_do_not_stay_beside_newer_rows(root, mattes, tmp_path):
    pytest.importorskip("pyarrow")
    run(root, mattes, parquet=True)
    run(root, mattes)
    assert not (tmp_path / "run/rows.parquet").exists()

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(root, mattes, on_result=stop)
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["record.sqlite"]
    assert run(root, mattes)[0].kept == 6


def test_mattes_are_the_same_by_any_path(root, mattes, tmp_path, monkeypatch):
    run(root, mattes)
    monkeypatch.chdir(tmp_path)
    assert run(root, Path("mattes"))[0].kept == 6
