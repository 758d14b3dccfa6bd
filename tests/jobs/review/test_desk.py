"""The review's desk: what it shows, what it writes, and what `blur` and `audit` make of it."""

from __future__ import annotations

import base64
import io
import json
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from p3m_anon.errors import UsageError
from p3m_anon.files.ledger import Ledger
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder
from p3m_anon.jobs.review.desk import ReviewDesk
from p3m_anon.review.desk import Refused

FACE = {"kind": "polygon", "points": [[20, 15], [100, 15], [100, 110], [20, 110]]}
CORNER = {"kind": "polygon", "points": [[1, 1], [9, 1], [9, 9], [1, 9]]}


@pytest.fixture
def out(photos, stub):
    """A release of which `empty.png` waits."""
    (photos / "film.webp").unlink()
    (photos / "broken.jpg").unlink()
    return blur_folder(BlurRequest(folder=photos, jpeg="exact")).out


@pytest.fixture
def desk(out):
    with closing(ReviewDesk(out, who="anna")) as desk:
        yield desk


def answer(desk, path, verdict, **more):
    shown = desk.picture(path, "todo")
    asked = {"path": path, "sha256": shown["sha256"], "version": shown["version"], "verdict": verdict, **more}
    if asked.get("confirmed") is True:  # as the page sends it: the places that the person was shown
        asked |= {"confirmed": [one["box"] for one in shown["sightings"]], "accepts_loss": True}
    return desk.decide(asked)


def written(desk):
    desk.write()
    desk._writer.wait()
    state = desk.writing()
    assert state["error"] is None
    return state


def row(desk, path):
    with Ledger.copy_of(desk.folders.private / "ledger.sqlite") as ledger:
        return ledger.row(path)


def manifest(out):
    return {row["id"]: row for row in map(json.loads, (out / "manifest.jsonl").read_text().splitlines())}


