"""A folder of portraits in, a release folder and a private folder out; resumable at any moment."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from p3m_anon import __version__
from p3m_anon.engines.local import Limits, Stages, stream
from p3m_anon.errors import ImageError, UsageError
from p3m_anon.faces.reasons import Finding, Reason
from p3m_anon.files.atomic import remove_leftovers
from p3m_anon.files.folders import find_pictures, locate, stem_of, walk_stems
from p3m_anon.files.images import probe
from p3m_anon.files.ledger import Ledger, Row
from p3m_anon.files.manifest import write_manifest
from p3m_anon.files.private import locked, opaque_id, private_folder, private_key
from p3m_anon.files.release import Release
from p3m_anon.jobs.detectors import choose_looks
from p3m_anon.jobs.outputs import Outputs
from p3m_anon.jobs.picture import PictureJob, Task
from p3m_anon.jobs.request import BlurRequest, Summary
from p3m_anon.reports.page import write_report

MANIFEST, LEDGER = "manifest.jsonl", "ledger.sqlite"
PIXELS_PER_WORKER = 32_000_000  # under way at once; a picture of 32 MP is about 100 MB, held twice or three times
OnStart = Callable[[Summary], None]
OnRow = Callable[[Row, bool], None]


def blur_folder(
    request: BlurRequest, on_start: OnStart = lambda _: None, on_row: OnRow = lambda _row, _fresh: None
) -> Summary:
    """Run `blur` over a folder.

    on_start is called once, when the inputs are counted; on_row(row, fresh) for every input, fresh
    if it was worked on now and not taken over from an earlier run. Raises UsageError before anything
    is written, Stopped when the run cannot go on.
    """
    start = time.monotonic()
    pictures, alphas = _inputs(request)
    out = request.out or request.folder.resolve().with_name(request.folder.resolve().name + "-anonymized")
    private = private_folder(out, request.private)
    _check_folders(request, pictures, out, private)
    summary = Summary(out, private, alphas=_alpha_line(request, alphas))
    looks, summary.device = choose_looks(request)
    summary.detector = looks.first.name
    job = PictureJob(request, looks, Outputs(Release(out, private), request))
    if request.dry_run:
        with Ledger.copy_of(private / LEDGER) as ledger:
            _register(request, pictures, alphas, private, ledger, summary)
            summary.to_do = sum(1 for _ in _open_tasks(request, pictures, job, ledger, on_row))
        return summary
    with locked(private), Ledger(private / LEDGER, request.who) as ledger:
        _register(request, pictures, alphas, private, ledger, summary)
        on_start(summary)
        for folder in (out, private):
            remove_leftovers(folder)
        ledger.event("run started", {"settings": request.settings.to_json(), "p3m_anon": __version__})
        _work(request, _open_tasks(request, pictures, job, ledger, on_row), job, ledger, summary, on_row)
        _gone(request, ledger, job.outputs.store, summary)
        write_manifest(out / MANIFEST, ledger.rows("accepted"))
        summary.counts, summary.reasons = ledger.counts(), ledger.reasons()
        summary.seconds = time.monotonic() - start
        summary.report = _report(request, ledger, summary)
        ledger.event("run finished", summary.counts)
    return summary


def _inputs(request: BlurRequest) -> tuple[Path, Path | None]:
    """The folder of pictures and the folder of alphas."""
    if not request.folder.is_dir():
        raise UsageError(f"{request.folder} is not a folder; give the folder that holds the pictures")
    found = locate(request.folder)
    alphas = request.alphas or found.alphas
    if request.alpha_policy == "none":
        alphas = None
    if request.alpha_policy == "required" and alphas is None:
        raise UsageError(f"--require-alpha, but no alphas: give --alpha DIR or put them into {request.folder}/mask")
    for option, folder in (("--alpha", alphas), ("--masks", request.masks), ("--landmarks", request.landmarks)):
        if folder is not None and not folder.is_dir():
            raise UsageError(f"{option}: {folder} is not a folder")
    return found.pictures, alphas


def _check_folders(request: BlurRequest, pictures: Path, out: Path, private: Path) -> None:
    """Outputs must never be read as inputs, nor inputs be overwritten."""
    inputs = pictures.resolve()
    for name, folder in (("the release folder", out), ("the private folder", private)):
        if inputs.is_relative_to(folder.resolve()) or folder.resolve().is_relative_to(inputs):
            raise UsageError(f"{name} {folder} and the pictures {pictures} lie inside one another; change --out")
    if request.format and request.format.lower() not in ("jpeg", "png", "webp", "tiff", "bmp"):
        raise UsageError(f"--format {request.format}: choose jpeg, png, webp, tiff or bmp")


def _alpha_line(request: BlurRequest, alphas: Path | None) -> str:
    if alphas is not None:
        return f"alphas from {alphas}: hair and soft edges stay as they are"
    asked = "" if request.alpha_policy == "none" else " found"
    return f"no alphas{asked}: the whole outline is blurred, hair at its edge too"


def _paths(pictures: Path, request: BlurRequest, alphas: Path | None, summary: Summary) -> Iterator[tuple[str, str]]:
    """Path, relative and posix, and stem of all pictures; names that are no text are counted and reported."""
    beside = [p for p in (alphas, request.alphas, request.masks, request.landmarks) if p is not None]
    for path in find_pictures(pictures, exclude=beside):
        name = path.relative_to(pictures).as_posix()
        try:
            name.encode()
        except UnicodeEncodeError:
            shown = name.encode("utf-8", "backslashreplace").decode()
            summary.notes.append(f"{shown}: left out, its name is not valid UTF-8; rename it")
            summary.unnamed += 1
            continue
        yield name, stem_of(Path(name))


def _companions(request: BlurRequest, alphas: Path | None) -> Iterator[tuple[str, str, str]]:
    """(role, stem, file) of everything that lies beside the pictures."""
    for role, folder in (("alpha", alphas), ("manual_mask", request.masks), ("landmarks", request.landmarks)):
        if folder is not None:
            for stem, path in walk_stems(folder, role):
                yield role, stem, str(path)


def _ids(request: BlurRequest, private: Path) -> Callable[[str, bool], str]:
    """A path's id: the path without its ending (with it, if another file has the same), or an opaque one."""
    if request.ids == "opaque":
        key = private_key(private, make=not request.dry_run)
        return lambda path, _shared: opaque_id(key, path)

    def keep(path: str, shared: bool) -> str:
        stem = stem_of(Path(path))
        return f"{stem}_{path[len(stem) + 1 :]}" if shared and len(path) > len(stem) else stem

    return keep


