"""`manifest export`: a dataset, or a release, in the form that somebody else's program reads."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from p3m_anon.errors import UsageError
from p3m_anon.files.atomic import replacing
from p3m_anon.files.audit_facts import read_audit
from p3m_anon.files.dataset_facts import FACTS, SEAL, file_sha256, may_be_sealed
from p3m_anon.files.dataset_files import reason, walk
from p3m_anon.files.dataset_rows import MANIFEST
from p3m_anon.files.export_croissant import write_croissant
from p3m_anon.files.export_folder import building, check_new
from p3m_anon.files.export_huggingface import write_imagefolder
from p3m_anon.files.export_source import VERIFY, OnDone, Source, Unfit, survey
from p3m_anon.files.export_tables import write_csv, write_parquet
from p3m_anon.files.export_webdataset import ShardLimits, write_shards
from p3m_anon.files.place import Link
from p3m_anon.files.remote import Location, RemotePath
from p3m_anon.jobs.manifest.findings import Finding, Findings
from p3m_anon.jobs.manifest.index import ManifestIndex
from p3m_anon.jobs.manifest.pool import ordered, readers

Form = Literal["csv", "parquet", "hf", "webdataset", "croissant"]
FORMS: tuple[Form, ...] = ("csv", "parquet", "hf", "webdataset", "croissant")
TABLES = frozenset(("csv", "parquet"))
DESCRIBED: tuple[Form, ...] = ("hf", "croissant")  # forms with a text that people read
_NAMED = 5  # findings that the error names


@dataclass(frozen=True)
class ExportRequest:
    """root: dataset or release folder. out: file (csv, parquet) or folder that is not there yet. split: only this one.

    link: how hf and croissant place files. workers: threads that read; 0: one for each core. audit: the release's
    `audit.json`, whose figures hf and croissant take.
    """

    root: Location
    form: Form
    out: Path
    split: str | None = None
    link: Link = "hard"
    limits: ShardLimits = field(default_factory=ShardLimits)
    workers: int = 0
    audit: Path | None = None
    dry_run: bool = False


@dataclass
class ExportSummary:
    """What went out. files: pictures, alphas and layers; bytes: of all that was written, linked files included."""

    form: Form
    out: Path
    pictures: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    files: int = 0
    bytes: int = 0
    dry_run: bool = False
    seconds: float = 0.0

    def to_json(self) -> str:
        """For other programs."""
        return json.dumps({**vars(self), "out": str(self.out), "seconds": round(self.seconds, 3)})


def export_dataset(request: ExportRequest, on_done: OnDone = lambda: None) -> ExportSummary:
    """Write the export, whole or not at all; the same dataset gives the same bytes.

    First rows and names are checked as `manifest verify` does; then each file that goes out is hashed while it is
    read. on_done: called after each picture. Raises UsageError for folders that do not fit, Unfit or ImageError for a
    dataset that is not what its manifest says, Stopped where nothing can be written.
    """
    start = time.monotonic()
    out = request.out.absolute()
    root = request.root.absolute() if isinstance(request.root, Path) else request.root
    _check_folders(root, out, request.form)
    check_listed(root)
    if request.audit is not None and request.form not in DESCRIBED:
        raise UsageError(f"--audit goes with --to {' and '.join(DESCRIBED)}; {request.form} has no place for it")
    source = survey(root, request.split)
    if request.audit is not None:
        source = replace(source, audit=read_audit(request.audit, source.rows()))
    summary = ExportSummary(request.form, request.out, source.pictures, dry_run=request.dry_run)
    summary.splits = {split: source.counts[split].total() for split in source.splits}
    if request.form not in TABLES:
        summary.files = sum(source.filled[key] for key in source.folders)
    if not request.dry_run:
        _write(source, request, out, on_done)
        files = [out] if out.is_file() else [out / one.file for one in walk(out)]
        summary.bytes = sum(one.stat().st_size for one in files)
    summary.seconds = time.monotonic() - start
    return summary


def check_listed(root: Location) -> None:
    """Rows that break no rule, every listed file there, nothing else: as `manifest verify`, without reading pictures.

    The manifest and dataset.json themselves are hashed if they are sealed. Raises Unfit that names what is wrong.
    """
    findings = Findings()
    index = ManifestIndex(root, findings)
    for file, path, kind in walk(root):
        known, sha256 = index.expected(file)
        if kind != "file":
            findings.add("link" if kind == "link" else "odd", file, "no file of its own")
        elif file in (MANIFEST, FACTS) and sha256 is not None:
            findings.add_all(_sealed_findings(file, path, sha256))
        elif not known and not (may_be_sealed(file) and not index.is_sealed) and file != SEAL:
            findings.add("extra", file, "no row lists it")
    for file in index.missing():
        findings.add("missing", file, "listed, but not there")
    if findings:
        named = [f"{one.file}: {one.detail}" for one in itertools.islice(findings, _NAMED)]
        more = f"; and {len(findings) - _NAMED} more" if len(findings) > _NAMED else ""
        raise Unfit(f"{'; '.join(named)}{more}; {VERIFY}")


def _sealed_findings(file: str, path: str | RemotePath, sha256: str) -> Iterator[Finding]:
    try:
        if file_sha256(path) != sha256:
            yield Finding("changed", file, "its sha256 is not the sealed one")
    except OSError as error:
        yield Finding("unreadable", file, reason(error))


def _check_folders(root: Location, out: Path, form: Form) -> None:
    inner, outer = out.resolve(), root.resolve() if isinstance(root, Path) else None
    if outer is not None and (inner.is_relative_to(outer) or outer.is_relative_to(inner)):
        raise UsageError(f"{out} lies inside the dataset, or the dataset in it; name an --out beside it")
    if form in TABLES:
        if out.exists() or out.is_symlink():
            raise UsageError(f"{out} is there already; name a new --out, or remove it first")
    else:
        check_new(out)


def _write(source: Source, request: ExportRequest, out: Path, on_done: OnDone) -> None:
    if request.form in TABLES:
        write: Callable[..., Any] = write_csv if request.form == "csv" else write_parquet
        with replacing(out) as stream:
            write(source, stream, on_done)
        return
    spread = partial(ordered, workers=request.workers or readers(source.root))
    with building(out) as folder:
        if request.form == "hf":
            write_imagefolder(source, folder, request.link, spread, on_done)
        elif request.form == "webdataset":
            write_shards(source, folder, request.limits, on_done)
        else:
            write_croissant(source, folder, request.link, spread, on_done)
