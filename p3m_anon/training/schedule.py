"""The learning rate of a step, from its number alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p3m_anon.training.run_settings import RunSettings


def learning_rate(step: int, total: int, settings: RunSettings) -> float:
    """Of step 0..total - 1: a straight line up for `warmup` steps, then fixed, or half a cosine wave down to 0."""
    if step < settings.warmup:
        return settings.learning_rate * (step + 1) / settings.warmup
    if settings.schedule == "fixed":
        return settings.learning_rate
    share = (step - settings.warmup) / max(1, total - settings.warmup)
    return settings.learning_rate * (1 + math.cos(math.pi * min(1.0, share))) / 2
