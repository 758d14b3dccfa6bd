"""Measure the network and `p3m-anon matte`'s strategies: python tools/bench_matte.py [--checkpoint FILE].

The forward pass is compared with the plain module (contiguous, batch normalization as it was trained) in the same
process, the two taking turns; each strategy runs in a process of its own, whose peak memory is printed with its time.
With --device cuda: milliseconds and images a second, and which share of the GPU's bf16 matrix rate that is.
Without a checkpoint the weights are random, which costs the same, except that nearly everything is then transition:
`tiled` leaves no tile out. That is its worst case.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path

import click
import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from p3m_anon.evaluation.passes import Passes
from p3m_anon.evaluation.predict import STRATEGIES
from p3m_anon.evaluation.strategies import STRATEGIES as BY_NAME
from p3m_anon.evaluation.strategies import published_size
from p3m_anon.methods.layers import fold_batch_norm
from p3m_anon.methods.p3mnet.network import P3MNet
from p3m_anon.methods.weights import load_network

SIDES = (512, 800)
PICTURE, LARGE = (1080, 1620), (4000, 6000)
BATCHES = (1, 8, 32)
RATES = {"H200": 989e12, "H100": 989e12, "A100": 312e12}
"""Dense bf16 multiplications and additions a second, by the makers' data sheets."""


def network_of(checkpoint: Path | None) -> P3MNet:
    """In eval mode, on the CPU."""
    if checkpoint is None:
        torch.manual_seed(0)
        return P3MNet().eval()
    network = load_network("p3mnet", checkpoint)
    assert isinstance(network, P3MNet)
    return network


def drawn(height: int, width: int) -> np.ndarray:
    """A smooth picture with grain, uint8 (height, width, 3)."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (1 + height // 60, 1 + width // 60, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.minimum(picture, 243).astype(np.uint8) + rng.integers(0, 12, picture.shape, dtype=np.uint8)


def normal(side: int) -> torch.Tensor:
    """A drawn picture as the network's input, float32 (1, 3, side, side)."""
    pixels = torch.from_numpy(drawn(side, side)).permute(2, 0, 1)[None].float() / 255
    return ((pixels - 0.45) / 0.225).contiguous()


def flops(run: Callable[[torch.Tensor], object], *sizes: tuple[int, int]) -> float:
    """Of convolutions, a multiplication and an addition counting two."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        for height, width in sizes:
            run(torch.zeros(1, 3, height, width))
    return float(counter.get_total_flops())


def show_work(network: P3MNet) -> None:
    """GFLOP of each branch, and what hybrid saves."""
    for side in SIDES:
        parts = [flops(run, (side, side)) / 1e9 for run in (network, network.segment, network.matte)]
        click.echo(f"work at {side} x {side}: {parts[0]:.1f} GFLOP; segment {parts[1]:.1f}, matte {parts[2]:.1f}")
    half, whole = published_size(PICTURE[0] // 2, PICTURE[1] // 2), published_size(*PICTURE)
    both = flops(network, half, whole)
    ours = flops(network.segment, half) + flops(network.matte, whole)
    click.echo(f"hybrid on {PICTURE[1]} x {PICTURE[0]}: {100 * (1 - ours / both):.1f} % less work than both networks")


def show_forward(network: P3MNet, rounds: int) -> None:
    """Plain, folded and channels_last, and the same in bfloat16, taking turns: the best of each, and their ratio."""
    ready = deepcopy(network)
    fold_batch_norm(ready)
    ready = ready.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    quick = deepcopy(ready).bfloat16()
    for side in SIDES:
        image = normal(side)
        last = image.contiguous(memory_format=torch.channels_last)
        runs = {
            "plain module": (network, image),
            "folded, channels_last": (ready.branches, last),
            "the same in bfloat16": (quick.branches, last.bfloat16()),
        }
        with torch.inference_mode():
            results = {name: run(pixels) for name, (run, pixels) in runs.items()}
            seconds: dict[str, list[float]] = {name: [] for name in runs}
            for _ in range(rounds):
                for name, (run, pixels) in runs.items():
                    start = time.perf_counter()
                    run(pixels)
                    seconds[name].append(time.perf_counter() - start)
        plain = seconds["plain module"]
        for name, took in seconds.items():
            paired = statistics.median(a / b for a, b in zip(plain, took, strict=True))
            click.echo(
                f"forward {side}, {name:<22} {min(took):6.3f} s  {min(plain) / min(took):4.2f} times as fast (median"
                f" {paired:.2f})  {_difference(results['plain module'], results[name])}"
            )


def _difference(one: Sequence[Tensor], other: Sequence[Tensor]) -> str:
    """Of two outputs, which begin with logits and local branch."""
    logits = (one[0] - other[0].float()).abs().max()
    local = (one[1] - other[1].float()).abs().flatten()
    return f"logits within {logits:.1e}, local 99 % within {np.quantile(local.numpy(), 0.99):.1e}"


def show_strategies(options: list[str], sizes: dict[str, tuple[tuple[int, int], ...]]) -> None:
    """Each strategy on each of its sizes, in a process of its own."""
    for strategy, pictures in sizes.items():
        for height, width in pictures:
            command = [sys.executable, __file__, *options, "--one", strategy, str(height), str(width)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise click.ClickException(f"{strategy} ended with {done.returncode}: {done.stderr[-400:]}")
            click.echo(done.stdout.rstrip())


def one(passes: Passes, strategy: str, height: int, width: int) -> None:
    """One strategy on one picture, here: its time, and the peak of this process from its start to its end."""
    rgb = drawn(height, width)
    before = _peak()
    if height * width < 4e6:
        BY_NAME[strategy](passes, [rgb])  # the first call finds out how the convolutions run best
    start = time.perf_counter()
    BY_NAME[strategy](passes, [rgb])
    took = time.perf_counter() - start
    click.echo(f"{strategy:<7} {width} x {height}: {took:7.2f} s, peak {_peak():.2f} GB ({before:.2f} before)")


def _peak() -> float:
    """GB, of this process alone: what getrusage says begins with the peak of the process that started it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) * 1024 / 1e9 for line in lines if line.startswith("VmHWM:"))


