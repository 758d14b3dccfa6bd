"""Measure training: python tools/bench_train.py loader PICTURES ALPHAS.

`loader`: samples a second of one core, ours and by the published loader's way of doing it, in turns in one process and
over the same draws: that one decodes picture, alpha and both layers in full, makes the trimap of the whole picture in
floating point, lists all pixels to choose a place from, and resizes at the end. Layers are estimated first, as
`p3m-anon foreground` writes them (fg PNG, bg JPEG).
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
import torch
from PIL import Image

from p3m_anon.files.images import read
from p3m_anon.matting.foreground import estimate_layers
from p3m_anon.methods.colours import DEVIATION, MEAN
from p3m_anon.training.draws import Draw, draw
from p3m_anon.training.loader import Loader, LoaderSettings
from p3m_anon.training.reading import read_grey, read_sample
from p3m_anon.training.rows import TrainRow
from p3m_anon.training.settings import SampleSettings

Maker = Callable[[TrainRow, Draw, SampleSettings], Any]
FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def main() -> None:
    """Measure and print."""
    click.echo(
        f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}, Python {platform.python_version()},"
        f" torch {torch.__version__}, OpenCV {cv2.__version__}, Pillow {version('pillow')}"
    )
    click.echo(f"command: {' '.join(sys.argv)}")


@main.command()
@click.argument("pictures", type=FOLDER)
@click.argument("alphas", type=FOLDER)
@click.option("--samples", default=60, show_default=True, help="Of each way, in each round.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--workers", default=2, show_default=True, help="For the whole loader.")
@click.option("--batch-size", default=8, show_default=True)
def loader(pictures: Path, alphas: Path, samples: int, rounds: int, workers: int, batch_size: int) -> None:
    """Samples a second, of one core and of the whole loader."""
    cv2.setNumThreads(0)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        rows = with_layers(pictures, alphas, Path(scratch))
        one_core(rows, samples, rounds)
        for composition in (False, True):
            whole_loader(rows, SampleSettings(composition=composition), workers, batch_size, samples * workers)


def with_layers(pictures: Path, alphas: Path, folder: Path) -> list[TrainRow]:
    """Rows of all pictures that have an alpha; their layers are made in `folder`."""
    rows = []
    for path in sorted(pictures.iterdir()):
        alpha = alphas / f"{path.stem}.png"
        if not alpha.is_file():
            continue
        foreground, background = folder / f"{path.stem}.png", folder / f"{path.stem}.jpg"
        layers = estimate_layers(read(path).rgb, read_grey(alpha))
        Image.fromarray(layers.foreground).save(foreground)
        for layer, file in ((layers.background, background), (layers.foreground, as_jpeg(foreground))):
            Image.fromarray(layer).save(file, quality=95, subsampling=0)
        rows.append(TrainRow(path.stem, str(path), str(alpha), str(foreground), str(background)))
    if not rows:
        raise click.ClickException(f"no picture in {pictures} has an alpha in {alphas}")
    return rows


def as_jpeg(foreground: Path) -> Path:
    """Where the same foreground lies as a JPEG."""
    return foreground.with_name(f"{foreground.stem}.fg.jpg")


def one_core(rows: list[TrainRow], samples: int, rounds: int) -> None:
    """All ways in turn, over the same draws."""
    plain, composed = SampleSettings(), SampleSettings(composition=True)
    lossy = [row._replace(foreground=str(as_jpeg(Path(row.foreground or "")))) for row in rows]
    ways: dict[str, tuple[Maker, SampleSettings, list[TrainRow]]] = {
        "published way, four files": (published_sample, composed, rows),
        "ours, four files": (read_sample, composed, rows),
        "ours, four files, recipe official": (read_sample, SampleSettings(recipe="official", composition=True), rows),
        "ours, four files, fg as JPEG": (read_sample, composed, lossy),
        "ours, no layers (two files)": (read_sample, plain, rows),
        "ours, no layers, 256 px": (read_sample, SampleSettings(size=256), rows),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, (make, settings, files) in ways.items():
            start = time.process_time()
            for number in range(samples):
                make(files[number % len(files)], draw(0, turn, number, settings), settings)
            if turn:  # the first round warms the caches
                taken[name].append((time.process_time() - start) / samples)
    base = statistics.median(taken["published way, four files"])
    click.echo(f"\none core, {samples} samples a round, medians of {rounds} rounds, by CPU time")
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        click.echo(f"{name:<34} {1 / median:6.1f} samples/s  {1000 * median:6.1f} ms  {base / median:5.2f} times")


def whole_loader(rows: list[TrainRow], settings: SampleSettings, workers: int, batch_size: int, samples: int) -> None:
    """Batches from worker processes, with nobody to train on them."""
    many = [row for _ in range(-(-max(samples, batch_size) // len(rows))) for row in rows]
    with Loader(many, settings, LoaderSettings(batch_size, workers=workers)) as batches:
        for batch in batches.batches(0):  # starts the workers
            batch.targets()
        start = time.perf_counter()
        count = sum(len(batch.ids) for batch in batches.batches(1))
        seconds = time.perf_counter() - start
    layers = "on" if settings.composition else "off"
    click.echo(f"loader, {workers} workers, batch {batch_size}, layers {layers}: {count / seconds:.1f} samples/s")


def published_sample(row: TrainRow, chance: Draw, settings: SampleSettings) -> list[torch.Tensor]:
    """The steps of P3M's data.py in its order, from the files to tensors."""
    assert row.foreground is not None
    assert row.background is not None
    image, alpha, foreground, background = (
        np.array(Image.open(file)) for file in (row.image, row.alpha, row.foreground, row.background)
    )
    trimap = published_trimap_in_floats(alpha, chance.kernel)
    height, width = alpha.shape
    side = chance.crop if chance.crop < min(height, width) else min(settings.crops)
    corner = trimap[: height - side, : width - side]
    places = np.where(corner == 128) if chance.on_transition else np.where(corner > -100)
    if not len(places[0]):
        places = np.where(corner > -100)
    pick = int(chance.anchor * len(places[0]))
    y, x = int(places[0][pick]), int(places[1][pick])
    tensors = []
    for part in (image, alpha, foreground, background, trimap):
        crop = part[y : y + side, x : x + side]
        if chance.flip:
            crop = cv2.flip(crop, 1)
        crop = cv2.resize(crop, (settings.size, settings.size), interpolation=cv2.INTER_LINEAR)
        planes = crop.astype(np.float32)
        tensors.append(
            torch.from_numpy(planes)[None] if planes.ndim == 2 else torch.from_numpy(planes).permute(2, 0, 1)
        )
    mean, deviation = (torch.tensor(one)[:, None, None] for one in (MEAN, DEVIATION))
    tensors[0] = (tensors[0] / 255 - mean) / deviation
    return tensors


def published_trimap_in_floats(alpha: np.ndarray[Any, Any], kernel: int) -> np.ndarray[Any, Any]:
    """Of the whole picture, with float32 morphology."""
    ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (kernel, kernel))
    some = cv2.dilate((alpha != 0).astype(np.float32), ellipse)
    whole = cv2.erode((alpha == 255).astype(np.float32), ellipse)
    return (whole * 255 + (some - whole) * 128).astype(np.uint8)


if __name__ == "__main__":
    main()
