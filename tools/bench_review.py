"""How long a person waits in `p3m-anon review`: queues of a large ledger, and one large picture.

python tools/bench_review.py --rows 300000
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from p3m_anon.files.decisions import Decisions
from p3m_anon.files.ledger import Ledger
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder
from p3m_anon.jobs.review.desk import ReviewDesk
from p3m_anon.jobs.review.queue import state_json

LARGE = (6000, 4000)
WIDTH = 1400  # of the canvas


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=300_000, help="inputs of the ledger [300000]")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        queues(Path(folder), arguments.rows)
        picture(Path(folder))


def queues(folder: Path, rows: int) -> None:
    """Every thirtieth input waits, and a tenth of these are decided."""
    faces = json.dumps([{"landmarks": [[1.5, 2.5]] * 68}] * 2)
    with Ledger(folder / "ledger.sqlite") as ledger:
        paths = ((f"{n // 1000:04}/{n:07}.jpg", f"{n:07}") for n in range(rows))
        ledger.register(paths, lambda path, shared: path.removesuffix(".jpg"))
        with ledger.transaction():
            ledger.db.execute("UPDATE inputs SET status = 'accepted', faces = ?", (faces,))
            ledger.db.execute(
                "UPDATE inputs SET status = 'needs_review', reason = 'profile' WHERE substr(id, -3) % 30 = 0"
            )
            ledger.db.execute(
                "INSERT INTO decisions SELECT path, 1, 'x', 'no_face', '{\"dismissed\": []}', 'a', 't', 'v'"
                " FROM inputs WHERE status = 'needs_review' AND substr(id, -3) % 300 = 0"
            )
        decisions = Decisions(ledger)
        middle = f"{rows // 2000:04}/{rows // 2:07}.jpg"
        print(f"{rows} inputs, {decisions.count('todo')} wait, {decisions.count('decided')} decided")
        said("state of all queues", lambda: state_json(ledger))
        for wanted in ("todo", "decided", "released"):
            said(f"{wanted}: a page", partial(decisions.listed, wanted, middle, 100))
            said(f"{wanted}: neighbours", partial(decisions.neighbours, wanted, middle))
            said(f"{wanted}: place", partial(decisions.place, wanted, middle))


def picture(folder: Path) -> None:
    """A drawn JPEG of 24 megapixels with a matte, in which no face is seen."""
    photos, alphas = folder / "photos", folder / "alphas"
    photos.mkdir()
    alphas.mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (LARGE[1] // 50, LARGE[0] // 50, 3), dtype=np.uint8)
    Image.fromarray(noise).resize(LARGE, Image.Resampling.BICUBIC).save(photos / "a.jpg", quality=90)
    x = np.linspace(-1, 1, LARGE[0])
    matte = np.clip((0.6 - np.abs(x)) * 4000, 0, 255).astype(np.uint8)
    Image.fromarray(np.broadcast_to(matte, (LARGE[1], LARGE[0])).copy()).save(alphas / "a.png")
    out = blur_folder(BlurRequest(folder=photos, alphas=alphas)).out
    face = {"kind": "ellipse", "points": [[2600, 1500], [3400, 2500]]}
    with closing(ReviewDesk(out)) as desk:
        start = time.perf_counter()
        shown = desk.picture("a.jpg", "todo")
        print(f"24 MP: open {1000 * (time.perf_counter() - start):.0f} ms")
        whole = (0, 0, *LARGE)
        said("24 MP: the whole of it", lambda: desk.image("a.jpg", "original", whole, WIDTH))
        said("24 MP: a window", lambda: desk.image("a.jpg", "original", (2000, 1500, 1400, 900), WIDTH))
        said("24 MP: transition region", lambda: desk.transition("a.jpg", WIDTH))
        asked = {"path": "a.jpg", "shapes": [face], "window": list(whole), "width": WIDTH}
        said("24 MP: preview", lambda: desk.preview(asked))

        def decide() -> None:
            version = desk.picture("a.jpg", "todo")["version"]
            desk.decide({**asked, "sha256": shown["sha256"], "version": version, "verdict": "mask"})

        said("24 MP: an answer", decide)
    shutil.rmtree(photos)


def said(what: str, act: Callable[[], object]) -> None:
    """The best of three."""
    best = float("inf")
    for _ in range(3):
        start = time.perf_counter()
        act()
        best = min(best, time.perf_counter() - start)
    print(f"{what}: {1000 * best:.1f} ms")


if __name__ == "__main__":
    main()
