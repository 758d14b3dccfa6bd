"""How long a step takes here, tried with pictures of noise."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from torch import nn

    from p3m_anon.training.batch import Batch
    from p3m_anon.training.run_settings import RunSettings

_TRIES = 3


def seconds_per_step(fabric: Fabric, network: nn.Module, settings: RunSettings) -> float:
    """Of one device, without the loader: the quickest of some. On a CPU it is that of two pictures, times as many: with
    a single one some networks have nothing to normalize over."""
    import torch

    from p3m_anon.training.steps import Stepper

    on_gpu = fabric.device.type == "cuda"
    size = settings.batch_size if on_gpu else min(2, settings.batch_size)
    stepper = Stepper(fabric, network, settings, 1)
    batch = noise(size, settings.samples.size, layers=settings.samples.composition)
    taken = []
    for _ in range(_TRIES):
        start = time.perf_counter()
        stepper.try_size(batch)
        if on_gpu:
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return min(taken) * settings.batch_size / size * settings.accumulate


def noise(count: int, side: int, *, layers: bool) -> Batch:
    """A batch that no picture was read for."""
    import torch

    from p3m_anon.training.batch import Batch

    chance = torch.Generator().manual_seed(0)
    image = torch.randint(0, 256, (count, 3, side, side), generator=chance, dtype=torch.uint8)
    image = image.contiguous(memory_format=torch.channels_last)
    trimap = torch.full_like(image[:, :1], 128)
    trimap[..., : side // 3, :], trimap[..., -side // 3 :, :] = 0, 255
    layer = image if layers else None
    return Batch(image, image[:, :1].clone(), trimap, layer, layer, [""] * count, [])
