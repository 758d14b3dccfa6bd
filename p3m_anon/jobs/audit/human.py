"""What people looked at, by the ledger of the release: the spot check with its bound, sheets, and recalled pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from p3m_anon.dataset.sampling import upper_bound
from p3m_anon.files.decisions import BINDING
from p3m_anon.files.recall_list import RECALLED
from p3m_anon.files.samples import Samples
from p3m_anon.files.searched import agreement, searched
from p3m_anon.files.sheets import Sheets

if TYPE_CHECKING:
    from p3m_anon.files.ledger import Ledger


def human_facts(ledger: Ledger | None) -> dict[str, Any] | None:
    """Numbers only; no name, note or path comes out of the ledger. None without a ledger.

    sample: of the newest spot check; its `bound` is the largest share of released pictures with a missed face that it
    still allows (95 % confidence), None until it is finished. answers: of people that decide, by how they saw the
    picture. sheets: as `Sheets.summary`. recalled: pictures that an earlier run released with a clear face, or that
    wait again. searched, missed_by_both: the smallest faces looked for and the estimate of those that two looks missed.
    """
    if ledger is None:
        return None
    bound, agreed = searched(ledger, released=True), agreement(ledger)
    recalled = ledger.db.execute("SELECT count(DISTINCT path) FROM events WHERE what = ?", (RECALLED,)).fetchone()[0]
    return {
        "sample": _sample(ledger),
        "answers": _answers(ledger),
        "sheets": Sheets(ledger).summary(),
        "recalled": int(recalled),
        "searched": bound.words() if bound is not None else None,
        "missed_by_both": agreed.words() if agreed is not None else None,
    }


def _sample(ledger: Ledger) -> dict[str, Any] | None:
    newest = Samples(ledger).newest()
    if newest is None:
        return None
    is_done = newest.is_finished and newest.size > 0
    return {
        "size": newest.size,
        "answered": newest.answered,
        "missed": newest.missed,
        "population": newest.population,
        "date": newest.at[:10],
        "bound": round(upper_bound(newest.missed, newest.size), 4) if is_done else None,
    }


def _answers(ledger: Ledger) -> dict[str, int]:
    """How a picture was seen -> deciding answers."""
    marks = ", ".join("?" * len(BINDING))
    query = (
        "SELECT coalesce(json_extract(d.detail, '$.viewed'), 'not stated') AS viewed, count(*) FROM decisions d"
        f" JOIN inputs i USING (path) WHERE i.seen = ? AND d.verdict IN ({marks}) GROUP BY viewed"
    )
    return dict(ledger.db.execute(query, (ledger.run, *BINDING)).fetchall())
