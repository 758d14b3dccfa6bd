"""Measure the metrics: python tools/bench_metrics.py [--alpha ALPHA.png].

Against a plain transcription of the published algorithms, tests/matting/published_metrics.py, whose numbers are checked
to be the same. One process on one core; the two take turns; medians over the rounds are printed, with their ratios.
Without an alpha a portrait-like one of 1080x1620 is drawn. The predictions: the alpha blurred, as a network that
settles every known pixel gives it; and the same with noise everywhere, as one gives it that settles none.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, TypeAlias

import click
import cv2
import numpy as np

from p3m_anon.files.alphas import read_alpha
from p3m_anon.matting.connectivity import connectivity_error
from p3m_anon.matting.gradient import gradient_error
from p3m_anon.matting.scores import score
from p3m_anon.matting.trimap import published_trimap

if TYPE_CHECKING:
    from p3m_anon.arrays import AlphaPixels

Metric: TypeAlias = Callable[[], object]


def published() -> ModuleType:
    """The transcription that the tests keep."""
    path = Path(__file__).parents[1] / "tests" / "matting" / "published_metrics.py"
    spec = importlib.util.spec_from_file_location("published_metrics", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def portrait(size: tuple[int, int]) -> AlphaPixels:
    """A drawn alpha, uint8 (height, width): head and shoulders, and strands of hair around the head."""
    height, width = size
    alpha = np.zeros(size, np.uint8)
    head = (width // 2, height // 3)
    rng = np.random.default_rng(0)
    for angle, length in zip(rng.uniform(0, 2 * np.pi, 900), rng.uniform(0.22, 0.3, 900), strict=True):
        end = head[0] + length * width * np.cos(angle), head[1] + length * width * np.sin(angle)
        cv2.line(alpha, head, (round(end[0]), round(end[1])), 200, 1, cv2.LINE_AA)
    cv2.ellipse(alpha, head, (width // 5, width // 4), 0, 0, 360, 255, -1, cv2.LINE_AA)
    cv2.rectangle(alpha, (width * 2 // 5, head[1]), (width * 3 // 5, height), 255, -1)
    cv2.ellipse(alpha, (width // 2, height), (width * 2 // 5, height * 2 // 5), 0, 0, 360, 255, -1, cv2.LINE_AA)
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), 1), np.uint8)


def predictions(alpha: np.ndarray) -> dict[str, np.ndarray]:
    """Name -> degraded copy, float32 (H, W)."""
    soft = np.clip(cv2.GaussianBlur(alpha, (0, 0), 3), 0, 1).astype(np.float32)
    soft[soft < 1 / 512], soft[soft > 511 / 512] = 0, 1
    noise = 0.01 * np.abs(np.random.default_rng(1).standard_normal(alpha.shape))
    return {"blurred": soft, "blurred, noise": np.clip(np.abs(soft - noise), 0, 1).astype(np.float32)}


def medians(ways: Mapping[str, Metric], rounds: int) -> dict[str, float]:
    """Name -> median milliseconds; the ways take turns, after one round that warms up."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            start = time.perf_counter()
            way()
            if turn:
                taken[name].append(time.perf_counter() - start)
    return {name: 1000 * statistics.median(times) for name, times in taken.items()}


def compared(prediction: np.ndarray, alpha: np.ndarray, trimap: np.ndarray, rounds: int) -> None:
    """Print a line for GRAD, CONN and everything; ClickException if the two do not agree."""
    plain = published()
    ours, theirs = tuple(score(prediction, alpha, trimap)), plain.everything(prediction, alpha, trimap)
    if not np.allclose(ours, theirs, rtol=1e-5, atol=1e-9, equal_nan=True):
        raise click.ClickException(f"the numbers differ: {ours} and {theirs}")
    ways: dict[str, tuple[Metric, Metric]] = {
        "GRAD": (lambda: plain.gradient(prediction, alpha), lambda: gradient_error(prediction, alpha)),
        "CONN": (lambda: plain.connectivity(prediction, alpha), lambda: connectivity_error(prediction, alpha)),
        "all ten": (
            lambda: plain.everything(prediction, alpha, trimap),
            lambda: score(prediction, alpha, trimap),
        ),
    }
    for name, (slow, fast) in ways.items():
        took = medians({"published": slow, "ours": fast}, rounds)
        ratio = took["published"] / took["ours"]
        click.echo(f"{name:<8} published {took['published']:7.1f} ms  ours {took['ours']:6.1f} ms  {ratio:5.1f} times")


@click.command()
@click.option("--alpha", "path", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A real alpha.")
@click.option("--size", nargs=2, type=int, default=(1080, 1620), show_default=True, help="Width, height to draw.")
@click.option("--rounds", default=9, show_default=True)
def main(path: Path | None, size: tuple[int, int], rounds: int) -> None:
    """Measure and print."""
    core = min(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    cv2.setNumThreads(1)
    names = ("numpy", "scipy", "scikit-image", "opencv-python")
    click.echo(
        f"one core, {platform.machine()}, Python {platform.python_version()}, "
        + ", ".join(f"{name} {version(name)}" for name in names)
    )
    click.echo(f"command: {' '.join(sys.argv)}")
    levels = read_alpha(path).pixels if path else portrait((size[1], size[0]))
    alpha = levels / np.float64(np.iinfo(levels.dtype).max)
    trimap = published_trimap(levels, 25)
    unknown = (trimap == 128).mean()
    click.echo(f"{alpha.shape[1]}x{alpha.shape[0]}, {unknown:.0%} of it in the transition region; medians of {rounds}")
    for name, prediction in predictions(alpha).items():
        click.echo(f"\nprediction: {name}")
        compared(prediction, alpha, trimap, rounds)


if __name__ == "__main__":
    main()
