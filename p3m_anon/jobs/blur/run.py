"""A folder of portraits in, a release folder and a private folder out; resumable at any moment."""

from __future__ import annotations

import functools
import itertools
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from p3m_anon import __version__
from p3m_anon.engines.crew import Shift, stream_isolated
from p3m_anon.engines.local import Limits, Stages, stream
from p3m_anon.errors import ImageError
from p3m_anon.files.atomic import remove_leftovers, write_bytes
from p3m_anon.files.decisions import Decisions
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.ledger_rows import Row
from p3m_anon.files.manifest import write_manifest
from p3m_anon.files.private import join_run, locked
from p3m_anon.files.probe import probe
from p3m_anon.files.recall_list import write_recall
from p3m_anon.files.release import Release
from p3m_anon.files.samples import Samples
from p3m_anon.files.searched import agreement, searched
from p3m_anon.files.tombstones import KEY, Tombstones
from p3m_anon.jobs.blur.detectors import LookPlan, build_looks, plan_looks
from p3m_anon.jobs.blur.inputs import Folders, find_folders, find_strangers, make_task, register, remove_gone
from p3m_anon.jobs.blur.recall import Recall, count_outdated
from p3m_anon.jobs.blur.request import BlurRequest, Summary
from p3m_anon.jobs.blur.tasks import Run, Task
from p3m_anon.reports.page import is_union, write_report

if TYPE_CHECKING:
    from p3m_anon.jobs.blur.picture import PictureJob

MANIFEST, LEDGER, REQUEST = "manifest.jsonl", "ledger.sqlite", "request.json"
PIXELS_PER_WORKER = 32_000_000  # under way at once; a picture of 32 MP is about 100 MB, held twice or three times
LONGEST = 24 * 3600.0  # seconds; a header may claim any size, and the picture is refused then
MOST_ROUNDS = 3  # of decisions that came in while the run was at work
MEMORY_FOR_A_PICTURE = 8 << 30  # bytes: 250 MP in RGBA of 16 bits, three times, and room to work
OnStart = Callable[[Summary], None]
OnRow = Callable[[Row, bool], None]


def blur_folder(
    request: BlurRequest, on_start: OnStart = lambda _: None, on_row: OnRow = lambda _row, _fresh: None
) -> Summary:
    """Run `blur` over a folder.

    on_start is called once, when the inputs are counted; on_row(row, fresh) for every input, fresh
    if it was worked on now and not taken over from an earlier run. Raises UsageError before anything
    is written, Stopped when the run cannot go on. On the CPU pictures are worked on in child processes, which
    import the calling script again: guard its own calls with `if __name__ == "__main__":`.
    """
    start = time.monotonic()
    folders = find_folders(request)
    summary = Summary(folders.out, folders.private, alphas=_alpha_line(request, folders.alphas))
    plan = plan_looks(request)
    summary.detector, summary.second, summary.device = plan.detector, plan.second, plan.device
    run = Run(request, plan, Release(folders.out, folders.private))
    if request.dry_run:
        with Ledger.copy_of(folders.private / LEDGER) as ledger:
            Tombstones(folders.private).check(ledger)
            register(request, folders, ledger, summary)
            _count_outdated(run, ledger, summary)
            summary.to_do = sum(1 for _ in _open_tasks(run, folders, ledger, on_row))
        return summary
    with locked(folders.private), Ledger(folders.private / LEDGER, request.who) as ledger:
        Tombstones(folders.private).check(ledger)
        register(request, folders, ledger, summary)
        if (folders.private / KEY).is_file():
            Tombstones(folders.private).bind(ledger)
        _count_outdated(run, ledger, summary)
        on_start(summary)
        for folder in (folders.out, folders.private):
            remove_leftovers(folder)
        write_bytes(folders.private / REQUEST, request.to_json().encode(), private=True)  # for the review
        ledger.event("run started", {"settings": request.settings.to_json(), "p3m_anon": __version__})
        try:
            _work(run, _open_tasks(run, folders, ledger, on_row), ledger, summary, on_row)
            _catch_up(run, folders, ledger, summary)
        finally:
            summary.recall = write_recall(folders.private, ledger)
        remove_gone(request, ledger, run.store, summary)
        write_manifest(folders.out / MANIFEST, ledger.rows("accepted"))
        find_strangers(folders.out, ledger, summary)
        summary.counts, summary.reasons = ledger.counts(), ledger.reasons()
        summary.seconds = time.monotonic() - start
        summary.searched = searched(ledger)
        summary.report = _report(request, ledger, summary)
        looked_for = summary.searched and summary.searched._asdict()
        ledger.event("run finished", {**summary.counts, "second_look": summary.second, "looked_for": looked_for})
    return summary


def _count_outdated(run: Run, ledger: Ledger, summary: Summary) -> None:
    outdated = count_outdated(ledger, run.plan.versions, run.request.settings.digest())
    summary.outdated, summary.outdated_released = outdated


def _alpha_line(request: BlurRequest, alphas: Path | None) -> str:
    if alphas is not None:
        return f"alphas from {alphas}: hair and soft edges stay as they are"
    asked = "" if request.alpha_policy == "none" else " found"
    return f"no alphas{asked}: the whole outline is blurred, hair at its edge too"


