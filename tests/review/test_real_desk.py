"""The page, the server, the ledger and `blur` together, in a browser, on real portraits."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from p3m_anon.faces.settings import BlurSettings
from p3m_anon.faces.shapes import draw, shapes_from_json
from p3m_anon.files.decisions import Decisions
from p3m_anon.files.ledger import Ledger
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder
from p3m_anon.jobs.review.desk import ReviewDesk
from tests.review.conftest import SIZE, Visit

pytestmark = pytest.mark.shared

LARGE = (6000, 4000)
FACE = [(700, 330), (770, 330), (770, 420), (700, 420)]  # of the man on the left of meeting.jpg, roughly


@pytest.fixture(scope="module")
def blurred(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `photos` and a release `out` of them; four pictures wait."""
    folder = tmp_path_factory.mktemp("review")
    photos = folder / "photos"
    photos.mkdir()
    for name in ("meeting.jpg", "noface_landscape.jpg", "jumping.jpg", "hopper.jpg"):
        shutil.copy(shared_data / "portraits" / name, photos)
    x, y = (np.linspace(0, 255, side, dtype=np.uint8) for side in LARGE)
    Image.fromarray(np.add.outer(y // 2, x // 2)).convert("RGB").save(photos / "large.jpg", quality=80)
    strict = BlurSettings(on_disagreement="review")
    blur_folder(BlurRequest(folder=photos, out=folder / "out", alpha_policy="none", settings=strict))
    return folder


class Room:
    """One release, its desk on a server, and browser pages on it."""

    def __init__(self, folder: Path, browser: Any, stack: ExitStack) -> None:
        server = pytest.importorskip("p3m_anon.review.server", reason="the extra [review] is not installed")
        self.out, self.private = folder / "out", folder / "out.private"
        self._browser, self._stack = browser, stack
        self._desk = stack.enter_context(closing(ReviewDesk(self.out, who="anna")))
        self.url = stack.enter_context(server.running(self._desk))[0]
        self.visits: list[Visit] = []

    def visit(self) -> Visit:
        page = self._browser.new_page(viewport=SIZE)
        self._stack.callback(page.close, run_before_unload=False)
        visit = Visit(page, self.url)
        self.visits.append(visit)
        return visit

    def decision(self, path: str) -> Any:
        """What the file on disk says, as after a crash of the server."""
        with Ledger.copy_of(self.private / "ledger.sqlite") as ledger:
            return Decisions(ledger).of(path)

    def write(self) -> None:
        self._desk.write()
        self._desk._writer.wait()
        assert self._desk.writing()["error"] is None

    def status(self, path: str) -> str:
        with Ledger.copy_of(self.private / "ledger.sqlite") as ledger:
            row = ledger.row(path)
            assert row is not None
            return row.status


@pytest.fixture
def room(blurred: Path, browser: Any, tmp_path: Path) -> Iterator[Room]:
    shutil.copytree(blurred / "out", tmp_path / "out")
    shutil.copytree(blurred / "out.private", tmp_path / "out.private")
    request = json.loads((tmp_path / "out.private/request.json").read_text())
    request["out"] = str(tmp_path / "out")
    (tmp_path / "out.private/request.json").write_text(json.dumps(request))
    with ExitStack() as stack:
        room = Room(tmp_path, browser, stack)
        yield room
    for visit in room.visits:
        assert visit.errors == []
        assert [asked for asked in visit.requests if not asked.startswith((room.url, "data:", "blob:"))] == []
        assert all("//127.0.0.1:" in asked for asked in visit.requests if asked.startswith("http"))


def saved(visit: Visit, path: str) -> None:
    """The page has gone on from a picture."""
    visit.page.wait_for_selector(f'#canvas:not([data-path="{path}"])', timeout=60_000)


def test_a_polygon_over_a_face_is_saved_to_the_pixel_and_the_next_picture_comes(room: Room) -> None:
    visit = room.visit().open("meeting.jpg")
    visit.press("g")
    for place in FACE:
        visit.click(*place)
    visit.press("Enter")
    assert visit.shapes() == 1
    visit.press("Shift+U", "Enter")  # the other faces as they were found; then save
    saved(visit, "meeting.jpg")
    decision = room.decision("meeting.jpg")
    assert (decision.verdict, decision.who) == ("mask", "anna")
    content = json.loads((room.private / decision.mask).with_suffix(".json").read_text())
    polygon = np.array(content["shapes"][0]["points"])
    assert abs(polygon - np.array(FACE)).max() < 2  # as clicked, to the screen's pixel
    size = tuple(content["size"])
    mask = decision.read_mask(room.private, size)
    assert np.array_equal(mask, draw(shapes_from_json(content["shapes"]), size))
    room.write()
    assert room.status("meeting.jpg") == "accepted"


def test_no_face_is_confirmed_and_still_there_after_a_reload(room: Room) -> None:
    visit = room.visit().open("noface_landscape.jpg")
    visit.press("f")
    saved(visit, "noface_landscape.jpg")
    assert room.decision("noface_landscape.jpg").verdict == "no_face"
    again = room.visit().open("noface_landscape.jpg", "decided")
    assert "no identifiable face" in again.page.inner_text("#decided")
    again.page.reload()
    again.shown("noface_landscape.jpg")
    assert "no identifiable face" in again.page.inner_text("#decided")
    assert "1 of 4" in again.page.inner_text("#progress")
    again.page.click("#write")
    again.page.wait_for_selector("#unwritten >> text=All written", timeout=60_000)
    assert room.status("noface_landscape.jpg") == "accepted"


def test_the_second_of_two_tabs_is_told(room: Room) -> None:
    first, second = room.visit().open("noface_landscape.jpg"), room.visit().open("noface_landscape.jpg")
    first.press("f")
    saved(first, "noface_landscape.jpg")
    second.drag((100, 100), (300, 300))
    second.press("Enter")
    second.page.wait_for_selector("#question[open]", timeout=60_000)
    assert "anna" in second.page.inner_text("#question")
    assert room.decision("noface_landscape.jpg").verdict == "no_face"


def test_with_the_keyboard_alone(room: Room) -> None:
    visit = room.visit().open("noface_landscape.jpg")
    visit.press("e", "ArrowLeft", "Space", *["Shift+ArrowRight"] * 8, *["Shift+ArrowDown"] * 6, "Space")
    assert visit.shapes() == 1
    visit.press("Enter")
    saved(visit, "noface_landscape.jpg")
    decision = room.decision("noface_landscape.jpg")
    assert decision.verdict == "mask"
    mask = decision.read_mask(room.private, (1280, 800))
    assert mask.any(0).sum() > 1.2 * mask.any(1).sum() > 0  # 80 by 60 pixels of the screen


def test_a_picture_of_24_megapixels_is_masked_at_full_size(room: Room) -> None:
    visit = room.visit().open("large.jpg")
    visit.page.click("#zoom-in", click_count=4, delay=50)
    visit.page.click("#fit")
    visit.drag((3000, 1500), (4200, 2700))
    visit.press("5")
    visit.page.wait_for_selector("#layer-preview:checked", timeout=60_000)
    visit.press("Enter")
    saved(visit, "large.jpg")
    decision = room.decision("large.jpg")
    mask = decision.read_mask(room.private, LARGE)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    found = np.array([columns[0], rows[0], columns[-1], rows[-1]])
    assert abs(found - [3000, 1500, 4200, 2700]).max() < 20  # two pixels of the screen
    room.write()
    assert room.status("large.jpg") == "accepted"


def test_what_is_not_covered_is_asked_about_and_the_answer_is_kept(room: Room) -> None:
    visit = room.visit().open("meeting.jpg")
    visit.press("f")
    visit.page.wait_for_selector("#question[open]", timeout=60_000)
    assert room.decision("meeting.jpg") is None
    places = int(visit.page.inner_text("#walk-text").split()[-1])
    visit.press(*"." * (places - 1))
    visit.page.click('#question [data-answer="save"]')
    saved(visit, "meeting.jpg")
    assert len(room.decision("meeting.jpg").dismissed) >= 1


def test_a_released_picture_can_be_corrected(room: Room) -> None:
    visit = room.visit().open("hopper.jpg", "released")
    visit.press("Shift+U")
    visit.drag((10, 10), (60, 80))
    visit.press("Enter")
    visit.page.wait_for_selector("#toast:not([hidden])", timeout=60_000)
    room.write()
    facemask = np.asarray(Image.open(room.private / "facemask/hopper.png"))
    assert facemask[45, 35]
