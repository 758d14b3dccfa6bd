"""Answers for many pictures at once."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

from p3m_anon.detectors.networks import Boxes, no_boxes
from p3m_anon.detectors.wide_look import Glance
from p3m_anon.errors import UsageError
from p3m_anon.faces.shapes import Shape
from p3m_anon.files.decisions import Decision, Decisions
from p3m_anon.files.drawings import write_drawing
from p3m_anon.files.ledger import Ledger
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder
from p3m_anon.jobs.review.bulk import OUTDATED, Wanted, accept_suggestions, confirm_no_face
from tests.jobs.conftest import drawn_face

PLACE = (100.0, 40.0, 150.0, 110.0)


def decisions(out):
    with Ledger.copy_of(out.with_name(out.name + ".private") / "ledger.sqlite") as ledger:
        found = {path: Decisions(ledger).of(path) for path in ("a.png", "b.png", "empty.png", "sub/c.png")}
    return {path: one for path, one in found.items() if one is not None}


def verdicts(out):
    return {path: one.verdict for path, one in decisions(out).items()}


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


def weak(stub, monkeypatch, score, faint=False):
    """The second look sees a place in every picture, and a face in those that have one."""
    place, none = Boxes(np.array([PLACE]), np.array([score])), no_boxes()

    def look(rgb, *, coarse=False):
        if not rgb[0, 0].any():
            return Glance(none, place) if faint else Glance(place, none)
        return Glance(Boxes(np.array([drawn_face().box, PLACE], float), np.array([0.9, score])), none)

    monkeypatch.setattr(stub, "look", look)


@pytest.mark.parametrize("faint", [False, True])
def test_what_a_look_saw_weakly_is_dismissed_by_a_list(photos, stub, monkeypatch, faint):
    weak(stub, monkeypatch, 0.3, faint)
    out = blur_folder(BlurRequest(folder=photos)).out
    assert confirm_no_face(out, None, ["empty"], "anna").answered == 1
    (decision,) = (one for one in decisions(out).values() if one.path == "empty.png")
    assert (decision.viewed, decision.suggested) == ("list", False)
    assert PLACE in decision.dismissed
    blur_folder(BlurRequest(folder=photos))
    row = manifest(out)["empty"]
    assert (row["status"], row["viewed"]) == ("no_face", "list")


def test_a_picture_in_which_a_look_is_sure_is_not_answered_by_a_list(photos, stub, monkeypatch):
    weak(stub, monkeypatch, 0.6)
    out = blur_folder(BlurRequest(folder=photos)).out
    summary = confirm_no_face(out, None, ["empty"], "anna")
    assert summary.left == {"hold a face that a look is sure of: answer them on the page": 1}
    assert summary.pictures == {next(iter(summary.left)): ["empty.png"]}
    assert decisions(out) == {}


def test_a_picture_that_needs_a_matte_is_not_answered_by_a_list(photos, stub):
    request = BlurRequest(folder=photos, alphas=mattes(photos, 255), alpha_policy="required")
    (request.alphas / "empty.png").unlink()
    out = blur_folder(request).out
    (why,) = confirm_no_face(out, None, ["empty"], "anna").left
    assert why.startswith("would be sent back: alpha_missing")


def test_a_changed_file_is_not_answered(photos, stub, picture):
    out = blur_folder(BlurRequest(folder=photos)).out
    Image.fromarray(picture(5)).save(photos / "empty.png")
    assert confirm_no_face(out, None, ["empty"], "anna").answered == 0
    (photos / "empty.png").unlink()
    assert confirm_no_face(out, None, ["empty"], "anna").answered == 0


@pytest.fixture
def disagreeing(photos, stub, monkeypatch):
    """The second look sees one more face in all pictures but one, at 0.45: too large to be masked without a person."""

    def look(rgb, *, coarse=False):
        if not rgb[0, 0].any():
            return Glance(no_boxes(), no_boxes())
        return Glance(Boxes(np.array([drawn_face().box, PLACE], float), np.array([0.9, 0.45])), no_boxes())

    monkeypatch.setattr(stub, "look", look)
    return blur_folder(BlurRequest(folder=photos)).out


def test_suggestions_over_a_score_are_accepted(disagreeing, photos):
    out = disagreeing
    assert accept_suggestions(out, None, Wanted("detectors_disagree", 0.5), "anna").answered == 0
    dry = accept_suggestions(out, None, Wanted("detectors_disagree", 0.4), "anna", dry_run=True)
    assert (dry.answered, decisions(out)) == (3, {})
    assert not (out.with_name(out.name + ".private") / "masks").exists()
    assert accept_suggestions(out, None, Wanted("no_face", 0.9), "anna").left == {"have no suggestion": 1}
    assert accept_suggestions(out, None, Wanted("detectors_disagree", 0.4), "anna").answered == 3
    for one in decisions(out).values():
        assert (one.suggested, one.viewed) == (True, "list")
        assert one.note == "suggestions accepted in bulk, from a score of 0.4"
    assert blur_folder(BlurRequest(folder=photos)).counts["accepted"] == 3
    assert {row["status"] for row in manifest(out).values()} == {"anonymized_suggested"}
    assert {row["viewed"] for row in manifest(out).values()} == {"list"}
    mask = np.asarray(Image.open(out.with_name(out.name + ".private") / "facemask/a.png"))
    assert mask[75, 125]
    assert mask[60, 60]
    again = accept_suggestions(out, None, Wanted("detectors_disagree", 0.4), "anna")
    assert again.answered == 0


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted("detectors_disagree", 0.3), "--below REASON"),
        (Wanted("detectors_disagree", 0.3, "  "), "--below REASON"),
        (Wanted("detectors_disagree", 0.4, "why not"), "under 0.4"),
    ],
)
def test_a_low_score_needs_a_reason(disagreeing, wanted, said):
    with pytest.raises(UsageError, match=said):
        accept_suggestions(disagreeing, None, wanted, "anna")


def test_the_reason_for_a_low_score_is_recorded(disagreeing):
    wanted = Wanted("detectors_disagree", 0.1, "all are of one badly lit hall")
    assert accept_suggestions(disagreeing, None, wanted, "anna").answered == 3
    (note,) = {one.note for one in decisions(disagreeing).values()}
    assert note == "suggestions accepted in bulk, from a score of 0.1: all are of one badly lit hall"


def test_what_the_write_would_send_back_is_not_accepted(photos, stub, monkeypatch):
    """A soft matte leaves the face clear under the suggested mask, so that nobody may say it was blurred."""
    weak(stub, monkeypatch, 0.45)
    request = BlurRequest(folder=photos, alphas=mattes(photos, 255, soft=(30, 20, 150, 60)))
    blurred = blur_folder(request)
    assert blurred.counts["needs_review"] == 4
    (reason,) = blurred.reasons.keys() - {"no_face"}
    for dry_run in (True, False):
        summary = accept_suggestions(blurred.out, None, Wanted(reason, 0.4), "anna", dry_run=dry_run)
        assert (summary.answered, decisions(blurred.out)) == (0, {})
        (why,) = summary.left
        assert why.startswith("would be sent back: face_outside_manual_mask")
        assert len(summary.pictures[why]) == summary.left[why] == blurred.reasons[reason]


def test_what_a_person_drew_is_not_replaced_by_suggestions(disagreeing, photos):
    private = disagreeing.with_name(disagreeing.name + ".private")
    sha256 = hashlib.sha256((photos / "a.png").read_bytes()).hexdigest()
    mask = np.zeros((120, 160), bool)
    mask[90:110, 10:30] = True
    file, digest = write_drawing(private, "a", [Shape("ellipse", ((10, 90), (30, 110)))], mask)
    with Ledger(private / "ledger.sqlite") as ledger:
        Decisions(ledger).record(Decision("a.png", sha256, "mask", mask=file, mask_sha256=digest), "anna", 0)
    assert blur_folder(BlurRequest(folder=photos)).reasons["face_outside_manual_mask"] == 1
    summary = accept_suggestions(disagreeing, None, Wanted("face_outside_manual_mask", 0.4), "anna")
    assert summary.left == {"have a mask that a person drew; answer them on the page": 1}


def test_an_older_judgement_is_made_again_first(disagreeing):
    with Ledger(disagreeing.with_name(disagreeing.name + ".private") / "ledger.sqlite") as ledger:
        ledger.db.execute("UPDATE inputs SET facts = json_set(facts, '$.settings_digest', 'older')")
    assert set(accept_suggestions(disagreeing, None, Wanted("detectors_disagree", 0.4), "anna").left) == {OUTDATED}
    assert set(confirm_no_face(disagreeing, None, ["empty"], "anna").left) == {OUTDATED}


def mattes(photos, level, soft=None):
    """A plain matte for each picture; soft: x0, y0, x1, y1 of a place that is half transparent."""
    folder = photos.with_name("mattes")
    for name in ("a", "b", "sub/c", "empty", "film", "broken"):
        alpha = np.full((120, 160), level, np.uint8)
        if soft:
            x0, y0, x1, y1 = soft
            alpha[y0:y1, x0:x1] = 128
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(alpha).save(folder / f"{name}.png")
    return folder


def manifest(out):
    rows = map(json.loads, (out / "manifest.jsonl").read_text().splitlines())
    return {row["id"]: row for row in rows}
