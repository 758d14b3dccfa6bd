"""Which devices a run uses, by Lightning Fabric; alike under torchrun and where the processes are ours."""

from __future__ import annotations

import logging
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from p3m_anon.devices import choose_device
from p3m_anon.errors import UsageError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

    from p3m_anon.training.run_settings import Precision

_PRECISIONS: dict[str, Any] = {"fp32": "32-true", "bf16": "bf16-mixed", "fp16": "16-mixed"}
_LOST = ("Connection closed by peer", "Connection reset by peer", "Broken pipe")
_PATIENCE = timedelta(hours=4)  # of processes for the first one, which compares the pictures with those of the tests


def has_lost_a_process(error: RuntimeError) -> bool:
    """Whether it was raised because another process of the run has ended."""
    from torch.distributed import DistBackendError

    return isinstance(error, DistBackendError) or any(text in str(error) for text in _LOST)


def make_fabric(device: str, devices: int, precision: Precision) -> Fabric:
    """Not launched yet. device: auto, cpu, cuda or cuda:N. devices: processes on this machine; under torchrun, its own.

    Raises UsageError for devices that are not there.
    """
    import torch
    from lightning_fabric import Fabric
    from lightning_fabric.strategies.ddp import DDPStrategy

    chosen = choose_device(device)
    if chosen.type == "cpu" and precision == "fp16":
        raise UsageError("--precision fp16 needs a GPU; use bf16 or fp32")
    nodes = 1
    if "TORCHELASTIC_RUN_ID" in os.environ:
        local, world = int(os.environ["LOCAL_WORLD_SIZE"]), int(os.environ["WORLD_SIZE"])
        if devices not in (1, local):
            raise UsageError(f"torchrun has started {local} processes here; leave out --devices")
        devices, nodes = local, world // local
    if chosen.type == "cuda" and devices > torch.cuda.device_count():
        raise UsageError(f"--devices {devices}: torch sees {torch.cuda.device_count()}; see p3m-anon doctor")
    if devices > 1 and chosen.index is not None:
        raise UsageError(f"--device {device} is one device; use --device cuda with --devices {devices}")
    torch.backends.cudnn.benchmark = chosen.type == "cuda"  # all batches have one size: the quickest way is looked for
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    return Fabric(
        accelerator=chosen.type,
        devices=[chosen.index] if chosen.index is not None else devices,
        num_nodes=nodes,
        strategy=DDPStrategy(timeout=_PATIENCE, gradient_as_bucket_view=True) if devices * nodes > 1 else "auto",
        precision=_PRECISIONS[precision],
    )
