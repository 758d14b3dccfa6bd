"""How a method is trained: all that its weights depend on, beside the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from p3m_anon.errors import UsageError
from p3m_anon.methods.registry import METHODS
from p3m_anon.training.settings import SampleSettings

Precision = Literal["fp32", "bf16", "fp16"]
Schedule = Literal["fixed", "cosine"]
Pipeline = Literal["p3m", "own"]

MULTIPLE = 32  # of which the sides of a network's input are multiples
# oneDNN (torch 2.13, CPUs without AVX-512) gives wrong gradients, writes outside its memory or never returns in the
# backward pass of a 1x1 convolution with a stride of 2, channels last, of fewer than 8 input channels.
LEAST_WIDTH = 8


@dataclass(frozen=True)
class RunSettings:
    """One training run. The defaults are the paper's: Adam at 1e-5 throughout, batches of 8, 150 epochs.

    width: channels at full size, even and at least LEAST_WIDTH, 0 for the method's own. batch_size: pictures that go
    through the network together, on each device. accumulate: batches whose gradients one step averages. max_steps: ends
    the run early; 0: it does not. warmup: steps during which the learning rate grows. clip: largest norm of a step's
    gradient; 0: any. ema: share of the averaged weights that a step keeps; 0: no average. precision: of the network's
    arithmetic; weights and losses are float32. backbone: sha256 of the file that the encoder starts from, "" for none.
    pipeline: whose settings stand where none were given, `own` for the method's; it changes nothing by itself.
    """

    method: str = "p3mnet"
    width: int = 0
    batch_size: int = 8
    accumulate: int = 1
    epochs: int = 150
    max_steps: int = 0
    learning_rate: float = 1e-5
    schedule: Schedule = "fixed"
    warmup: int = 0
    clip: float = 0.0
    ema: float = 0.0
    precision: Precision = "fp32"
    compile: bool = False
    backbone: str = ""
    pipeline: Pipeline = "p3m"
    samples: SampleSettings = field(default_factory=SampleSettings)

    def __post_init__(self) -> None:
        """Raises UsageError for what cannot be trained with."""
        for name in ("batch_size", "accumulate", "epochs"):
            if getattr(self, name) < 1:
                raise UsageError(f"--{name.replace('_', '-')} must be at least 1, got {getattr(self, name)}")
        for name in ("max_steps", "warmup", "clip"):
            if not getattr(self, name) >= 0:
                raise UsageError(f"--{name.replace('_', '-')} must not be negative, got {getattr(self, name)}")
        if self.width and (self.width < LEAST_WIDTH or self.width % 2):
            raise UsageError(f"--width must be even and at least {LEAST_WIDTH}, got {self.width}")
        if not 0 < self.learning_rate < float("inf"):
            raise UsageError(f"--learning-rate must be above 0, got {self.learning_rate}")
        if not 0 <= self.ema < 1:
            raise UsageError(f"--ema must be below 1, like 0.999, got {self.ema}")
        if self.samples.size % MULTIPLE or self.samples.size * self.batch_size < 2 * MULTIPLE:
            raise UsageError(
                f"--size must be a multiple of {MULTIPLE}, and at least {2 * MULTIPLE} for one picture at a time,"
                f" got {self.samples.size}"
            )
        choices = {"precision": Precision, "schedule": Schedule, "pipeline": Pipeline}
        for name, known in ((name, get_args(choice)) for name, choice in choices.items()):
            if getattr(self, name) not in known:
                raise UsageError(f"--{name} {getattr(self, name)} is not known; use {', '.join(known)}")

    def steps_per_epoch(self, batches: int) -> int:
        """Of an epoch of so many batches; what does not fill a step is left out of this epoch.

        Raises UsageError where there is not one.
        """
        if batches < self.accumulate:
            raise UsageError(
                f"an epoch has {batches} batches of {self.batch_size}, and a step takes {self.accumulate}; use a"
                " smaller --batch-size or --accumulate"
            )
        return batches // self.accumulate

    def steps(self, batches: int) -> int:
        """Of the whole run."""
        steps = self.epochs * self.steps_per_epoch(batches)
        return min(steps, self.max_steps) if self.max_steps else steps


def with_own(given: Mapping[str, Any], method: str) -> dict[str, Any]:
    """`given`, and what the method was published with where it is silent; names of RunSettings and SampleSettings."""
    own = METHODS[method].own if method in METHODS else {}
    return {**own, **given}


def changes(before: dict[str, Any], after: dict[str, Any], prefix: str = "") -> list[str]:
    """What differs, a line each: `learning_rate: 1e-05 -> 0.001`. Both are of JSON's kinds."""
    lines = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            lines += changes(old, new, f"{prefix}{name}.")
        elif old != new:
            lines.append(f"{prefix}{name}: {old} -> {new}")
    return lines
