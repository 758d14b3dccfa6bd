"""Measure the methods that are solved from a trimap: python tools/bench_methods.py SAMPLES [--method NAME ...].

SAMPLES holds `image` and `alpha`. Per method: seconds, the peak of memory above the loaded process, and SAD, MSE, MAD
in the unknown area, means over the pictures; every solve is a process of its own on one core. With --costs, each is
done under two trimaps, and shares per pixel and per unknown pixel are fitted: `cost` in the registry. With --library,
pymatting's own calls take turns with ours, and medians of their ratios are printed.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click
import cv2
import numpy as np

from p3m_anon.files.alphas import read_alpha
from p3m_anon.files.images import read
from p3m_anon.matting.pairs import restricted
from p3m_anon.matting.scores import score
from p3m_anon.matting.trimap import published_trimap
from p3m_anon.methods.registry import METHODS

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.matting.trimap import Trimap

LIBRARY = {
    "pymatting:cf": "closed_form",
    "pymatting:lbdm": "learning_based",
    "pymatting:knn": "knn",
}
SOLVED = [name for name, method in METHODS.items() if method.solve is not None]


class Sample(NamedTuple):
    """A picture, reduced, with the alpha it should get, uint8."""

    name: str
    rgb: RGB
    alpha: np.ndarray


class Measured(NamedTuple):
    """One solve. unknown: pixels. megabytes: at the peak, above the loaded process."""

    pixels: int
    unknown: int
    seconds: float
    megabytes: float
    sad: float
    mse: float
    mad: float


def samples(folder: Path, scale: float, count: int) -> Iterator[Sample]:
    """The first pictures of a folder that have an alpha."""
    for path in sorted((folder / "image").iterdir())[:count]:
        rgb, alpha = read(path).rgb, read_alpha(folder / "alpha" / f"{path.stem}.png").pixels
        size = round(scale * rgb.shape[1]), round(scale * rgb.shape[0])
        if scale != 1:
            rgb, alpha = (np.asarray(cv2.resize(a, size, interpolation=cv2.INTER_AREA), np.uint8) for a in (rgb, alpha))
        yield Sample(path.stem, rgb, np.asarray(alpha))


def apply(name: str, rgb: RGB, trimap: Trimap) -> np.ndarray:
    """Ours, or pymatting's own call."""
    if name in LIBRARY:
        estimate = getattr(import_module("pymatting"), f"estimate_alpha_{name.partition(':')[2]}")
        return np.asarray(estimate(rgb / 255.0, trimap / 255.0))
    solve = METHODS[name].solve
    assert solve is not None
    return np.asarray(solve(rgb, trimap))


def child(name: str, file: str) -> None:
    """One solve in this process, which has loaded and compiled everything before."""
    arrays = np.load(file)
    rgb, trimap = arrays["rgb"], arrays["trimap"]
    small_rgb, small = (
        np.random.default_rng(0).integers(0, 256, (48, 48, 3), np.uint8),
        np.full((48, 48), 128, np.uint8),
    )
    small[:, :16], small[:, 32:] = 0, 255
    apply(name, small_rgb, small)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before, start = memory("VmRSS"), time.perf_counter()
    alpha = apply(name, rgb, trimap)
    took, peak = time.perf_counter() - start, memory("VmHWM") - before
    np.save(file + ".npy", alpha.astype(np.float32))
    print(json.dumps([took, peak]), file=sys.stderr)


def memory(key: str) -> float:
    """A line of this process's status, in MB."""
    status = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in status if line.startswith(key)) / 1024


def measure(name: str, sample: Sample, kernel: int, scratch: Path) -> Measured:
    """A solve in a process of its own."""
    trimap = published_trimap(sample.alpha, kernel)
    file = scratch / "sample.npz"
    np.savez(file, rgb=sample.rgb, trimap=trimap)
    one = {"NUMBA_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, __file__, "--child", name, str(file)],
        capture_output=True,
        text=True,
        env={**os.environ, **one},
    )
    if done.returncode:
        raise click.ClickException(f"{name} on {sample.name}: {done.stderr[-500:]}")
    took, peak = json.loads(done.stderr.strip().splitlines()[-1])
    alpha = np.load(f"{file}.npy")
    scores = score(restricted(alpha, trimap), sample.alpha / 255.0, trimap)
    unknown = int(np.count_nonzero(trimap == 128))
    return Measured(trimap.size, unknown, took, peak, scores.sad_t, scores.mse_t, scores.mad_t)


