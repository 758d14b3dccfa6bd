"""What the review page says: each thing once, nothing that is not so, and in the lines that it draws."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from tests.review.conftest import Visit
from tests.review.fake_desk import FakeDesk


def ellipse(visit: Visit, box: tuple[float, float, float, float]) -> None:
    visit.press("e")
    visit.drag(box[:2], box[2:])


def focused(visit: Visit) -> str:
    return str(visit.page.evaluate("document.activeElement.id"))


def rows(visit: Visit) -> list[str]:
    return list(visit.page.locator("#list [data-path]").evaluate_all("(all) => all.map((one) => one.dataset.path)"))


def test_after_a_search_the_keys_are_for_the_picture(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    visit.press("/")
    visit.page.keyboard.type("d")
    visit.press("Enter")
    visit.shown("d.jpg")
    assert focused(visit) == "canvas"
    visit.press("f")
    visit.toast("Saved: d, no identifiable face.")
    assert [asked["verdict"] for asked in desk.asked] == ["no_face"]


def test_what_the_list_was_searched_for_is_shown_and_escape_clears_it(visit: Visit) -> None:
    visit.open("a.jpg")
    assert visit.page.locator("#found").is_hidden()
    visit.press("/")
    visit.page.keyboard.type("d")
    visit.press("Enter")
    visit.shown("d.jpg")
    assert "Only “d”" in visit.page.inner_text("#found")
    assert rows(visit) == ["d.jpg"]
    visit.press("Escape")
    visit.page.locator("#found").wait_for(state="hidden")
    assert visit.page.input_value("#find") == ""
    assert rows(visit) == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert visit.page.get_attribute("#canvas", "data-path") == "d.jpg"


def test_escape_ends_a_shape_before_it_clears_the_search(visit: Visit) -> None:
    visit.open("a.jpg")
    visit.press("/")
    visit.page.keyboard.type("a")
    visit.page.wait_for_selector("#found:not([hidden])")
    visit.press("Enter")
    visit.shown("a.jpg").press("g")
    visit.click(200, 150)
    visit.press("Escape")
    assert visit.page.input_value("#find") == "a"
    visit.press("Escape")
    visit.page.locator("#found").wait_for(state="hidden")


@pytest.mark.parametrize("way", ["key", "button"])
def test_a_search_can_be_given_up(visit: Visit, way: str) -> None:
    visit.open("a.jpg")
    visit.press("/")
    visit.page.keyboard.type("zz")
    visit.page.wait_for_selector("#list >> text=No name with “zz” here.")
    if way == "key":
        visit.press("Escape")
        assert focused(visit) == "canvas"
    else:
        visit.page.click("#find-clear")
    visit.page.locator('#list [data-path="b.jpg"]').wait_for()


def colours(visit: Visit, selector: str) -> Any:
    return Image.open(io.BytesIO(visit.page.locator(selector).screenshot())).convert("RGB")


def close(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return all(abs(x - y) < 40 for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_legend_has_the_lines_that_are_drawn(visit: Visit, theme: str) -> None:
    """Of the same colour on the picture and in the legend, in both themes; what is dashed has gaps in both."""
    visit.page.emulate_media(color_scheme=theme)
    visit.open("b.jpg")
    boxes = {"first": (100, 100, 200, 240), "second": (500, 600, 620, 760)}
    wanted = {"first": (0x22, 0xC5, 0x5E), "second": (0xFB, 0xBF, 0x24)}
    visit.press(".")  # the suggestion lies over the second box, not over the sides of the first
    picture = colours(visit, "#stage")
    stage = visit.page.locator("#stage").bounding_box()
    for name, box in boxes.items():
        swatch = colours(visit, f'.tick [data-line="{name}"]')
        middle = [swatch.getpixel((x, swatch.height // 2)) for x in range(swatch.width)]
        legend = [close(colour, wanted[name]) for colour in middle]
        x0 = visit.screen(box[0], 0)[0]
        top, bottom = (round(visit.screen(0, box[side])[1] - stage["y"]) for side in (1, 3))
        column = round(x0 - stage["x"])
        side = [
            any(close(picture.getpixel((column + dx, row)), wanted[name]) for dx in (-1, 0, 1))
            for row in range(top + 4, bottom - 4)
        ]
        assert any(legend), name
        assert any(side), name
        dashed = name == "second"
        assert (not all(side)) == dashed
        inner = legend[3:-3]
        assert (not all(inner)) == dashed


def test_every_layer_that_is_drawn_has_its_line(visit: Visit) -> None:
    visit.open("b.jpg")
    lines = visit.page.locator("#right [data-line]").evaluate_all("(all) => all.map((one) => one.dataset.line)")
    assert lines == ["suggestion", "first", "second", "transition", "drawing"]


def test_one_reason_is_said_once(visit: Visit) -> None:
    visit.open("a.jpg")
    told = visit.page.inner_text("#task").lower()
    assert told.count("no face was found") == 1
    assert told.count("found") == 1
    assert visit.page.inner_text("#detail") == ""


def test_a_place_that_is_nearly_covered_is_not_called_clear(visit: Visit, desk: FakeDesk) -> None:
    desk.enough = 0.95
    visit.open("b.jpg")
    ellipse(visit, (90, 90, 210, 250))
    ellipse(visit, (490, 590, 630, 770))
    visit.press("5")
    state = visit.page.locator("#preview-state", has_text="masked to")
    state.wait_for()
    assert "clear" not in state.inner_text()
    assert state.locator('[data-line="partly"]').count() == 1
    visit.press("Enter")
    question = visit.page.locator("#question")
    question.wait_for()
    assert "Are these 2 places masked enough?" in question.inner_text()
    assert "% masked" in visit.page.inner_text("#walk-text")
    assert "clear in the release" not in question.inner_text()
    visit.press(".")
    visit.page.click("text=Yes, what is not masked stays clear")
    visit.shown("c.jpg")
    assert len(desk.asked[-1]["confirmed"]) == 2


def test_what_is_clear_and_what_is_nearly_covered_are_told_apart(visit: Visit, desk: FakeDesk) -> None:
    desk.enough = 0.95
    visit.open("b.jpg")
    ellipse(visit, (90, 90, 210, 250))
    visit.press("5")
    state = visit.page.locator("#preview-state", has_text="masked to")
    state.wait_for()
    assert "1 face clear?" in state.inner_text()
    visit.press("Enter")
    question = visit.page.locator("#question")
    question.wait_for()
    assert "2 places look like a face to a detector" in question.inner_text()
    assert "1 of them not at all" in question.inner_text()


def test_the_preview_colours_what_of_the_background_is_blurred(visit: Visit) -> None:
    """To the fake desk the left half of a picture is background."""
    visit.open("a.jpg")
    ellipse(visit, (350, 200, 550, 400))
    visit.press("5")
    told = visit.page.locator("#preview-state", has_text="is background")
    told.wait_for()
    assert told.locator('[data-line="background"]').count() == 1
    stage = visit.page.locator("#stage").bounding_box()

    def colour(x: float, y: float) -> tuple[int, ...]:
        across, down = visit.screen(x, y)
        return tuple(colours(visit, "#stage").getpixel((round(across - stage["x"]), round(down - stage["y"]))))

    visit.press("4")  # the edge of the drawing is not what is looked at
    left, right = colour(420, 300), colour(480, 300)
    assert left[0] - left[2] > right[0] - right[2] + 40  # more orange
