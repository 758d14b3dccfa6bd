"""Score the mattes of a split in the paper's metrics; resumable at any moment."""

from __future__ import annotations

import hashlib
import heapq
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from p3m_anon import __version__
from p3m_anon.engines.local import Limits, Stages, one_thread, stream
from p3m_anon.errors import UsageError
from p3m_anon.evaluation.rows import METRICS, METRICS_VERSION, EvalRow, write_csv, write_parquet
from p3m_anon.evaluation.solved import Solver
from p3m_anon.evaluation.tables import TABLE_4, PaperRow, means, paper_row, table_4
from p3m_anon.extras import import_extra
from p3m_anon.files.atomic import remove_leftovers, write_bytes
from p3m_anon.files.dataset_facts import file_sha256
from p3m_anon.files.dataset_rows import MANIFEST
from p3m_anon.files.release import published_above
from p3m_anon.files.weights import digest
from p3m_anon.jobs.crew import plan_crew
from p3m_anon.jobs.eval.crew import solve_all
from p3m_anon.jobs.eval.files import NamedFiles, hidden_in
from p3m_anon.jobs.eval.inputs import Originals, Picture, absent, hidden, pictures
from p3m_anon.jobs.eval.method import load, trained_on
from p3m_anon.jobs.eval.picture import GIVEN, MADE, Loaded, PictureJob, Predictor, Result, Task, obstacle
from p3m_anon.jobs.eval.record import RECORD, EvalRecord
from p3m_anon.jobs.eval.request import EvalRequest, EvalSummary
from p3m_anon.jobs.foreground.sets import pixels_of
from p3m_anon.jobs.manifest.pool import cores
from p3m_anon.methods.registry import METHODS
from p3m_anon.reports.eval_page import Card, EvalPage, Histogram, write_eval_page
from p3m_anon.studies.contamination import contaminations

ROWS, PARQUET, SETTINGS, PAGE = "rows.csv", "rows.parquet", "settings.json", "eval.html"
WORST, SHOWN, SAMPLE = 5, 12, 12  # pictures named on the terminal; on the page, the worst and the others
LISTED = 20  # unused files named
PIXELS_PER_WORKER = 16_000_000  # under way at once, at about 40 bytes each
OnResult = Callable[[Result], None]


def evaluate(
    request: EvalRequest, predictor: Predictor | None = None, on_result: OnResult = lambda _: None
) -> EvalSummary:
    """Score every picture of the split; on_result is called for each, in no fixed order.

    predictor: makes the mattes in the place of the one that the request names; not with `pred`. What is scored is safe
    at once; a rerun scores what is missing or was made of other bytes. Solved methods work in child
    processes, which import the calling script again: guard its own calls with `if __name__ == "__main__":`. Raises
    UsageError before anything is written, Stopped when the run cannot go on.
    """
    start = time.monotonic()
    if predictor is None and request.checkpoint is not None:
        request = replace(request, trained=trained_on(request.checkpoint))
    run = _Run(request, predictor)
    if request.dry_run:
        run.count()
        return run.summary
    with EvalRecord(request.folder, request.about(), private=request.shows_clear_faces) as record:
        remove_leftovers(request.folder)
        for name in (ROWS, PARQUET, SETTINGS, PAGE):  # of the last run: until this one ends, nothing looks like its own
            (request.folder / name).unlink(missing_ok=True)
        run.score(record, on_result)
        run.conclude(record)
    run.summary.seconds = time.monotonic() - start
    return run.summary


