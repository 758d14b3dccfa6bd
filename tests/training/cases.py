"""Batches without pictures, and a loop over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from p3m_anon.errors import ImageError
from p3m_anon.methods.registry import METHODS
from p3m_anon.training.batch import Batch, Replaced
from p3m_anon.training.checkpoints import LAST, read_note
from p3m_anon.training.devices import make_fabric
from p3m_anon.training.loop import Hooks, Loop, Plan
from p3m_anon.training.metrics_log import METRICS, read_table
from p3m_anon.training.run_settings import RunSettings
from p3m_anon.training.settings import SampleSettings
from p3m_anon.training.steps import Stepper

SETTINGS = RunSettings(width=8, batch_size=2, epochs=2, learning_rate=1e-3, samples=SampleSettings(size=32))
NOTE = {"method": "p3mnet", "width": 8}


def losses(folder: Path) -> list[float]:
    """Of every step that the run's folder has."""
    return read_table(folder / METRICS)["total"]


def step_of(folder: Path) -> int:
    """Of the last checkpoint."""
    return int(read_note(folder / LAST)["step"])


def drawn(number: int, count: int = 2, side: int = 32) -> Batch:
    """Noise, with a matte that follows from it."""
    chance = torch.Generator().manual_seed(number)
    image = torch.randint(0, 256, (count, 3, side, side), generator=chance, dtype=torch.uint8)
    trimap = torch.full((count, 1, side, side), 128, dtype=torch.uint8)
    trimap[:, :, : side // 3], trimap[:, :, -side // 3 :] = 0, 255
    alpha = torch.where(trimap == 128, image[:, :1], trimap)
    return Batch(image, alpha, trimap, None, None, [f"p_{number}_{place}" for place in range(count)], [])


class DrawnBatches:
    """As a loader; `bad` (epoch, number) of batches with a picture that cannot be read, `skip` goes over them."""

    def __init__(self, count: int = 4, bad: tuple[tuple[int, int], ...] = (), *, skip: bool = False) -> None:
        self.count, self.bad, self.skip = count, bad, skip
        self.asked: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return self.count

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        self.asked.append((epoch, start))
        for number in range(start, self.count):
            batch = drawn(100 * epoch + number)
            if (epoch, number) in self.bad:
                if not self.skip:
                    raise ImageError(f"p_{number}.jpg: cannot be read")
                batch = batch._replace(replaced=[Replaced(f"p_{number}", "cannot be read", batch.ids[0])])
            yield batch


def make_stepper(settings: RunSettings = SETTINGS, total: int = 8) -> Stepper:
    """A narrow network on the CPU, always the same."""
    fabric = make_fabric("cpu", 1, settings.precision)
    fabric.launch()
    torch.manual_seed(0)
    return Stepper(fabric, METHODS[settings.method].build(settings.width), settings, total)


def make_loop(
    folder: Path,
    settings: RunSettings = SETTINGS,
    batches: DrawnBatches | None = None,
    hooks: Hooks | None = None,
    **plan: int,
) -> tuple[Loop, Stepper]:
    """A loop that begins anew, and its stepper."""
    loader = batches or DrawnBatches()
    stepper = make_stepper(settings, settings.steps(len(loader)))
    fabric = stepper._fabric
    return Loop(fabric, settings, stepper, loader, Plan(folder, **plan, note=NOTE), hooks or Hooks()), stepper


def counting(answers: int) -> Callable[[], bool]:
    """Says no so many times, then yes."""
    left = iter([False] * answers)
    return lambda: next(left, True)
