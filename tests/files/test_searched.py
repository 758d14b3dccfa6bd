"""Figures of what was looked for, and of what both looks may have missed."""

from __future__ import annotations

import json

import pytest

from p3m_anon.faces.pairing import Counts
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.ledger_rows import Row
from p3m_anon.files.searched import Agreement, Searched, agreement, searched, second_looks


@pytest.fixture
def ledger(tmp_path):
    """With six inputs."""
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        ledger.register([(f"{name}.png", name) for name in "abcdef"], lambda path, _: path)
        yield ledger


def record(ledger, name, status, look="yunet", **facts):
    ledger.record(Row(f"{name}.png", f"{name}.png", status, facts=facts, versions={"second": look}))


def size(width, height, smallest):
    return {"width": width, "height": height, "smallest_face": smallest}


def test_the_smallest_faces_by_size_of_picture(ledger):
    assert searched(ledger) is None
    record(ledger, "a", "accepted", **size(4000, 2000, 12.0))
    record(ledger, "b", "accepted", **size(400, 300, 12.0))
    assert searched(ledger).words() == "from 12 px (up to 8 megapixels)"
    record(ledger, "c", "needs_review", **size(6000, 4000, 20.8))
    record(ledger, "d", "accepted", "none", **size(600, 400, 0.0))
    record(ledger, "e", "failed")
    found = searched(ledger)
    assert found == Searched(12.0, 8_000_000, 20.8, 24_000_000, 1)
    assert found.words() == (
        "from 12 px (up to 8 megapixels) to 20.8 px (24 megapixels); no bound is known for 1 picture"
    )
    assert searched(ledger, released=True) == Searched(12.0, 8_000_000, 12.0, 8_000_000, 1)
    assert second_looks(ledger) == {"yunet": 3, "none": 1}
    assert second_looks(ledger, released=True) == {"yunet": 2, "none": 1}


def test_the_estimate_is_of_released_pictures_that_two_looks_saw(ledger):
    assert agreement(ledger) is None
    record(ledger, "a", "accepted", second=[], seen_by={"both": 3, "first": 1, "second": 2})
    record(ledger, "b", "accepted", second=[], seen_by={"both": 1, "first": 1, "second": 2})
    record(ledger, "c", "accepted", second=None, seen_by={"both": 9, "first": 0, "second": 0})
    record(ledger, "d", "needs_review", second=[], seen_by={"both": 9, "first": 9, "second": 9})
    record(ledger, "e", "accepted", second=[])  # an older version
    found = agreement(ledger)
    assert found == Agreement(Counts(4, 2, 4), 2)
    assert found.words().startswith("about 1.6 faces were seen by neither look")
    assert "the estimate is too low" in found.words()
    assert "2 pictures at which one look worked alone" in found.words()
    assert json.dumps(Searched(1, 2, 3, 4)._asdict())
