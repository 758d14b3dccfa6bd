"""Solved methods in processes: the same bits as in one, bounded by memory, and no child takes a run along."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import numpy as np
import pytest

from p3m_anon.evaluation.rows import EvalRow, read_csv
from p3m_anon.evaluation.solved import load_solver
from p3m_anon.jobs.crew import Crew
from p3m_anon.jobs.eval import crew as eval_crew
from p3m_anon.jobs.eval import run as eval_job
from p3m_anon.jobs.eval.inputs import pictures
from p3m_anon.jobs.eval.picture import PictureJob, Task
from p3m_anon.jobs.eval.request import EvalRequest
from p3m_anon.jobs.eval.run import evaluate
from p3m_anon.methods.registry import METHODS
from tests.jobs.eval.cases import HEIGHT, SPLIT, WIDTH, figures, make_split, save

METHOD = "closed_form"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_split(tmp_path / "data", 4)


def run(root: Path, on_result=lambda _: None, **options):
    request = EvalRequest(root, "P3M-500-P", METHOD, out=root.parent / "run", **options)
    summary = evaluate(request, on_result=on_result)
    return summary, {row.id: row for row in read_csv(root.parent / "run/rows.csv")}


@pytest.fixture
def handed_out(monkeypatch: pytest.MonkeyPatch) -> list:
    """What goes to children, which are not started: (piece, room)."""
    given: list = []

    def stream(pieces, shift, workers, room):
        for piece in pieces:
            given.append((shift.cost(piece), room))
            yield shift.lost(piece, "not started")

    monkeypatch.setattr(eval_crew, "stream_isolated", stream)
    return given


def test_mattes_figures_and_panels_are_those_of_one_process(root):
    found = {}
    summary, rows = run(root, lambda result: found.update({result.id: result.panel}), workers=2, memory=2 << 30)
    assert (summary.scored, summary.exit_code) == (4, 0)
    job = PictureJob(EvalRow("", "P3M-500-P", "X:B"), True, load_solver(METHODS[METHOD]), True)
    for picture in pictures(root, "P3M-500-P"):
        here = job.whole(Task(picture))
        assert here.row.prediction_sha256 == rows[picture.id].prediction_sha256
        assert figures(here.row) == figures(rows[picture.id])
        assert (here.row.digest, here.panel) == (rows[picture.id].digest, found[picture.id])


def test_what_a_picture_needs_follows_its_unknown_area(root, handed_out):
    area = np.full((HEIGHT, WIDTH), 255, np.uint8)
    area[:10], area[10:30] = 0, 128
    for number in range(4):
        save(root / SPLIT / f"trimap/p_{number}.png", area)
    run(root, memory=2 << 30)
    cost = METHODS[METHOD].cost
    need = eval_crew.BYTES_PER_PIXEL * HEIGHT * WIDTH + cost.memory(HEIGHT * WIDTH, 20 * WIDTH)
    assert {bytes for bytes, _ in handed_out} == {need}
    assert all(room < 2 << 30 for _, room in handed_out)


def test_a_trimap_that_is_made_counts_too(root, handed_out):
    for path in (root / SPLIT / "trimap").iterdir():
        path.unlink()
    run(root)
    assert min(bytes for bytes, _ in handed_out) > eval_crew.BYTES_PER_PIXEL * HEIGHT * WIDTH


def test_a_picture_beyond_the_memory_asked_for_is_solved_alone(root, monkeypatch):
    monkeypatch.setattr(eval_job, "plan_crew", lambda workers, memory: Crew(2, 1))
    assert run(root)[0].scored == 4


def test_a_picture_beyond_the_machine_is_an_error_row(root, monkeypatch):
    save(root / SPLIT / "trimap/p_2.png", np.pad(np.full((HEIGHT - 2, WIDTH), 128, np.uint8), ((1, 1), (0, 0))))
    need = METHODS[METHOD].cost.memory(HEIGHT * WIDTH, (HEIGHT - 4) * WIDTH)
    monkeypatch.setattr(eval_crew, "machine_memory", lambda: 2 * eval_crew.BYTES_PER_PROCESS + need)
    summary, rows = run(root)
    assert (summary.scored, summary.exit_code) == (3, 1)
    assert rows["p_2"].error.startswith("closed_form needs about 0.0G for it (0.0 megapixels, 95% of them unknown)")
    assert "--memory cannot help" in rows["p_2"].error


def test_a_child_that_dies_costs_its_picture(root):
    """Killed when the first picture is finished, as a system out of memory does; a rerun makes what was lost."""

    def kill(result):
        if not killed and not result.row.error:
            (child,) = multiprocessing.active_children()
            child.kill()
            child.join()
            killed.append(result.id)

    killed: list[str] = []
    summary, rows = run(root, kill, workers=1)
    assert (summary.scored, summary.exit_code) == (3, 1)
    (error,) = [row.error for row in rows.values() if row.error]
    assert "ended by SIGKILL; if memory ran out, give less --memory or fewer --workers" in error
    summary, _ = run(root)
    assert (summary.kept, summary.scored, summary.exit_code) == (3, 4, 0)


def test_bad_files_are_rows_and_what_is_scored_starts_no_child(root, monkeypatch):
    (root / SPLIT / "trimap/p_1.png").write_bytes(b"no trimap")
    (root / SPLIT / "blurred_image/p_2.jpg").unlink()
    summary, rows = run(root, workers=1)
    assert (summary.scored, summary.exit_code) == (2, 1)
    assert rows["p_1"].error.startswith("trimap p_1.png: ")
    assert rows["p_2"].error == "no picture of this name"
    (root / SPLIT / "mask/p_1.png").unlink()
    (root / SPLIT / "mask/p_2.png").unlink()
    monkeypatch.setattr(eval_crew, "stream_isolated", lambda pieces, *_: iter(pytest.fail("work") for _ in pieces))
    summary, rows = run(root)
    assert (summary.kept, rows["p_1"].error) == (2, "no alpha of this name")
