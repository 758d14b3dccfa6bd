"""When memory runs out: which batch would have fitted."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import torch

from p3m_anon.training.batch import Batch

if TYPE_CHECKING:
    from p3m_anon.training.run_settings import RunSettings
    from p3m_anon.training.steps import Stepper


def is_out_of_memory(error: BaseException) -> bool:
    """Torch's error on a GPU, and on the CPU, where the system often ends the process first."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and ("can't allocate memory" in str(error) or "out of memory" in str(error))


def largest_that_fits(stepper: Stepper, batch: Batch) -> int | None:
    """The largest divisor of the batch's size that a step has memory for; None if not even one picture. By trying.

    To be called outside of the `except` block: the error holds the tensors of the pass that has failed.
    """
    count = len(batch.ids)
    gc.collect()
    for size in (n for n in range(count - 1, 0, -1) if count % n == 0):
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        try:
            stepper.try_size(first(batch, size))
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        else:
            return size
    return None


def first(batch: Batch, count: int) -> Batch:
    """So many pictures of a batch."""
    image, alpha, trimap, foreground, background = (None if one is None else one[:count] for one in batch[:5])
    return Batch(image, alpha, trimap, foreground, background, batch.ids[:count], [])  # type: ignore[arg-type]


def advice(settings: RunSettings, size: int, fits: int | None) -> str:
    """One line for the user. size: of the batch, on one device; fits: what `largest_that_fits` found."""
    said = f"out of memory with {size} pictures of {settings.samples.size} x {settings.samples.size} at once"
    if fits is None:
        return f"{said}, and one alone does not fit; use a smaller --size, or --precision bf16"
    accumulate = settings.accumulate * size // fits
    return f"{said}; {fits} would fit: --batch-size {fits} --accumulate {accumulate} keeps the pictures of a step"