def test_a_release_without_a_ledger_is_refused(tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(UsageError, match="run `p3m-anon blur` first"):
        ReviewDesk(tmp_path / "out")


def test_the_state_counts_what_waits(desk):
    state = desk.state()
    filters = {one["key"]: one for one in state["filters"]}
    assert (filters["todo"]["total"], filters["todo"]["open"]) == (1, 1)
    assert filters["reason:no_face"]["open"] == 1
    assert filters["released"]["total"] == 3
    assert (state["progress"], state["unwritten"]) == ({"decided": 0, "total": 1}, 0)
    assert json.loads(json.dumps(state)) == state


def test_a_picture_is_shown_with_what_was_seen(desk):
    shown = desk.picture("a.png", "released")
    assert (shown["width"], shown["height"], shown["error"]) == (160, 120, None)
    assert [one["by"] for one in shown["sightings"]] == ["both"]
    assert shown["suggestions"][0]["kind"] == "polygon"
    assert (shown["previous"], shown["next"], shown["place"], shown["total"]) == (None, "b.png", 1, 3)
    assert shown["released"]
    assert json.loads(json.dumps(shown)) == shown
    data = desk.image("a.png", "original", (0, 0, 160, 120), 80)
    assert data.startswith(b"\xff\xd8")
    assert desk.image("a.png", "released", (50, 50, 20, 20), 80) != desk.image(
        "a.png", "original", (50, 50, 20, 20), 80
    )
    with pytest.raises(Refused):
        desk.image("nowhere.png", "original", (0, 0, 1, 1), 1)
    with pytest.raises(Refused):
        desk.image("empty.png", "released", (0, 0, 9, 9), 9)


def test_a_drawn_mask_is_carried_out_to_the_pixel(desk, out, photos):
    given = answer(desk, "empty.png", "mask", shapes=[FACE], note="dark")
    assert given["picture"]["decision"]["verdict"] == "mask"
    assert given["picture"]["decision"]["shapes"] == [FACE]
    assert given["state"]["unwritten"] == 1
    assert not (out / "blurred_image/empty.png").exists()
    assert written(desk)["done"] == 1
    before, after = (np.asarray(Image.open(f / "empty.png")) for f in (photos, out / "blurred_image"))
    mask = np.asarray(Image.open(out.with_name(out.name + ".private") / "facemask/empty.png"))
    assert mask[15:110, 20:100].all()
    assert np.array_equal(before[~mask], after[~mask])
    assert after[mask].std() < 0.3 * before[mask].std()
    assert manifest(out)["empty"]["status"] == "anonymized_manual"
    assert desk.state()["unwritten"] == 0
    assert desk.picture("empty.png", "decided")["decision"]["written"]


def test_a_mask_that_loses_the_face_to_the_soft_edge_has_to_be_confirmed_or_drawn_over(photos, stub):
    """The transition region runs through the face: what stays clear there is said before it is saved."""
    for path in ("broken.jpg", "film.webp"):
        (photos / path).unlink()
    alpha = np.full((120, 160), 255, np.uint8)
    alpha[50:65] = 128
    (photos / "mask").mkdir()
    for name in ("a", "b", "empty"):
        Image.fromarray(alpha).save(photos / "mask" / f"{name}.png")
    summary = blur_folder(BlurRequest(folder=photos))
    assert summary.reasons == {"mask_lost_to_transition": 2, "no_face": 1, "alpha_missing": 1}
    with closing(ReviewDesk(summary.out)) as desk:
        assert desk.picture("a.png", "todo")["transition"]
        shown = np.asarray(Image.open(io.BytesIO(desk.transition("a.png", 80))))
        assert shown.shape == (60, 80, 4)
        assert shown[28, :, 3].all()
        assert not shown[5, :, 3].any()
        with pytest.raises(Refused) as caught:
            answer(desk, "a.png", "mask", shapes=[FACE])
        assert caught.value.status == 422
        answer(desk, "a.png", "mask", shapes=[FACE], as_drawn=True)
        answer(desk, "b.png", "mask", shapes=[FACE], confirmed=True)
        written(desk)
        assert {row(desk, p).status for p in ("a.png", "b.png")} == {"accepted"}
        masks = [np.asarray(Image.open(summary.private / f"facemask/{n}.png")) for n in "ab"]
        assert masks[0][50:65, 30:90].all()
        assert not masks[1][50:65].any()


def test_the_preview_tells_a_face_that_is_nearly_covered_from_one_that_is_clear(desk):
    nearly = {"kind": "polygon", "points": [[20, 15], [100, 15], [100, 85], [20, 85]]}
    (left,) = desk.preview({"path": "a.png", "shapes": [nearly], "window": [0, 0, 160, 120], "width": 160})["uncovered"]
    assert left["sighting"] == 0
    assert 0.5 < left["covered"] < 0.95


def test_the_preview_shows_what_of_the_background_a_drawing_blurs(photos, stub):
    for path in ("broken.jpg", "film.webp"):
        (photos / path).unlink()
    alpha = np.zeros((120, 160), np.uint8)
    alpha[:, 80:] = 255
    (photos / "mask").mkdir()
    for name in ("a", "b", "empty"):
        Image.fromarray(alpha).save(photos / "mask" / f"{name}.png")
    out = blur_folder(BlurRequest(folder=photos)).out
    drawn = {"kind": "polygon", "points": [[40, 20], [120, 20], [120, 60], [40, 60]]}
    with closing(ReviewDesk(out)) as desk:
        asked = {"path": "a.png", "shapes": [drawn], "window": [0, 0, 160, 120], "width": 160}
        background = desk.preview(asked)["background"]
        assert background["area"] == pytest.approx(40 * 40 / (160 * 120), rel=0.15)
        layer = np.asarray(Image.open(io.BytesIO(base64.b64decode(background["image"].partition(",")[2]))))
        assert layer[40, 60, 3] > 0  # drawn on, and no part of the person
        assert not layer[40, 100, 3]
        assert not layer[90, 60, 3]


def test_a_reason_is_said_once(desk):
    shown = desk.picture("empty.png", "todo")
    assert (shown["title"], shown["detail"]) == ("No face was found.", "")


def test_a_second_run_after_a_decision_does_nothing_again(desk, stub, photos):
    answer(desk, "empty.png", "mask", shapes=[FACE])
    written(desk)
    seen = stub.seen
    assert blur_folder(BlurRequest(folder=photos)).done_now == 0
    assert stub.seen == seen


def test_no_face_is_released_as_it_is(desk, out, photos):
    answer(desk, "empty.png", "no_face")
    written(desk)
    assert manifest(out)["empty"]["status"] == "no_face"
    assert manifest(out)["empty"]["release_basis"] == "no_identifiable_face"
    assert np.array_equal(*(np.asarray(Image.open(f / "empty.png")) for f in (photos, out / "blurred_image")))


def test_places_that_look_like_a_face_need_a_confirmation(desk, out):
    for verdict, shapes in (("mask", [CORNER]), ("no_face", [])):
        with pytest.raises(Refused) as caught:
            answer(desk, "a.png", verdict, shapes=shapes)
        assert (caught.value.status, [one["sighting"] for one in caught.value.more["uncovered"]]) == (422, [0])
    answer(desk, "a.png", "no_face", confirmed=True)
    written(desk)
    assert manifest(out)["a"]["status"] == "no_face"
    assert row(desk, "a.png").facts["dismissed"]


def test_a_confirmation_holds_only_for_what_was_shown(desk, out, stub, monkeypatch):
    """A face that a later look sees elsewhere was not spoken of."""
    from p3m_anon.detectors.networks import Boxes, no_boxes
    from p3m_anon.detectors.wide_look import Glance
    from tests.jobs.conftest import drawn_face

    answer(desk, "a.png", "no_face", confirmed=True)
    face = drawn_face((100, 40, 150, 110))
    glance = Glance(Boxes(np.array([face.box], float), np.array([0.9])), no_boxes())
    monkeypatch.setattr(stub, "detect", lambda rgb: (face,))
    monkeypatch.setattr(stub, "look", lambda rgb, *, coarse=False: glance)
    written(desk)
    assert row(desk, "a.png").reason == "no_face_contradicted"
    assert "a" not in manifest(out)
    filters = {one["key"]: one for one in desk.state()["filters"]}
    assert filters["reason:no_face_contradicted"]["open"] == 1  # it is asked again


def test_a_face_that_may_stay_goes_to_original_image(desk, out):
    for missing in ({}, {"basis": "consent"}, {"reference": "x"}, {"basis": "because", "reference": "x"}):
        with pytest.raises(Refused) as caught:
            answer(desk, "a.png", "normal", **missing)
        assert caught.value.status == 400
    answer(desk, "a.png", "normal", basis="consent", reference="form 17")
    written(desk)
    assert (out / "original_image/a.png").is_file()
    assert not (out / "blurred_image/a.png").exists()
    assert manifest(out)["a"]["status"] == "normal"
    assert manifest(out)["a"]["release_basis"] == "consent"
    assert "form 17" not in (out / "manifest.jsonl").read_text()
    # taken back: it is blurred again, and no clear copy is left
    answer(desk, "a.png", "open")
    assert desk.state()["unwritten"] == 1
    written(desk)
    assert not (out / "original_image/a.png").exists()
    assert (out / "blurred_image/a.png").is_file()


def test_an_excluded_picture_leaves_the_release(desk, out, photos):
    answer(desk, "a.png", "exclude", note="asked us to")
    written(desk)
    assert row(desk, "a.png").status == "excluded"
    assert not (out / "blurred_image/a.png").exists()
    assert "a" not in manifest(out)
    assert blur_folder(BlurRequest(folder=photos)).done_now == 0


@pytest.mark.parametrize("verdict", ["no_face", "exclude", "mask", "normal"])
def test_a_changed_picture_loses_its_decision_and_waits(desk, out, photos, picture, verdict):
    """It would be released automatically; but a person had thought otherwise of its earlier version."""
    more = {"mask": {"shapes": [FACE]}, "normal": {"basis": "consent", "reference": "x"}}.get(verdict, {})
    answer(desk, "a.png", verdict, confirmed=True, **more)
    written(desk)
    Image.fromarray(picture(77)).save(photos / "a.png")
    summary = blur_folder(BlurRequest(folder=photos))
    assert summary.reasons.get("decision_lapsed") == 1
    assert "a" not in manifest(out)
    assert not any(path.stem == "a" for path in out.rglob("*"))
    shown = desk.picture("a.png", "todo")
    assert shown["decision"]["lapsed"]
    answer(desk, "a.png", "mask", shapes=[FACE])
    written(desk)
    assert manifest(out)["a"]["status"] == "anonymized_manual"


def test_a_picture_that_changes_while_it_is_looked_at(desk, photos, picture):
    shown = desk.picture("empty.png", "todo")
    Image.fromarray(picture(50)).save(photos / "empty.png")
    asked = {"path": "empty.png", "sha256": shown["sha256"], "version": 0}
    for verdict in ("no_face", "exclude"):
        with pytest.raises(Refused) as caught:
            desk.decide({**asked, "verdict": verdict})
        assert caught.value.status == 409


def test_two_reviewers_do_not_overwrite_each_other(desk, out):
    shown = desk.picture("empty.png", "todo")
    answer(desk, "empty.png", "mask", shapes=[FACE], who="bert")
    asked = {"path": "empty.png", "sha256": shown["sha256"], "version": shown["version"]}
    with pytest.raises(Refused) as caught:
        desk.decide({**asked, "verdict": "mask", "shapes": [FACE, CORNER], "who": "carl"})
    assert caught.value.status == 409
    assert caught.value.more["now"]["decision"]["who"] == "bert"
    masks = list((desk.folders.private / "masks").rglob("*"))
    assert len(masks) == 2  # the loser's drawing is gone, the winner's is there
    assert desk.picture("empty.png", "todo")["decision"]["shapes"] == [FACE]


def test_answers_survive_the_server(desk, out):
    answer(desk, "empty.png", "mask", shapes=[FACE])
    with closing(ReviewDesk(out, who="bert")) as other:  # the first one was never closed
        shown = other.picture("empty.png", "todo")
    assert (shown["decision"]["who"], shown["decision"]["shapes"]) == ("anna", [FACE])


def test_a_drawing_outlives_skipping_and_taking_back(desk):
    answer(desk, "empty.png", "mask", shapes=[FACE])
    answer(desk, "empty.png", "skip")
    assert desk.picture("empty.png", "later")["decision"]["shapes"] == [FACE]
    assert desk.state()["unwritten"] == 0
    answer(desk, "empty.png", "mask", shapes=[CORNER])
    answer(desk, "empty.png", "open")
    assert len(list((desk.folders.private / "masks").rglob("*.png"))) == 2


@pytest.mark.parametrize("verdict", ["skip", "open"])
def test_what_decides_nothing_does_not_settle_a_lapsed_decision(desk, photos, picture, out, verdict):
    """The picture was excluded; its file changed; skipping it must not release it."""
    answer(desk, "a.png", "exclude")
    written(desk)
    Image.fromarray(picture(77)).save(photos / "a.png")
    written(desk)
    answer(desk, "a.png", verdict)
    written(desk)
    written(desk)
    assert row(desk, "a.png").reason == "decision_lapsed"
    assert not any(path.stem == "a" for path in out.rglob("*"))
    answer(desk, "a.png", "mask", shapes=[FACE])
    written(desk)
    assert row(desk, "a.png").status == "accepted"


def test_taking_back_a_decision_about_the_same_file_leaves_it_to_the_detectors(desk, out):
    answer(desk, "a.png", "exclude")
    written(desk)
    answer(desk, "a.png", "open")
    written(desk)
    assert row(desk, "a.png").status == "accepted"


def test_a_drawing_that_the_soft_edge_takes_away_is_never_released_unsaid(photos, stub):
    """Where no detector sees a face nothing else would tell that the mask hides nothing."""
    for path in ("broken.jpg", "film.webp"):
        (photos / path).unlink()
    (photos / "mask").mkdir()
    solid, soft = np.full((120, 160), 255, np.uint8), np.full((120, 160), 128, np.uint8)
    for name in ("a", "b", "empty"):
        Image.fromarray(soft if name == "empty" else solid).save(photos / "mask" / f"{name}.png")
    Image.fromarray(solid).save(photos / "mask" / "sub_c.png")
    out = blur_folder(BlurRequest(folder=photos)).out
    with closing(ReviewDesk(out)) as desk:
        asked = {"path": "empty.png", "shapes": [FACE], "window": [0, 0, 160, 120], "width": 160}
        assert desk.preview(asked)["area"] == 0
        with pytest.raises(Refused) as caught:
            answer(desk, "empty.png", "mask", shapes=[FACE])
        assert (caught.value.status, caught.value.more["uncovered"]) == (422, [])
        assert caught.value.more["lost"] == 1
        # the alpha is right when the mask is drawn, and not any more when it is carried out
        Image.fromarray(solid).save(photos / "mask/empty.png")
        written(desk)
        answer(desk, "empty.png", "mask", shapes=[FACE])
        Image.fromarray(soft).save(photos / "mask/empty.png")
        written(desk)
        assert row(desk, "empty.png").reason in ("mask_lost_to_transition", "alpha_mismatch")
        assert not (out / "blurred_image/empty.png").exists()


def test_a_confirmation_speaks_of_places_and_not_of_a_picture(desk):
    """What was shown of another picture confirms nothing here."""
    shown = desk.picture("a.png", "todo")
    asked = {"path": "a.png", "sha256": shown["sha256"], "version": 0, "verdict": "no_face"}
    for confirmed in (True, [], [[1, 2, 3, 4]], [[0]], "all", [None]):
        with pytest.raises(Refused) as caught:
            desk.decide({**asked, "confirmed": confirmed})
        assert caught.value.status == 422
    desk.decide({**asked, "confirmed": [one["box"] for one in shown["sightings"]]})


def test_a_new_drawing_on_a_released_picture_begins_with_what_is_masked(desk, out):
    start = desk.picture("a.png", "released")["start"]
    assert len(start) == 1
    assert desk.picture("empty.png", "todo")["start"] == []
    answer(desk, "a.png", "mask", shapes=[*start, CORNER])  # nothing to confirm: the face stays covered
    written(desk)
    assert row(desk, "a.png").status == "accepted"
    assert desk.picture("a.png", "released")["start"] == []  # the decision has its own shapes


def test_a_changed_file_is_shown_without_what_was_seen_in_the_old_one(desk, photos, picture):
    Image.fromarray(picture(70)).save(photos / "a.png")
    shown = desk.picture("a.png", "released")
    assert (shown["changed"], shown["sightings"], shown["suggestions"], shown["start"]) == (True, [], [], [])
    with pytest.raises(Refused) as caught:
        answer(desk, "a.png", "no_face")
    assert caught.value.status == 400
    answer(desk, "a.png", "exclude")


def test_an_answer_that_did_not_hold_is_not_shown_as_decided(desk, stub, monkeypatch):
    from tests.jobs.conftest import drawn_face

    answer(desk, "empty.png", "no_face")
    monkeypatch.setattr(stub, "detect", lambda rgb: (drawn_face(),))
    written(desk)
    assert desk.picture("empty.png", "todo")["decision"]["sent_back"]
    assert desk.queue("decided", None, 9)["rows"] == []
    assert desk.queue("todo", None, 9)["rows"][0]["verdict"] is None


def test_write_now_does_what_the_last_run_was_asked(desk, photos, out):
    """A colleague has run `blur` with other settings while the page was open."""
    blur_folder(BlurRequest(folder=photos, format="jpeg"))
    answer(desk, "empty.png", "no_face")
    written(desk)
    assert (out / "blurred_image/a.jpg").is_file()
    assert not (out / "blurred_image/a.png").exists()


def test_a_decision_that_comes_while_blur_works_is_carried_out(desk, out, photos, monkeypatch):
    import p3m_anon.jobs.blur.run as job

    answer(desk, "a.png", "normal", basis="consent", reference="x")
    once = iter([lambda: answer(desk, "a.png", "open")])
    record = Ledger.record

    def recorded(ledger, row, what="blur"):
        record(ledger, row, what)
        if row.path == "a.png" and (act := next(once, None)):
            act()

    monkeypatch.setattr(job.Ledger, "record", recorded)
    assert blur_folder(BlurRequest(folder=photos)).notes == []
    assert not (out / "original_image/a.png").exists()
    assert manifest(out)["a"]["status"] == "anonymized"


def test_the_audit_knows_of_answers_that_are_not_carried_out(desk, out):
    from p3m_anon.jobs.audit.request import AuditRequest
    from p3m_anon.jobs.audit.run import audit_folder

    def leaks():
        found = audit_folder(AuditRequest(out=out, quick=True)).findings
        return [one.image for one in found if one.check == "review" and one.severity == "leak"]

    assert leaks() == []
    answer(desk, "a.png", "exclude")
    assert leaks() == ["blurred_image/a.png"]
    written(desk)
    assert leaks() == []


def test_excluded_pictures_are_done(photos, stub):
    (photos / "mask").mkdir()
    for name in ("a", "b", "empty", "sub/c"):
        (photos / "mask" / name).parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((120, 160), 255, np.uint8)).save(photos / "mask" / f"{name}.png")
    out = blur_folder(BlurRequest(folder=photos)).out
    with closing(ReviewDesk(out)) as desk:
        answer(desk, "a.png", "exclude")
        written(desk)
    assert row(desk, "a.png").status == "excluded"
    done = blur_folder(BlurRequest(folder=photos)).done_now
    assert done == 2  # the two files that fail each time


