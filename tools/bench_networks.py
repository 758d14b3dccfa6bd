"""Measure every network of METHODS: python tools/bench_networks.py [NAME ...].

Of each, in a process of its own: parameters, GFLOP and seconds per megapixel of a pass as `eval` makes it (batch
normalization folded, channels last, random weights), and bytes per pixel at its peak, which `Method.pixel_bytes` must
not be below. P3M-Net is measured too, as the baseline: seconds are also printed as shares of its.
"""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import time

import click
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from p3m_anon.evaluation.passes import Passes
from p3m_anon.methods.registry import NETWORKS

BASELINE = "p3mnet"
SMALL, LARGE = (640, 800), (960, 1600)  # 0.512 and 1.536 megapixels
COUNTED = 256  # side of the picture whose GFLOP are counted
RUNS = 3


def peak() -> int:
    """Bytes that this process held at most so far, as Linux counts them."""
    with open("/proc/self/status") as status:
        return next(1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM"))


def passed(passes: Passes, size: tuple[int, int], needs_trimap: bool) -> float:
    """Seconds of a pass."""
    pixels = np.random.default_rng(0).uniform(0, 255, (1, *size, 3)).astype(np.float32)
    trimaps = np.full((1, *size), 128, np.uint8) if needs_trimap else None
    began = time.perf_counter()
    passes.alpha(pixels, trimaps)
    return time.perf_counter() - began


def measure(name: str, threads: int) -> None:
    """Print one line of numbers: parameters, GFLOP per megapixel, seconds per megapixel, bytes per pixel."""
    torch.manual_seed(0)
    torch.set_num_threads(threads)
    method = NETWORKS[name]
    assert method.build is not None
    network = method.build(0).eval()
    parameters = sum(one.numel() for one in network.parameters())
    given = (torch.zeros(1, 3, COUNTED, COUNTED), torch.zeros(1, 1, COUNTED, COUNTED))
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(*given[: 1 + method.needs_trimap])
    flops = counter.get_total_flops() / COUNTED**2 * 1e6
    passes = Passes(network, torch.device("cpu"))
    passed(passes, SMALL, method.needs_trimap)
    low = peak()
    seconds = [passed(passes, LARGE, method.needs_trimap) for _ in range(RUNS)]
    pixels = [height * width for height, width in (SMALL, LARGE)]
    per_pixel = (peak() - low) / (pixels[1] - pixels[0])
    click.echo(f"{parameters} {flops} {statistics.median(seconds) / pixels[1] * 1e6} {per_pixel}")


@click.command()
@click.argument("names", nargs=-1)
@click.option("--threads", default=2, show_default=True)
@click.option("--one", is_flag=True, hidden=True)
def main(names: tuple[str, ...], threads: int, one: bool) -> None:
    """All networks, or those that are named, beside P3M-Net."""
    if one:
        measure(names[0], threads)
        return
    click.echo(f"{platform.processor() or platform.machine()}, {threads} threads, torch {torch.__version__}")
    base = 0.0
    for name in (BASELINE, *(other for other in (names or NETWORKS) if other != BASELINE)):
        command = [sys.executable, __file__, name, "--one", "--threads", str(threads)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        parameters, flops, seconds, per_pixel = map(float, done.stdout.split())
        base = base or seconds
        click.echo(
            f"{name}: {parameters / 1e6:.2f} M parameters; per megapixel {flops / 1e9:.0f} GFLOP, {seconds:.2f} s"
            f" ({seconds / base:.2f} of {BASELINE}); {per_pixel:.0f} bytes per pixel,"
            f" {NETWORKS[name].pixel_bytes} are counted"
        )


if __name__ == "__main__":
    main()