def _open_tasks(run: Run, folders: Folders, ledger: Ledger, on_row: OnRow) -> Iterator[Task]:
    """What has to be worked on; rows that are done go to `on_row`."""
    for row in ledger.rows():
        task = make_task(run.request, folders, ledger, row)
        if run.is_done(task):
            on_row(row, False)
        else:
            yield task


def _catch_up(run: Run, folders: Folders, ledger: Ledger, summary: Summary) -> None:
    """What people have decided while the run was at it: carried out too, or said."""
    decisions = Decisions(ledger)
    for _ in range(MOST_ROUNDS):
        rows = (row for path in list(decisions.paths("unwritten")) if (row := ledger.row(path)) is not None)
        tasks = [task for row in rows if not run.is_done(task := make_task(run.request, folders, ledger, row))]
        if not tasks:
            return
        _work(run, iter(tasks), ledger, summary, lambda _row, _fresh: None)
    if left := decisions.count("unwritten"):
        summary.warn(f"{left} answers of the review changed while this ran and are not carried out; run it again")


def _work(run: Run, tasks: Iterator[Task], ledger: Ledger, summary: Summary, on_row: OnRow) -> None:
    """Stream the tasks through the three stages, and record each result."""
    request, plan = run.request, run.plan
    workers = request.workers or len(os.sched_getaffinity(0))
    pixels = PIXELS_PER_WORKER * workers
    first = next(tasks, None)
    if first is None:
        return
    (summary.out / MANIFEST).unlink(missing_ok=True)  # it may be wrong from here on; a new one ends the run
    recall = Recall(run.store, ledger)
    tasks = recall.kept(itertools.chain((first,), tasks))
    if plan.device == "cpu":
        start = functools.partial(start_worker, request, plan, run.store)
        shift = Shift(start, _cost, _patience, functools.partial(_lost, run))
        rows = stream_isolated(tasks, shift, workers, pixels)
    else:
        from p3m_anon.jobs.blur.picture import PictureJob  # only where pictures are worked on: it loads all codecs

        job = PictureJob(run, build_looks(request, plan))
        _use_one_thread()
        limits = Limits(workers, request.batch_size or 8, True, pixels)
        rows = stream(tasks, Stages(_cost, job.load, job.look, job.finish), limits)
    for row in rows:
        summary.recalled += recall.compare(row)
        ledger.record(row)
        recall.done(row)
        summary.done_now += 1
        on_row(row, True)


def start_worker(request: BlurRequest, plan: LookPlan, store: Release) -> PictureJob:
    """What a child process does first: join the run, and load codecs and detector."""
    from p3m_anon.jobs.blur.picture import PictureJob

    join_run(store.private)
    job = PictureJob(Run(request, plan, store), build_looks(request, plan))
    _use_one_thread()
    _bound_memory()
    return job


def _lost(run: Run, task: Task, cause: str) -> Row:
    return run.failed(task, ImageError(f"{task.row.path}: {cause}; look at the file, and report it if it is sound"))


def _cost(task: Task) -> int:
    """Pixels of the picture; 0 for a file that will fail in `load`, which says why."""
    try:
        return probe(task.files["image"]).pixels
    except ImageError:
        return 0


def _patience(task: Task) -> float:
    """Seconds that a picture may take: many times what the slowest detector needs on a slow core."""
    return 120 + min(_cost(task) / 250_000, LONGEST)


def _bound_memory() -> None:
    """A picture that asks for too much gets a MemoryError, instead of the machine's other programs dying."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError):
        return  # not Linux
    wanted, (_, most) = pages * resource.getpagesize() + MEMORY_FOR_A_PICTURE, resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))


def _use_one_thread() -> None:
    """Pictures are spread over the cores, not the parts of one: libraries keep to the thread that calls them."""
    import cv2

    cv2.setNumThreads(1)
    if torch := sys.modules.get("torch"):  # there only if the detector needs it
        torch.set_num_threads(1)


def _report(request: BlurRequest, ledger: Ledger, summary: Summary) -> Path:
    """The contact sheet in the private folder."""
    counts = ", ".join(f"{n} {status.replace('_', ' ')}" for status, n in sorted(summary.counts.items()))
    facts = {
        "Inputs": f"{request.folder} ({summary.inputs} pictures: {counts})",
        "Release folder": str(summary.out),
        "Detector": f"{summary.detector}, second look {summary.second}",
        "Alphas": summary.alphas,
        "Settings": ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in asdict(request.settings).items()),
        "p3m-anon": __version__,
    }
    if summary.searched is not None:
        facts["Faces looked for"] = summary.searched.words()
    if (agreed := agreement(ledger)) is not None:
        facts["Estimate of missed faces, released pictures"] = agreed.words()
    if said := Samples(ledger).statements():
        facts["Spot checks"] = " ".join(said)
    elif agreed is not None:
        facts["Spot checks"] = "none; only a sample that a person looks through bounds what was missed"
    rows = {status: ledger.rows(status) for status in ("needs_review", "failed", "unsupported")}
    rows["union"] = (row for row in ledger.rows("accepted") if is_union(row))
    rows["accepted"] = (row for row in ledger.rows("accepted") if not is_union(row))
    return write_report(summary.private / "report.html", summary.private, facts, rows)
