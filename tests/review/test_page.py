"""The review page in a browser: drawing, deciding, and that nothing drawn is lost."""

from __future__ import annotations

import io
from typing import Any

import pytest
from PIL import Image

from tests.review.conftest import Visit
from tests.review.fake_desk import FakeDesk

TRIANGLE = [(200.0, 150.0), (420.0, 180.0), (300.0, 400.0)]


def near(points: list[list[float]], wanted: list[tuple[float, float]], slack: float = 0.6) -> bool:
    """Mouse events come in whole screen pixels in some browsers, so a place may be one off."""
    assert len(points) == len(wanted)
    return all(abs(p[0] - w[0]) <= slack and abs(p[1] - w[1]) <= slack for p, w in zip(points, wanted, strict=True))


def polygon(visit: Visit, corners: list[tuple[float, float]]) -> None:
    visit.press("g")
    for corner in corners:
        visit.click(*corner)


def test_a_polygon_is_sent_as_clicked_and_the_next_picture_comes(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    polygon(visit, TRIANGLE)
    visit.press("Enter")
    assert visit.shapes() == 1
    visit.press("Enter")
    visit.shown("b.jpg")
    (asked,) = desk.asked
    (shape,) = asked["shapes"]
    assert shape["kind"] == "polygon"
    assert near(shape["points"], TRIANGLE)
    plain = {
        key: asked[key] for key in ("path", "sha256", "version", "who", "verdict", "as_drawn", "confirmed", "filter")
    }
    assert plain == {
        "path": "a.jpg", "sha256": "digest of a.jpg", "version": 0, "who": "Ada", "verdict": "mask", "as_drawn": False,
        "confirmed": [], "filter": "todo",
    }  # fmt: skip
    visit.page.wait_for_selector("#progress >> text='1 of 4 decided'")


def test_a_polygon_is_as_exact_when_one_is_near(visit: Visit, desk: FakeDesk) -> None:
    visit.open("c.jpg")
    visit.page.mouse.move(*visit.screen(1500, 900))
    for _ in range(12):
        visit.page.mouse.wheel(0, -300)
    visit.page.wait_for_timeout(100)
    assert visit.picture(*visit.screen(1500, 900)) == pytest.approx((1500, 900))
    corners = [(1490.5, 890.0), (1512.25, 893.0), (1503.0, 911.5)]
    polygon(visit, corners)
    visit.page.mouse.dblclick(*visit.screen(1490.5, 910))
    visit.press("Control+s")
    visit.toast("Saved")
    assert near(desk.asked[0]["shapes"][0]["points"], [*corners, (1490.5, 910.0)], 0.15)


def test_a_sharp_window_follows_zooming(visit: Visit) -> None:
    visit.open("c.jpg")
    before = len([url for url in visit.requests if "api/image" in url and "c.jpg" in url])
    assert before == 1
    with visit.page.expect_request(lambda request: "api/image" in request.url and "w=3000" not in request.url):
        visit.press("+", "+", "+", "+", "+")


def test_undo_and_redo_go_through_every_change(visit: Visit) -> None:
    visit.open("a.jpg")
    visit.drag((100, 100), (200, 220))
    visit.drag((300, 100), (400, 220))
    visit.press("a")
    assert visit.shapes() == 2
    assert visit.page.is_checked("#as-drawn")
    visit.press("Control+z")
    assert not visit.page.is_checked("#as-drawn")
    visit.press("Control+z")
    assert visit.shapes() == 1
    visit.press("Control+z")
    assert visit.shapes() == 0
    assert visit.page.is_disabled("#undo")
    visit.press("Control+Shift+z", "Control+y", "Control+y")
    assert visit.shapes() == 2
    assert visit.page.is_checked("#as-drawn")
    assert visit.page.is_disabled("#redo")
    visit.page.click("#clear")
    assert visit.shapes() == 0
    visit.press("Control+z")
    assert visit.shapes() == 2


def test_the_last_point_of_a_polygon_can_be_taken_back(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    polygon(visit, [*TRIANGLE, (700, 500)])
    visit.press("Backspace")
    visit.click(*TRIANGLE[0])
    assert visit.shapes() == 1
    polygon(visit, TRIANGLE[:2])
    visit.press("Escape")
    visit.press("Enter")
    visit.toast("Saved")
    assert len(desk.asked[0]["shapes"]) == 1
    assert near(desk.asked[0]["shapes"][0]["points"], TRIANGLE)


def test_ellipse_brush_and_rubber(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    visit.drag((100, 100), (250, 300))
    visit.press("b", "[", "[")
    visit.drag((400, 100), (500, 100), (500, 200))
    visit.press("r")
    visit.drag((150, 150), (180, 180))
    visit.press("Control+s")
    visit.toast("Saved")
    ellipse, brush, erase = desk.asked[0]["shapes"]
    assert (ellipse["kind"], brush["kind"], erase["kind"]) == ("ellipse", "brush", "erase")
    assert near(ellipse["points"], [(100, 100), (250, 300)], 1.5)
    assert near([brush["points"][0], brush["points"][-1]], [(400, 100), (500, 200)], 3)
    scale = (visit.page.locator("#stage").bounding_box()["width"] - 20) / 900
    assert brush["width"] == pytest.approx(28 / scale, abs=0.1)
    assert "width" not in ellipse


def test_shapes_can_be_moved_and_changed(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    polygon(visit, TRIANGLE)
    visit.press("Enter", "v")
    visit.drag((300, 250), (350, 250))
    visit.drag((470, 180), (500, 200))
    visit.drag((360, 175), (360, 100))
    visit.press("Control+s")
    visit.toast("Saved")
    moved = [(250.0, 150.0), (360.0, 100.0), (500.0, 200.0), (350.0, 400.0)]
    assert near(desk.asked[0]["shapes"][0]["points"], moved, 3)


def test_a_corner_and_then_the_shape_can_be_deleted(visit: Visit) -> None:
    visit.open("a.jpg")
    polygon(visit, [*TRIANGLE, (120, 380)])
    visit.press("Enter", "v")
    visit.click(250, 300)
    visit.click(120, 380)
    visit.press("Delete")
    assert visit.shapes() == 1
    visit.press("Delete")
    assert visit.shapes() == 0


def test_suggestions_become_shapes(visit: Visit, desk: FakeDesk) -> None:
    visit.open("b.jpg")
    visit.press(".", "u")
    assert visit.shapes() == 1
    visit.press("Control+z")
    assert visit.shapes() == 0
    visit.press("Shift+U")
    assert visit.shapes() == 2
    assert visit.page.is_disabled("#accept")
    visit.press("Enter")
    visit.shown("c.jpg")
    points = [shape["points"] for shape in desk.asked[0]["shapes"]]
    assert points == [[[100, 100], [200, 240]], [[500, 600], [620, 760]]]
    assert set(desk.asked[0]["shapes"][0]) == {"kind", "points"}


def test_what_looks_like_a_face_and_is_not_covered_is_asked_about(visit: Visit, desk: FakeDesk) -> None:
    visit.open("b.jpg")
    visit.press("u", "Enter")
    question = visit.page.locator("#question")
    question.wait_for()
    assert "1 place looks like a face" in question.inner_text()
    assert visit.page.evaluate("document.activeElement.textContent") == "Go back and draw"
    visit.press("Enter")
    question.wait_for(state="hidden")
    assert visit.shapes() == 1
    assert desk.decisions == {}
    visit.press("Enter")
    question.wait_for()
    visit.page.click("text=Yes, it stays clear: it is no face")
    visit.shown("c.jpg")
    assert [asked["confirmed"] for asked in desk.asked] == [[], [], [[500, 600, 620, 760]]]


@pytest.mark.parametrize("keep", [True, False], ids=["mine", "theirs"])
def test_what_somebody_else_decided_is_not_written_over(visit: Visit, desk: FakeDesk, keep: bool) -> None:
    visit.open("a.jpg")
    visit.drag((100, 100), (250, 300))
    theirs = {"kind": "ellipse", "points": [[1, 2], [300, 400]]}
    desk.put("a.jpg", {"verdict": "mask", "shapes": [theirs, theirs], "who": "Bo", "note": "seen", "as_drawn": False})
    visit.press("Enter")
    question = visit.page.locator("#question")
    question.wait_for()
    assert "Bo: mask drawn" in question.inner_text()
    visit.page.click("text=Keep mine" if keep else "text=Show theirs")
    question.wait_for(state="hidden")
    visit.page.wait_for_selector("#decided >> text=Bo: mask drawn")
    visit.shown("a.jpg")
    assert visit.shapes() == (1 if keep else 2)
    visit.press("Control+z")
    assert visit.shapes() == (2 if keep else 1)
    assert desk.versions["a.jpg"] == 1
    visit.press("Control+y", "Enter")
    visit.until(lambda: desk.versions["a.jpg"] == 2)


def test_a_mask_is_drawn_without_a_mouse(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    visit.press("g")
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        visit.press(*["Shift+" + key] * 6, "Space")
    visit.press("Enter", "e", "Shift+ArrowLeft", "Space", *["Shift+ArrowUp"] * 5, *["Shift+ArrowLeft"] * 5, "Space")
    visit.press("b", "Space", *["ArrowLeft"] * 9, "Space", "Enter")
    visit.shown("b.jpg")
    triangle, ellipse, brush = desk.asked[0]["shapes"]
    (x0, y0), (x1, y1), (x2, y2) = triangle["points"]
    step = x1 - x0
    assert step == pytest.approx(60 / ((704 - 20) / 900), rel=0.02)
    assert (y1, x2) == (y0, x1)
    assert y2 - y1 == pytest.approx(step, rel=0.02)
    assert ellipse["points"][0][0] - ellipse["points"][1][0] == pytest.approx(step * 5 / 6, rel=0.02)
    assert len(brush["points"]) > 3


def test_everything_can_be_reached_with_tab(visit: Visit) -> None:
    visit.open("a.jpg")
    reached = set()
    for _ in range(90):
        visit.press("Tab")
        reached.add(visit.page.evaluate("document.activeElement.id"))
    shown = "(all) => all.filter((one) => one.id && one.offsetParent).map((one) => one.id)"
    enabled = visit.page.locator("button:enabled, input:enabled").evaluate_all(shown)
    assert set(enabled) - reached == set()


def test_keys_do_nothing_while_one_types(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    visit.page.click("#note")
    visit.page.keyboard.type("fmxltcunjg 15?+")
    visit.press("Enter")
    assert visit.page.input_value("#note") == "fmxltcunjg 15?+"
    assert visit.page.get_attribute("#canvas", "data-path") == "a.jpg"
    visit.press("f")
    visit.shown("b.jpg")
    assert (desk.asked[0]["verdict"], desk.asked[0]["note"]) == ("no_face", "fmxltcunjg 15?+")
    assert visit.page.input_value("#note") == ""


def test_the_other_answers(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    visit.press("x")
    visit.page.locator("#question").wait_for()
    visit.press("Escape")
    visit.press("m")
    visit.page.locator("#stay").wait_for()
    visit.page.select_option("#basis", "public_figure")
    visit.page.click("#stay-save")
    assert "needed" in visit.page.inner_text("#stay-missing")
    visit.page.fill("#reference", "page 7")
    visit.press("Enter")
    visit.shown("b.jpg")
    visit.press("l")
    visit.shown("c.jpg")
    visit.press("x")
    visit.page.click("text=Exclude it")
    visit.shown("d.jpg")
    said = [(asked["verdict"], asked["basis"], asked["reference"]) for asked in desk.asked]
    assert said == [("normal", "public_figure", "page 7"), ("skip", None, None), ("exclude", None, None)]


def test_a_decision_is_taken_back_with_its_drawing(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    visit.drag((100, 100), (250, 300))
    visit.press("Enter")
    visit.shown("b.jpg")
    visit.page.click("#toast-action")
    visit.shown("a.jpg")
    visit.toast("Taken back")
    assert visit.shapes() == 1
    assert desk.decisions == {}
    visit.press("Enter")
    visit.shown("b.jpg")
    visit.open("a.jpg", "decided")
    visit.press("t")
    visit.toast("Taken back")
    assert [asked["verdict"] for asked in desk.asked] == ["mask", "open", "mask", "open"]


def test_without_a_name_nothing_is_decided(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    visit.page.fill("#who", " ")
    visit.press("Escape", "f")
    visit.toast("Your name")
    assert visit.page.evaluate("document.activeElement.id") == "who"
    assert desk.asked == []


def test_a_drawing_outlives_a_reload_and_a_look_at_other_pictures(visit: Visit) -> None:
    visit.open("a.jpg")
    visit.drag((100, 100), (250, 300))
    visit.press("n")
    visit.shown("b.jpg")
    assert visit.shapes() == 0
    visit.press("p")
    visit.shown("a.jpg")
    assert visit.shapes() == 1
    asked = []

    def answer(dialog: Any) -> None:
        asked.append(dialog.type)
        dialog.accept()

    visit.page.on("dialog", answer)
    visit.page.reload()
    visit.shown("a.jpg")
    assert asked == ["beforeunload"]
    assert visit.shapes() == 1
    visit.press("Control+z")
    visit.page.reload()
    visit.shown("a.jpg")
    assert asked == ["beforeunload"]
    assert visit.shapes() == 0


def test_a_lost_connection_is_told_and_loses_nothing(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    visit.drag((100, 100), (250, 300))
    visit.page.route("**/api/**", lambda route: route.abort())
    visit.press("Enter")
    visit.page.wait_for_selector("#trouble >> text=The server does not answer")
    assert visit.shapes() == 1
    visit.page.unroute("**/api/**")
    visit.press("Enter")
    visit.shown("b.jpg")
    assert visit.page.locator("#trouble").is_hidden()
    visit.errors[:] = [error for error in visit.errors if "ERR_FAILED" not in error]


def test_the_preview_shows_what_is_drawn_and_what_is_left(visit: Visit, desk: FakeDesk) -> None:
    visit.open("b.jpg")
    visit.press("u", "5")
    visit.page.wait_for_selector("#preview-state >> text=1 face clear")
    visit.press("u")
    visit.page.locator("#preview-state", has_not_text="clear").wait_for()
    last = desk.previews[-1]
    assert (len(last["shapes"]), last["window"]) == (2, [0, 0, 800, 1000])


def test_what_is_drawn_covers_its_place_on_the_screen(visit: Visit) -> None:
    visit.open("a.jpg")
    visit.press("1", "2")

    def colour(x: float, y: float) -> Any:
        visit.page.mouse.move(5, 5)
        visit.page.wait_for_timeout(60)
        left, top = (round(place) for place in visit.screen(x, y))
        clip = {"x": left, "y": top, "width": 1, "height": 1}
        return Image.open(io.BytesIO(visit.page.screenshot(clip=clip))).convert("RGB").getpixel((0, 0))

    inside, outside = colour(170, 170), colour(600, 400)
    visit.drag((100, 100), (250, 250))
    assert colour(170, 170) != inside
    assert colour(600, 400) == outside
    visit.press("4")
    assert colour(170, 170) == inside


def test_a_sample_is_looked_through(visit: Visit, desk: FakeDesk) -> None:
    desk.sampling = True
    visit.page.goto(f"{visit.url}#f=sample")
    visit.shown("a.jpg")
    assert visit.page.get_attribute("#canvas", "data-which") == "released"
    visit.page.wait_for_selector("#sample >> text=0 of 4 looked at, 0 missed")
    visit.press("o")
    visit.page.wait_for_selector("#canvas[data-ready=true][data-which=original]")
    for path in ("b.jpg", "c.jpg", "d.jpg"):
        visit.press("c")
        visit.shown(path)
    visit.press("c")
    visit.page.wait_for_selector("#statement >> text=0 of 4 missed")
    visit.page.wait_for_selector("#sample >> text=4 of 4 looked at, 0 missed")


def test_when_nothing_waits_the_page_says_what_to_do_next(visit: Visit, desk: FakeDesk) -> None:
    for path in desk.pictures:
        desk.put(path, {"verdict": "no_face", "shapes": [], "who": "Bo"})
    visit.page.goto(visit.url)
    visit.page.wait_for_selector("#empty >> text=Nothing waits here")
    visit.page.click("#empty >> text=Write now")
    visit.page.wait_for_selector("#writing-text >> text=1 of 2 pictures")
    visit.page.wait_for_selector("#writing-text >> text=2 released")
    visit.page.wait_for_selector("#unwritten >> text=All written")
    assert all(desk.decisions[path]["written"] for path in desk.pictures)


def test_pictures_are_found_by_filter_and_name(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    visit.page.click('[data-filter="reason:detectors_disagree"]')
    visit.shown("b.jpg")
    visit.page.locator('#list [data-path="a.jpg"]').wait_for(state="detached")  # the list may come after the picture
    visit.page.locator('#list [data-path="b.jpg"]').wait_for()
    assert visit.page.locator("#list [data-path]").count() == 1
    visit.page.click('[data-filter="todo"]')
    visit.shown("a.jpg")
    visit.press("/")
    visit.page.keyboard.type("d")
    visit.page.locator('#list [data-path="a.jpg"]').wait_for(state="detached")
    visit.press("Enter")
    visit.shown("d.jpg")
    assert visit.page.url.endswith("#f=todo")


def test_enter_opens_what_was_typed_and_not_what_the_list_still_shows(visit: Visit, desk: FakeDesk) -> None:
    visit.open("a.jpg")
    visit.press("/")
    visit.page.keyboard.type("d")
    visit.press("Enter")
    visit.shown("d.jpg")
    visit.page.locator('#list [data-path="a.jpg"]').wait_for(state="detached")
    paths = visit.page.locator("#list [data-path]").evaluate_all("(all) => all.map((one) => one.dataset.path)")
    assert paths == ["d.jpg"]


def test_a_file_that_cannot_be_shown_can_be_skipped_or_excluded_only(visit: Visit, desk: FakeDesk) -> None:
    desk.texts["a.jpg"] = {"error": "the file ends early", "width": 0, "height": 0}
    visit.page.goto(f"{visit.url}#f=todo")
    visit.page.wait_for_selector("#detail >> text=the file ends early")
    enabled = visit.page.locator("#decisions button:enabled").evaluate_all("(all) => all.map((one) => one.id)")
    assert enabled == ["decide-exclude", "decide-skip"]


def test_a_name_is_text_and_no_markup(visit: Visit, desk: FakeDesk) -> None:
    name = "<img src=x onerror=alert(1)> & #%.jpg"
    desk.pictures[name] = desk.pictures["a.jpg"]
    desk.versions[name] = 0
    visit.page.goto(visit.url)
    visit.shown(name)
    assert visit.page.inner_text("#name").startswith("<img src=x onerror=alert(1)> & #%")
    assert visit.page.locator("main img").count() == 0


def all_equal(values: list[Any]) -> bool:
    return all(value == values[0] for value in values)


@pytest.mark.parametrize("size", [(1280, 720), (2560, 1440)], ids=["1280x720", "2560x1440"])
def test_nothing_jumps_or_scrolls(visit: Visit, size: tuple[int, int]) -> None:
    visit.page.set_viewport_size({"width": size[0], "height": size[1]})
    places = []
    for path in ("a.jpg", "b.jpg", "c.jpg"):
        visit.open(path)
        for tool in "egbrvh":
            visit.press(tool)
            names = ("#left", "#centre", "#right", "#tools", "#undo", "#accept", "#layers", "#decisions", "#foot")
            places.append([visit.page.locator(name).bounding_box() for name in names])
    assert all_equal(places)
    for name in ("html", "#work", "#top", "#foot", "#right"):
        overflow = "({scrollHeight: a, clientHeight: b, scrollWidth: c, clientWidth: d}) => [a - b, c - d]"
        assert visit.page.locator(name).evaluate(overflow) == [0, 0], name


CONTRAST = """() => {
  const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => {
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = rgb.slice(0, 3).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    for (let one = element; one; one = one.parentElement) {
      const colour = numbers(getComputedStyle(one).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const texts = [...document.querySelectorAll("body *")].filter((element) => element.getClientRects().length &&
    ([...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim()) || element.matches("input")));
  return texts.map((element) => {
    const [a, b] = [light(numbers(getComputedStyle(element).color)), light(ground(element))];
    const name = element.id || element.className || `${element.tagName} ${element.textContent}`;
    return [name, (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05)];
  });
}"""


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_text_can_be_read_in_both_themes(visit: Visit, theme: str) -> None:
    visit.page.emulate_media(color_scheme=theme)
    visit.open("b.jpg")
    visit.press("u", "Enter")
    visit.page.locator("#question").wait_for()
    visit.page.evaluate("document.querySelector('#legend').showModal()")
    visit.page.evaluate("document.querySelector('#stay').showModal()")
    visit.page.evaluate("document.querySelector('#trouble').hidden = document.querySelector('#writing').hidden = false")
    visit.page.wait_for_timeout(200)
    contrasts = visit.page.evaluate(CONTRAST)
    assert len(contrasts) > 60
    assert [(name, value) for name, value in contrasts if value < 4.5] == []


def test_the_theme_button_changes_sides(visit: Visit) -> None:
    visit.page.emulate_media(color_scheme="light")
    visit.open("a.jpg")
    ground = "getComputedStyle(document.querySelector('#left')).backgroundColor"
    light = visit.page.evaluate(ground)
    visit.page.click("#theme")
    dark = visit.page.evaluate(ground)
    assert light != dark
    visit.page.reload()
    visit.shown("a.jpg")
    assert visit.page.evaluate(ground) == dark
