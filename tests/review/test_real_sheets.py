"""The sheet view, the server and the ledger together, in a browser."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from p3m_anon.files.decisions import Decisions
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.sheets import Sheets
from p3m_anon.jobs.review.desk import ReviewDesk
from tests.review.conftest import Visit
from tools.bench_sheets import control_key, waiting

PICTURES = 14


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[ReviewDesk]:
    """Of a release of which pictures without a face wait, every second with two places that a look saw weakly."""
    with closing(ReviewDesk(waiting(tmp_path, PICTURES), who="anna")) as desk:
        yield desk


def ready(visit: Visit) -> str:
    visit.page.wait_for_selector("#sheet-answer:enabled", timeout=60_000)
    return str(visit.page.get_attribute("#sheet-stage", "data-sheet"))


@pytest.mark.parametrize("size", [(900, 560), (1280, 800), (2560, 1440)], ids=["900x560", "1280x800", "2560x1440"])
def test_nothing_of_a_sheet_has_to_be_scrolled_to(visit: Visit, size: tuple[int, int]) -> None:
    visit.page.set_viewport_size({"width": size[0], "height": size[1]})
    visit.page.goto(f"{visit.url}#f=reason%3Ano_face&v=sheets")
    ready(visit)
    stage = visit.page.locator("#sheet-stage").bounding_box()
    boxes = visit.page.locator(".tile img").evaluate_all(
        "(all) => all.map((one) => one.getBoundingClientRect()).map((b) => [b.left, b.top, b.right, b.bottom])"
    )
    assert len(boxes) >= 4
    for left, top, right, bottom in boxes:
        assert left >= stage["x"]
        assert top >= stage["y"]
        assert right <= stage["x"] + stage["width"]
        assert bottom <= stage["y"] + stage["height"]
    overflow = "({scrollHeight: a, clientHeight: b, scrollWidth: c, clientWidth: d}) => [a - b, c - d]"
    assert visit.page.locator("#sheet-stage").evaluate(overflow) == [0, 0]
    crops = visit.page.locator(".crops img").evaluate_all(
        "(all) => all.map((one) => [one.clientWidth, one.clientHeight])"
    )
    assert crops
    assert all(min(crop) >= 96 for crop in crops)


def test_all_that_waits_is_answered_with_two_keys_a_sheet(visit: Visit, desk: ReviewDesk) -> None:
    visit.page.goto(f"{visit.url}#f=reason%3Ano_face&v=sheets")
    sheets = 0
    while visit.page.locator("#sheet-end").is_hidden():
        name = ready(visit)
        visit.press(control_key(desk.sheets._sheets[name]), "Enter")
        visit.page.wait_for_selector(f'#sheet-stage:not([data-sheet="{name}"])', timeout=60_000)
        visit.page.wait_for_selector("#sheet-answer:enabled, #sheet-end:visible", timeout=60_000)
        sheets += 1
    with Ledger.copy_of(desk.folders.private / "ledger.sqlite") as ledger:
        made = [Decisions(ledger).of(path) for path in Decisions(ledger).paths("todo")]
        summary = Sheets(ledger).summary()
    assert [(one.verdict, one.viewed, len(one.dismissed)) for one in made if one] == [
        ("no_face", "sheet", n % 2 * 2) for n in range(PICTURES)
    ]
    assert (summary["accepted"], summary["failed_controls"], summary["pictures"]) == (sheets, 0, PICTURES)


def test_a_missed_control_brings_the_same_pictures_again(visit: Visit, desk: ReviewDesk) -> None:
    visit.page.goto(f"{visit.url}#f=reason%3Ano_face&v=sheets")
    name = ready(visit)
    paths = {one.path for one in desk.sheets._sheets[name].pictures}
    visit.press("Enter")
    visit.page.wait_for_selector("#sheet-ask.wrong >> text=you did not mark the pasted face")
    again = ready(visit)
    assert again != name
    shown = {one.path for one in desk.sheets._sheets[again].pictures}
    assert shown
    assert shown <= paths  # a wider control may leave one for the next sheet
    with Ledger.copy_of(desk.folders.private / "ledger.sqlite") as ledger:
        assert Sheets(ledger).summary()["failed_controls"] == 1
        assert not any(Decisions(ledger).of(path) for path in paths)


def test_nothing_of_a_sheet_is_stored_by_the_browser(visit: Visit, desk: ReviewDesk) -> None:
    answers: list[Any] = []
    visit.page.on("response", lambda answer: answers.append((answer.url, answer.headers)))
    visit.page.goto(f"{visit.url}#f=reason%3Ano_face&v=sheets")
    ready(visit)
    images = [(url, headers) for url, headers in answers if "api/sheets/image" in url]
    assert images
    assert all(headers["cache-control"] == "no-store" for _, headers in images)
    assert all("jpg" not in url and len(url.rpartition("=")[2]) == 24 for url, _ in images)
    shown = visit.page.locator("#sheets").evaluate("(sheet) => sheet.innerHTML")
    assert ".jpg" not in shown  # nor the names of files
