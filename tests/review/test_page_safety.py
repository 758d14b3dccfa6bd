"""The review page in a browser: nothing masked comes clear by mistake, and nothing is shown that is not so any more."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.review.conftest import Visit
from tests.review.fake_desk import FakeDesk, sighting

BOXES = [(600.0, 500.0, 1000.0, 1100.0), (1900.0, 600.0, 2300.0, 1100.0)]
STARTS = [{"kind": "ellipse", "points": [list(box[:2]), list(box[2:])]} for box in BOXES]


@pytest.fixture
def released(desk: FakeDesk) -> FakeDesk:
    """`c.jpg` is released, with two faces masked."""
    desk.sightings["c.jpg"] = [sighting(box, "both") for box in BOXES]
    desk.starts["c.jpg"] = STARTS
    return desk


def asked(visit: Visit) -> Any:
    question = visit.page.locator("#question")
    question.wait_for()
    return question


def which(visit: Visit, name: str) -> None:
    visit.page.wait_for_selector(f"#canvas[data-ready=true][data-which={name}]", timeout=60_000)


def test_what_is_released_is_kept_by_a_mask_that_is_added(visit: Visit, released: FakeDesk) -> None:
    visit.open("c.jpg", "released")
    assert visit.page.get_attribute("#canvas", "data-which") == "released"
    assert visit.shapes() == 2
    assert visit.page.get_attribute("#canvas", "data-unsaved") == "false"
    assert visit.page.is_disabled("#undo")
    assert visit.page.inner_text("#accept").startswith("No suggestion left")
    visit.drag((1300, 400), (1500, 700))
    visit.press("Control+z", "Control+z", "Control+z")
    assert visit.shapes() == 2
    visit.press("Control+y", "Enter")
    visit.toast("Saved")
    shapes = released.asked[0]["shapes"]
    assert shapes[:2] == STARTS
    assert len(shapes) == 3


def test_a_drawing_made_before_a_release_does_not_hide_what_was_released_since(visit: Visit, desk: FakeDesk) -> None:
    visit.open("c.jpg")
    visit.drag((1300, 400), (1500, 700))
    desk.starts["c.jpg"] = STARTS
    visit.page.reload()
    visit.page.click('[data-filter="released"]')
    visit.shown("c.jpg")
    assert visit.shapes() == 3


def test_nothing_is_saved_where_nothing_was_added_to_what_is_released(visit: Visit, released: FakeDesk) -> None:
    visit.open("c.jpg", "released")
    visit.press("Enter")
    visit.toast("Nothing is added")
    assert released.asked == []


def test_what_would_come_clear_is_shown_in_the_original_and_counted(visit: Visit, released: FakeDesk) -> None:
    visit.open("c.jpg", "released")
    visit.page.click("#clear")
    visit.drag((1300, 400), (1500, 700))
    visit.press("Enter")
    question = asked(visit)
    assert visit.page.get_attribute("#canvas", "data-which") == "original"
    assert "Saving will make 2 places CLEAR that are blurred now." in question.inner_text()
    visit.press("Escape")
    question.wait_for(state="hidden")
    visit.press("Control+z", "Control+z", "Enter")
    visit.toast("Nothing is added")
    assert released.decisions == {}


def test_no_face_is_not_offered_for_what_is_masked_in_the_release(visit: Visit, released: FakeDesk) -> None:
    visit.open("c.jpg", "released")
    assert visit.page.locator("#decide-no_face").is_hidden()
    visit.press("f")
    released.sampling = True
    visit.page.reload()
    visit.open("c.jpg", "sample")
    visit.press("f")
    visit.page.wait_for_timeout(200)
    assert released.asked == []
    assert "any new mask counts as missed" in visit.page.inner_text("#sample").lower()


def test_each_place_has_to_be_looked_at_before_it_may_stay_clear(visit: Visit, desk: FakeDesk) -> None:
    visit.open("b.jpg")
    visit.press("f")
    question = asked(visit)
    assert "Leave these 2 places clear in the release?" in question.inner_text()
    yes = visit.page.locator('#question [data-answer="save"]')
    assert yes.inner_text() == "Yes, 2 places stay clear: none is a face"
    assert yes.is_disabled()
    middles = [(150, 170), (560, 680)]
    box = visit.page.locator("#canvas").bounding_box()
    for number, middle in enumerate(middles):
        assert f"Place {number + 1} of 2" in question.inner_text()
        x, y = visit.screen(*middle)
        assert abs(x - box["x"] - box["width"] / 2) < 2
        assert abs(y - box["y"] - box["height"] / 2) < 2
        if number == 0:
            visit.press(".")
    assert yes.is_enabled()
    visit.press(",")
    assert "Place 1 of 2" in question.inner_text()
    yes.click()
    visit.shown("c.jpg")
    boxes = [one["box"] for one in desk.sightings["b.jpg"]]
    assert [one["confirmed"] for one in desk.asked] == [[], boxes]


def test_of_very_many_places_twelve_have_to_be_looked_at(visit: Visit, desk: FakeDesk) -> None:
    desk.sightings["c.jpg"] = [sighting((100 + 180 * n, 100, 200 + 180 * n, 240), "both") for n in range(15)]
    visit.open("c.jpg")
    visit.press("f")
    asked(visit)
    visit.press(*"." * 10)
    assert visit.page.locator('#question [data-answer="save"]').is_disabled()
    visit.press(".")
    assert visit.page.locator('#question [data-answer="save"]').is_enabled()


@pytest.mark.parametrize(("answer", "as_drawn"), [("all", True), ("save", False)])
def test_what_the_soft_edge_takes_is_asked_about(visit: Visit, desk: FakeDesk, answer: str, as_drawn: bool) -> None:
    desk.lost = 0.31
    visit.open("a.jpg")
    visit.drag((100, 100), (250, 300))
    visit.press("Enter")
    assert "31 % of a place that you drew" in asked(visit).inner_text()
    visit.press("Enter")
    visit.page.locator("#question").wait_for(state="hidden")
    assert desk.decisions == {}
    visit.press("Enter")
    asked(visit)
    visit.page.click(f'#question [data-answer="{answer}"]')
    visit.shown("b.jpg")
    assert desk.decisions["a.jpg"]["as_drawn"] == as_drawn


@pytest.mark.parametrize("why", ["sent_back", "lapsed"])
def test_an_answer_that_did_not_hold_is_told_and_offered_again(visit: Visit, desk: FakeDesk, why: str) -> None:
    shape = {"kind": "ellipse", "points": [[300, 100], [400, 240]]}
    desk.put("a.jpg", {"verdict": "mask", "shapes": [shape], "who": "Ada", "note": "left one"})
    desk.decisions["a.jpg"] |= {"written": True, why: True}
    desk.texts["a.jpg"] = {"detail": "a face is left open at 100, 100"}
    visit.open("a.jpg")
    told = visit.page.inner_text("#ask")
    assert told.startswith("Your answer (mask drawn, Ada, ")
    assert told.endswith(") did not hold: a face is left open at 100, 100. Look again.")
    assert visit.page.inner_text("#detail") == ""
    assert "left one" in visit.page.inner_text("#decided")
    assert visit.page.is_disabled("#decide-open")
    assert visit.page.inner_text('#list [data-path="a.jpg"] .badge') == "none found"
    visit.press("Enter")
    visit.shown("b.jpg")
    assert desk.asked[0]["shapes"] == [shape]


def test_the_list_tells_reasons_from_answers(visit: Visit, desk: FakeDesk) -> None:
    desk.put("d.jpg", {"verdict": "no_face", "shapes": [], "who": "Bo"})
    visit.open("a.jpg")
    badges = visit.page.locator("#list .badge").all_inner_texts()
    assert badges == ["none found", "detectors disagree", "none found", "✓ no face"]


def test_a_file_that_changed_can_be_put_off_or_excluded_only(visit: Visit, desk: FakeDesk) -> None:
    desk.changed.add("b.jpg")
    visit.open("b.jpg")
    assert "Write now lets them look again" in visit.page.inner_text("#ask")
    enabled = visit.page.locator("#decisions button:enabled").evaluate_all("(all) => all.map((one) => one.id)")
    assert enabled == ["decide-exclude", "decide-skip"]
    assert visit.page.is_enabled("#write")
    visit.drag((100, 100), (250, 300))
    visit.press("u", "a", "f", "Enter")
    assert visit.shapes() == 0
    assert visit.page.locator("#layers input:enabled").count() == 0
    assert desk.asked == []


def test_a_file_that_changes_while_it_is_looked_at_is_shown_anew(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    visit.drag((100, 100), (250, 300))
    desk.texts["a.jpg"] = {"sha256": "another digest"}
    desk.changed.add("a.jpg")
    visit.press("Enter")
    question = asked(visit)
    assert question.locator("button:visible").all_inner_texts() == ["Show the new file"]
    visit.press("Enter")
    visit.page.wait_for_selector("#ask >> text=has changed since the detectors")
    assert desk.decisions == {}


@pytest.mark.parametrize("key", ["t", "Control+z"])
def test_right_after_an_answer_a_key_takes_it_back(visit: Visit, desk: FakeDesk, key: str) -> None:
    visit.open("a.jpg")
    visit.press("f")
    visit.shown("b.jpg")
    assert visit.page.inner_text("#toast-action kbd") == "T"
    visit.press(key)
    visit.shown("a.jpg")
    visit.toast("Taken back: a is open again.")
    assert [(one["path"], one["verdict"]) for one in desk.asked] == [("a.jpg", "no_face"), ("a.jpg", "open")]


def test_undo_undoes_what_is_drawn_before_it_takes_an_answer_back(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    visit.press("f")
    visit.shown("b.jpg")
    visit.drag((100, 100), (250, 300))
    visit.press("Control+z")
    assert visit.shapes() == 0
    assert len(desk.asked) == 1


def test_taking_back_says_what_becomes_of_a_released_picture(visit: Visit, released: FakeDesk) -> None:
    visit.open("c.jpg", "released")
    visit.drag((1300, 400), (1500, 700))
    visit.press("Enter")
    visit.toast("Saved")
    visit.press("t")
    visit.toast("Taken back: c stays as it is in the release until Write now.")
    visit.shown("c.jpg")
    assert visit.shapes() == 3


def test_a_server_that_is_gone_can_be_tried_again(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    visit.drag((100, 100), (250, 300))
    visit.page.route("**/api/**", lambda route: route.abort())
    visit.press("n")
    visit.page.wait_for_selector("#trouble >> text=Keep this tab open: your drawing is kept in it.")
    visit.page.unroute("**/api/**")
    visit.page.click("#trouble-retry")
    visit.shown("b.jpg")
    visit.press("p")
    visit.shown("a.jpg")
    assert visit.shapes() == 1
    assert visit.page.locator("#trouble").is_hidden()
    visit.errors[:] = [error for error in visit.errors if "ERR_FAILED" not in error]


def test_a_server_that_was_started_anew_is_told_from_a_picture_that_is_gone(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    del desk.pictures["b.jpg"]
    visit.page.click('#list [data-path="b.jpg"]')
    visit.page.wait_for_selector("#trouble >> text=no picture b.jpg")
    visit.page.route("**/api/**", lambda route: route.fulfill(status=404, json={"error": "not found"}))
    visit.page.click('#list [data-path="c.jpg"]')
    visit.page.wait_for_selector("#trouble >> text=The review was restarted: open the new address from the terminal")
    assert visit.page.locator("#trouble-retry").is_hidden()


@pytest.mark.parametrize("size", [(880, 720), (1280, 540)])
def test_in_a_small_window_nothing_is_decided(visit: Visit, desk: FakeDesk, size: tuple[int, int]) -> None:
    visit.open("a.jpg")
    visit.page.set_viewport_size({"width": size[0], "height": size[1]})
    visit.page.wait_for_selector("text=This window is too small to judge faces")
    visit.press("f")
    visit.page.wait_for_timeout(200)
    assert desk.asked == []
    visit.page.set_viewport_size({"width": 900, "height": 560})
    visit.page.locator("#small").wait_for(state="hidden")
    visit.press("f")
    visit.shown("b.jpg")


def test_name_and_fit_can_be_seen_on_a_small_screen(visit: Visit) -> None:
    visit.page.set_viewport_size({"width": 1024, "height": 700})
    visit.open("a.jpg")
    foot = visit.page.locator("#foot").bounding_box()
    for name in ("#name", "#fit"):
        box = visit.page.locator(name).bounding_box()
        assert box["width"] > 40
        assert box["x"] + box["width"] <= foot["x"] + foot["width"]
    assert visit.page.locator("#foot").evaluate("(foot) => foot.scrollWidth - foot.clientWidth") == 0


def test_the_address_names_no_picture_and_a_reload_shows_the_same(visit: Visit) -> None:
    visit.open("c.jpg")
    assert visit.page.url == f"{visit.url}#f=todo"
    visit.page.reload()
    visit.shown("c.jpg")
    visit.page.click('[data-filter="reason:detectors_disagree"]')
    visit.shown("b.jpg")
    visit.page.reload()
    visit.shown("b.jpg")
    assert visit.page.evaluate("location.hash") == "#f=reason%3Adetectors_disagree"


def test_dark_parts_can_be_made_brighter(visit: Visit) -> None:
    visit.open("a.jpg")
    seen = []
    for _ in range(4):
        visit.press("d")
        seen.append(visit.page.locator("#ground").evaluate("(ground) => ground.style.filter"))
    assert seen == [*(f'url("#brighter-{step}")' for step in (1, 2, 3)), ""]
    assert visit.page.locator("#canvas").evaluate("(canvas) => canvas.style.filter") == ""


def test_after_writing_everything_is_as_it_is_on_disk(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    visit.press("f")
    visit.shown("b.jpg")
    visit.open("a.jpg", "decided")
    visit.page.click("#write")
    visit.page.wait_for_selector("#writing-text >> text=Next: p3m-anon audit")
    which(visit, "released")
    assert "not written" not in visit.page.inner_text("#decided")


def test_the_end_card_is_made_anew_after_writing(visit: Visit, desk: FakeDesk) -> None:
    for path in desk.pictures:
        desk.put(path, {"verdict": "no_face", "shapes": [], "who": "Bo"})
    visit.page.goto(visit.url)
    visit.page.wait_for_selector("#empty >> text=4 decided, not yet written")
    visit.page.click("#empty >> text=Write now")
    visit.page.wait_for_selector("#empty >> text=All decisions are written")
    assert all(desk.decisions[path]["written"] for path in desk.pictures)


def test_a_basis_is_chosen_and_not_given(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    visit.press("m")
    visit.page.fill("#reference", "page 7")
    visit.press("Enter")
    assert "basis is needed" in visit.page.inner_text("#stay-missing")
    assert desk.asked == []


def test_an_answer_about_one_picture_is_never_given_for_another(visit: Visit, desk: FakeDesk) -> None:
    """The server thinks, the person clicks on; then it asks back about the picture before."""
    decide, asked = desk.decide, []

    def slow(answer):
        asked.append(answer["path"])
        time.sleep(1)
        return decide(answer)

    desk.decide = slow  # type: ignore[method-assign]
    visit.open("b.jpg")
    visit.press("f")  # two places look like a face in it
    visit.page.click('#list [data-path="c.jpg"]')
    visit.shown("c.jpg")
    visit.page.wait_for_timeout(1800)
    assert visit.page.locator("#question[open]").count() == 0
    assert "b" in visit.page.inner_text("#trouble-text")
    assert asked == ["b.jpg"]
    assert desk.decisions == {}
