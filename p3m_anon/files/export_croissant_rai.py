"""Croissant's terms for responsible AI (RAI 1.0): what manifest and audit know; everything else reads "not stated"."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p3m_anon.files.audit_facts import audit_words, recall_words
from p3m_anon.files.export_words import LIMIT, NO_REIDENTIFICATION, NOT_STATED, STATUSES, processing_words

if TYPE_CHECKING:
    from p3m_anon.files.export_source import Source

UNKNOWN_PEOPLE = f"Ages, sexes, origins and skin tones of the people shown, and whom is missing: {NOT_STATED}."


def responsible(source: Source) -> dict[str, Any]:
    """The terms, each with at least one sentence."""
    found = list(audit_words(source.audit)) if source.audit is not None else [f"Audit: {NOT_STATED}."]
    recall = [recall_words(source.audit)] if source.audit is not None else []
    return {
        "rai:dataCollection": f"How the pictures came together and whether the people shown were asked: {NOT_STATED}.",
        "rai:dataCollectionType": [NOT_STATED],
        "rai:dataCollectionTimeFrame": None,  # a date, and nobody said one
        "rai:personalSensitiveInformation": [_people(source), LIMIT, *found],
        "rai:dataPreprocessingProtocol": processing_words(source.facts),
        "rai:dataAnnotationProtocol": _annotation(source),
        "rai:machineAnnotationTools": [f"p3m-anon {source.facts.tool_version}"] if source.filled["detector"] else None,
        "rai:dataBiases": [UNKNOWN_PEOPLE, *recall],
        "rai:dataUseCases": ["Training and testing of portrait matting.", NO_REIDENTIFICATION],
        "rai:dataLimitations": [LIMIT],
        "rai:dataReleaseMaintenancePlan": _maintenance(source),
    }


def _people(source: Source) -> str:
    total, clear = source.pictures, sum(counts["normal"] for counts in source.counts.values())
    people = f"The pictures show people; {total - clear} of {total} are released with every face blurred that was found"
    people += " (or without an identifiable face)"
    return people + (f", {clear} are not blurred on purpose; release_basis says why." if clear else ".")


def _annotation(source: Source) -> list[str]:
    """Who decided about the pictures, by their statuses, and how people saw them, by the ledger."""
    totals: dict[str, int] = {}
    for counts in source.counts.values():
        for status, count in counts.items():
            totals[status] = totals.get(status, 0) + count
    words = [f"{count} pictures: {STATUSES.get(status, NOT_STATED)}." for status, count in sorted(totals.items())]
    human = source.audit.record["human"] if source.audit is not None else None
    if human is None:
        return [*words, f"What people looked at: {NOT_STATED}."]
    answers = ", ".join(f"{key} {count}" for key, count in sorted(human["answers"].items())) or "none"
    words.append(f"Answers of people, by how they saw the picture: {answers}.")
    sample = human["sample"]
    if sample is None or sample["bound"] is None:
        return [*words, "Spot check of what was released: none that is finished."]
    said = f"Spot check: {sample['missed']} of {sample['size']} pictures had a face that was missed"
    return [*words, f"{said}, so at most {sample['bound']:.2%} of all (95 % confidence)."]


def _maintenance(source: Source) -> str:
    record = source.audit.record if source.audit is not None else {}
    contact, again = record.get("contact") or NOT_STATED, record.get("next_look") or NOT_STATED
    return f"To have a picture taken out, ask: {contact}. Next audit: {again}."
