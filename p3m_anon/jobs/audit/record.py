"""`audit.json`: everything an audit knows, in numbers and words, without crops and without paths of this machine."""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from p3m_anon import __version__
from p3m_anon.dataset.sampling import upper_bound
from p3m_anon.jobs.audit.figures import inversion, strength
from p3m_anon.jobs.audit.request import BY_FACE, SEVERITIES
from p3m_anon.jobs.audit.residual import residual_risk
from p3m_anon.jobs.audit.threats import threats

if TYPE_CHECKING:
    from p3m_anon.jobs.audit.request import AuditRequest, AuditSummary

RECORD = "audit.json"
FORMAT = 1
ISO_27559 = (
    ("6", "Context assessment", "threat models, scope"),
    ("7", "Data assessment", "scope, detection, what people looked at"),
    ("8", "Identifiability assessment and mitigation", "strength of the blur, identity, residual risk"),
    ("8.2.3", "Adversarial testing", "looks, inverse filter, identity, learned inversion"),
    ("8 (again)", "Re-evaluation", "date of this audit, date of the next look, digests of what was audited"),
    ("9", "Governance", "who ran it, contact for withdrawal, what people decided"),
)
"""Clauses of ISO/IEC 27559:2022 and the parts of the report that belong to them."""


def audit_record(request: AuditRequest, summary: AuditSummary, parts: Mapping[str, Any]) -> dict[str, Any]:
    """The record by `manifests/schema/audit.schema.json`.

    Args:
        request: what was asked for.
        summary: what was found, findings in order.
        parts: `scope`, `weights`, `recall` and `human`, as their modules give them, and `sample`: (seed, pictures in
            the folder), or None where every picture was audited.

    Returns:
        A new object that json can write.
    """
    inverted, left = inversion(summary.measured), strength(summary.measured)
    identity = _plain(vars(summary).get("identity"))
    return {
        "format_version": FORMAT,
        "tool": {"name": "p3m-anon", "version": __version__},
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "who": request.who,
        "contact": request.contact,
        "next_look": request.next_look,
        "scope": {**parts["scope"], "sample": _sample(summary, parts["sample"])},
        "pictures": summary.pictures,
        "faces": summary.faces,
        "seconds": round(summary.seconds, 1),
        "counts": {severity: summary.count(severity) for severity in SEVERITIES},
        "exit_code": summary.exit_code,
        "detectors": list(summary.detectors),
        "weights": parts["weights"],
        "threats": threats(summary, inverted, identity),
        "detection": {"looks": dict(sorted(summary.looks.items())), "recall": parts["recall"]},
        "human": parts["human"],
        "strength": left,
        "inversion": inverted,
        "identity": identity,
        "files": _by_check(summary),
        "utility": _utility(summary),
        "residual_risk": residual_risk(summary, left, inverted, parts["human"]),
        "checks": dict(sorted(summary.checks.items())),
        "skipped": dict(sorted(summary.skipped.items())),
        "iso_27559": [{"clause": clause, "title": title, "parts": where} for clause, title, where in ISO_27559],
        "findings": [finding._asdict() for finding in summary.findings],
    }


def _sample(summary: AuditSummary, drawn: tuple[int, int] | None) -> dict[str, Any] | None:
    """What a random sample says of the pictures that were not drawn."""
    if drawn is None or not summary.pictures:
        return None
    seed, population = drawn
    bad = len({one.image for one in summary.findings if one.severity == "leak"})
    bad = min(bad, summary.pictures)
    bound = round(upper_bound(bad, summary.pictures), 4) if summary.pictures < population else None
    return {"size": summary.pictures, "of": population, "seed": seed, "with_leak": bad, "bound": bound}


def _by_check(summary: AuditSummary) -> list[dict[str, Any]]:
    """Checks that are about files and not about faces: on how many pictures they ran, what they found."""
    names = {one.check for one in summary.findings if one.check not in BY_FACE}
    ran = {name: count for name, count in summary.other_checks.items() if name not in BY_FACE}
    rows = {name: dict.fromkeys(SEVERITIES, 0) for name in sorted(names | set(ran))}
    for one in summary.findings:
        if one.check in rows:
            rows[one.check][one.severity] += 1
    return [{"check": name, "pictures": ran.get(name), "found": found} for name, found in rows.items()]


def _utility(summary: AuditSummary) -> dict[str, Any]:
    """What the release is still good for, as far as the audit sees it; how matting suffers is a study's figure."""
    kept = {k: n for k, n in summary.checks.items() if k.startswith("outside the mask")}
    changed = len({one.image for one in summary.findings if one.check == "outside" and one.severity == "leak"})
    return {"outside_compared": sum(kept.values()), "outside_changed": changed, "matting_delta": None}


def _plain(value: Any) -> Any:
    """A dataclass as a mapping that json can write; None stays None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    return value
