"""A record of an audit, made without auditing anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from p3m_anon.jobs.audit.figures import FaceFigure
from p3m_anon.jobs.audit.recall import published_recall
from p3m_anon.jobs.audit.record import audit_record
from p3m_anon.jobs.audit.request import LOOK, AuditFinding, AuditRequest, AuditSummary
from p3m_anon.jobs.audit.scope import Census, scope


def summary_of(*findings: AuditFinding, pictures: int = 2) -> AuditSummary:
    """Two pictures, a face in each, one attacked."""
    summary = AuditSummary(Path("out"), pictures, 2, list(findings), detectors=("centerface",))
    summary.measured = [
        FaceFigure("a.jpg", (0, 0, 40, 50), 40, True, 0.05, 0.4, None, False),
        FaceFigure("b.jpg", (0, 0, 90, 90), 90, True, 0.10, None, None, True),
    ]
    summary.checks.update({f"{LOOK}centerface at 640 px": 2, "inverse filter": 1, "metadata": 2})
    summary.skipped["identity similarity: no embedder"] += 1
    return summary


def record_of(summary: AuditSummary, **changes: Any) -> dict[str, Any]:
    """Its record; changes: parts of it, see `audit_record`."""
    parts: dict[str, Any] = {
        "scope": scope(Path("/nowhere"), Census(summary.pictures, {"a" * 64}, {"0123456789abcdef"}), is_release=True),
        "weights": {"centerface": "b" * 64},
        "recall": published_recall(),
        "human": None,
        "sample": None,
    }
    request = AuditRequest(who="Ana", contact="privacy@example.org", next_look="2027-06-01")
    return audit_record(request, summary, parts | changes)
