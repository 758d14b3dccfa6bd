"""What remains after an audit, in words: the worst case and the average."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from p3m_anon.jobs.audit.request import AuditSummary

ALWAYS = (
    "Hair, clothes, body, place and company are not hidden, and networks trained on blurred faces recognise people"
    " again. Whoever knows a person may recognise them."
)


def residual_risk(
    summary: AuditSummary,
    strength: dict[str, Any],
    inversion: dict[str, Any] | None,
    human: dict[str, Any] | None,
) -> dict[str, str]:
    """`maximum`: of the least hidden face. `average`: of a face and of a picture. `always`: what no blur takes away."""
    return {
        "maximum": _maximum(summary, strength, inversion),
        "average": _average(strength, inversion, human),
        "always": ALWAYS,
    }


def _maximum(summary: AuditSummary, strength: dict[str, Any], inversion: dict[str, Any] | None) -> str:
    leaks = summary.count("leak")
    first = (
        f"{leaks} leak{'s' if leaks != 1 else ''}: assume that whoever is shown there can be recognised."
        if leaks
        else ""
    )
    kept, back = strength["detail_kept"], (inversion or {}).get("likeness")
    said = [first] if first else ["No leak was found."]
    if kept is not None:
        said.append(f"The least hidden face keeps {max(kept['worst'], 0):.0%} of its detail (a leak from 30 %).")
    if back is not None:
        said.append(f"The face that an inverse filter restores best correlates with its source by {back['worst']:.2f}.")
    if kept is None and back is None:
        said.append("No face could be compared with its source, so what the worst face keeps is not known.")
    return " ".join(said)


def _average(strength: dict[str, Any], inversion: dict[str, Any] | None, human: dict[str, Any] | None) -> str:
    kept, back = strength["detail_kept"], (inversion or {}).get("likeness")
    said = []
    if kept is not None:
        said.append(f"Half of {strength['faces']} faces keep {max(kept['median'], 0):.0%} of their detail or less.")
    if back is not None:
        said.append(f"After the inverse filter the median correlation with the source is {back['median']:.2f}.")
    sample = (human or {}).get("sample")
    if sample and sample["bound"] is not None:
        said.append(f"At most {sample['bound']:.2%} of the pictures have a face that was missed (95 % confidence).")
    else:
        said.append("How many pictures have a face that was missed is not bounded: no finished spot check by people.")
    return " ".join(said)
