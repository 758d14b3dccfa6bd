"""Sheets of thumbnails: what is offered, and that a sheet counts only if somebody looked."""

from __future__ import annotations

import io
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from p3m_anon.files.decisions import Decisions
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.sheets import Sheets
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder
from p3m_anon.jobs.review.desk import ReviewDesk
from p3m_anon.review.desk import Refused

ROOM = {"filter": "todo", "width": 1256, "height": 640, "dense": 1}
SMALL = {**ROOM, "width": 700, "height": 220}  # three pictures of 160 x 120 beside each other, or fewer
PICTURES = 9


@pytest.fixture
def out(tmp_path, stub, picture):
    """A release of which nine pictures without a face wait."""
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(PICTURES):
        Image.fromarray(picture(number, face=False)).save(photos / f"{number}.png")
    return blur_folder(BlurRequest(folder=photos)).out


@pytest.fixture
def desk(out):
    with closing(ReviewDesk(out, who="anna")) as desk:
        yield desk


def change(desk, path, **more):
    """Let the looks have seen something else in a picture."""

    def write(ledger):
        row = ledger.row(path)
        facts = {**row.facts, **more.get("facts", {})}
        ledger.record(replace(row, **{**more, "facts": facts}))

    desk._ask(write)


def names(drawn):
    return [tile["tile"] for row in drawn["rows"] for tile in row]


def images(drawn):
    return [image["name"] for row in drawn["rows"] for tile in row for image in tile["images"]]


def control(desk, drawn):
    """The control's tile, which only the server knows."""
    sheet = desk.sheets._sheets[drawn["sheet"]]
    return next(tile for tile in sheet.tiles if tile.picture is None)


def path_of(desk, drawn, name):
    sheet = desk.sheets._sheets[drawn["sheet"]]
    return next(tile.picture.path for tile in sheet.tiles if tile.name == name)


def looked(drawn, marked):
    tiles = [{"tile": name, "loaded": True, "seen": True} for name in names(drawn)]
    return {"sheet": drawn["sheet"], "who": "anna", "marked": marked, "tiles": tiles, "seconds": 0.01}


def fetched(desk, drawn):
    return [desk.sheets.image(name) for name in images(drawn)]


def decisions(desk):
    with Ledger.copy_of(desk.folders.private / "ledger.sqlite") as ledger:
        return {path: Decisions(ledger).of(path) for path in Decisions(ledger).paths("todo")}


def sheets(desk):
    with Ledger.copy_of(desk.folders.private / "ledger.sqlite") as ledger:
        return [dict(row) for row in ledger.db.execute("SELECT * FROM sheets ORDER BY n")], Sheets(ledger).summary()


def test_a_sheet_answers_all_that_is_not_marked(desk):
    answer = desk.sheets.draw(ROOM)
    drawn = answer["sheet"]
    assert answer["left"] == {"complete": True, "waiting": 0, "singly": []}
    assert len(names(drawn)) == PICTURES + 1  # and the control
    fetched(desk, drawn)
    hidden = control(desk, drawn).name
    closer = next(name for name in names(drawn) if name != hidden)
    path = path_of(desk, drawn, closer)
    said = desk.sheets.answer(looked(drawn, [closer, hidden]))
    assert said == {"state": "accepted", "answered": PICTURES - 1, "marked": 1, "changed": 0, "sheet": None}
    made = decisions(desk)
    assert made.pop(path) is None
    assert {(one.verdict, one.viewed, one.sheet, one.who) for one in made.values()} == {("no_face", "sheet", 1, "anna")}
    (row,), summary = sheets(desk)
    assert (row["pictures"], row["marked"], row["control_marked"], row["state"]) == (PICTURES, 1, 1, "accepted")
    assert (row["who"], row["queue"]) == ("anna", "todo")
    assert (summary["sheets"], summary["accepted"], summary["pictures"]) == (1, 1, PICTURES - 1)
    # what was marked is looked at by itself from now on
    again = desk.sheets.draw(ROOM)
    assert again["sheet"] is None
    assert again["left"]["singly"] == [{"why": "were marked for a closer look", "pictures": 1}]


