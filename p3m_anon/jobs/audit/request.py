"""What `audit` is asked to do, and what it says when it is done."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from p3m_anon.faces.audit_findings import Severity

if TYPE_CHECKING:
    from p3m_anon.jobs.audit.figures import FaceFigure
    from p3m_anon.jobs.audit.identity import IdentityFigures

SEVERITIES: tuple[Severity, ...] = ("leak", "warning", "note")


LOOK = "look: "
BY_FACE = frozenset(
    {"clear face", "feature", "strength", "inverse filter", "detector", "detectors", "identity", "identity similarity"}
    | {"left by a person", "detail against the source", "detail without the source"}
)
"""Checks that are about faces; all others are about files."""


@dataclass(frozen=True)
class AuditRequest:
    """A release of ours (`out`) or a folder of pictures that another tool made (`images`), one of the two.

    private: the private folder, default `OUT.private`. originals, masks: folders with the sources and the adjusted
    masks (PNG, white = blurred) of the same stem, in place of what the ledger knows. embedder: a known name or an ONNX
    file; None: the known one that is there, unless `quick`. same_person: cosine from which two faces are one person's;
    None: the embedder's own. persons: CSV of image and person. quick: CenterFace at 640 px only, upright, no inverse
    filter. sample: audit so many pictures, drawn at random. reference: folder of labelled faces (`recall.TABLE`) to
    measure the looks on. who, contact, next_look: who runs it, whom to ask for a withdrawal, date (ISO) of the next
    audit; for the report.
    """

    out: Path | None = None
    images: Path | None = None
    private: Path | None = None
    originals: Path | None = None
    masks: Path | None = None
    embedder: str | None = None
    same_person: float | None = None
    persons: Path | None = None
    weights_dir: Path | None = None
    device: str = "cpu"
    quick: bool = False
    workers: int = 0
    sample: int | None = None
    reference: Path | None = None
    who: str | None = None
    contact: str | None = None
    next_look: str | None = None


class AuditFinding(NamedTuple):
    """One thing to be said. image: the file it is said of, relative to the audited folder. box: where in it."""

    severity: Severity
    check: str
    image: str
    evidence: str
    box: tuple[float, float, float, float] | None = None

    @property
    def order(self) -> tuple[int, str, str]:
        """Worst first, then by file."""
        return SEVERITIES.index(self.severity), self.image, self.check


@dataclass
class AuditSummary:
    """What an audit found. checks: check -> how many pictures it ran on; skipped: what could not run, and why.

    identity: what an embedder can tell, None without one. measured: figures of every face. record: what audit.json
    holds, once the audit is done. The checks that begin with LOOK name a network and the sizes at which it looked.
    detectors: names of the networks.
    """

    folder: Path
    pictures: int = 0
    faces: int = 0
    findings: list[AuditFinding] = field(default_factory=list)
    checks: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    detectors: tuple[str, ...] = ()
    identity: IdentityFigures | None = None
    report: Path | None = None
    seconds: float = 0.0
    measured: list[FaceFigure] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)

    def count(self, severity: Severity) -> int:
        """How many findings there are of one severity."""
        return sum(1 for finding in self.findings if finding.severity == severity)

    @property
    def looks(self) -> dict[str, int]:
        """Network and sizes -> how many pictures were looked at with them."""
        return {name.removeprefix(LOOK): n for name, n in self.checks.items() if name.startswith(LOOK)}

    @property
    def other_checks(self) -> dict[str, int]:
        """Check -> how many pictures it ran on."""
        return {name: n for name, n in self.checks.items() if not name.startswith(LOOK)}

    @property
    def exit_code(self) -> int:
        """1 with any leak, else 0."""
        return int(self.count("leak") > 0)

    def to_json(self) -> str:
        """The record, and where folder and page are, for other programs."""
        places = {"folder": str(self.folder), "report": str(self.report) if self.report else None}
        return json.dumps(self.record | places, sort_keys=True)
