"""`manifest verify`: every byte below a root is what manifest and seal say, and nothing else lies there."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from p3m_anon.errors import ImageError, UsageError
from p3m_anon.files.dataset_facts import FACTS, SEAL, file_sha256, may_be_sealed, read_facts
from p3m_anon.files.dataset_files import damage, levels, reason, walk
from p3m_anon.files.dataset_rows import MANIFEST
from p3m_anon.files.dataset_schema import schema_problems
from p3m_anon.files.remote import Location, RemotePath
from p3m_anon.jobs.manifest.findings import Finding, Findings
from p3m_anon.jobs.manifest.index import ManifestIndex
from p3m_anon.jobs.manifest.pool import batches, ordered, readers

BATCH = 32  # files that a thread takes at once
OnDone = Callable[[int], None]


@dataclass
class VerifySummary:
    """What a verification found. notes: what it could not check. seal: sha256 of checksums.txt, to be published."""

    root: Location
    findings: Findings = field(default_factory=Findings)
    rows: int = 0
    files: int = 0
    seal: str | None = None
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """1 with any finding."""
        return int(len(self.findings) > 0)

    def head(self) -> dict[str, Any]:
        """All but the findings, for other programs."""
        return {
            "root": str(self.root),
            "rows": self.rows,
            "files": self.files,
            "seal_sha256": self.seal,
            "notes": self.notes,
            "counts": {kind: self.findings.counts[kind] for kind in self.findings.kinds()},
            "seconds": round(self.seconds, 3),
            "exit_code": self.exit_code,
        }


class _File(NamedTuple):
    """A file to be hashed. expected: its sha256, None where it only has to be there."""

    file: str
    path: str | RemotePath
    expected: str | None
    is_mask: bool


def verify_dataset(root: Location, workers: int = 0, on_done: OnDone = lambda _: None) -> VerifySummary:
    """Hash all files below `root`, a dataset or a release, with all cores; nothing is written.

    on_done is called with the number of files hashed so far. Raises UsageError where there is no manifest, or where
    the root's own files or the list of what is there cannot be read.
    """
    start = time.monotonic()
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder")
    summary = VerifySummary(root)
    index = ManifestIndex(root, summary.findings)
    summary.rows = index.rows
    size = 1 if isinstance(root, RemotePath) else BATCH
    for found in ordered(_hashed, batches(_files(root, index, summary), size), workers or readers(root)):
        summary.files += found.files
        summary.findings.add_all(found.findings)
        on_done(summary.files)
    for file in index.missing():
        summary.findings.add("missing", file, "listed, but not there")
    _check_facts(root, index, summary)
    if index.is_sealed:
        summary.seal = _seal_sha256(root, summary)
    else:
        summary.notes.append(f"without {SEAL} a change to {MANIFEST} itself may go unseen")
    summary.seconds = time.monotonic() - start
    return summary


def _files(root: Location, index: ManifestIndex, summary: VerifySummary) -> Iterator[_File]:
    """What lies there and is to be hashed; everything else is a finding."""
    for file, path, kind in walk(root):
        if kind != "file":
            summary.findings.add(*_no_file(file, kind))
            continue
        known, sha256 = index.expected(file)
        is_mask = "/" in file and may_be_sealed(file)
        if known:
            yield _File(file, path, sha256, is_mask)
        elif may_be_sealed(file) and not index.is_sealed:
            if is_mask:
                yield _File(file, path, None, True)
        elif may_be_sealed(file):
            summary.findings.add("seal", file, f"not in {SEAL}")
        elif file != SEAL:
            summary.findings.add("extra", file, "no row lists it")
        if is_mask and not index.has_picture(file):
            summary.findings.add("extra", file, "a face mask without a picture")


def _no_file(file: str, kind: str) -> Finding:
    return Finding("link", file, "a link") if kind == "link" else Finding("odd", file, "neither file nor folder")


class _Hashed(NamedTuple):
    files: int
    findings: list[Finding]


def _hashed(batch: list[_File]) -> _Hashed:
    """Runs in a thread."""
    findings = []
    for one in batch:
        try:
            digest = file_sha256(one.path)
        except OSError as error:
            findings.append(Finding("unreadable", one.file, reason(error)))
            continue
        if one.expected is not None and digest != one.expected:
            how = damage(one.path)
            findings.append(Finding("truncated" if how else "changed", one.file, how or "its sha256 differs"))
        elif one.is_mask:
            findings += mask_findings(one.file, one.path)
    return _Hashed(len(batch), findings)


def mask_findings(file: str, path: str | RemotePath) -> list[Finding]:
    """A face mask holds black and white only: anything else could be the face itself."""
    if how := damage(path):
        return [Finding("truncated", file, how)]
    try:
        foreign = sorted(levels(path) - {0, 255})
    except ImageError as error:
        return [Finding("values", file, str(error).partition(": ")[2])]
    return [Finding("values", file, f"a face mask with grey level {foreign[0]}")] if foreign else []


def _seal_sha256(root: Location, summary: VerifySummary) -> str | None:
    try:
        return file_sha256(root / SEAL)
    except OSError as error:
        summary.findings.add("unreadable", SEAL, reason(error))
        return None


def _check_facts(root: Location, index: ManifestIndex, summary: VerifySummary) -> None:
    """dataset.json against its schema and the rows."""
    try:
        facts = read_facts(root)
        said_there = None if facts is None else json.loads((root / FACTS).read_bytes())
    except (UsageError, OSError) as error:
        summary.findings.add("facts", FACTS, str(error.__cause__ or error))
        return
    if facts is None:
        if index.is_split:
            summary.findings.add("missing", FACTS, "a dataset has one")
        return
    for problem in schema_problems("dataset", said_there):
        summary.findings.add("facts", FACTS, problem.strip())
    said = {split: {status: n for status, n in counts.items() if n} for split, counts in facts.counts.items()}
    if {split: counts for split, counts in said.items() if counts} != index.counts:
        summary.findings.add("facts", FACTS, "its counts are not those of the rows")
    for digest in sorted(index.settings - {str(one["digest"]) for one in facts.settings}):
        summary.findings.add("facts", FACTS, f"says nothing of the settings {digest}")