def test_a_lost_mask_file_releases_nothing(desk, out):
    answer(desk, "a.png", "mask", shapes=[FACE])
    for mask in (desk.folders.private / "masks").rglob("*.png"):
        mask.write_bytes(b"something else")
    written(desk)
    assert row(desk, "a.png").status == "failed"
    assert "draw it again" in row(desk, "a.png").detail
    assert "a" not in manifest(out)


def test_the_preview_is_what_blur_makes(desk, out, photos):
    asked = {"path": "a.png", "shapes": [FACE], "window": [0, 0, 160, 120], "width": 160}
    seen = desk.preview(asked)
    assert seen["uncovered"] == []
    assert seen["area"] == pytest.approx(80 * 95 / (160 * 120), rel=0.05)
    answer(desk, "a.png", "mask", shapes=[FACE])
    written(desk)
    made = desk.image("a.png", "released", (0, 0, 160, 120), 160)
    assert base64.b64decode(seen["image"].partition(",")[2]) == made
    assert desk.preview({**asked, "shapes": [CORNER]})["uncovered"] == [{"sighting": 0, "covered": 0.0}]
    assert seen["background"] is None  # without a matte nobody knows
    with pytest.raises(Refused):
        desk.preview({**asked, "shapes": [{"kind": "star"}]})


