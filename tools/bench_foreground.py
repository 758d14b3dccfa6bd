"""Measure `p3m-anon foreground`: python -m tools.bench_foreground PICTURES ALPHAS.

Against a plain loop over pymatting in one process, which decodes, estimates and writes the same files with Pillow.
Each is a process of its own and is measured as a whole, start and memory of its children included; they take turns,
and medians over the rounds are printed, with their ratio. With --alone, bytes per pixel of one picture of each size
and the time to compile the estimator are measured in place of that.
"""

from __future__ import annotations

import itertools
import os
import platform
import shutil
import statistics
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import click
from PIL import Image

from p3m_anon.jobs.crew import BYTES_PER_PROCESS, machine_memory
from p3m_anon.jobs.foreground.run import BYTES_PER_PIXEL
from tools.process_cost import Measured, measure

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
PLAIN = """
import sys
from pathlib import Path
import numpy as np
from PIL import Image
from pymatting import estimate_foreground_ml
root = Path(sys.argv[1])
for kind in ("fg", "bg"):
    (root / kind).mkdir()
for path in sorted((root / "blurred_image").iterdir()):
    image = np.asarray(Image.open(path).convert("RGB")) / 255
    alpha = np.asarray(Image.open(root / "mask" / f"{path.stem}.png").convert("L")) / 255
    layers = estimate_foreground_ml(image, alpha, return_background=True)
    fg, bg = (Image.fromarray((layer * 255 + 0.5).astype(np.uint8)) for layer in layers)
    fg.save(root / "fg" / f"{path.stem}.png")
    bg.save(root / "bg" / f"{path.stem}.jpg", quality=95, subsampling=0)
"""
OURS = """
import sys
if __name__ == "__main__":
    from p3m_anon.commands.foreground import foreground
    foreground(sys.argv[1:])
"""


def prepare(pictures: Path, alphas: Path, folder: Path, count: int) -> Path:
    """A release of `count` pictures with alphas, repeated if there are fewer."""
    pairs = [(p, alphas / f"{p.stem}.png") for p in sorted(pictures.iterdir())]
    pairs = [(image, alpha) for image, alpha in pairs if alpha.is_file()]
    if not pairs:
        raise click.ClickException(f"no picture in {pictures} has an alpha in {alphas}")
    for kind in ("blurred_image", "mask"):
        (folder / kind).mkdir(parents=True)
    for number in range(count):
        image, alpha = pairs[number % len(pairs)]
        shutil.copy(image, folder / "blurred_image" / f"{number:04}{image.suffix}")
        shutil.copy(alpha, folder / "mask" / f"{number:04}.png")
    return folder


def clean(release: Path) -> None:
    """As it was before any run."""
    for folder in (release / "fg", release / "bg", release.with_name(release.name + ".private")):
        shutil.rmtree(folder, ignore_errors=True)


def compared(release: Path, count: int, rounds: int, options: list[str]) -> None:
    """Both ways in turn, and the ratio."""
    ours = release.parent / "ours.py"
    ours.write_text(OURS)
    commands = {
        "plain loop": [sys.executable, "-c", PLAIN, str(release)],
        "p3m-anon foreground": [sys.executable, str(ours), str(release), *options],
    }
    runs: dict[str, list[Measured]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            clean(release)
            measured = measure(command)
            if turn:  # the first round warms the caches
                runs[name].append(measured)
    rates = {}
    click.echo(f"{count} pictures, medians of {rounds} rounds, whole processes")
    for name, measured_runs in runs.items():
        wall, cpu, peak = (statistics.median(getattr(m, key) for m in measured_runs) for key in ("wall", "cpu", "peak"))
        rates[name] = count / wall
        click.echo(f"{name:<20} {count / wall:6.2f} pictures/s  {cpu / count:6.2f} CPU s each  peak {peak:5.0f} MB")
    click.echo(f"ratio: {rates['p3m-anon foreground'] / rates['plain loop']:.2f} times as many pictures per second")
    again = measure(commands["p3m-anon foreground"])
    click.echo(f"again, with everything done: {again.wall:.2f} s")


def alone(release: Path) -> None:
    """What --memory counts on: one process, one picture at a time, and the compiler."""
    ours = release.parent / "ours.py"
    ours.write_text(OURS)
    command = [sys.executable, str(ours), str(release), "--workers", "1", "--format", "png"]
    peaks: list[tuple[float, float]] = []
    image, mask = next((release / "blurred_image").iterdir()), next((release / "mask").iterdir())
    for width in (400, 3000, 6000):
        clean(release)
        for path in (image, mask):
            with Image.open(path) as picture:
                picture.resize((width, width * 2 // 3)).save(path)
        pixels = width * (width * 2 // 3)
        peaks.append((pixels, measure(command).peak))
        click.echo(f"{pixels / 1e6:6.2f} megapixels: peak {peaks[-1][1]:.0f} MB")
    for (small, low), (large, high) in itertools.pairwise(peaks):
        click.echo(f"{(high - low) * 2**20 / (large - small):.1f} bytes per pixel; {BYTES_PER_PIXEL} are counted")
    click.echo(
        f"two processes with next to nothing to do: {peaks[0][1]:.0f} MB; {2 * BYTES_PER_PROCESS >> 20} are counted"
    )
    for name in ("cold", "warm"):
        took = measure([sys.executable, "-c", "import pymatting"], {"NUMBA_CACHE_DIR": str(release.parent / "numba")})
        click.echo(f"to load the estimator, {name}: {took.wall:.1f} s")


@click.command()
@click.argument("pictures", type=FOLDER)
@click.argument("alphas", type=FOLDER)
@click.option("--count", default=40, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--options", default="", help='For our command, like "--workers 4 --memory 2G".')
@click.option("--alone", "is_alone", is_flag=True, help="Measure memory per pixel and compile time instead.")
def main(pictures: Path, alphas: Path, count: int, rounds: int, options: str, is_alone: bool) -> None:
    """Measure and print."""
    click.echo(
        f"{len(os.sched_getaffinity(0))} cores, {machine_memory() / 2**30:.0f} GiB, {platform.machine()}, "
        f"Python {platform.python_version()}, pymatting {version('pymatting')}, numba {version('numba')}"
    )
    click.echo(f"command: {' '.join(sys.argv)}")
    with tempfile.TemporaryDirectory() as scratch:
        release = prepare(pictures, alphas, Path(scratch) / "release", 1 if is_alone else count)
        if is_alone:
            alone(release)
        else:
            compared(release, count, rounds, options.split())


if __name__ == "__main__":
    main()
