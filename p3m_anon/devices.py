"""Which device PyTorch works on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p3m_anon.errors import UsageError

if TYPE_CHECKING:
    import torch


def choose_device(name: str) -> torch.device:
    """`auto` (the first GPU, or the CPU without one), cpu, cuda or cuda:N. Raises UsageError where it is not there."""
    import torch

    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise UsageError(f"--device {name} is not known; use auto, cpu or cuda") from error
    if device.type not in ("cpu", "cuda"):
        raise UsageError(f"--device {name} is not supported; use auto, cpu or cuda")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UsageError(f"--device {name}: torch sees no such GPU; use --device cpu, or see p3m-anon doctor")
    return device