@pytest.mark.parametrize(
    "more",
    [
        {"verdict": "mask", "shapes": []},
        {"verdict": "mask", "shapes": [{"kind": "polygon", "points": [[900, 900], [950, 900], [950, 950]]}]},
        {"verdict": "mask", "shapes": [{"kind": "polygon", "points": [[1, 1]]}]},
        {"verdict": "mask", "shapes": "all"},
        {"verdict": "burn"},
        {"verdict": None},
        {"verdict": "covered"},
        {"verdict": "no_face", "version": "x"},
        {"verdict": "no_face", "filter": "nonsense"},
    ],
)
def test_nonsense_is_refused_and_nothing_is_written(desk, more):
    with pytest.raises(Refused) as caught:
        answer(desk, "empty.png", **more)
    assert caught.value.status == 400
    assert desk.picture("empty.png", "todo")["decision"] is None
    assert not (desk.folders.private / "masks").exists()


def test_files_that_cannot_be_read_can_be_left_out(photos, stub):
    out = blur_folder(BlurRequest(folder=photos)).out
    with closing(ReviewDesk(out)) as desk:
        shown = desk.picture("broken.jpg", "failed")
        assert "broken.jpg" in shown["error"]
        for path in ("broken.jpg", "film.webp"):
            answer(desk, path, "exclude")
        written(desk)
        assert {row(desk, path).status for path in ("broken.jpg", "film.webp")} == {"excluded"}


