"""Sheets in a browser: keys, marks, and that Enter answers only what was loaded and in view."""

from __future__ import annotations

from typing import Any

import pytest

from p3m_anon.review.desk import Refused
from tests.review.conftest import Visit
from tests.review.fake_desk import FakeDesk, drawn_picture, sighting

CONTROL = "b"  # the key of the second tile


@pytest.fixture
def desk() -> FakeDesk:
    """Eight drawn pictures."""
    return FakeDesk({f"{name}.jpg": drawn_picture(number, (300, 200)) for number, name in enumerate("abcdefgh")})


def opened(visit: Visit, filter: str = "todo") -> Visit:
    visit.page.goto(f"{visit.url}#f={filter}&v=sheets")
    return ready(visit)


def ready(visit: Visit) -> Visit:
    visit.page.wait_for_selector("#sheet-answer:enabled", timeout=60_000)
    return visit


def name(visit: Visit) -> str:
    return str(visit.page.get_attribute("#sheet-stage", "data-sheet"))


def following(visit: Visit, before: str) -> Visit:
    visit.page.wait_for_selector(f'#sheet-stage:not([data-sheet="{before}"]):not([data-sheet=""])', timeout=60_000)
    return ready(visit)


def verdicts(desk: FakeDesk) -> dict[str, str]:
    return {path: decision["verdict"] for path, decision in desk.decisions.items()}


def test_two_keys_answer_a_sheet_and_the_next_one_comes(visit: Visit, desk: FakeDesk) -> None:
    opened(visit)
    first = name(visit)
    visit.press(CONTROL, "Enter")
    following(visit, first)
    assert verdicts(desk) == dict.fromkeys(["a.jpg", "b.jpg", "c.jpg"], "no_face")
    (asked,) = desk.sheets.answers
    assert (asked["sheet"], asked["who"], asked["marked"]) == (first, "Ada", [f"{first}-1"])
    assert asked["tiles"] == [{"tile": f"{first}-{n}", "loaded": True, "seen": True} for n in range(4)]
    assert asked["seconds"] > 0
    assert "3 answered" in visit.page.inner_text("#sheet-ask")


def test_arrows_and_space_mark_what_needs_a_closer_look(visit: Visit, desk: FakeDesk) -> None:
    opened(visit)
    first = name(visit)
    visit.press("Space", "ArrowRight", "Space", "ArrowDown", "Space", "Space")
    marked = visit.page.locator(".tile[aria-checked=true] b").all_inner_texts()
    assert marked == ["A", "B"]
    assert visit.page.evaluate("document.activeElement.querySelector('b').textContent") == "D"
    visit.press("ArrowUp")
    assert visit.page.evaluate("document.activeElement.querySelector('b').textContent") == "A"
    visit.press("Enter")
    following(visit, first)
    assert verdicts(desk) == {"a.jpg": "skip", "b.jpg": "no_face", "c.jpg": "no_face"}


def test_a_click_marks_a_picture(visit: Visit) -> None:
    opened(visit)
    visit.page.locator(".tile").nth(2).click()
    assert visit.page.locator(".tile[aria-checked=true] b").all_inner_texts() == ["C"]
    assert "other 3" in visit.page.inner_text("#sheet-answer")


def test_without_the_control_nothing_is_answered_and_the_pictures_come_again(visit: Visit, desk: FakeDesk) -> None:
    opened(visit)
    first = name(visit)
    visit.press("a", "Enter")
    visit.page.wait_for_selector("#sheet-ask.wrong >> text=you did not mark the pasted face")
    following(visit, first)
    assert desk.decisions == {}
    assert desk.sheets.shown[name(visit)] == ["a.jpg", None, "b.jpg", "c.jpg"]
    assert visit.page.locator(".tile[aria-checked=true]").count() == 0


def test_enter_waits_until_every_picture_is_loaded(visit: Visit, desk: FakeDesk) -> None:
    desk.sheets.broken = {2, 5}
    visit.page.goto(f"{visit.url}#f=todo&v=sheets")
    visit.page.wait_for_selector(".tile.missing")
    assert visit.page.is_disabled("#sheet-answer")
    assert visit.page.inner_text("#sheet-answer").startswith("Not all loaded and in view")
    first = name(visit)
    visit.press(CONTROL, "Enter")  # fetches what is missing
    visit.page.locator(".tile.missing").first.wait_for(state="detached")
    assert desk.sheets.answers == []
    ready(visit).press("Enter")
    following(visit, first)


def test_enter_waits_until_every_picture_was_in_view(visit: Visit, desk: FakeDesk) -> None:
    """The window is too low for the second row of what the fake desk lays out."""
    visit.page.set_viewport_size({"width": 1000, "height": 560})
    desk.sheets.each = 8
    visit.page.add_init_script(
        "addEventListener('load', () => (document.querySelector('#sheets').style.maxHeight = '260px'))"
    )
    visit.page.goto(f"{visit.url}#f=todo&v=sheets")
    visit.page.wait_for_selector(".tile img[src]")
    visit.press(CONTROL, "Enter")
    visit.page.wait_for_selector("#sheet-ask.wrong >> text=Not every picture has been in view yet")
    assert desk.sheets.answers == []
    assert visit.page.is_disabled("#sheet-answer")


