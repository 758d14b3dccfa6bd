"""Threat models by name: which attackers an audit stood in for, how, with what result, and which it did not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from p3m_anon.jobs.audit.request import AuditSummary

NOT_RUN = "not run"


def threats(summary: AuditSummary, inversion: dict[str, Any] | None, identity: dict[str, Any] | None) -> list[Any]:
    """The five attackers, the least informed first.

    Returns:
        For each its name, what it has, its state (`run`, `part` or `not run`), and in words how it was played, or why
        not, and what came of it.
    """
    return [
        _no_knowledge(summary),
        _known_kernel(summary, inversion),
        _learned(identity),
        _gallery(summary, identity),
        _threat(
            "acquaintance",
            "knows the person: clothes, hair, body, place, company, the occasion",
            NOT_RUN,
            "no program can play this attacker; only what people looked at says anything about it",
        ),
    ]


def _threat(name: str, has: str, state: str, how: str) -> dict[str, str]:
    return {"name": name, "has": has, "state": state, "how": how}


def _no_knowledge(summary: AuditSummary) -> dict[str, str]:
    clear = sum(one.check in ("clear face", "feature") and one.severity == "leak" for one in summary.findings)
    how = f"{len(summary.looks)} looks for faces at {summary.pictures} pictures: {clear} clear faces"
    quick = any("--quick" in text for text in summary.skipped)
    partly = f"{how}; --quick left out other networks, sizes and turned pictures"
    state, how = ("part", partly) if quick else ("run", how)
    return _threat("no knowledge", "the released files and face detectors, nothing else", state, how)


def _known_kernel(summary: AuditSummary, inversion: dict[str, Any] | None) -> dict[str, str]:
    has = "the released files, and knows how they were blurred"
    if inversion is None:
        return _threat("known kernel", has, NOT_RUN, "no blurred face with a known mask, or --quick")
    how = (
        f"an inverse filter on {inversion['faces']} faces in {summary.checks['inverse filter']} pictures:"
        f" {inversion['over_three_quarters']} come back, {inversion['over_half']} in part or by chance"
    )
    return _threat("known kernel", has, "run", how)


def _learned(identity: dict[str, Any] | None) -> dict[str, str]:
    has = "pairs of blurred and clear faces, and trains a network on them"
    learned = (identity or {}).get("learned")
    if learned is None:
        return _threat("learned inversion", has, NOT_RUN, "no network was trained on the private pairs")
    return _threat("learned inversion", has, "run", "a network was trained on the private pairs; see identity")


def _gallery(summary: AuditSummary, identity: dict[str, Any] | None) -> dict[str, str]:
    has = "other pictures of the same people, and a face recogniser"
    pictures = summary.checks["identity similarity"]
    if not pictures and identity is None:
        return _threat("gallery of other pictures", has, NOT_RUN, "no embedder was given, or no source was there")
    hits = sum(one.check == "identity" for one in summary.findings)
    how = f"faces of {pictures} pictures compared with the sources of this run: {hits} findings; see identity"
    return _threat("gallery of other pictures", has, "run", how)
