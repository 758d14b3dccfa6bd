"""Spot checks in the ledger."""

from __future__ import annotations

import pytest

from p3m_anon.files.ledger import Ledger
from p3m_anon.files.ledger_rows import Output, Row
from p3m_anon.files.samples import Samples


@pytest.fixture
def ledger(tmp_path):
    """Ten released pictures and one that waits."""
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.register([(f"{n}.png", str(n)) for n in range(11)], lambda path, shared: path.partition(".")[0])
        for n in range(10):
            output = Output("image", f"blurred_image/{n}.png", 1, f"sha{n}")
            ledger.record(Row(f"{n}.png", str(n), status="accepted", outputs=(output,)))
        ledger.record(Row("10.png", "10", status="needs_review", reason="no_face"))
        yield ledger


def drawn(ledger):
    return [path for (path,) in ledger.db.execute("SELECT path FROM sample_items ORDER BY place")]


def test_only_released_pictures_are_drawn(ledger):
    samples = Samples(ledger)
    assert samples.newest() is None
    sample = samples.draw(20, 3, "anna")
    assert (sample.size, sample.population, sample.answered) == (10, 10, 0)
    assert "10.png" not in drawn(ledger)
    assert sample.statement is None


def test_answers_count_and_can_be_taken_back(ledger):
    samples = Samples(ledger)
    samples.draw(3, 3, "anna")
    first, second, third = drawn(ledger)
    assert samples.answer(first, "covered", "anna")
    assert samples.answer(second, "missed", "anna")
    assert not samples.answer("10.png", "covered", "anna")
    newest = samples.newest()
    assert (newest.answered, newest.missed, newest.is_finished) == (2, 1, False)
    samples.answer(second, None, "anna")
    assert samples.newest().answered == 1
    for path in (second, third):
        samples.answer(path, "covered", "bert")
    assert "none had a face that was missed" in samples.newest().statement
    assert samples.answer_of(first) == "covered"


def test_an_answer_about_another_file_does_not_count(ledger):
    samples = Samples(ledger)
    samples.draw(3, 3, "anna")
    first, second, _ = drawn(ledger)
    samples.answer(first, "covered", "anna")
    samples.answer(second, "missed", "anna")
    for path in (first, second):
        row = ledger.row(path)
        ledger.record(Row(path, row.id, status="accepted", outputs=(Output("image", "x", 1, "another"),)))
    newest = samples.newest()
    assert (newest.size, newest.answered, newest.missed) == (2, 1, 1)  # what was missed stays missed
