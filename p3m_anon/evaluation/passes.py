"""A matting network on its device, in the form that runs fastest: one pass over pictures of one size."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from p3m_anon.errors import TooLarge, WeightsError
from p3m_anon.methods.colours import DEVIATION, MEAN
from p3m_anon.methods.layers import fold_batch_norm
from p3m_anon.methods.network import fuse, has_two_branches
from p3m_anon.methods.registry import PIXEL_BYTES

if TYPE_CHECKING:
    from p3m_anon.evaluation.resize import Floats

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Passes:
    """Runs a network, only as much of it as is asked for.

    Pixels go in as float32 (B, h, w, 3) in 0..255, sides multiples of 32. Raises TooLarge where memory does not
    suffice, WeightsError for results that are not finite.
    """

    def __init__(
        self,
        network: nn.Module,
        device: torch.device,
        precision: str = "float32",
        pixel_bytes: int = PIXEL_BYTES,
        smaller: tuple[str, ...] = (),
    ) -> None:
        """network: in eval mode; it is changed, and is of no use for training afterwards. pixel_bytes: of a pass in
        float32, at its peak. smaller: strategies that take less memory than this one."""
        fold_batch_norm(network)
        self._dtype = _DTYPES[precision]
        self._network = network.to(device, self._dtype, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._device = device
        self._pixel_bytes = pixel_bytes
        self._smaller = smaller
        # of values 0..255
        self._mean = 255 * torch.tensor(MEAN, device=device).view(3, 1, 1)
        self._deviation = 255 * torch.tensor(DEVIATION, device=device).view(3, 1, 1)

    def alpha(self, pixels: Floats, trimaps: npt.NDArray[np.uint8] | None = None) -> Floats:
        """The alpha matte, float32 (B, h, w) in [0, 1], of a pass through the whole network.

        trimaps: (B, h, w) of 0, 128, 255, for a network that takes them.
        """
        with self._running(pixels) as images:
            if has_two_branches(self._network):
                logits, local = self._network.branches(images)
                _check_finite(logits, local)
                return _array(fuse(logits, local)[:, 0])
            given = () if trimaps is None else (torch.from_numpy(trimaps)[:, None].to(self._device),)
            fused = self._network(images, *given).fused
            _check_finite(fused)
            return _array(fused[:, 0])

    def classes(self, pixels: Floats) -> npt.NDArray[np.uint8]:
        """The segmentation, uint8 (B, h, w): 0 background, 1 transition, 2 foreground; without the matting decoder."""
        with self._running(pixels) as images:
            assert has_two_branches(self._network)
            logits = self._network.segment(images)
            _check_finite(logits)
            found: npt.NDArray[np.uint8] = logits.argmax(1).to(torch.uint8).cpu().numpy()
            return found

    def local(self, pixels: Floats) -> Floats:
        """Alpha for the transition region, float32 (B, h, w) in [0, 1]; without the end of the semantic decoder."""
        with self._running(pixels) as images:
            assert has_two_branches(self._network)
            local = self._network.matte(images)
            _check_finite(local)
            return _array(local[:, 0])

    @contextlib.contextmanager
    def _running(self, pixels: Floats) -> Iterator[Tensor]:
        """The network's input, channels last as the pixels are; what comes of too little memory is explained."""
        count, height, width = pixels.shape[:3]
        self._check_memory(count * height * width)
        try:
            with torch.inference_mode():
                images = torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2)
                yield ((images - self._mean) / self._deviation).to(self._dtype)
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise self._too_large(count * height * width) from error
        except RuntimeError as error:
            if "alloc" not in str(error):
                raise
            raise self._too_large(count * height * width) from error

    def _check_memory(self, pixels: int) -> None:
        """On the CPU nothing is raised when memory runs out: the system ends the whole process."""
        if self._device.type == "cpu" and pixels * self._pixel_bytes * self._dtype.itemsize // 4 > _free_memory():
            raise self._too_large(pixels)

    def _too_large(self, pixels: int) -> TooLarge:
        way = f", or use --strategy {' or '.join(self._smaller)}" if self._smaller else ""
        return TooLarge(f"not enough memory for a pass over {pixels / 1e6:.1f} megapixels; close other programs{way}")


def _free_memory() -> float:
    """Bytes that a process can get without pushing out others; infinite where the system does not say."""
    free = _read(Path("/proc/meminfo")).get("MemAvailable:", float("inf"))
    group = Path("/sys/fs/cgroup")  # of a container
    try:
        limit, used = (float((group / file).read_text()) for file in ("memory.max", "memory.current"))
    except (OSError, ValueError):  # no container, or one without a limit: `max`
        return 1024 * free
    return min(1024 * free, limit - used + _read(group / "memory.stat").get("inactive_file", 0))


def _read(file: Path) -> dict[str, float]:
    """Lines of a name and a number."""
    try:
        lines = [line.split() for line in file.read_text().splitlines()]
    except OSError:
        return {}
    return {line[0]: float(line[1]) for line in lines}


def _check_finite(*results: Tensor) -> None:
    if not all(bool(torch.isfinite(one).all()) for one in results):
        raise WeightsError(
            "the network gave values that are not finite: damaged weights, or --precision float16, which overflows;"
            " use bfloat16 or float32"
        )


def _array(result: Tensor) -> Floats:
    array: Floats = result.float().cpu().numpy()
    return array