def test_a_held_key_does_not_run_through_the_sheets(visit: Visit, desk: FakeDesk) -> None:
    opened(visit)
    visit.page.keyboard.down("Enter")
    for _ in range(5):
        visit.page.keyboard.down("Enter")
    visit.page.keyboard.up("Enter")
    visit.page.wait_for_selector("#sheet-ask.wrong")
    assert len(desk.sheets.answers) == 1


def test_at_the_end_the_page_says_what_is_left_and_why(visit: Visit, desk: FakeDesk) -> None:
    desk.sheets.each = 8
    desk.sheets.singly = [{"why": "hold a face that a look is sure of", "pictures": 2}]
    opened(visit)
    assert visit.page.inner_text("#sheet-left") == "2 left for one by one"
    visit.page.click("#sheet-left")
    assert "2 hold a face that a look is sure of" in visit.page.inner_text("#sheet-why")
    visit.press("Escape")
    assert visit.page.locator("#sheet-why").is_hidden()
    visit.press("a", CONTROL, "Enter")
    end = visit.page.locator("#sheet-end")
    end.wait_for()
    assert "2 hold a face that a look is sure of" in end.inner_text()
    desk.put("a.jpg", {"verdict": "open"})  # what was marked waits
    visit.page.click("#sheet-back")
    visit.shown("a.jpg")
    assert visit.page.url.endswith("#f=todo")


def test_a_filter_with_nothing_to_offer_says_so(visit: Visit, desk: FakeDesk) -> None:
    desk.sheets.each = 0
    desk.sheets.singly = [{"why": "hold more than 12 places that look like a face", "pictures": 8}]
    visit.page.goto(f"{visit.url}#f=todo&v=sheets")
    visit.page.wait_for_selector("#sheet-end >> text=8 hold more than 12 places that look like a face")


def test_sheets_are_reached_by_key_button_and_address(visit: Visit, desk: FakeDesk) -> None:
    desk.sightings["b.jpg"] = [sighting((10, 10, 40, 40), "first")]
    visit.open("c.jpg", "reason:no_face")
    visit.press("s")
    ready(visit)
    assert visit.page.evaluate("location.hash") == "#f=reason%3Ano_face&v=sheets"
    assert desk.sheets.drawn[0]["filter"] == "reason:no_face"
    assert visit.page.locator("main").is_hidden()
    visit.press("Escape")
    visit.shown("a.jpg")
    visit.page.click("#sheets-open")
    ready(visit)
    reloads = 1
    visit.page.reload()
    while not visit.page.locator("#sheet-answer:enabled").count():
        # A thumbnail that a busy machine did not deliver keeps the sheet closed, as it must; a person loads it again.
        visit.page.wait_for_timeout(500)
        if visit.page.evaluate("performance.now()") > 30_000:
            reloads += 1
            assert reloads < 4
            visit.page.reload()
    assert [asked["fresh"] for asked in desk.sheets.drawn].count(True) == 2 + reloads
    visit.press("Escape")
    visit.open("a.jpg").page.click('[data-filter="decided"]')
    visit.page.wait_for_selector("#sheets-row", state="hidden")


def test_without_a_name_no_sheet_is_answered(visit: Visit, desk: FakeDesk) -> None:
    opened(visit)
    visit.page.fill("#who", " ")
    visit.press("Enter", CONTROL, "Enter")
    visit.page.wait_for_selector("#sheet-ask.wrong >> text=Your name")
    assert desk.sheets.answers == []


def test_a_sheet_that_is_no_longer_open_is_drawn_anew(visit: Visit, desk: FakeDesk) -> None:
    opened(visit)
    first = name(visit)
    desk.sheets.refusal = Refused(409, "this sheet was answered")
    visit.press(CONTROL, "Enter")
    visit.page.wait_for_selector("#sheet-ask >> text=Nothing was answered")
    following(visit, first)
    assert desk.decisions == {}


def test_another_window_is_laid_out_anew(visit: Visit, desk: FakeDesk) -> None:
    opened(visit)
    first = name(visit)
    visit.page.set_viewport_size({"width": 1500, "height": 900})
    following(visit, first)
    assert desk.sheets.drawn[-1]["width"] > desk.sheets.drawn[0]["width"]


def test_nothing_but_its_picture_tells_the_control(visit: Visit, desk: FakeDesk) -> None:
    opened(visit)
    marked: list[list[Any]] = visit.page.locator(".tile").evaluate_all(
        "(all) => all.map((one) => [...one.attributes].map(({name}) => name).sort().join() + one.className"
        " + [...one.querySelectorAll('*')].map((part) => [part.tagName, ...part.getAttributeNames()].join()).join(';'))"
    )
    focused, *others = marked
    assert len(set(others)) == 1
    assert focused == others[0]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_on_sheets_can_be_read_in_both_themes(visit: Visit, desk: FakeDesk, theme: str) -> None:
    from tests.review.test_page import CONTRAST

    desk.sheets.singly = [{"why": "hold a face that a look is sure of", "pictures": 2}]
    visit.page.emulate_media(color_scheme=theme)
    opened(visit).press("a")
    visit.page.click("#sheet-left")
    contrasts = visit.page.evaluate(CONTRAST)
    assert [(what, value) for what, value in contrasts if value < 4.5] == []
