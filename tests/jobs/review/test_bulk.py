"""Answers for many pictures at once."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from p3m_anon.files.decisions import Decisions
from p3m_anon.files.ledger import Ledger
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder
from p3m_anon.jobs.review.bulk import accept_suggestions, confirm_no_face
from tests.jobs.conftest import drawn_face


def verdicts(out):
    with Ledger.copy_of(out.with_name(out.name + ".private") / "ledger.sqlite") as ledger:
        found = {path: Decisions(ledger).of(path) for path in ("a.png", "b.png", "empty.png", "sub/c.png")}
    return {path: one.verdict for path, one in found.items() if one is not None}


def test_a_list_of_pictures_without_a_face(photos, stub):
    out = blur_folder(BlurRequest(folder=photos)).out
    names = ["empty", "a.png", "nowhere"]
    dry = confirm_no_face(out, None, names, "anna", dry_run=True)
    assert (dry.answered, verdicts(out)) == (1, {})
    summary = confirm_no_face(out, None, names, "anna")
    assert summary.answered == 1
    assert sum(summary.left.values()) == 1  # a.png does not wait
    assert [note.partition(":")[0] for note in summary.notes] == ["nowhere"]
    assert summary.exit_code == 1
    assert verdicts(out) == {"empty.png": "no_face"}
    assert confirm_no_face(out, None, ["empty"], "bert").answered == 0  # it has an answer
    assert blur_folder(BlurRequest(folder=photos)).counts["accepted"] == 4


def test_a_picture_in_which_anything_was_seen_is_not_answered_by_a_list(photos, stub, monkeypatch):
    monkeypatch.setattr(stub, "boxes", lambda rgb: ((drawn_face((100, 40, 150, 110)).box, 0.3),))
    out = blur_folder(BlurRequest(folder=photos)).out
    summary = confirm_no_face(out, None, ["empty", "a"], "anna")
    assert summary.answered == 0
    assert verdicts(out) == {}


def test_a_changed_file_is_not_answered(photos, stub, picture):
    out = blur_folder(BlurRequest(folder=photos)).out
    Image.fromarray(picture(5)).save(photos / "empty.png")
    assert confirm_no_face(out, None, ["empty"], "anna").answered == 0
    (photos / "empty.png").unlink()
    assert confirm_no_face(out, None, ["empty"], "anna").answered == 0


@pytest.fixture
def disagreeing(photos, stub, monkeypatch):
    """The second look sees one more face in every picture, with a score of 0.4."""
    more = ((drawn_face().box, 0.9), ((100.0, 40.0, 150.0, 110.0), 0.4))
    monkeypatch.setattr(stub, "boxes", lambda rgb: more if rgb[0, 0].any() else ())
    return blur_folder(BlurRequest(folder=photos)).out


def test_suggestions_over_a_score_are_accepted(disagreeing, photos):
    out = disagreeing
    assert accept_suggestions(out, None, ("detectors_disagree", 0.5), "anna").answered == 0
    dry = accept_suggestions(out, None, ("detectors_disagree", 0.4), "anna", dry_run=True)
    assert (dry.answered, verdicts(out)) == (3, {})
    assert not (out.with_name(out.name + ".private") / "masks").exists()
    assert accept_suggestions(out, None, ("no_face", 0.0), "anna").left == {"have no suggestion": 1}
    assert accept_suggestions(out, None, ("detectors_disagree", 0.4), "anna").answered == 3
    assert blur_folder(BlurRequest(folder=photos)).counts["accepted"] == 3
    mask = np.asarray(Image.open(out.with_name(out.name + ".private") / "facemask/a.png"))
    assert mask[75, 125]
    assert mask[60, 60]
    again = accept_suggestions(out, None, ("detectors_disagree", 0.0), "anna")
    assert again.answered == 0
