"""Sheets in the ledger."""

from __future__ import annotations

import sqlite3

import pytest

from p3m_anon.files.decisions import Decision, Decisions
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.ledger_rows import Row
from p3m_anon.files.sheets import SheetRecord, Sheets


@pytest.fixture
def ledger(tmp_path):
    """Four pictures that wait."""
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.register([(f"{n}.png", str(n)) for n in range(4)], lambda path, shared: path.partition(".")[0])
        for n in range(4):
            ledger.record(Row(f"{n}.png", str(n), status="needs_review", reason="no_face"))
        yield ledger


def test_without_sheets_there_is_nothing_to_say(ledger):
    assert Sheets(ledger).summary() == {
        "sheets": 0, "accepted": 0, "failed_controls": 0, "pictures": 0, "median_seconds": None
    }  # fmt: skip


def test_sheets_are_counted_by_what_came_of_them(ledger):
    sheets = Sheets(ledger)
    for seconds, state in ((4.0, "accepted"), (9.0, "accepted"), (2.0, "failed"), (1.0, "changed")):
        number = sheets.record(SheetRecord("todo", seconds, 3, 1, state != "failed", state), "anna")
    for path in ("0.png", "1.png"):
        Decisions(ledger).record(Decision(path, "a", "no_face", viewed="sheet", sheet=number), "anna", 0)
    Decisions(ledger).record(Decision("2.png", "a", "no_face"), "anna", 0)
    assert number == 4
    assert sheets.summary() == {
        "sheets": 4, "accepted": 2, "failed_controls": 1, "pictures": 2, "median_seconds": 6.5
    }  # fmt: skip
    assert ledger.last_event("sheet") == "sheet 4: changed, 3 pictures"


def test_a_sheet_cannot_be_written_over(ledger):
    Sheets(ledger).record(SheetRecord("todo", 1.0, 3, 1, False, "failed"), "anna")
    for order in ("UPDATE sheets SET state = 'accepted'", "DELETE FROM sheets"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            ledger.db.execute(order)


def test_marks_hold_for_one_file_until_it_is_withdrawn(ledger):
    sheets = Sheets(ledger)
    sheets.record(SheetRecord("todo", 1.0, 3, 1, True, "accepted"), "anna", [("0.png", "a")])
    assert sheets.is_marked("0.png", "a")
    assert not sheets.is_marked("0.png", "b")
    assert not sheets.is_marked("1.png", "a")
    ledger.db.execute("UPDATE inputs SET status = 'withdrawn' WHERE path = '0.png'")
    assert not sheets.is_marked("0.png", "a")
