"""The demo: pictures that came with our dependencies go through `blur`, with alphas made on the spot."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from p3m_anon.errors import UsageError
from p3m_anon.files.atomic import write_bytes
from p3m_anon.jobs.blur.request import BlurRequest, Summary
from p3m_anon.jobs.blur.run import blur_folder

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, AlphaPixels

PORTRAITS = frozenset({"astronaut", "grace_hopper"})
OTHERS = frozenset({"chelsea", "rocket"})
OUR_FOLDERS = frozenset({"photos", "alphas", "release", "release.private"})


@dataclass(frozen=True)
class DemoResult:
    """What the demo did. released: ids in the release folder; as_expected: the portraits, and nothing else."""

    photos: Path
    alphas: Path
    released: tuple[str, ...]
    summary: Summary

    @property
    def as_expected(self) -> bool:
        """The two portraits were released, and both other pictures wait for a person."""
        counts = {status: count for status, count in self.summary.counts.items() if count}
        return set(self.released) == PORTRAITS and counts == {
            "accepted": len(PORTRAITS),
            "needs_review": len(OTHERS),
        }


def run_demo(out: Path, say: Callable[[str], None]) -> DemoResult:
    """Write photos and alphas into `out`, blur them into `out/release`; run again, it goes on where it was.

    The detector is the one that needs no download, whatever else is installed, so that everybody sees the same.
    Raises UsageError when `out` holds anything that is not the demo's.
    """
    _check_folder(out)
    photos, alphas, release = out / "photos", out / "alphas", out / "release"
    say(f"photos: {', '.join(sorted(PORTRAITS | OTHERS))}, from scikit-image and matplotlib -> {photos}")
    pictures = _write_photos(photos)
    say(f"alphas: made by pymatting, whose first run compiles for about half a minute -> {alphas}")
    alphas.mkdir(exist_ok=True)
    # In a process of its own: compiled solvers and torch in one process have ended it by a damaged heap.
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as solver:
        made = {name: solver.submit(make_alpha, rgb, read_trimap(name)) for name, rgb in pictures.items()}
        for name, alpha in made.items():
            write_bytes(alphas / f"{name}.png", _png(alpha.result()))
    say(f"blur: with the embedded detector -> {release}")
    summary = blur_folder(BlurRequest(folder=photos, out=release, alphas=alphas, detector="centerface", figures=True))
    released = tuple(sorted(path.stem for path in (release / "blurred_image").glob("*")))
    return DemoResult(photos, alphas, released, summary)


def read_trimap(name: str) -> AlphaPixels:
    """The trimap that we ship for a demo picture, uint8 at half the picture's size: 0, 128, 255."""
    import numpy as np
    from PIL import Image

    data = files("p3m_anon.manifests").joinpath("demo", f"{name}.png").read_bytes()
    return np.asarray(Image.open(io.BytesIO(data)))


def make_alpha(rgb: RGB, trimap: AlphaPixels) -> AlphaPixels:
    """Closed-form matting (Levin et al.): rgb uint8 (H, W, 3), trimap at any smaller size -> uint8 (H, W)."""
    import numpy as np
    from PIL import Image
    from pymatting import estimate_alpha_cf

    height, width = rgb.shape[:2]
    large = np.asarray(Image.fromarray(trimap).resize((width, height), Image.Resampling.NEAREST))
    alpha = np.rint(estimate_alpha_cf(rgb / 255.0, large / 255.0).clip(0, 1) * 255).astype(np.uint8)
    return np.where((large == 0) | (large == 255), large, alpha)  # the solver meets what is known only nearly


def _check_folder(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out} is a file; name a new folder for the demo")
    foreign = sorted({path.name for path in out.iterdir()} - OUR_FOLDERS) if out.exists() else []
    if foreign:
        raise UsageError(f"{out} holds other things ({foreign[0]}); name a new folder for the demo")


def _write_photos(folder: Path) -> dict[str, RGB]:
    """Write the four pictures and return them; one stays the JPEG file it is, so that both ways of writing are seen."""
    import numpy as np
    from matplotlib.cbook import get_sample_data
    from PIL import Image
    from skimage import data

    folder.mkdir(parents=True, exist_ok=True)
    pictures: dict[str, RGB] = {"astronaut": data.astronaut(), "chelsea": data.chelsea(), "rocket": data.rocket()}
    for name, rgb in pictures.items():
        write_bytes(folder / f"{name}.png", _png(rgb))
    jpeg = Path(str(get_sample_data("grace_hopper.jpg", asfileobj=False))).read_bytes()
    write_bytes(folder / "grace_hopper.jpg", jpeg)
    pictures["grace_hopper"] = np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB"))
    return pictures


def _png(pixels: RGB | AlphaPixels) -> bytes:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()