def test_what_sheets_answered_is_carried_out(desk, out):
    drawn = desk.sheets.draw(ROOM)["sheet"]
    fetched(desk, drawn)
    desk.sheets.answer(looked(drawn, [control(desk, drawn).name]))
    desk.write()
    desk._writer.wait()
    assert desk.writing()["error"] is None
    assert len(list((out / "blurred_image").iterdir())) == PICTURES


@pytest.mark.parametrize("what", ["loaded", "seen"])
def test_a_sheet_with_a_tile_that_was_not_shown_is_refused(desk, what):
    drawn = desk.sheets.draw(ROOM)["sheet"]
    fetched(desk, drawn)
    asked = looked(drawn, [control(desk, drawn).name])
    asked["tiles"][3] |= {what: False}
    with pytest.raises(Refused, match=f"1 picture was not {'loaded' if what == 'loaded' else 'in view'}") as caught:
        desk.sheets.answer(asked)
    assert caught.value.status == 400
    assert not any(decisions(desk).values())
    assert sheets(desk)[0] == []
    asked["tiles"][3] |= {what: True}
    assert desk.sheets.answer(asked)["state"] == "accepted"  # it stayed open


def test_a_sheet_whose_pictures_were_not_fetched_is_refused(desk):
    drawn = desk.sheets.draw(ROOM)["sheet"]
    for name in images(drawn)[1:]:
        desk.sheets.image(name)
    with pytest.raises(Refused, match="not every picture of the sheet was fetched"):
        desk.sheets.answer(looked(drawn, [control(desk, drawn).name]))
    assert not any(decisions(desk).values())


@pytest.mark.parametrize(
    "more",
    [
        {"tiles": []},
        {"tiles": None},
        {"tiles": [{"tile": "other", "loaded": True, "seen": True}]},
        {"marked": ["other"]},
        {"marked": None},
        {"who": " "},
        {"seconds": "long"},
    ],
)
def test_an_answer_that_is_not_understood_is_refused(desk, more):
    drawn = desk.sheets.draw(ROOM)["sheet"]
    fetched(desk, drawn)
    with pytest.raises(Refused) as caught:
        desk.sheets.answer({**looked(drawn, [control(desk, drawn).name]), **more})
    assert caught.value.status == 400
    assert sheets(desk)[0] == []


def test_a_sheet_that_nobody_drew_and_one_that_was_answered_are_refused(desk):
    drawn = desk.sheets.draw(ROOM)["sheet"]
    fetched(desk, drawn)
    asked = looked(drawn, [control(desk, drawn).name])
    with pytest.raises(Refused, match="was answered"):
        desk.sheets.answer({**asked, "sheet": "0" * 24})
    desk.sheets.answer(asked)
    with pytest.raises(Refused, match="was answered") as caught:
        desk.sheets.answer(asked)
    assert caught.value.status == 409
    with pytest.raises(Refused):
        desk.sheets.image(images(drawn)[0])


def test_a_sheet_whose_control_was_not_marked_is_shown_again_with_another(desk):
    drawn = desk.sheets.draw(ROOM)["sheet"]
    before = fetched(desk, drawn)
    sheet = desk.sheets._sheets[drawn["sheet"]]
    hidden = control(desk, drawn)
    others = [name for name in names(drawn) if name != hidden.name]
    said = desk.sheets.answer(looked(drawn, others[:2]))
    assert (said["state"], said["answered"]) == ("failed", 0)
    assert not any(decisions(desk).values())
    (row,), summary = sheets(desk)
    assert (row["state"], row["control_marked"], summary["failed_controls"]) == ("failed", 0, 1)
    again = said["sheet"]
    now = desk.sheets._sheets[again["sheet"]]
    assert {one.path for one in now.pictures} == {one.path for one in sheet.pictures}
    assert not set(images(again)) & set(images(drawn))
    assert control(desk, again).images[0].data not in before
    fetched(desk, again)
    assert desk.sheets.answer(looked(again, [control(desk, again).name]))["state"] == "accepted"