def test_a_sample_check_ends_with_a_statement(desk):
    desk.begin_sample(2, 1)
    state = desk.state()
    assert (state["sample"]["size"], state["sample"]["statement"]) == (2, None)
    paths = [one["path"] for one in desk.queue("sample", None, 10)["rows"]]
    assert len(paths) == 2
    answer(desk, paths[0], "covered")
    desk.begin_sample(2)  # goes on with the unfinished one
    assert (desk.state()["sample"]["answered"], desk.state()["sample"]["continued"]) == (1, True)
    given = answer(desk, paths[1], "mask", shapes=[FACE])
    assert given["state"]["sample"]["missed"] == 1
    assert "1 had a face that was missed" in given["state"]["sample"]["statement"]
    written(desk)
    assert "1 had a face that was missed" in (desk.folders.private / "report.html").read_text()
    with pytest.raises(UsageError, match="drawn before"):
        desk.begin_sample(3, 1)
    answer(desk, paths[1], "open")  # repaired, but it had been missed
    assert desk.state()["sample"]["missed"] == 1
    outside = ({"a.png", "b.png", "sub/c.png"} - set(paths)).pop()
    with pytest.raises(Refused):
        answer(desk, outside, "covered")


def test_older_ledgers_are_brought_up_to_date(out, photos, tmp_path):
    """A ledger of the first schema has no decisions and no second boxes."""
    import sqlite3

    file = out.with_name(out.name + ".private") / "ledger.sqlite"
    with closing(sqlite3.connect(file, isolation_level=None)) as db:
        db.execute("DROP INDEX inputs_queue")
        db.execute("DROP TRIGGER sheet_marks_withdrawn")
        for table in ("runs", "decisions", "samples", "sample_items", "exports", "sheets", "sheet_marks"):
            db.execute(f"DROP TABLE {table}")
        db.execute("ALTER TABLE inputs DROP COLUMN decision")
        db.execute("UPDATE inputs SET facts = json_remove(facts, '$.second', '$.dismissed', '$.release_basis')")
        db.execute("PRAGMA user_version = 1")
    summary = blur_folder(BlurRequest(folder=photos))
    assert summary.done_now == 0
    assert manifest(out)["a"]["status"] == "anonymized"
    with closing(ReviewDesk(out)) as desk:
        assert [one["by"] for one in desk.picture("a.png", "released")["sightings"]] == ["both"]  # all looks it had
        answer(desk, "empty.png", "no_face")
        written(desk)
    assert "empty" in manifest(out)


@pytest.mark.shared
def test_the_audit_names_clear_faces_that_a_person_left(shared_data, tmp_path, capsys):
    """They are no leak, but nobody may overlook them; and what is in a mask is never excused."""
    import shutil

    from p3m_anon.commands.audit_view import show
    from p3m_anon.jobs.audit.request import AuditRequest
    from p3m_anon.jobs.audit.run import audit_folder

    photos, out = tmp_path / "real", tmp_path / "out"
    photos.mkdir()
    shutil.copy(shared_data / "portraits/two_people.jpg", photos)
    request = BlurRequest(folder=photos, out=out, alpha_policy="none", detector="centerface")
    blur_folder(request)
    with closing(ReviewDesk(out)) as desk:
        start = desk.picture("two_people.jpg", "released")["start"]
        assert len(start) == 2
        answer(desk, "two_people.jpg", "mask", shapes=start[:1], confirmed=True)
        written(desk)
    found = audit_folder(AuditRequest(out=out, quick=True))
    assert found.exit_code == 0
    left = [one for one in found.findings if one.check == "left by a person"]
    assert left
    assert {one.severity for one in left} == {"note"}
    show(found)
    assert "1 pictures show clear faces because a person said so" in capsys.readouterr().out
