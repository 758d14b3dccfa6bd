"""A release is read back and attacked: as by someone who has only it, and against ledger and sources where they are."""

from __future__ import annotations

import contextlib
import heapq
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.dataset.integrity import stray_discrepancy
from p3m_anon.engines.local import Limits, Stages, one_thread, stream
from p3m_anon.errors import ImageError, UsageError
from p3m_anon.faces.audit_findings import identity_findings
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.probe import probe
from p3m_anon.files.release_index import ReleaseIndex
from p3m_anon.jobs.audit.items import Item, Stems, foreign_items, own_items
from p3m_anon.jobs.audit.layers import ReleaseLayers
from p3m_anon.jobs.audit.looks import AuditLooks
from p3m_anon.jobs.audit.picture import AuditJob
from p3m_anon.jobs.audit.request import SEVERITIES, AuditFinding, AuditRequest, AuditSummary
from p3m_anon.jobs.audit.result import Result
from p3m_anon.reports.audit_page import MOST_CROPS, Crop, write_audit_page

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import Box

LEDGER, PAGE = "ledger.sqlite", "audit.html"
PIXELS_PER_WORKER = 24_000_000  # under way at once; output, source and mask of each are held
GALLERY = 5000  # faces of which embeddings are kept and compared with each other
OnDone = Callable[[str], None]


@dataclass(eq=False)
class _Known:
    """What lies beside the audited pictures."""

    items: Iterator[Item]
    private: Path | None
    index: ReleaseIndex | None = None


def audit_folder(request: AuditRequest, on_done: OnDone = lambda _: None) -> AuditSummary:
    """Run the audit; on_done is called with each picture's name.

    Writes nothing but `audit.html`, and that only into a private folder that is there or was named. Raises UsageError
    for folders that do not fit.
    """
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        known = _known(request, stack)
        summary = AuditSummary(request.out or request.images or Path())
        embedder = None
        if request.embedder is not None:
            from p3m_anon.detectors.embedder import Embedder

            embedder = Embedder(request.embedder)
        else:
            summary.skipped["identity similarity: no --embedder"] += 1
        looks = AuditLooks(quick=request.quick, weights_dir=request.weights_dir, device=request.device)
        summary.detectors = looks.names
        job = AuditJob(looks, embedder, attack=not request.quick)
        collected = _Collected(summary)
        workers = request.workers or len(os.sched_getaffinity(0))
        limits = Limits(workers, pixels=PIXELS_PER_WORKER * workers)
        with one_thread():
            for result in stream(known.items, Stages(_cost, job.load, job.look, job.finish), limits):
                collected.take(result)
                on_done(result.name)
        collected.identities(request.same_person)
        if known.index is not None:
            with contextlib.closing(ReleaseLayers(summary.folder, known.private)) as layers:
                _folder_findings(known.index, layers, summary)
    _note_gaps(request, summary)
    summary.findings.sort(key=lambda finding: finding.order)
    summary.seconds = time.monotonic() - start
    if known.private is not None:
        summary.report = known.private / PAGE
        write_audit_page(summary.report, _facts(summary), summary.findings, collected.worst())
    return summary


def _known(request: AuditRequest, stack: contextlib.ExitStack) -> _Known:
    """The pictures, and where what is private of them lies."""
    if (request.out is None) == (request.images is None):
        raise UsageError("give the release folder OUT, or --images DIR for another tool's pictures; one of the two")
    for folder in (request.out, request.images):
        if folder is not None and not folder.is_dir():
            raise UsageError(f"{folder} is not a folder")
    originals, masks = Stems(request.originals, "picture"), Stems(request.masks)
    if request.images is not None:
        private = request.private
        _keep_apart(request.images, private)
        if private is not None:
            private.mkdir(mode=0o700, parents=True, exist_ok=True)
        return _Known(foreign_items(request.images, originals, masks), private)
    assert request.out is not None
    private = request.private or request.out.with_name(request.out.resolve().name + ".private")
    _keep_apart(request.out, private)
    if request.private is not None and not private.is_dir():
        raise UsageError(f"--private: {private} is not a folder")
    ledger = Ledger.copy_of(private / LEDGER) if (private / LEDGER).is_file() else None
    if ledger is not None:
        stack.callback(ledger.close)
    index = ReleaseIndex(request.out, ledger)
    there = private if private.is_dir() else None
    if not len(index):
        if (index.has_manifest or ledger is not None) and next(index.strays(), None):
            return _Known(iter(()), there, index)
        raise UsageError(
            f"{request.out} lists no pictures, so there is nothing to audit; audit plain folders with --images DIR"
        )
    return _Known(own_items(request.out, there, index, ledger, originals, masks), there, index)


