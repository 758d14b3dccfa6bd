"""What copying a JPEG's coding blocks costs and keeps, beside a plain re-encode with the same tables.

    python tools/bench_jpeg.py PICTURES

PICTURES is a folder of photos. Each is scaled to about 1.7 megapixels and stored as JPEG in every variant of the
table; an ellipse of a face's size is blurred, and the picture is written both ways. Printed per variant: CPU ms per
picture (median), changed pixels away from the mask (further than 16 pixels), pixels beside the mask, sizes.
"""

from __future__ import annotations

import io
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from PIL import Image

from p3m_anon.files.decode import decode
from p3m_anon.files.headers import inspect
from p3m_anon.files.images import Decoded, read
from p3m_anon.files.masked import JpegWay, Written, encode_masked

MEGAPIXELS = 1.7
VARIANTS: dict[str, dict[str, Any]] = {
    "4:2:0 q92": {"quality": 92, "subsampling": 2},
    "4:2:2 q92": {"quality": 92, "subsampling": 1},
    "4:4:4 q95": {"quality": 95, "subsampling": 0},
    "4:2:0 q75": {"quality": 75, "subsampling": 2},
    "4:2:0 q92 progressive": {"quality": 92, "subsampling": 2, "progressive": True},
    "4:2:0 q92 EXIF 6": {"quality": 92, "subsampling": 2, "turned": 6},
}


def load(path: Path) -> Image.Image:
    """A picture of about 1.7 megapixels, both sides multiples of 16 so that it can be turned."""
    picture = Image.open(path).convert("RGB")
    scale = (MEGAPIXELS * 1e6 / (picture.width * picture.height)) ** 0.5
    width, height = (max(16, round(side * scale / 16) * 16) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def stored(picture: Image.Image, folder: Path, options: dict[str, Any]) -> Decoded:
    """The picture as a JPEG file, read again."""
    exif = Image.Exif()
    exif[0x0112] = options.get("turned", 1)
    path = folder / "picture.jpg"
    picture.save(path, exif=exif, **{k: v for k, v in options.items() if k != "turned"})
    return read(path)


def blurred(decoded: Decoded) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The pixels with an ellipse of 5 % of the picture blurred, and the ellipse."""
    height, width = decoded.pixels.shape[:2]
    face = np.zeros((height, width), np.uint8)
    side = (MEGAPIXELS * 1e6 * 0.05 / 3.14) ** 0.5
    cv2.ellipse(face, (width // 2, height // 3), (int(side * 0.9), int(side * 1.1)), 0, 0, 360, 1, -1)
    mask = face.astype(bool)
    pixels = decoded.pixels.copy()
    pixels[mask] = cv2.GaussianBlur(decoded.pixels, (0, 0), side * 0.5)[mask]
    return pixels, mask


def timed(work: Callable[[], Written], rounds: int) -> tuple[Written, float]:
    """The result and the median CPU time in ms, after one round to warm up."""
    made, spent = work(), []
    for _ in range(rounds):
        start = time.process_time()
        made = work()
        spent.append((time.process_time() - start) * 1000)
    return made, statistics.median(spent)


def changes(made: Written, pixels: np.ndarray[Any, Any], mask: np.ndarray[Any, Any]) -> tuple[float, int, float]:
    """Percent of changed pixels and the largest change away from the mask; mean change within 16 pixels of it."""
    again = decode(made.data, inspect(io.BytesIO(made.data), "x"), "x").pixels
    near = cv2.dilate(mask.astype(np.uint8), np.ones((33, 33), np.uint8)).astype(bool)
    moved = cv2.absdiff(again, pixels).max(axis=2)
    beside = moved[near & ~mask]
    return float((moved[~near] > 0).mean() * 100), int(moved[~near].max()), float(beside.mean())


@click.command()
@click.argument("pictures", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--count", default=8, show_default=True, help="Pictures to use.")
@click.option("--rounds", default=3, show_default=True, help="Timed rounds per picture.")
def main(pictures: Path, count: int, rounds: int) -> None:
    """Print the table."""
    cv2.setNumThreads(1)
    files = [p for p in sorted(pictures.iterdir()) if p.suffix.lower() in (".jpg", ".jpeg", ".png")][:count]
    click.echo(f"{len(files)} pictures of {MEGAPIXELS} MP; CPU ms, one thread")
    click.echo("| source | way | ms | changed away from the mask | largest | mean beside it | bytes / source |")
    click.echo("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name, options in VARIANTS.items():
            for way in ("exact", "reencode"):
                click.echo(row(name, way, [stored(load(f), Path(folder), options) for f in files], rounds))


def row(name: str, way: JpegWay, pictures: list[Decoded], rounds: int) -> str:
    """One line of the table."""
    times, measured, sizes, kinds = [], [], [], set()
    for decoded in pictures:
        pixels, mask = blurred(decoded)
        made, spent = timed(lambda d=decoded, p=pixels, m=mask: encode_masked(d, p, m, jpeg=way), rounds)  # type: ignore[misc]
        times.append(spent)
        measured.append(changes(made, pixels, mask))
        sizes.append(len(made.data) / len(decoded.source or b"-"))
        kinds.add(made.fidelity)
    percent, largest, beside = zip(*measured, strict=True)
    return (
        f"| {name} | {'+'.join(sorted(kinds))} | {statistics.median(times):.0f} | {statistics.mean(percent):.2f} % |"
        f" {max(largest)} | {statistics.mean(beside):.2f} | {statistics.mean(sizes):.2f} |"
    )


if __name__ == "__main__":
    main()
