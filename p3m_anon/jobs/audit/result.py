"""What an audit has to say of one picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from p3m_anon.jobs.audit.request import SEVERITIES, AuditFinding

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from p3m_anon.arrays import Box
    from p3m_anon.reports.audit_page import Crop

    Vector = npt.NDArray[np.float32]


@dataclass(eq=False)
class Result:
    """pairs: box, embedding in the source and in the output."""

    name: str
    findings: list[AuditFinding] = field(default_factory=list)
    checks: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    faces: int = 0
    crops: list[Crop] = field(default_factory=list)
    pairs: list[tuple[Box, Vector, Vector]] = field(default_factory=list)

    def say(self, severity: str, check: str, evidence: str, file: str | None = None) -> None:
        """Add a finding about the whole picture, or about another file of it."""
        known = next(s for s in SEVERITIES if s == severity)
        self.findings.append(AuditFinding(known, check, file or self.name, evidence))