def test_a_sheet_with_a_file_that_changed_answers_nothing(desk, picture):
    drawn = desk.sheets.draw(ROOM)["sheet"]
    fetched(desk, drawn)
    Image.fromarray(picture(99, face=False)).save(desk.folders.pictures / "4.png")
    said = desk.sheets.answer(looked(drawn, [control(desk, drawn).name]))
    assert (said["state"], said["changed"]) == ("changed", 1)
    assert not any(decisions(desk).values())
    again = said["sheet"]
    assert len(names(again)) == PICTURES  # one less, and the control
    fetched(desk, again)
    assert desk.sheets.answer(looked(again, [control(desk, again).name]))["answered"] == PICTURES - 1
    assert decisions(desk)["4.png"] is None
    assert [row["state"] for row in sheets(desk)[0]] == ["changed", "accepted"]


def test_what_somebody_else_answered_stays(desk):
    drawn = desk.sheets.draw(ROOM)["sheet"]
    fetched(desk, drawn)
    shown = desk.picture("2.png", "todo")
    desk.decide({"path": "2.png", "sha256": shown["sha256"], "version": 0, "verdict": "exclude", "who": "bo"})
    change(desk, "3.png", digest="looked at again")
    said = desk.sheets.answer(looked(drawn, [control(desk, drawn).name]))
    assert (said["state"], said["answered"]) == ("accepted", PICTURES - 2)
    made = decisions(desk)
    assert (made["2.png"].verdict, made["3.png"]) == ("exclude", None)


FAINT = [{"box": [20, 20, 60, 70], "score": 0.2}]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"facts": {"second": [{"box": [20, 20, 60, 70], "score": 0.5}]}}, "hold a face that a look is sure of"),
        (
            {"facts": {"second": [{"box": [20, 20, 60, 70], "score": 0.4}], "gate": {"first": 0.5, "second": 0.4}}},
            "hold a face that a look is sure of",
        ),
        (
            {"facts": {"faint": [{"box": [9 * n, 20, 9 * n + 8, 30], "score": 0.1} for n in range(13)]}},
            "hold more than 12 places that look like a face",
        ),
        ({"facts": {"complete": False}}, "hold more places than a look can list"),
        ({"reason": "withdrawn_before"}, "look like a picture that was withdrawn"),
        ({"reason": "alpha_missing"}, "have no matte that fits"),
        ({"reason": "decision_lapsed"}, "were decided about before, and changed since"),
    ],
)
def test_what_sheets_do_not_offer_is_counted_with_its_reason(desk, more, why):
    change(desk, "5.png", **more)
    answer = desk.sheets.draw(ROOM)
    assert len(names(answer["sheet"])) == PICTURES
    assert answer["left"]["singly"] == [{"why": why, "pictures": 1}]


def test_every_place_that_any_look_saw_is_shown_and_dismissed(desk):
    second = [{"box": [100, 20, 130, 60], "score": 0.3}]
    double = [{"box": [101, 21, 131, 61], "score": 0.1}]  # the same place
    change(desk, "5.png", facts={"second": second, "faint": FAINT + double, "gate": {"first": 0.5, "second": 0.5}})
    drawn = desk.sheets.draw(ROOM)["sheet"]
    sheet = desk.sheets._sheets[drawn["sheet"]]
    tile = next(tile for tile in sheet.tiles if tile.picture is not None and tile.picture.path == "5.png")
    assert len(tile.images) == 3
    assert all(min(image.size) >= 96 for image in tile.images[1:])
    crop = np.asarray(Image.open(io.BytesIO(tile.images[2].data)))
    assert crop.shape[:2] == tile.images[2].size[::-1]
    fetched(desk, drawn)
    desk.sheets.answer(looked(drawn, [control(desk, drawn).name]))
    made = decisions(desk)
    assert made["5.png"].dismissed == ((100, 20, 130, 60), (20, 20, 60, 70))
    assert made["4.png"].dismissed == ()


