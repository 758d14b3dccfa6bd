"""What `audit` is asked to do, and what it says when it is done."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

from p3m_anon.faces.audit_findings import SAME_PERSON, Severity

SEVERITIES: tuple[Severity, ...] = ("leak", "warning", "note")


LOOK = "look: "


@dataclass(frozen=True)
class AuditRequest:
    """A release of ours (`out`) or a folder of pictures that another tool made (`images`), one of the two.

    private: the private folder, default `OUT.private`. originals, masks: folders with the sources and the adjusted
    masks (PNG, white = blurred) of the same stem, in place of what the ledger knows. embedder: ONNX file. same_person:
    its cosine from which two faces are one person's. quick: CenterFace at 640 px only, upright, no inverse filter.
    """

    out: Path | None = None
    images: Path | None = None
    private: Path | None = None
    originals: Path | None = None
    masks: Path | None = None
    embedder: Path | None = None
    same_person: float = SAME_PERSON
    weights_dir: Path | None = None
    device: str = "cpu"
    quick: bool = False
    workers: int = 0


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

    The checks that begin with LOOK name a network and the sizes at which it looked. detectors: names of the networks.
    """

    folder: Path
    pictures: int = 0
    faces: int = 0
    findings: list[AuditFinding] = field(default_factory=list)
    checks: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    detectors: tuple[str, ...] = ()
    report: Path | None = None
    seconds: float = 0.0

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
        """All of it, for other programs."""
        values = asdict(self) | {
            "folder": str(self.folder),
            "report": str(self.report) if self.report else None,
            "counts": {severity: self.count(severity) for severity in SEVERITIES},
            "findings": [finding._asdict() for finding in self.findings],
            "checks": dict(sorted(self.checks.items())),
            "skipped": dict(sorted(self.skipped.items())),
            "exit_code": self.exit_code,
        }
        return json.dumps(values, sort_keys=True)
