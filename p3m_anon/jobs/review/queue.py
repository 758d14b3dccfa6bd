"""What the page is told about the queues and about one picture, from the ledger alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p3m_anon.faces.reasons import EXPLANATION, Reason
from p3m_anon.files.decisions import Decision, Decisions
from p3m_anon.files.samples import Samples
from p3m_anon.jobs.review.headings import figures, heading
from p3m_anon.jobs.review.sightings import sightings_of

if TYPE_CHECKING:
    from p3m_anon.files.ledger import Ledger
    from p3m_anon.files.ledger_rows import Row

OTHERS = {
    "later": ("Skipped", "put off for later"),
    "decided": ("Decided", "answers that can still be changed"),
    "released": ("Released", "already in the release folder; look through them, correct them"),
    "failed": ("Could not be read", "broken or unsupported files; they can only be left out"),
}


def state_json(ledger: Ledger) -> dict[str, Any]:
    """The parts of `Desk.state` that the ledger knows."""
    decisions = Decisions(ledger)
    reasons = decisions.reasons()
    waiting, open_ = (sum(one[i] for one in reasons.values()) for i in (0, 1))
    filters = [_filter("todo", "All that wait", "pictures that no detector could decide about", waiting, open_)]
    for reason in Reason:
        if reason.value in reasons:
            total, still = reasons[reason.value]
            label = reason.value.replace("_", " ")
            filters.append(_filter(f"reason:{reason.value}", label, EXPLANATION[reason], total, still))
    counts = ledger.counts()
    later = decisions.count("later")
    totals = {
        "later": later,
        "decided": decisions.count("decided"),
        "released": counts.get("accepted", 0),
        "failed": counts.get("failed", 0) + counts.get("unsupported", 0),
    }
    filters += [_filter(key, *OTHERS[key], total, later if key == "later" else 0) for key, total in totals.items()]
    sample = Samples(ledger).newest()
    said = None
    if sample is not None:
        keys = ("size", "answered", "missed", "population", "statement", "seed")
        said = {**{key: getattr(sample, key) for key in keys}, "finished": sample.is_finished}
        filters.append(_filter("sample", "Sample check", "drawn at random", sample.size, sample.size - sample.answered))
    progress = {"decided": waiting - open_ - later, "total": waiting}
    return {
        "filters": filters,
        "unwritten": decisions.count("unwritten"),
        "progress": progress,
        "sample": said,
    }


def picture_json(ledger: Ledger, row: Row, decision: Decision | None, wanted: str, *, changed: bool) -> dict[str, Any]:
    """The parts of `Desk.picture` that need no pixels; changed: what was seen was seen in another file."""
    decisions = Decisions(ledger)
    sightings = () if changed else sightings_of(row)
    previous, following = decisions.neighbours(wanted, row.path)
    reason = row.reason if row.status == "needs_review" else None
    suggestions = [{**one.suggestion().to_json(), "sighting": i} for i, one in enumerate(sightings)]
    said = None
    if decision is not None and decision.verdict != "open":
        keys = ("verdict", "as_drawn", "basis", "reference", "note", "who", "at")
        said = {key: getattr(decision, key) for key in keys}
        said["written"] = row.decision == decision.version
        said["sent_back"] = decision.is_binding and said["written"] and row.status == "needs_review"
    return {
        "path": row.path,
        "id": row.id,
        "status": row.status,
        "reason": reason,
        "title": heading(row),
        "detail": figures(row),
        "version": decision.version if decision is not None else 0,
        "released": row.status == "accepted" and any(one.role == "image" for one in row.outputs),
        "sightings": [one.to_json() for one in sightings],
        "suggestions": suggestions,
        "decision": said,
        "sampled": Samples(ledger).answer_of(row.path),
        "previous": previous,
        "next": following,
        "place": decisions.place(wanted, row.path),
        "total": decisions.count(wanted),
    }


def _filter(key: str, label: str, hint: str, total: int, still: int) -> dict[str, Any]:
    return {"key": key, "label": label, "hint": hint, "total": total, "open": still}
