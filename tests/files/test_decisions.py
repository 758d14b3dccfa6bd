"""Decisions in the ledger: versions, events, queues; and the masks that they speak of."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from p3m_anon.errors import ImageError
from p3m_anon.faces.shapes import Shape
from p3m_anon.files.decisions import Decision, Decisions, Outdated, checked_basis, checked_verdict
from p3m_anon.files.drawings import read_shapes, remove_drawing, write_drawing
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.ledger_rows import Row


@pytest.fixture
def ledger(tmp_path):
    """Five pictures: a, b, c wait, d is released, e failed."""
    with Ledger(tmp_path / "ledger.sqlite") as ledger:
        names = "abcde"
        ledger.register([(f"{n}.png", n) for n in names], lambda path, shared: path.partition(".")[0])
        for name in "abc":
            ledger.record(
                Row(f"{name}.png", name, status="needs_review", reason="profile" if name == "c" else "no_face")
            )
        ledger.record(Row("d.png", "d", status="accepted"))
        ledger.record(Row("e.png", "e", status="failed"))
        yield ledger


def paths(ledger, wanted):
    return [row.id for row in Decisions(ledger).listed(wanted, None, 100)]


def test_a_decision_comes_back_as_it_was_written(ledger):
    said = Decision("a.png", "s1", "normal", dismissed=((1.0, 2.0, 3.0, 4.0),), basis="consent", reference="form 3")
    made = Decisions(ledger).record(said, "anna", 0)
    assert made.version == 1
    assert (made.who, bool(made.at), bool(made.tool)) == ("anna", True, True)
    assert Decisions(ledger).of("a.png") == made
    assert Decisions(ledger).of("b.png") is None


def test_the_second_of_two_reviewers_is_told(ledger):
    decisions = Decisions(ledger)
    decisions.record(Decision("a.png", "s1", "no_face"), "anna", 0)
    with pytest.raises(Outdated) as caught:
        decisions.record(Decision("a.png", "s1", "exclude"), "bert", 0)
    assert caught.value.now.who == "anna"
    assert decisions.of("a.png").verdict == "no_face"
    decisions.record(Decision("a.png", "s1", "exclude"), "bert", 1)
    assert decisions.of("a.png").verdict == "exclude"


def test_events_say_who_what_and_what_was_before(ledger):
    decisions = Decisions(ledger)
    decisions.record(Decision("a.png", "s1", "no_face"), "anna", 0)
    decisions.record(Decision("a.png", "s1", "open"), "bert", 1)
    query = "SELECT who, what, previous FROM events WHERE what LIKE 'decision%' ORDER BY n"
    first, second = ledger.db.execute(query).fetchall()
    assert tuple(first) == ("anna", "decision 1: no_face", None)
    assert (second["who"], second["what"]) == ("bert", "decision 2: open")
    assert json.loads(second["previous"])["verdict"] == "no_face"


def test_queues_follow_what_is_said_and_what_is_carried_out(ledger):
    decisions = Decisions(ledger)
    assert paths(ledger, "todo") == paths(ledger, "open") == ["a", "b", "c"]
    assert paths(ledger, "reason:no_face") == ["a", "b"]
    assert paths(ledger, "released") == ["d"]
    assert paths(ledger, "failed") == ["e"]
    decisions.record(Decision("a.png", "s1", "no_face"), "anna", 0)
    decisions.record(Decision("b.png", "s2", "skip"), "anna", 0)
    assert paths(ledger, "open") == ["c"]
    assert paths(ledger, "later") == ["b"]
    assert [row.open for row in decisions.listed("todo", None, 9)] == [False, False, True]
    assert [row.open for row in decisions.listed("later", None, 9)] == [True]
    assert paths(ledger, "decided") == paths(ledger, "unwritten") == ["a"]
    assert decisions.reasons() == {"no_face": (2, 0), "profile": (1, 1)}
    # a run carried it out, and the picture still waits: somebody has to look again
    row = ledger.row("a.png")
    ledger.record(replace(row, decision=1))
    assert paths(ledger, "open") == ["a", "c"]
    assert paths(ledger, "unwritten") == []
    ledger.record(replace(row, status="accepted", reason=None, decision=1))
    assert paths(ledger, "open") == ["c"]
    # taken back: the release does not agree with it until the next run
    decisions.record(Decision("a.png", "s1", "open"), "anna", 1)
    assert paths(ledger, "unwritten") == ["a"]


def test_neighbours_places_and_pages(ledger):
    decisions = Decisions(ledger)
    assert decisions.neighbours("todo", "b.png") == ("a.png", "c.png")
    assert decisions.neighbours("todo", "d.png") == ("c.png", None)
    assert [decisions.place("todo", f"{n}.png") for n in "abcd"] == [1, 2, 3, None]
    assert decisions.count("todo") == 3
    assert list(decisions.paths("todo")) == ["a.png", "b.png", "c.png"]
    assert [row.id for row in decisions.listed("todo", "a.png", 1)] == ["b"]
    assert [row.id for row in decisions.listed("todo", None, 9, "C")] == ["c"]
    assert decisions.listed("todo", None, 9, "%") == []


def test_basis_and_verdict_are_checked():
    assert checked_basis("consent", " form 3 ") == ("consent", "form 3")
    for basis, reference in ((None, "x"), ("because", "x"), ("consent", "  "), ("consent", None)):
        with pytest.raises(ValueError):
            checked_basis(basis, reference)
    with pytest.raises(ValueError):
        checked_verdict("blur")


def test_a_drawing_is_kept_with_its_shapes(tmp_path):
    mask = np.zeros((6, 9), bool)
    mask[2:4, 3:7] = True
    shapes = (Shape("polygon", ((3.0, 2.0), (7.0, 2.0), (7.0, 4.0), (3.0, 4.0))),)
    file, sha256 = write_drawing(tmp_path, "sub/a", shapes, mask)
    decision = Decision("sub/a.png", "s", "mask", mask=file, mask_sha256=sha256)
    assert np.array_equal(decision.read_mask(tmp_path, (9, 6)), mask)
    assert read_shapes(tmp_path, file) == shapes
    assert (tmp_path / file).read_bytes()[24:26] == b"\x01\x00"  # one bit, grey
    assert (tmp_path / file).stat().st_mode & 0o077 == 0
    with pytest.raises(ImageError, match="size"):
        decision.read_mask(tmp_path, (6, 9))
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes() + b"x")
    with pytest.raises(ImageError, match="changed"):
        decision.read_mask(tmp_path, (9, 6))
    remove_drawing(tmp_path, file)
    assert not any(path.is_file() for path in tmp_path.rglob("*"))
    with pytest.raises(ImageError, match="draw it again"):
        decision.read_mask(tmp_path, (9, 6))
    assert read_shapes(tmp_path, file) == ()