def _register(
    request: BlurRequest, pictures: Path, alphas: Path | None, private: Path, ledger: Ledger, summary: Summary
) -> None:
    """Note all inputs, and what lies beside them."""
    ledger.companions(_companions(request, alphas))
    summary.inputs = ledger.register(_paths(pictures, request, alphas, summary), _ids(request, private))


def _open_tasks(request: BlurRequest, pictures: Path, job: PictureJob, ledger: Ledger, on_row: OnRow) -> Iterator[Task]:
    """What has to be worked on; rows that are done go to `on_row`."""
    for row in ledger.rows():
        task = _task(request, pictures, ledger, row)
        if job.is_done(task):
            on_row(row, False)
        else:
            yield task


def _work(
    request: BlurRequest, tasks: Iterator[Task], job: PictureJob, ledger: Ledger, summary: Summary, on_row: OnRow
) -> None:
    """Stream the tasks through the three stages, and record each result."""
    workers = request.workers or len(os.sched_getaffinity(0))
    accelerator = summary.device != "cpu"
    limits = Limits(workers, request.batch_size or (8 if accelerator else 1), accelerator, PIXELS_PER_WORKER * workers)
    with _one_thread_each():
        for row in stream(tasks, Stages(_cost, job.load, job.look, job.finish), limits):
            if not summary.done_now:  # from here on the old manifest may be wrong; a new one ends the run
                (summary.out / MANIFEST).unlink(missing_ok=True)
            ledger.record(row)
            summary.done_now += 1
            on_row(row, True)


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Pictures are spread over the cores, not the parts of one: libraries keep to the thread that calls them."""
    import cv2

    torch = sys.modules.get("torch")  # there only if the detector needs it
    before = cv2.getNumThreads(), torch.get_num_threads() if torch else 1
    cv2.setNumThreads(1)
    if torch:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before[0])
        if torch:
            torch.set_num_threads(before[1])


def _cost(task: Task) -> int:
    """Pixels of the picture; 0 for a file that will fail in `load`, which says why."""
    try:
        return probe(task.files["image"]).pixels
    except ImageError:
        return 0


def _task(request: BlurRequest, pictures: Path, ledger: Ledger, row: Row) -> Task:
    """A row with its files; two alphas for one picture, or none where one is due, are a finding."""
    files, problem = {"image": pictures / row.path}, None
    for role, found in ledger.beside(stem_of(Path(row.path))).items():
        files[role] = Path(found[0])
        if len(found) > 1:
            names = " and ".join(Path(one).name for one in found)
            reason = Reason.ALPHA_MISMATCH if role == "alpha" else Reason.FACE_OUTSIDE_MANUAL_MASK
            problem = Finding(reason, f"two files for one picture: {names}; remove one")
    expects = request.alpha_policy != "none" and ledger.has_companions("alpha")
    if "alpha" not in files and (expects or request.alpha_policy == "required"):
        problem = Finding(Reason.ALPHA_MISSING, "there is no alpha with this picture's name")
    return Task(row, files, problem)


def _report(request: BlurRequest, ledger: Ledger, summary: Summary) -> Path:
    """The contact sheet in the private folder."""
    counts = ", ".join(f"{n} {status.replace('_', ' ')}" for status, n in sorted(summary.counts.items()))
    facts = {
        "Inputs": f"{request.folder} ({summary.inputs} pictures: {counts})",
        "Release folder": str(summary.out),
        "Detector": f"{summary.detector}, second look {'on' if request.second_opinion else 'off'}",
        "Alphas": summary.alphas,
        "Settings": ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in asdict(request.settings).items()),
        "p3m-anon": __version__,
    }
    rows = {status: ledger.rows(status) for status in ("needs_review", "failed", "unsupported", "accepted")}
    return write_report(summary.private / "report.html", summary.private, facts, rows)


def _gone(request: BlurRequest, ledger: Ledger, store: Release, summary: Summary) -> None:
    """Inputs that are not there any more are counted; with `prune` their outputs are removed."""
    for row in ledger.rows(gone=True):
        if row.status == "withdrawn":
            continue
        summary.gone += 1
        if request.prune:
            store.clear(row.id, row.outputs)
            ledger.forget(row.path)
            summary.pruned += 1
