"""Measure `p3m-anon eval` of solved methods: python -m tools.bench_eval SAMPLES [--method NAME ...].

SAMPLES holds `image` and `alpha`. Runs with one process and with several take turns; printed are medians of wall
seconds, their ratio, and the peak of memory of all processes together, beside what `--memory` counts for the pictures
that may be under way at once and for the processes as such.
"""

from __future__ import annotations

import os
import platform
import shutil
import statistics
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import click
import cv2

from p3m_anon.jobs.crew import BYTES_PER_PROCESS, machine_memory
from p3m_anon.jobs.eval.crew import BYTES_PER_PIXEL
from p3m_anon.jobs.eval.inputs import pictures
from p3m_anon.jobs.eval.picture import area_of
from p3m_anon.methods.registry import METHODS
from tools.process_cost import Measured, measure

SOLVED = [name for name, method in METHODS.items() if method.solve is not None]
SPLIT = "validation/P3M-500-P"


def prepare(samples: Path, root: Path, scale: float, count: int) -> Path:
    """A dataset of the first pictures that have an alpha, reduced."""
    for path in sorted((samples / "image").iterdir())[:count]:
        alpha = samples / "alpha" / f"{path.stem}.png"
        for source, kind, flags in (
            (path, "blurred_image", cv2.IMREAD_COLOR),
            (alpha, "mask", cv2.IMREAD_GRAYSCALE),
        ):
            target = root / SPLIT / kind / f"{path.stem}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            pixels = cv2.imread(str(source), flags)
            if pixels is None:
                raise click.ClickException(f"{source} cannot be read")
            cv2.imwrite(str(target), cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    return root


def planned(root: Path, name: str, workers: int) -> float:
    """MB that `--memory` counts for the largest pictures together, one per process, and for the processes."""
    cost = METHODS[name].cost
    assert cost is not None
    areas = (area_of(picture) for picture in pictures(root, "P3M-500-P"))
    needs = sorted(BYTES_PER_PIXEL * pixels + cost.memory(pixels, unknown) for pixels, unknown in areas)
    return (sum(needs[-workers:]) + (workers + 1) * BYTES_PER_PROCESS) / 2**20


def compared(root: Path, name: str, workers: int, rounds: int, memory: str) -> None:
    """One process and several, in turn."""
    runs: dict[int, list[Measured]] = {1: [], workers: []}
    out = root.parent / "run"
    for _ in range(rounds):
        for count, found in runs.items():
            shutil.rmtree(out, ignore_errors=True)
            options = ["--method", name, "--workers", str(count), "--memory", memory, "--out", str(out)]
            found.append(measure([sys.executable, "-m", "p3m_anon", "eval", str(root), *options]))
    for count, found in runs.items():
        wall, cpu, peak = (statistics.median(getattr(one, key) for one in found) for key in ("wall", "cpu", "peak"))
        counted = planned(root, name, count)
        click.echo(
            f"{name:<18} {count} at once: {wall:6.1f} s ({cpu:6.1f} CPU s), peak {peak:5.0f} MB, {counted:5.0f} counted"
        )
    ratios = [one.wall / several.wall for one, several in zip(runs[1], runs[workers], strict=True)]
    click.echo(f"  {statistics.median(ratios):.2f} times as fast")


@click.command()
@click.argument("samples", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--method", "methods", multiple=True, type=click.Choice(SOLVED), help="Default: all.")
@click.option("--scale", default=0.5, show_default=True, help="Of the pictures' sides.")
@click.option("--count", default=10, show_default=True, help="Pictures at most.")
@click.option("--workers", default=2, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--memory", default="8G", show_default=True)
def main(samples: Path, methods: tuple[str, ...], scale: float, count: int, workers: int, **how: object) -> None:
    """Measure and print."""
    click.echo(
        f"{len(os.sched_getaffinity(0))} cores, {machine_memory() / 2**30:.0f} GiB, {platform.machine()}, "
        f"Python {platform.python_version()}, pymatting {version('pymatting')}, numba {version('numba')}"
    )
    click.echo(f"command: {' '.join(sys.argv)}")
    with tempfile.TemporaryDirectory() as scratch:
        root = prepare(samples, Path(scratch) / "data", scale, count)
        for name in methods or SOLVED:
            compared(root, name, workers, int(str(how["rounds"])), str(how["memory"]))


if __name__ == "__main__":
    main()