class _Run:
    """One evaluation: what it reads, and what it has found."""

    def __init__(self, request: EvalRequest, predictor: Predictor | None) -> None:
        """Raises UsageError for folders that do not fit."""
        self.request = request
        _keep_apart(request)
        if request.parquet:
            import_extra("pyarrow", "export")  # now, not after hours
        self.summary = EvalSummary(
            str(request.folder),
            request.split,
            request.label,
            request.name,
            request.mattes,
            request.restricts,
            shows_clear_faces=request.shows_clear_faces,
        )
        self._mattes = NamedFiles(request.pred) if request.pred is not None else None
        originals = request.opens_originals
        self._originals = Originals(request.root, request.split, request.originals) if originals else None
        named = sum(task.prediction is not None for task in self._tasks())  # of all: a bad list is said now, not later
        if self._mattes is not None and not named:
            raise UsageError(f"no file in {request.pred} is called after a picture of {request.split}: <id>.png, ...")
        self._weights = digest(request.checkpoint) if request.checkpoint is not None and predictor is None else None
        self._predictor = (predictor or load(request)) if request.pred is None else None
        is_solved = isinstance(self._predictor, Solver)
        self._crew = plan_crew(request.workers, request.memory) if is_solved else None
        left_out = hidden(request.root, request.split) + (hidden_in(request.pred) if request.pred else 0)
        self.summary.caveats = [f"left out, as their names begin with a dot: {left_out} files"] if left_out else []
        if request.pred is not None:
            self.summary.caveats += [f"no fair test: {flag}" for flag in contaminations(request.name, request.split)]

    def count(self) -> None:
        """For a dry run: what there is to score, and what will have no score."""
        for task in self._tasks():
            self.summary.pictures += 1
            problem = obstacle(task) or absent(task.picture, image=self._predictor is not None)
            self.summary.errors += [f"{task.picture.id}: {problem}"] if problem else []
        self._take_unused()

    def score(self, record: EvalRecord, on_result: OnResult) -> None:
        """Every picture through processes or threads, into the record."""
        request = self.request

        def take(result: Result) -> None:
            if result.row is None:
                record.see(result.id)
                self.summary.kept += 1
            else:
                record.add(result.row, result.panel)
            on_result(result)

        base = EvalRow("", request.split, request.label)
        job = PictureJob(base, request.restricts, self._predictor, request.needs_trimap)
        if self._crew is not None:
            solve_all(self._tasks(record), job, METHODS[request.method or ""], self._crew, take)
            return
        workers = request.workers or cores()
        stages: Stages[Task, Loaded, Loaded | Result, Result] = Stages(_cost, job.load, job.look, job.finish)
        limits = Limits(workers, device=self._predictor is not None, pixels=PIXELS_PER_WORKER * workers)
        with one_thread():
            for result in stream(self._tasks(record), stages, limits):
                take(result)

    def conclude(self, record: EvalRecord) -> None:
        """The files of the run folder, and the summary, from the rows that are there now."""
        request, summary = self.request, self.summary
        summary.forgotten = record.forget_unseen()
        write_csv(request.folder / ROWS, record.rows())
        if request.parquet:
            write_parquet(request.folder / PARQUET, record.rows())
        found = means(record.rows())
        paper = None
        if request.method is not None:
            trained, tested = request.trained_on, request.tested_on
            paper = paper_row(request.method, request.split, trained, tested, transition_only=request.restricts)
        summary.pictures, summary.scored = found.pictures, found.scored
        summary.means = {name: None if math.isnan(found[name]) else found[name] for name in METRICS}
        summary.table = table_4(request.name, found, paper)
        summary.caveats = found.caveats() + summary.caveats
        summary.paper = _paper_trained(paper, request.trained_on)
        summary.worst = [(row.id, row.sad) for row in record.worst(WORST)]
        summary.errors = [f"{row.id}: {row.error}" for row in record.failed()]
        summary.trimaps = dict(sorted(Counter(row.trimap for row in record.rows() if row.trimap).items()))
        self._take_unused()
        write_bytes(request.folder / SETTINGS, (json.dumps(self._settings(), indent=2) + "\n").encode())
        write_eval_page(request.folder / PAGE, self._page(record, paper))

    def _tasks(self, record: EvalRecord | None = None) -> Iterator[Task]:
        for picture in pictures(self.request.root, self.request.split):
            known = record.known(picture.id) if record is not None else ("", "")
            if self._originals is not None:
                picture = self._originals.of(picture)
            elif self.request.tested_on == "N" and picture.face == "clear":
                picture = replace(picture, image=None, face="")  # its matte counts; it is not shown among blurred ones
            yield self._task(picture, *known)

    def _task(self, picture: Picture, digest: str, image_sha256: str) -> Task:
        if self._mattes is None:
            return Task(picture, None, digest, image_sha256)
        found = self._mattes.find(*picture.names)
        problem = "" if len(found) == 1 else "no prediction of this name"
        if len(found) > 1:
            problem = f"several predictions of this name: {', '.join(path.name for path in found)}; keep one"
        return Task(picture, found[0] if found else None, digest, image_sha256, problem)

    def _take_unused(self) -> None:
        if self._mattes is not None:
            unused = self._mattes.unused()
            self.summary.unused = list(islice(unused, LISTED))
            self.summary.unused_count = len(self.summary.unused) + sum(1 for _ in unused)

    def _settings(self) -> dict[str, object]:
        """What makes the figures what they are."""
        request, manifest = self.request, self.request.root / MANIFEST
        said: dict[str, object] = {
            "version": __version__,
            "metrics_version": METRICS_VERSION,
            "root": str(request.root),
            "manifest_sha256": file_sha256(manifest) if manifest.is_file() else None,
            "split": request.split,
            "protocol": request.label,
            "method": request.method,
            "transition_only": request.restricts,
            "trimaps": self.summary.trimaps,
        }
        if self._predictor is None:
            return said | {"pred": str(request.pred)}
        return said | {
            "checkpoint": str(request.checkpoint) if request.checkpoint else None,
            "checkpoint_sha256": self._weights,
            "strategy": request.strategy_taken or None,
            "short_side": None,
            "precision": request.precision,
            "device": request.device,
            "predictor_digest": self._predictor.digest,
        }

    def _page(self, record: EvalRecord, paper: PaperRow | None) -> EvalPage:
        summary = self.summary
        worst = record.worst(SHOWN)
        taken = {row.id for row in worst}
        others = (row for row in record.rows() if not row.error and row.id not in taken)
        sample = heapq.nsmallest(SAMPLE, others, key=lambda row: hashlib.sha256(row.id.encode()).digest())
        printed = paper.values if paper is not None else {}
        return EvalPage(
            f"{summary.name} on {summary.split}",
            facts(summary),
            summary.table,
            summary.caveats,
            [
                Histogram(name, record.values(name), float(printed[name]) if name in printed else None)
                for name in TABLE_4
            ],
            [Card(row, record.panel(row.id)) for row in worst],
            [Card(row, record.panel(row.id)) for row in sample],
            record.failed,
            record.rows,
            summary.shows_clear_faces,
        )


