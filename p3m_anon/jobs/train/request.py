"""What `train` is asked to do, and what came of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from p3m_anon.errors import UsageError
from p3m_anon.jobs.train.inputs import TrainInputs
from p3m_anon.methods.registry import METHODS, NETWORKS
from p3m_anon.training.run_settings import RunSettings

if TYPE_CHECKING:
    from p3m_anon.training.checkpoints import Progress
    from p3m_anon.training.loop import StepReport, Validation

Validated = Literal["P3M-500-P", "P3M-500-NP", "none"]


@dataclass(frozen=True)
class TrainRequest:
    """What to train on, how, and where it goes.

    settings: whether samples have layers, and the backbone's digest, are filled in from `inputs` and `backbone`. out:
    the run folder. backbone: a file with ImageNet's weights for the encoder. device: auto, cpu, cuda or cuda:N.
    devices: processes, one each; under torchrun it has begun them already. workers: processes that make samples, for
    each device; None: as many as there are cores for them. validate_count: pictures of the split, evenly spread; 0:
    all. validate_every: epochs. save_every: steps; 0: ten minutes. resume: go on with the run in `out`, if there is
    one. any_manifest: also where manifest.jsonl was edited, if the pictures are the same.
    """

    inputs: TrainInputs
    out: Path
    settings: RunSettings = field(default_factory=RunSettings)
    backbone: Path | None = None
    device: str = "auto"
    devices: int = 1
    workers: int | None = None
    skip_bad: bool = False
    validate: Validated = "P3M-500-P"
    validate_count: int = 0
    validate_every: int = 1
    save_every: int = 0
    resume: bool = False
    any_manifest: bool = False

    def __post_init__(self) -> None:
        """Raises UsageError for what does not go together."""
        if self.settings.method in METHODS.keys() - NETWORKS.keys():
            raise UsageError(f"{self.settings.method} is solved, not trained; use it as it is: p3m-anon eval --method")
        if self.settings.method not in NETWORKS:
            raise UsageError(f"no method is called {self.settings.method}; there are {', '.join(sorted(NETWORKS))}")
        method, batch_size = NETWORKS[self.settings.method], self.settings.batch_size
        if batch_size < method.smallest_batch:
            raise UsageError(
                f"--batch-size must be at least {method.smallest_batch} for {method.name}, which normalizes over the"
                f" pictures of a batch, got {batch_size}"
            )
        if self.backbone is not None and method.load_backbone is None:
            raise UsageError(f"{method.name} has no encoder that --backbone fits; leave it out")
        if self.backbone is not None and self.settings.width:
            raise UsageError("--backbone is of the paper's width; leave out --width")
        if self.validate_every < 1 or self.validate_count < 0 or self.save_every < 0 or self.devices < 1:
            raise UsageError("--validate-every and --devices must be at least 1, --validate-count and --save-every 0")


class Watch:
    """What a run tells while it goes on; this one does not listen."""

    def on_notice(self, line: str) -> None:
        """Something that a person should know now."""

    def on_compared(self) -> None:
        """One more file was read, to be compared with what is tested on or with an earlier run."""

    def on_begin(self, plan: TrainPlan) -> None:
        """The first step comes next."""

    def on_step(self, report: StepReport) -> None:
        """A step is done."""

    def on_validation(self, progress: Progress, found: Validation) -> None:
        """A validation is done."""


@dataclass(frozen=True)
class TrainPlan:
    """What a run is: pictures, steps that are done and of all, parameters, where it runs. pictures_per_step: on all
    devices together. seconds_per_step: measured, for a dry run; None if it was not."""

    pictures: int
    pictures_per_step: int
    steps_per_epoch: int
    steps: int
    done: int
    parameters: int
    device: str
    devices: int
    composition: bool
    validated: int
    seconds_per_step: float | None = None

    @property
    def hours(self) -> float | None:
        """Of what is left, without validations."""
        return None if self.seconds_per_step is None else (self.steps - self.done) * self.seconds_per_step / 3600


@dataclass
class TrainSummary:
    """What came of it.

    signal: that ended the run before its end, or 0. skipped: pictures in whose place another one was taken. problems:
    pictures that are not trained on, a line each; unscored: those that a validation since the run went on could not
    score. best_sad: None without a validation. shows_clear_faces: the panels are private.
    """

    folder: str
    step: int
    steps: int
    epoch: int
    signal: int = 0
    loss: float | None = None
    best_sad: float | None = None
    best_step: int = 0
    skipped: int = 0
    problems: list[str] = field(default_factory=list)
    unscored: list[str] = field(default_factory=list)
    shows_clear_faces: bool = False
    seconds: float = 0.0
    images_per_second: float | None = None

    @property
    def exit_code(self) -> int:
        """130 and 143 after a signal; 1 if a picture was skipped, left out, or not scored."""
        return 128 + self.signal if self.signal else int(bool(self.skipped or self.problems or self.unscored))

    def to_json(self) -> str:
        """All of it, for other programs."""
        said: dict[str, Any] = {**vars(self), "exit_code": self.exit_code}
        return json.dumps(said, sort_keys=True)
