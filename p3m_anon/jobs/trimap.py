"""A trimap for every alpha of a folder, a release or a dataset."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from p3m_anon.engines.local import Limits, Stages, one_thread, stream
from p3m_anon.errors import ImageError, UsageError
from p3m_anon.files.alphas import alpha_findings, encode_alpha, read_alpha
from p3m_anon.files.atomic import remove_leftovers, write_bytes
from p3m_anon.files.folders import find_pictures, stem_of
from p3m_anon.files.private import private_folder
from p3m_anon.jobs.foreground.record import LayersRecord, TrimapRow
from p3m_anon.jobs.foreground.sets import RECORD, find_sets, pixels_of, private_of
from p3m_anon.matting.trimap import METHODS, Kernels, TrimapMethod, unknown_share

if TYPE_CHECKING:
    from p3m_anon.arrays import AlphaPixels

TRIMAP = "trimap"
PIXELS_PER_WORKER = 32_000_000  # under way at once, at about 20 bytes each
Status = Literal["written", "unchanged", "failed"]


@dataclass(frozen=True)
class TrimapRequest:
    """What `trimap` is asked to do.

    folder: alphas, or a dataset or release with `mask` folders. out: for a folder of alphas, default its sibling
    `trimap`. replace: overwrite trimaps that are there and differ. workers: 0 is one per core.
    """

    folder: Path
    out: Path | None = None
    private: Path | None = None
    method: TrimapMethod = "published"
    kernels: Kernels = field(default_factory=Kernels)
    replace: bool = False
    workers: int = 0
    dry_run: bool = False


@dataclass
class TrimapSummary:
    """What came of it.

    folders: where trimaps lie. record: where drawn kernels were written down. problems: one line per alpha without a
    trimap of its own; strangers: one per trimap without an alpha; warnings: one per odd alpha. Lines are sorted.
    """

    folders: list[str] = field(default_factory=list)
    record: str | None = None
    alphas: int = 0
    written: int = 0
    unchanged: int = 0
    problems: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """1 if any file failed or fits no alpha."""
        return int(bool(self.problems or self.strangers))

    def to_json(self) -> str:
        """All of it, for other programs."""
        return json.dumps({**vars(self), "exit_code": self.exit_code}, sort_keys=True)


class _Job(NamedTuple):
    """One folder of alphas; `name` goes before file names in messages."""

    name: str
    alphas: Path
    out: Path

    def label(self, file: str) -> str:
        """How a file beside the alphas is called in messages and records."""
        return f"{self.name}/{file}" if self.name else file


class _Item(NamedTuple):
    id: str
    label: str
    alpha: Path
    target: Path
    file: str  # the target's label
    twin: bool  # another alpha had this id before


class TrimapResult(NamedTuple):
    """One alpha. detail: why it failed. findings: what is odd about it."""

    item: _Item
    status: Status
    detail: str = ""
    findings: tuple[str, ...] = ()
    row: TrimapRow | None = None


OnResult = Callable[[TrimapResult], None]


def trimap_folder(request: TrimapRequest, on_result: OnResult = lambda _: None) -> TrimapSummary:
    """Make the trimaps; on_result is called for each alpha, in no fixed order.

    Every trimap is computed anew, since that costs no more than to find out whether it has to be, and written only
    where other bytes, or none, are there. Raises UsageError before anything is written.
    """
    start = time.monotonic()
    jobs, private = _jobs(request)
    summary = TrimapSummary(folders=[str(job.out) for job in jobs])
    if request.dry_run:
        summary.alphas = sum(1 for job in jobs for _ in _items(job))
        return summary
    for job in jobs:
        remove_leftovers(job.out)
    workers = request.workers or len(os.sched_getaffinity(0))
    limits = Limits(workers, pixels=PIXELS_PER_WORKER * workers)
    stages: Stages[_Item, _Item, _Item, TrimapResult] = Stages(
        cost=lambda item: pixels_of(item.alpha),
        load=lambda item: item,  # decoding and encoding take so little that one stage is enough
        look=lambda items: items,
        finish=lambda item: _work(request, item),
    )
    with one_thread(), contextlib.ExitStack() as stack:
        record = stack.enter_context(LayersRecord(private)) if request.kernels.are_drawn else None
        for result in stream((item for job in jobs for item in _items(job)), stages, limits):
            _take(result, summary)
            if record is not None and result.row is not None:
                record.add_trimap(result.row)
            on_result(result)
    summary.record = str(private / RECORD) if request.kernels.are_drawn else None
    for job in jobs:
        summary.strangers += _strangers(job)
    summary.problems.sort()
    summary.warnings.sort()
    summary.seconds = time.monotonic() - start
    return summary


def _jobs(request: TrimapRequest) -> tuple[list[_Job], Path]:
    """Which folders of alphas there are, where their trimaps go, and where the record would lie."""
    sets = find_sets(request.folder)
    if sets:
        if request.out is not None:
            raise UsageError(
                f"{request.folder} holds mask folders, each gets a trimap folder beside it; leave out --out"
            )
        jobs = [_Job(one.name, one.masks, one.folder / TRIMAP) for one in sets]
        private = private_of(request.folder, request.private) if request.kernels.are_drawn else Path()
        return jobs, private
    out = request.out or request.folder.resolve().with_name(TRIMAP)
    if out.resolve() == request.folder.resolve():
        raise UsageError(f"{out}: trimaps would lie among the alphas; choose another --out")
    jobs = [_Job("", request.folder, out)]
    if next(_items(jobs[0]), None) is None:
        raise UsageError(f"{request.folder} holds neither alphas nor a folder named mask")
    return jobs, private_folder(out, request.private)


def _items(job: _Job) -> Iterator[_Item]:
    seen = set()
    for path in find_pictures(job.alphas, exclude=[job.out]):
        relative = path.relative_to(job.alphas)
        id = stem_of(relative)
        label, target = job.label(f"{job.alphas.name}/{relative.as_posix()}"), f"{id}.png"
        yield _Item(id, label, path, job.out / target, job.label(f"{job.out.name}/{target}"), id in seen)
        seen.add(id)


def _work(request: TrimapRequest, item: _Item) -> TrimapResult:
    """Read, compute, write. Errors that concern this file only become its result."""
    if item.twin:
        return TrimapResult(item, "failed", f"another alpha is called {item.id} too; keep one of them")
    try:
        alpha = read_alpha(item.alpha)
        kernel = request.kernels.of(item.id)
        trimap = METHODS[request.method](alpha.pixels, kernel)
        data = encode_alpha(trimap)
        status = _write(item.target, data, replace=request.replace)
    except ImageError as error:
        return TrimapResult(item, "failed", str(error).removeprefix(f"{item.alpha.name}: "))
    except MemoryError:
        return TrimapResult(item, "failed", "not enough memory for it; close other programs, or use fewer --workers")
    share = round(unknown_share(trimap), 6)
    row = TrimapRow(item.file, request.method, kernel, request.kernels.seed, alpha.sha256, share)
    return TrimapResult(item, status, findings=_findings(alpha.pixels), row=row)


def _write(target: Path, data: bytes, *, replace: bool) -> Status:
    try:
        there = target.read_bytes()
    except FileNotFoundError:
        there = None
    except OSError as error:
        raise ImageError(f"{target.parent.name}/{target.name} cannot be read ({error.strerror}); remove it") from error
    if there == data:
        return "unchanged"
    if there is not None and not replace:
        raise ImageError(f"{target.parent.name}/{target.name} is there already and differs; --replace overwrites it")
    write_bytes(target, data)
    return "written"


def _findings(alpha: AlphaPixels) -> tuple[str, ...]:
    """Odd mattes, said exactly where they hold nothing at all."""
    first = alpha.flat[0]
    if first in (0, np.iinfo(alpha.dtype).max) and (alpha == first).all():
        return ("full: no background at all" if first else "empty: no foreground at all",)
    return alpha_findings(alpha)


def _take(result: TrimapResult, summary: TrimapSummary) -> None:
    summary.alphas += 1
    summary.written += result.status == "written"
    summary.unchanged += result.status == "unchanged"
    if result.status == "failed":
        summary.problems.append(f"{result.item.label}: {result.detail}")
    if result.findings:
        summary.warnings.append(f"{result.item.label}: {', '.join(result.findings)}")


def _strangers(job: _Job) -> Iterable[str]:
    """Trimaps beside a `mask` folder whose alphas are gone: they still show the outline of a person."""
    if job.alphas.name != "mask" or job.out.name != TRIMAP or not job.out.is_dir():
        return
    ids = {item.id for item in _items(job)}
    for path in find_pictures(job.out):
        relative = path.relative_to(job.out)
        if stem_of(relative) not in ids:
            file = job.label(f"{TRIMAP}/{relative.as_posix()}")
            yield f"{file}: there is no alpha of this name; remove it if its picture was withdrawn"