def facts(summary: EvalSummary) -> dict[str, str]:
    """What has to be said of an evaluation, on the page and on the terminal."""
    said = {"Scored": f"{summary.scored} of {summary.pictures} pictures"}
    said["Mattes"] = summary.mattes
    if summary.protocol:
        said["Protocol"] = f"{summary.protocol} (trained on : tested on; B blurred, N normal, X not known)"
    if summary.paper:
        said["Paper"] = summary.paper
    made = summary.trimaps.get(MADE, 0)
    if made:
        said["Trimaps"] = f"{made} made from the alphas ({MADE} px), {summary.trimaps.get(GIVEN, 0)} of the dataset"
    if summary.transition_only:
        said["Area"] = "transition only: known pixels are taken from the trimap, so SAD equals SAD-T"
    return said


def _paper_trained(paper: PaperRow | None, ours: str) -> str:
    if paper is None or not paper.trained_on:
        return ""
    said = f"trained on {'blurred' if paper.trained_on == 'B' else 'normal'}"
    return said + ("; on what the method here was trained is not known" if ours == "X" else "")


def _cost(task: Task) -> int:
    return pixels_of(task.picture.alpha) if task.picture.alpha is not None else 0


def _keep_apart(request: EvalRequest) -> None:
    """A run folder may hold clear faces, and is no part of a dataset."""
    out = request.folder.resolve()
    if request.root.resolve() in (out, *out.parents) or published_above(out) is not None:
        raise UsageError(f"the run folder {request.folder} lies inside a dataset; choose another --out")
    if out.is_file() or (out.is_dir() and not (out / RECORD).exists() and _holds_something(out)):
        raise UsageError(f"{request.folder} is no run folder, and not empty; choose another --out")


def _holds_something(folder: Path) -> bool:
    return any(not one.name.startswith(".") for one in folder.iterdir())