def show_gpu(network: P3MNet, device: torch.device) -> None:
    """The whole network in float32, bfloat16 and compiled, at each batch size."""
    name = torch.cuda.get_device_name(device)
    rate = next((rate for part, rate in RATES.items() if part in name), None)
    click.echo(f"{name}; bf16 matrix rate {'unknown' if rate is None else f'{rate / 1e12:.0f} TFLOP/s'}")
    fold_batch_norm(network)
    network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    half = deepcopy(network).bfloat16()
    runs: dict[str, Callable[[torch.Tensor], object]] = {
        "fp32": network,
        "bf16": half,
        "compiled": torch.compile(half, mode="max-autotune-no-cudagraphs"),
    }
    for side in SIDES:
        work = flops(deepcopy(network).cpu(), (side, side))
        for batch in BATCHES:
            images = normal(side).repeat(batch, 1, 1, 1).to(device, memory_format=torch.channels_last)
            for kind, run in runs.items():
                inputs = images if kind == "fp32" else images.bfloat16()
                seconds = _gpu_seconds(run, inputs) / batch
                share = "" if rate is None else f", {100 * work / seconds / rate:4.1f} % of the bf16 rate"
                click.echo(
                    f"{side} x {side}, batch {batch:2}, {kind:<8} {1000 * seconds:7.2f} ms/image,"
                    f" {1 / seconds:6.1f} images/s{share}"
                )


def _gpu_seconds(run: Callable[[torch.Tensor], object], images: torch.Tensor, times: int = 10) -> float:
    with torch.inference_mode():
        for _ in range(3):
            run(images)
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(times):
            run(images)
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / times


@click.command()
@click.option("--checkpoint", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True)
@click.option("--precision", type=click.Choice(["float32", "bfloat16"]), default="float32", help="Of the strategies.")
@click.option("--rounds", default=5, show_default=True)
@click.option("--one", "single", type=(str, int, int), hidden=True)
def main(
    checkpoint: Path | None, device: str, precision: str, rounds: int, single: tuple[str, int, int] | None
) -> None:
    """Measure and print."""
    network = network_of(checkpoint)
    if single:
        one(Passes(network, torch.device(device), precision), *single)
        return
    click.echo(
        f"{len(os.sched_getaffinity(0))} cores, {platform.machine()}, Python {platform.python_version()}, torch"
        f" {torch.__version__} with {torch.get_num_threads()} threads"
    )
    click.echo(f"command: {' '.join(sys.argv)}")
    if device == "cuda":
        if not torch.cuda.is_available():
            raise click.ClickException("no GPU here")
        show_gpu(network, torch.device(device))
    else:
        show_work(network)
        show_forward(network, rounds)
    options = ["--device", device, "--precision", precision]
    options += ["--checkpoint", str(checkpoint)] if checkpoint else []
    show_strategies(options, dict.fromkeys(STRATEGIES, (PICTURE,)) | {"tiled": (PICTURE, LARGE)})
    if device == "cpu" and not torch.cuda.is_available():
        click.echo("no GPU here; where there is one: python tools/bench_matte.py --device cuda")


if __name__ == "__main__":
    main()
