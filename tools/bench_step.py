"""Measure the training step: python tools/bench_step.py step|together|devices.

`step`: ours (channels last, our unpooling and losses) against the plain way (contiguous, PyTorch's unpooling, the
losses spelled out as published: a 5 x 5 filter over prediction and alpha at each level), in turns in one process, with
the same optimizer. `together`: the loader alone, the step alone, and both at once, with the share of the time that is
spent waiting. `devices`: images a second and memory for batches of several sizes, the share of what matrix products
reach, and the hours of the paper's schedule.
"""

from __future__ import annotations

import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import click
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from p3m_anon.jobs.train.run import build
from p3m_anon.jobs.train.trial import noise
from p3m_anon.training.batch import Batch
from p3m_anon.training.devices import make_fabric
from p3m_anon.training.loader import Loader, LoaderSettings
from p3m_anon.training.memory import is_out_of_memory
from p3m_anon.training.rows import TrainRow
from p3m_anon.training.run_settings import Precision, RunSettings
from p3m_anon.training.settings import SampleSettings
from p3m_anon.training.steps import Stepper

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
PAPER_SAMPLES = 9421 * 150
MATRIX = 8192


@click.group()
@click.option("--threads", default=0, help="Of torch on the CPU.")
def main(threads: int) -> None:
    """Measure and print."""
    if threads:
        torch.set_num_threads(threads)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else platform.machine()
    click.echo(f"{len(os.sched_getaffinity(0))} cores, {device}, torch {torch.__version__}")
    click.echo(f"command: {' '.join(sys.argv)}")


