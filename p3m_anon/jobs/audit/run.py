"""A release is read back and attacked: as by someone who has only it, and against ledger and sources where they are."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from p3m_anon.dataset.integrity import stray_discrepancy
from p3m_anon.dataset.sampling import draw_sample
from p3m_anon.engines.local import Limits, Stages, one_thread, stream
from p3m_anon.errors import ImageError, UsageError
from p3m_anon.files.embedders import find_embedder, present_embedder
from p3m_anon.files.folders import find_pictures
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.probe import probe
from p3m_anon.files.release_index import ReleaseIndex
from p3m_anon.jobs.audit.human import human_facts
from p3m_anon.jobs.audit.identity import IdentityGallery
from p3m_anon.jobs.audit.items import Item, Stems, foreign_items, own_items
from p3m_anon.jobs.audit.layers import ReleaseLayers
from p3m_anon.jobs.audit.looks import AuditLooks
from p3m_anon.jobs.audit.picture import AuditJob
from p3m_anon.jobs.audit.recall import published_recall, reference_recall
from p3m_anon.jobs.audit.record import audit_record
from p3m_anon.jobs.audit.report import Crops, write_report
from p3m_anon.jobs.audit.request import AuditFinding, AuditRequest, AuditSummary
from p3m_anon.jobs.audit.result import Result
from p3m_anon.jobs.audit.scope import Census, scope, weight_digests

if TYPE_CHECKING:
    from p3m_anon.detectors.embedder import Embedder
    from p3m_anon.files.embedders import EmbedderFile

LEDGER = "ledger.sqlite"
PIXELS_PER_WORKER = 24_000_000  # under way at once; output, source and mask of each are held
OnDone = Callable[[str], None]
OnTotal = Callable[[int], None]


@dataclass(eq=False)
class _Known:
    """The pictures, what lies beside them, and the seed and population of the sample if they are one."""

    items: Iterator[Item]
    private: Path | None
    census: Census
    index: ReleaseIndex | None = None
    ledger: Ledger | None = None
    sample: tuple[int, int] | None = None


def audit_folder(
    request: AuditRequest, on_done: OnDone = lambda _: None, on_total: OnTotal = lambda _: None
) -> AuditSummary:
    """Run the audit; on_total is called once with the number of pictures, on_done with each picture's name.

    Writes nothing but `audit.html` and `audit.json`, and these only into a private folder that is there or was named.
    Raises UsageError for folders that do not fit.
    """
    start = time.monotonic()
    with contextlib.ExitStack() as stack:
        known = _sampled(_known(request, stack), request.sample)
        on_total(known.census.pictures if known.sample is None else request.sample or 0)
        summary = AuditSummary(request.out or request.images or Path())
        embedder, gallery = _embedder(request), IdentityGallery(request.persons)
        if embedder is None:
            summary.skipped["identity similarity: no embedder"] += 1
        looks = AuditLooks(quick=request.quick, weights_dir=request.weights_dir, device=request.device)
        summary.detectors = looks.names
        job = AuditJob(looks, embedder, attack=not request.quick)
        crops = Crops()
        workers = request.workers or len(os.sched_getaffinity(0))
        limits = Limits(workers, pixels=PIXELS_PER_WORKER * workers)
        with one_thread():
            for result in stream(known.items, Stages(_cost, job.load, job.look, job.finish), limits):
                _take(result, summary, gallery)
                crops.take(result)
                on_done(result.name)
            recall = reference_recall(request.reference, looks) if request.reference else published_recall()
        if embedder is not None:
            _identities(embedder, gallery, request, summary)
        if known.index is not None:
            with contextlib.closing(ReleaseLayers(summary.folder, known.private)) as layers:
                _folder_findings(known.index, layers, summary)
        human = human_facts(known.ledger)
    parts = {
        "scope": scope(summary.folder, known.census, is_release=request.out is not None),
        "weights": weight_digests(summary.detectors, request.weights_dir),
        "recall": recall,
        "human": human,
        "sample": known.sample,
    }
    _note_gaps(request, summary)
    if known.sample is not None:
        summary.skipped[f"{known.sample[1] - summary.pictures} of {known.sample[1]} pictures: --sample"] += 1
    summary.findings.sort(key=lambda finding: finding.order)
    summary.seconds = time.monotonic() - start
    summary.record = audit_record(request, summary, parts)
    if known.private is not None:
        summary.report = write_report(known.private, summary, crops)
    return summary


def _embedder(request: AuditRequest) -> Embedder | None:
    """The one that was asked for, or the known one that is there; none unasked where the audit is to be quick."""
    if request.embedder is not None:
        file: EmbedderFile | None = find_embedder(request.embedder, request.weights_dir)
    else:
        file = None if request.quick else present_embedder(request.weights_dir)
    if file is None:
        return None
    from p3m_anon.detectors.embedder import Embedder

    return Embedder(file)


def _identities(embedder: Embedder, gallery: IdentityGallery, request: AuditRequest, summary: AuditSummary) -> None:
    """Findings and figures, once all faces are known."""
    same_person = request.same_person if request.same_person is not None else embedder.file.face_input.same_person
    summary.findings += gallery.findings(same_person)
    summary.identity = gallery.figures(embedder, same_person)
    summary.checks["identity similarity"] = gallery.pictures
    if unknown := gallery.unknown():
        summary.skipped[f"{unknown} lines of --persons: no face of these pictures was compared"] += 1


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
        census = Census(sum(1 for _ in find_pictures(request.images)))
        return _Known(foreign_items(request.images, originals, masks), private, census)
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
            return _Known(iter(()), there, Census(), index, ledger)
        raise UsageError(
            f"{request.out} lists no pictures, so there is nothing to audit; audit plain folders with --images DIR"
        )
    items = own_items(request.out, there, index, ledger, originals, masks)
    return _Known(items, there, Census.of_release(index), index, ledger)


def _sampled(known: _Known, size: int | None) -> _Known:
    """The same with so many of its pictures, drawn at random; all of them for None or if there are no more."""
    if size is None or size >= known.census.pictures:
        return known
    seed = secrets.randbelow(1 << 32)
    drawn = draw_sample(known.items, size, seed)
    return replace(known, items=iter(drawn), sample=(seed, known.census.pictures))


def _keep_apart(folder: Path, private: Path | None) -> None:
    """Unblurred crops never lie in what is audited, nor in any other release."""
    if private is None:
        return
    above = [private.resolve(), *private.resolve().parents]
    releases = [one for one in above if (one / "manifest.jsonl").exists() or one.name == "blurred_image"]
    if folder.resolve() in above or releases:
        raise UsageError(f"the private folder {private} lies inside a release; choose another --private")


def _take(result: Result, summary: AuditSummary, gallery: IdentityGallery) -> None:
    """Add a picture's result."""
    summary.pictures += 1
    summary.faces += result.faces
    summary.findings += result.findings
    summary.measured += [face for face, _ in result.measured]
    summary.checks.update(set(result.checks))
    summary.skipped.update(result.skipped)
    gallery.add(result.embedded, result.not_embedded)


def _folder_findings(index: ReleaseIndex, layers: ReleaseLayers, summary: AuditSummary) -> None:
    """Manifest lines that are none, and files without a row."""
    for one in index.broken:
        summary.findings.append(AuditFinding(one.severity, one.check, one.file, one.evidence))
    if not index.has_manifest:
        summary.findings.append(AuditFinding("warning", "manifest", "manifest.jsonl", "not there; run blur to its end"))
    for file, link in index.strays():
        if not link and index.has_picture_of(file) and layers.explain(file):
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


def _cost(item: Item) -> int:
    """Pixels of output and source; 0 for a file that `load` will name."""
    try:
        return probe(item.image).pixels * (1 if item.source is None else 2)
    except ImageError:
        return 0
