"""How quickly a person gets through waiting pictures on sheets, measured in a browser that is driven.

python tools/bench_sheets.py --pictures 200

Pictures are drawn, and rows of a ledger are written as `blur` writes them where it finds no face, with faint places in
every second picture. The driver looks at each sheet for a while, as a person would, marks the control by its key, and
presses Enter.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import statistics
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from p3m_anon.files.ledger import Ledger
from p3m_anon.files.ledger_rows import Row, Source
from p3m_anon.files.sheets import Sheets
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import LEDGER, REQUEST
from p3m_anon.jobs.review.desk import ReviewDesk
from p3m_anon.jobs.review.sheet_visit import Sheet
from p3m_anon.review.server import running

SIZES = ((1080, 1620), (1620, 1080), (1440, 1080))  # as P3M-10k's pictures have them, roughly
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
VIEWPORT = (1280, 800)
# Times of Enter, and of the frame after the one in which another sheet was put on the screen.
WATCH = """() => {
  window.times = [];
  let pressed = null;
  addEventListener("keydown", ({ key }) => { if (key === "Enter") pressed = performance.now(); }, true);
  const stage = document.querySelector("#sheet-stage");
  new MutationObserver(() => {
    if (pressed === null || !stage.dataset.sheet) return;
    const from = pressed;
    pressed = null;
    requestAnimationFrame(() => requestAnimationFrame(() => window.times.push(performance.now() - from)));
  }).observe(stage, { attributeFilter: ["data-sheet"] });
}"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pictures", type=int, default=200, help="pictures that wait [200]")
    parser.add_argument("--look", type=float, default=2.0, help="seconds for which each sheet is looked at [2]")
    parser.add_argument("--screenshots", type=Path, help="folder for a picture of the first sheets")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = waiting(Path(folder), arguments.pictures)
        with closing(ReviewDesk(out, who="bench")) as desk, running(desk) as (url, _):
            drive(desk, url, arguments)
            print(desk._ask(lambda ledger: Sheets(ledger).summary()))


def waiting(folder: Path, count: int) -> Path:
    """A release of which `count` drawn pictures wait."""
    request = BlurRequest(folder=folder / "photos", out=folder / "out")
    private = folder / "out.private"
    for one in (request.folder, folder / "out", private):
        one.mkdir()
    (private / REQUEST).write_text(request.to_json(), encoding="utf-8")
    rng = np.random.default_rng(0)
    names = [f"{n:04}" for n in range(count)]
    with Ledger(private / LEDGER) as ledger:
        ledger.register([(f"{name}.jpg", name) for name in names], lambda path, shared: path[:4])
        for number, name in enumerate(names):
            size = SIZES[number % len(SIZES)]
            file = request.folder / f"{name}.jpg"
            coarse = rng.integers(0, 256, (size[1] // 90, size[0] // 90, 3), dtype=np.uint8)
            Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(file, quality=90)
            stat = file.stat()
            digest = hashlib.sha256(file.read_bytes()).hexdigest()
            source = Source("image", str(file), stat.st_size, stat.st_mtime_ns, digest)
            facts = {"width": size[0], "height": size[1], "second": [], "faint": faint(rng, size, number % 2 * 2)}
            row = Row(f"{name}.jpg", name, status="needs_review", reason="no_face", detail="no face found")
            ledger.record(Row(**{**vars(row), "digest": digest, "facts": facts, "sources": (source,)}))
    return folder / "out"


def faint(rng: np.random.Generator, size: tuple[int, int], count: int) -> list[dict[str, Any]]:
    """Places that a look saw weakly."""
    found = []
    for _ in range(count):
        side = float(rng.uniform(16, 160))
        x, y = rng.uniform(0, size[0] - side), rng.uniform(0, size[1] - side)
        found.append({"box": [float(x), float(y), float(x) + side, float(y) + side], "score": 0.15})
    return found


def drive(desk: ReviewDesk, url: str, arguments: argparse.Namespace) -> None:
    """Answer all sheets, and print keys and times."""
    from playwright.sync_api import sync_playwright

    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": VIEWPORT[0], "height": VIEWPORT[1]})
        start = time.perf_counter()
        page.goto(f"{url}#f=reason%3Ano_face&v=sheets")
        page.wait_for_selector("#sheet-answer:enabled", timeout=60_000)
        print(f"first sheet after {time.perf_counter() - start:.2f} s")
        page.evaluate(WATCH)
        sheets, keys, waited = 0, 0, 0
        while name := page.get_attribute("#sheet-stage", "data-sheet"):
            if arguments.screenshots and sheets < 3:
                arguments.screenshots.mkdir(parents=True, exist_ok=True)
                page.screenshot(path=arguments.screenshots / f"sheet-{sheets}.png")
            time.sleep(arguments.look)
            waited += page.get_attribute("#sheet-stage", "data-ahead") == "0"
            for key in (control_key(desk._sheets._sheets[name]), "Enter"):
                page.keyboard.press(key)
                keys += 1
            page.wait_for_selector(f'#sheet-stage:not([data-sheet="{name}"])', timeout=60_000)
            page.wait_for_selector("#sheet-answer:enabled, #sheet-end:visible", timeout=60_000)
            sheets += 1
        page.wait_for_timeout(200)
        times = page.evaluate("window.times")
        browser.close()
    print(f"{arguments.pictures} pictures on {sheets} sheets, {keys / sheets:.1f} key presses a sheet")
    print(f"{waited} sheets had none ready behind them when Enter was pressed (the last one has none)")
    worst = max(times)
    print(f"Enter to next sheet: median {statistics.median(times):.0f} ms, worst {worst:.0f} ms of {len(times)}")


def control_key(sheet: Sheet) -> str:
    """The key of the control's tile: only this script, inside the server, can know it."""
    shown = [index for row in sheet.rows for index in row]
    place = next(place for place, index in enumerate(shown) if sheet.tiles[index].picture is None)
    return "abcdefghijklmnopqrstuvwxyz0123456789"[place]


if __name__ == "__main__":
    main()