@main.command()
@click.option("--batch-size", default=2, show_default=True)
@click.option("--size", default=256, show_default=True)
@click.option("--width", default=0, help="0: the paper's.")
@click.option("--rounds", default=7, show_default=True)
def step(batch_size: int, size: int, width: int, rounds: int) -> None:
    """One step of both, in turns; layers on. Without a GPU it is the processor's time that counts: use --threads 1."""
    settings = RunSettings(width=width, batch_size=batch_size, samples=SampleSettings(size=size, composition=True))
    batch = noise(batch_size, size, layers=True)
    ours = stepper_of(settings)
    plain = PlainStep(build(settings, None))
    ways: dict[str, Callable[[], object]] = {
        "plain": lambda: plain(batch),
        "ours": lambda: ours.step(0, [batch]).losses(),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            seconds = timed(way, clock=time.perf_counter if torch.cuda.is_available() else time.process_time)
            if turn:  # the first one warms up
                taken[name].append(seconds)
    base = statistics.median(taken["plain"])
    click.echo(f"\nstep, {batch_size} x {size} x {size}, medians of {rounds}")
    for name, all_seconds in taken.items():
        seconds = statistics.median(all_seconds)
        click.echo(f"{name:<8} {seconds:7.3f} s  {batch_size / seconds:6.2f} images/s  {base / seconds:5.2f} times")


@main.command()
@click.argument("pictures", type=FOLDER)
@click.argument("alphas", type=FOLDER)
@click.option("--batch-size", default=2, show_default=True)
@click.option("--size", default=256, show_default=True)
@click.option("--width", default=0)
@click.option("--workers", default=1, show_default=True)
@click.option("--steps", default=10, show_default=True)
@click.option("--precision", default="fp32", show_default=True)
@click.option("--device", default="auto", show_default=True)
def together(pictures: Path, alphas: Path, precision: Precision, device: str, **options: int) -> None:
    """Loader and step, each for itself and both; without layers."""
    batch_size, size, steps = options["batch_size"], options["size"], options["steps"]
    samples = SampleSettings(size=size)
    settings = RunSettings(width=options["width"], batch_size=batch_size, precision=precision, samples=samples)
    stepper = stepper_of(settings, device)
    alone = timed(lambda: stepper.step(0, [noise(batch_size, size, layers=False)]).losses(), repeats=3)
    files = [(one, alphas / f"{one.stem}.png") for one in sorted(pictures.iterdir())]
    rows = [TrainRow(image.stem, str(image), str(alpha)) for image, alpha in files if alpha.is_file()]
    rows = rows * -(-steps * batch_size // len(rows))
    loading = LoaderSettings(batch_size, options["workers"], pin=torch.cuda.is_available())
    with Loader(rows, samples, loading) as loader:
        list(loader.batches(0))  # starts the workers
        start = time.perf_counter()
        read = sum(len(one.ids) for one in loader.batches(1))
        loaded = (time.perf_counter() - start) / read
        waited, count, start = 0.0, 0, time.perf_counter()
        batches = loader.batches(2)
        reading = None
        for number in range(len(loader)):
            before = time.perf_counter()
            batch = next(batches)
            waited += time.perf_counter() - before
            previous, reading = reading, stepper.step(number, [batch])
            if previous is not None:
                previous.losses()
            count += len(batch.ids)
        if reading is not None:
            reading.losses()
        both = time.perf_counter() - start
    click.echo(f"\n{batch_size} x {size} x {size}, {options['workers']} workers, {precision}")
    click.echo(f"loader alone {1 / loaded:8.2f} images/s")
    click.echo(f"step alone   {batch_size / alone:8.2f} images/s")
    click.echo(f"both         {count / both:8.2f} images/s, {waited / both:.1%} of the time waiting for pictures")


@main.command()
@click.option("--batch-sizes", default="8,16,32,64", show_default=True)
@click.option("--size", default=512, show_default=True)
@click.option("--width", default=0)
@click.option("--precision", default="bf16", show_default=True)
@click.option("--compile", is_flag=True)
@click.option("--rounds", default=10, show_default=True)
def devices(batch_sizes: str, size: int, width: int, precision: Precision, compile: bool, rounds: int) -> None:
    """Throughput of the step by batch size, layers on."""
    rate = matrix_rate(precision)
    click.echo(f"matrix products: {rate / 1e12:.1f} TFLOP/s in {precision}")
    samples = SampleSettings(size=size, composition=True)
    settings = RunSettings(width=width, precision=precision, compile=compile, samples=samples)
    flops = flops_of(settings)
    click.echo(f"a step takes {flops / 1e9:.0f} GFLOP an image at {size} x {size}")
    for batch_size in map(int, batch_sizes.split(",")):
        stepper = stepper_of(replace(settings, batch_size=batch_size))
        batch = noise(batch_size, size, layers=True)
        try:
            seconds = timed(lambda one=batch, it=stepper: it.step(0, [one]).losses(), repeats=rounds)  # type: ignore[misc]
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            click.echo(f"batch {batch_size:3}: out of memory")
            continue
        speed = batch_size / seconds
        memory = f"{torch.cuda.max_memory_reserved() / 2**30:6.1f} GiB, " if torch.cuda.is_available() else ""
        hours = PAPER_SAMPLES / speed / 3600
        click.echo(
            f"batch {batch_size:3}: {speed:8.1f} images/s, {memory}{speed * flops / rate:.1%} of the matrix rate,"
            f" {hours:.2f} h for {PAPER_SAMPLES:,} samples"
        )


def stepper_of(settings: RunSettings, device: str = "auto") -> Stepper:
    """Of a new network."""
    fabric = make_fabric(device, 1, settings.precision)
    fabric.launch()
    if torch.cuda.is_available():
        torch.cuda.reset_peak_memory_stats()
    return Stepper(fabric, build(settings, None), settings, 1)


def timed(way: Callable[[], object], repeats: int = 1, clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of one call, the median of some; with more than one, the first is left out."""
    taken = []
    for _ in range(repeats + (repeats > 1)):
        start = clock()
        way()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        taken.append(clock() - start)
    return statistics.median(taken[-repeats:])


def matrix_rate(precision: Precision) -> float:
    """FLOP a second of a large matrix product, in the type that the convolutions have."""
    on_gpu = torch.cuda.is_available()
    side = MATRIX if on_gpu else MATRIX // 8
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    left, right = (torch.randn(side, side, dtype=dtype, device="cuda" if on_gpu else "cpu") for _ in range(2))
    return 2 * side**3 / timed(lambda: left @ right, repeats=10)


def flops_of(settings: RunSettings) -> int:
    """Of a step with one picture: forward and backward, convolutions only, as the counter counts."""
    stepper = stepper_of(replace(settings, batch_size=2, compile=False))
    counter = FlopCounterMode(display=False)
    with counter:
        stepper.try_size(noise(2, settings.samples.size, layers=True))
    return int(counter.get_total_flops()) // 2


class PlainStep:
    """The network as it stands in textbooks: contiguous tensors, PyTorch's unpooling, every loss by its definition."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network.train()
        self._optimizer = torch.optim.Adam(network.parameters(), lr=1e-5)
        axis = torch.tensor([4.0, 1.0, 0.0, 1.0, 4.0]).neg().exp()
        kernel = axis[:, None] + axis[None, :]
        self._kernel = (kernel / kernel.sum())[None, None]

    def __call__(self, batch: Batch) -> float:
        """One step; returns the loss."""
        targets = batch.targets()
        assert targets.foreground is not None
        assert targets.background is not None
        image, alpha = targets.image.contiguous(), targets.alpha.contiguous()
        with mock.patch("p3m_anon.methods.p3mnet.decoders.max_unpool", plain_unpool):
            output = self._network(image)
        region = (targets.trimap == 128).float()
        classes = torch.where(targets.trimap == 0, 0, torch.where(targets.trimap == 255, 2, 1))[:, 0]
        local, fused = output.local * region, output.fused
        composed = targets.foreground * fused + targets.background * (1 - fused)
        loss = 2 * (
            self._absolute(local, alpha * region).sum() / (region.sum() + 1) + self._laplacian(local, alpha * region)
        )
        loss = loss + 2 * (self._absolute(fused, alpha).mean() + self._laplacian(fused, alpha))
        loss = loss + 3 * self._absolute(composed, image).mean() + F.cross_entropy(output.global_logits, classes) / 2
        for side in (output.side2, output.side1, output.side0):
            loss = loss + F.cross_entropy(side, classes) / 6
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        return float(loss.detach())

    def _absolute(self, one: Tensor, other: Tensor) -> Tensor:
        return ((one - other) ** 2 + 1e-12).sqrt()

    def _laplacian(self, one: Tensor, other: Tensor) -> Tensor:
        pairs: Any = zip(self._pyramid(one), self._pyramid(other), strict=True)
        return torch.stack([(first - second).abs().mean() for first, second in pairs]).sum()

    def _pyramid(self, level: Tensor) -> list[Tensor]:
        bands = []
        for _ in range(5):
            filtered = F.conv2d(F.pad(level, (2, 2, 2, 2), mode="replicate"), self._kernel.to(level.device))
            bands.append(level - filtered)
            level = F.avg_pool2d(filtered, 2)
        return [*bands, level]


def plain_unpool(values: Tensor, places: Tensor) -> Tensor:
    """PyTorch's own, whose result hangs on the order of its writes where windows overlap."""
    return F.max_unpool2d(values, places, kernel_size=[2, 2], stride=[2, 2])


if __name__ == "__main__":
    main()
