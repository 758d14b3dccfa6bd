"""What each process of test_two_processes does, under torchrun or alone: FOLDER with a dataset, then steps and names.

Alone it accumulates the batches that two processes have at once.
"""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from p3m_anon.methods.registry import METHODS
from p3m_anon.training.devices import make_fabric
from p3m_anon.training.loader import Loader, LoaderSettings
from p3m_anon.training.rows import TrainRow
from p3m_anon.training.run_settings import RunSettings
from p3m_anon.training.settings import SampleSettings
from p3m_anon.training.steps import Stepper

STEPS = 10


def main(dataset: Path, out: Path) -> None:
    """Save the gradients of the first step, and the weights after the last."""
    fabric = make_fabric("cpu", 1, "fp32")
    fabric.launch()
    world, rank = fabric.world_size, fabric.global_rank
    samples = SampleSettings(seed=3, size=64, crops=(64, 96))
    settings = RunSettings(width=8, batch_size=2, learning_rate=1e-3, accumulate=2 // world, samples=samples)
    images = sorted((dataset / "train" / "blurred_image").iterdir())
    rows = [TrainRow(one.stem, str(one), str(dataset / "train" / "mask" / f"{one.stem}.png")) for one in images]
    torch.manual_seed(0)
    stepper = Stepper(fabric, METHODS["p3mnet"].build(settings.width), settings, STEPS)
    loader = Loader(rows, samples, LoaderSettings(settings.batch_size, rank=rank, world=world))
    number, saved = 0, {}
    for epoch in range(STEPS):
        batches = loader.batches(epoch)
        for _ in range(settings.steps_per_epoch(len(loader))):
            losses = stepper.step(number, [next(batches) for _ in range(settings.accumulate)], stop=rank == 1).losses()
            if not number:
                gradients = {name: one.grad.clone() for name, one in stepper.network.named_parameters()}
                saved = {"gradients": gradients, "loss": losses.terms["total"], "stop": losses.stop}
            number += 1
            if number == STEPS:
                stepper.share_statistics()
                torch.save({**saved, "weights": stepper.network.state_dict()}, out / f"rank-{rank}-of-{world}.pt")
                return


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