def test_the_control_is_a_copy_of_a_waiting_picture_that_nothing_but_its_pixels_tells(desk):
    for path in ("1.png", "5.png"):
        change(desk, path, facts={"faint": FAINT})
    for _ in range(8):
        drawn = desk.sheets.draw({**ROOM, "visit": None})["sheet"]
        sheet = desk.sheets._sheets[drawn["sheet"]]
        hidden = next(tile for tile in sheet.tiles if tile.picture is None)
        shape = [image.size for image in hidden.images]
        alike = [tile for tile in sheet.tiles if [one.size for one in tile.images] == shape]
        assert len(alike) > 1
        sizes = sorted(len(tile.images[0].data) for tile in sheet.tiles if tile is not hidden)
        assert 0.5 * sizes[0] < len(hidden.images[0].data) < 2 * sizes[-1]
        keys = {tuple(sorted(tile)) for row in drawn["rows"] for tile in row}
        assert keys == {("images", "tile")}
        assert len({len(name) for name in names(drawn) + images(drawn)}) == 1


def test_sheets_follow_each_other_and_no_picture_comes_twice(desk):
    visit, seen, count = None, [], 0
    while (answer := desk.sheets.draw({**SMALL, "visit": visit}))["sheet"] is not None:
        visit, drawn = answer["visit"], answer["sheet"]
        sheet = desk.sheets._sheets[drawn["sheet"]]
        assert len(drawn["rows"]) == 1
        seen += [one.path for one in sheet.pictures]
        fetched(desk, drawn)
        desk.sheets.answer(looked(drawn, [control(desk, drawn).name]))
        count += 1
    assert count > 2
    assert seen == [f"{n}.png" for n in range(PICTURES)]


def test_one_picture_alone_has_a_control_too(desk):
    for number in range(PICTURES - 1):
        change(desk, f"{number}.png", status="accepted")
    drawn = desk.sheets.draw(ROOM)["sheet"]
    assert len(names(drawn)) == 2
    fetched(desk, drawn)
    assert desk.sheets.answer(looked(drawn, [control(desk, drawn).name]))["answered"] == 1
    assert desk.sheets.draw(ROOM)["sheet"] is None


def test_two_windows_do_not_get_the_same_pictures_first(desk):
    first, second = desk.sheets.draw(SMALL), desk.sheets.draw(SMALL)
    paths = [{one.path for one in desk.sheets._sheets[each["sheet"]["sheet"]].pictures} for each in (first, second)]
    assert not paths[0] & paths[1]


def test_only_so_many_sheets_are_held(desk):
    visit = desk.sheets.draw(SMALL)["visit"]
    for _ in range(2):
        desk.sheets.draw({**SMALL, "visit": visit})
    assert len(desk.sheets._sheets) == 3
    drawn = desk.sheets.draw({**ROOM, "visit": visit})  # the window has changed: a new visit in its place
    assert drawn["visit"] != visit
    assert len(desk.sheets._sheets) == 1
    assert len(desk.sheets._images) == len(images(drawn["sheet"]))


@pytest.mark.parametrize(
    "more", [{"filter": "decided"}, {"filter": ""}, {"width": 10}, {"height": "x"}, {"dense": None, "width": None}]
)
def test_a_sheet_for_what_does_not_wait_or_has_no_room_is_refused(desk, more):
    with pytest.raises(Refused) as caught:
        desk.sheets.draw({**ROOM, **more})
    assert caught.value.status == 400


def test_the_control_touches_neither_inputs_nor_release(desk, out):
    before = {path: path.read_bytes() for path in desk.folders.pictures.rglob("*") if path.is_file()}
    drawn = desk.sheets.draw(ROOM)["sheet"]
    fetched(desk, drawn)
    desk.sheets.answer(looked(drawn, [control(desk, drawn).name]))
    desk.write()
    desk._writer.wait()
    assert {path: path.read_bytes() for path in desk.folders.pictures.rglob("*") if path.is_file()} == before
    for number in range(PICTURES):
        released = np.asarray(Image.open(out / f"blurred_image/{number}.png"))
        assert np.array_equal(released, np.asarray(Image.open(desk.folders.pictures / f"{number}.png")))
