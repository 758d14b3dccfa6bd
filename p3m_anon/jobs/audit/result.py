"""What an audit has to say of one picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from p3m_anon.jobs.audit.request import SEVERITIES, AuditFinding

if TYPE_CHECKING:
    from p3m_anon.jobs.audit.figures import FaceFigure
    from p3m_anon.jobs.audit.identity import FaceVectors
    from p3m_anon.reports.audit_page import Crop


@dataclass(eq=False)
class Result:
    """embedded: faces that an embedder compares; not_embedded: how many it cannot."""

    name: str
    findings: list[AuditFinding] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    faces: int = 0
    crops: list[Crop] = field(default_factory=list)
    measured: list[tuple[FaceFigure, bytes]] = field(default_factory=list)
    embedded: list[FaceVectors] = field(default_factory=list)
    not_embedded: int = 0

    def say(self, severity: str, check: str, evidence: str, file: str | None = None) -> None:
        """Add a finding about the whole picture, or about another file of it."""
        known = next(s for s in SEVERITIES if s == severity)
        self.findings.append(AuditFinding(known, check, file or self.name, evidence))
