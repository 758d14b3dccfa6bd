"""How fast the exported ONNX model is beside torch, on this CPU.

    python tools/bench_onnx.py --side 512 --rounds 7 --threads 2

P3M-Net of the paper's size with random weights, one picture; plain torch, torch as we run it (batch normalization
folded, channels last) and onnxruntime take turns, after one round that warms up. Printed: medians in ms, and how many
times as fast as plain torch each is.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable

import click
import torch

from p3m_anon.methods.layers import fold_batch_norm
from p3m_anon.methods.onnx_check import drawn_picture
from p3m_anon.methods.onnx_export import INPUT, OnnxForm, to_onnx
from p3m_anon.methods.registry import METHODS


def runners(side: int, threads: int) -> dict[str, Callable[[], object]]:
    """Each makes one matte of the same picture."""
    import onnxruntime

    build = METHODS["p3mnet"].build
    assert build is not None
    network = build(0).eval()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(to_onnx(network, {}), options, providers=["CPUExecutionProvider"])
    plain = OnnxForm(network).eval()
    folded = copy.deepcopy(plain)
    fold_batch_norm(folded)
    folded.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    image = drawn_picture(0, 1, side, side)
    last, array = image.to(memory_format=torch.channels_last), image.numpy()
    return {
        "plain torch": lambda: plain(image),
        "torch, folded, channels last": lambda: folded(last),
        "onnxruntime": lambda: session.run(None, {INPUT: array}),
    }


@click.command()
@click.option("--side", type=click.IntRange(32), default=512, show_default=True, help="Pixels, a multiple of 32.")
@click.option("--rounds", type=click.IntRange(1), default=7, show_default=True)
@click.option("--threads", type=click.IntRange(1), default=2, show_default=True)
def main(side: int, rounds: int, threads: int) -> None:
    """Measure and print."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    ways = runners(side, threads)
    times: dict[str, list[float]] = {name: [] for name in ways}
    with torch.inference_mode():
        for turn in range(rounds + 1):
            for name, run in ways.items():
                start = time.perf_counter()
                run()
                if turn:
                    times[name].append(1000 * (time.perf_counter() - start))
    medians = {name: statistics.median(one) for name, one in times.items()}
    for name, median in medians.items():
        click.echo(f"{name:30} {median:7.0f} ms  {medians['plain torch'] / median:.2f} times plain torch")


if __name__ == "__main__":
    main()