def line(name: str, runs: list[Measured]) -> str:
    """Means over the pictures."""
    pixels, unknown, seconds, megabytes, sad, mse, mad = np.mean(runs, axis=0)
    return (
        f"{name:<18} {pixels / 1e6:5.2f} MP, {unknown / pixels:5.1%} unknown: {seconds:6.2f} s  {megabytes:6.0f} MB  "
        f"SAD {sad:7.3f}  MSE {mse:.4f}  MAD {mad:.4f}"
    )


def costs(name: str, runs: list[Measured]) -> str:
    """Shares per pixel and per unknown pixel; bytes never less than any picture took, microseconds by least squares."""
    counts = np.array([(run.pixels, run.unknown) for run in runs], float)
    fitted = []
    for values in (np.array([run.megabytes * 2**20 for run in runs]), np.array([run.seconds * 1e6 for run in runs])):
        shares = np.linalg.lstsq(counts, values, rcond=None)[0]
        if shares.min() < 0:  # one of the two explains it all
            chosen = int(shares.argmax())
            shares = np.zeros(2)
            shares[chosen] = np.linalg.lstsq(counts[:, [chosen]], values, rcond=None)[0][0]
        fitted.append((shares, float((values / (counts @ shares)).max())))
    (memory_shares, worst), (time_shares, _) = fitted
    sizes, times = np.ceil(memory_shares * worst), time_shares.round(2)
    return f"{name:<18} Cost(bytes=({sizes[0]:.0f}, {sizes[1]:.0f}), microseconds=({times[0]:.2f}, {times[1]:.2f}))"


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--method", "methods", multiple=True, type=click.Choice(SOLVED), help="Default: all.")
@click.option("--scale", default=1.0, show_default=True, help="Of the pictures' sides.")
@click.option("--count", default=100, show_default=True, help="Pictures at most.")
@click.option("--kernel", default=25, show_default=True, help="Of the trimaps, pixels.")
@click.option("--costs", "is_costs", is_flag=True, help="Fit what the registry says of time and memory.")
@click.option("--library", is_flag=True, help="Beside pymatting's own calls.")
@click.option("--scratch", type=click.Path(path_type=Path), default=Path("/tmp"), show_default=True)
def main(folder: Path, methods: tuple[str, ...], scale: float, count: int, kernel: int, **how: object) -> None:
    """Measure and print."""
    scratch = Path(str(how["scratch"]))
    names = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scipy", "numba", "pymatting"))
    click.echo(f"one core, {platform.machine()}, Python {platform.python_version()}, {names}")
    click.echo(f"command: {' '.join(sys.argv)}")
    pictures = list(samples(folder, scale, count))
    for name in methods or SOLVED:
        theirs = [other for other, ours in LIBRARY.items() if ours == name and how["library"]]
        kernels = (kernel, 2 * kernel + 1) if how["is_costs"] else (kernel,)
        runs: dict[str, list[Measured]] = {one: [] for one in (name, *theirs)}
        for sample in pictures:
            for size in kernels:
                for one, found in runs.items():
                    found.append(measure(one, sample, size, scratch))
        for one, found in runs.items():
            click.echo(line(one, found))
        for other in theirs:
            for what in ("seconds", "megabytes"):
                ratios = [getattr(b, what) / getattr(a, what) for a, b in zip(runs[name], runs[other], strict=True)]
                click.echo(f"  {other}: {statistics.median(ratios):.2f} times our {what}")
        if how["is_costs"]:
            click.echo(costs(name, runs[name]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(*sys.argv[2:4])
    else:
        main()