def _keep_apart(folder: Path, private: Path | None) -> None:
    """Unblurred crops never lie in what is audited, nor in any other release."""
    if private is None:
        return
    above = [private.resolve(), *private.resolve().parents]
    releases = [one for one in above if (one / "manifest.jsonl").exists() or one.name == "blurred_image"]
    if folder.resolve() in above or releases:
        raise UsageError(f"the private folder {private} lies inside a release; choose another --private")


class _Collected:
    """What is kept of the results: findings, counts, the worst crops, embeddings up to a bound."""

    def __init__(self, summary: AuditSummary) -> None:
        self._summary = summary
        self._heap: list[tuple[int, int, Crop]] = []
        self._number = 0
        self._pairs: list[tuple[str, Box, npt.NDArray[np.float32], npt.NDArray[np.float32]]] = []

    def take(self, result: Result) -> None:
        summary = self._summary
        summary.pictures += 1
        summary.faces += result.faces
        summary.findings += result.findings
        summary.checks.update(set(result.checks))
        summary.skipped.update(result.skipped)
        for crop in result.crops:
            self._number += 1
            heapq.heappush(self._heap, (-SEVERITIES.index(crop.severity), -self._number, crop))  # the mildest on top
            if len(self._heap) > MOST_CROPS:
                heapq.heappop(self._heap)
        self._pairs += [(result.name, *pair) for pair in result.pairs[: GALLERY - len(self._pairs)]]

    def worst(self) -> list[Crop]:
        """Crops, worst first."""
        return [crop for *_, crop in sorted(self._heap, key=lambda one: one[:2], reverse=True)]

    def identities(self, same_person: float) -> None:
        """Similarity and rank of every pair, once all sources are known."""
        if not self._pairs:
            return
        gallery = np.stack([before for _, _, before, _ in self._pairs])
        for number, (name, box, _, after) in enumerate(self._pairs):
            cosines = gallery @ after
            rank = 1 + int(np.count_nonzero(cosines > cosines[number]))
            for f in identity_findings(box, float(cosines[number]), rank, len(gallery), same_person):
                self._summary.findings.append(AuditFinding(f.severity, f.check, name, f.evidence, f.box))
        self._summary.checks["identity similarity"] = len({name for name, *_ in self._pairs})


def _folder_findings(index: ReleaseIndex, layers: ReleaseLayers, summary: AuditSummary) -> None:
    """Manifest lines that are none, and files without a row."""
    for one in index.broken:
        summary.findings.append(AuditFinding(one.severity, one.check, one.file, one.evidence))
    if not index.has_manifest:
        summary.findings.append(AuditFinding("warning", "manifest", "manifest.jsonl", "not there; run blur to its end"))
    for file, link in index.strays():
        if not link and layers.explain(file):
            continue
        one = stray_discrepancy(file, link=link)
        summary.findings.append(AuditFinding(one.severity, one.check, one.file, one.evidence))
    summary.checks["files against rows"] = summary.pictures


def _note_gaps(request: AuditRequest, summary: AuditSummary) -> None:
    """What this run as a whole could not or did not do."""
    if request.quick:
        summary.skipped["turned pictures, other networks and sizes, inverse filter: --quick"] += 1
    if request.images is not None:
        summary.skipped["manifest and ledger against the files: another tool's folder"] += 1
        summary.skipped["outside the mask and alpha against the source: another tool makes no promise"] += 1


def _facts(summary: AuditSummary) -> dict[str, str]:
    counts = ", ".join(f"{severity}: {summary.count(severity)}" for severity in SEVERITIES)
    return {
        "Audited": f"{summary.folder}: {summary.pictures} pictures, {summary.faces} places looked at",
        "Found": counts,
        "Looked with": "; ".join(f"{name}: {n}" for name, n in sorted(summary.looks.items())),
        "Checked": "; ".join(f"{name}: {n}" for name, n in sorted(summary.other_checks.items())),
        "Skipped": "; ".join(f"{name} ({n})" for name, n in sorted(summary.skipped.items())) or "nothing",
    }


def _cost(item: Item) -> int:
    """Pixels of output and source; 0 for a file that `load` will name."""
    try:
        return probe(item.image).pixels * (1 if item.source is None else 2)
    except ImageError:
        return 0
