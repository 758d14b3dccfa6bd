"""The loop: steps, validations and checkpoints, and every way in which it ends."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from p3m_anon.errors import ImageError, Stopped
from p3m_anon.training.checkpoints import Progress, keep_batches, kept_step, save_best, save_last
from p3m_anon.training.devices import has_lost_a_process
from p3m_anon.training.memory import advice, is_out_of_memory, largest_that_fits
from p3m_anon.training.metrics_log import Log
from p3m_anon.training.schedule import learning_rate
from p3m_anon.training.skipped import Skipped

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from torch import nn

    from p3m_anon.training.batch import Batch
    from p3m_anon.training.run_settings import RunSettings
    from p3m_anon.training.steps import Reading, Stepper

SAVE_SECONDS = 600.0  # between checkpoints, where no number of steps is asked for


class Batches(Protocol):
    """What the loop wants of a loader."""

    def __len__(self) -> int: ...
    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]: ...


@dataclass(frozen=True)
class StepReport:
    """A step that is done: its number, of how many, and its epoch, both from 1 on; losses.

    seconds: from the step before. waited: seconds of them for pictures to come. pictures: on all devices.
    """

    step: int
    total: int
    epoch: int
    terms: dict[str, float]
    learning_rate: float
    seconds: float
    waited: float
    pictures: int

    def row(self) -> dict[str, float]:
        """For metrics.csv."""
        row: dict[str, float] = {"step": self.step, "epoch": self.epoch, **self.terms}
        return row | {
            "learning_rate": self.learning_rate,
            "images_per_second": self.pictures / self.seconds,
            "wait_share": self.waited / self.seconds,
        }


@dataclass(frozen=True)
class Validation:
    """Mean metrics over `count` pictures; those that could not be scored are in `problems`, a line each."""

    means: dict[str, float]
    count: int
    problems: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hooks:
    """What the loop calls; the first one says nothing and does nothing.

    validate: the network, to be left as it is, and the step. should_stop: a person or the system asked for the end.
    Every process validates and asks; only the first one reports.
    """

    validate: Callable[[nn.Module, int], Validation] | None = None
    on_step: Callable[[StepReport], None] = lambda _: None
    on_validation: Callable[[Progress, Validation], None] = lambda *_: None
    on_notice: Callable[[str], None] = lambda _: None
    should_stop: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Plan:
    """validate_every: epochs. save_every: steps between checkpoints; 0: ten minutes. note: goes into checkpoints."""

    folder: Path
    validate_every: int = 1
    save_every: int = 0
    note: dict[str, Any] = field(default_factory=dict)


@dataclass
class _Pending:
    """A step whose losses have not been looked at. batches: for the case that they are not finite."""

    number: int
    reading: Reading
    batches: Sequence[Batch]
    seconds: float
    waited: float


class Loop:
    """One run, from where `progress` is."""

    def __init__(
        self, fabric: Fabric, settings: RunSettings, stepper: Stepper, loader: Batches, plan: Plan, hooks: Hooks
    ) -> None:
        """Raises UsageError where an epoch has not enough pictures for a step."""
        self._fabric, self._settings, self._stepper = fabric, settings, stepper
        self._loader, self._plan, self._hooks = loader, plan, hooks
        self._per_epoch = settings.steps_per_epoch(len(loader))
        self.total = settings.steps(len(loader))
        self._skipped = Skipped(plan.folder)
        self._pending: _Pending | None = None
        self._log: Log | None = None
        self._stopping = False

    @property
    def skipped(self) -> int:
        """Pictures that could not be read, in all processes and since the first step of the run."""
        return len(self._skipped.ids())

    def run(self, progress: Progress) -> bool:
        """Train to the end; False if the run was asked to stop before. Either way the last checkpoint is written.

        Raises Stopped for a picture that cannot be used, a loss that is not finite, and what memory and disk do not
        hold. The last checkpoint then is that of an earlier step, or of this one.
        """
        self._progress = progress
        if self._fabric.global_rank == 0:
            self._skipped.go_back(progress.step)
            self._log = Log(self._plan.folder, progress.step, progress.validated)
        self._fabric.barrier()  # others may skip from here on
        self._saved_step, self._saved_at = progress.step, time.monotonic()
        try:
            self._validate_if_due()  # a run that was killed before it could
            while progress.step < self.total and not self._stopping:
                self._epoch()
            self._save()
        finally:
            if self._log is not None:
                self._log.close()
        return progress.step >= self.total

    def _epoch(self) -> None:
        """What is left of the epoch that the run is in."""
        epoch, within = divmod(self._progress.step, self._per_epoch)
        batches = self._loader.batches(epoch, within * self._settings.accumulate)
        for _ in range(min(self._per_epoch - within, self.total - self._progress.step)):
            self._step(batches)
            self._save_if_due()
            if self._stopping:
                break
        self._settle()
        self._validate_if_due()

    def _step(self, batches: Iterator[Batch]) -> None:
        start = time.monotonic()
        taken = self._take(batches)
        waited = time.monotonic() - start
        number = self._progress.step
        reading = self._try(number, taken)
        if reading is None:
            raise Stopped(self._out_of_memory(taken[0]))
        self._settle()
        self._progress.step += 1
        self._pending = _Pending(number, reading, taken, time.monotonic() - start, waited)
        if self._fabric.device.type == "cpu":
            self._settle()  # a GPU is left to work on the next step meanwhile

    def _try(self, number: int, taken: list[Batch]) -> Reading | None:
        """None where memory did not suffice; the error, which holds what the failed pass had made, is gone by then."""
        try:
            return self._stepper.step(number, taken, stop=self._hooks.should_stop())
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                return None
            if isinstance(error, RuntimeError) and has_lost_a_process(error):
                raise Stopped(
                    f"another process of this run has ended, and its own line says why; {self._goes_on()}"
                ) from error
            raise

    def _take(self, batches: Iterator[Batch]) -> list[Batch]:
        """The batches of a step; what was read before a picture that cannot be used is kept."""
        try:
            taken = [next(batches) for _ in range(self._settings.accumulate)]
        except ImageError as error:
            self._save()
            raise Stopped(f"{error}; {self._goes_on()}") from error
        replaced = [one for batch in taken for one in batch.replaced]
        if replaced:
            self._skipped.add(self._progress.step + 1, replaced)
        for one in replaced:
            self._hooks.on_notice(f"skipped {one.id}: {one.problem}; {one.by} takes its place")
        return taken

    def _settle(self) -> None:
        """Look at the losses of the step before."""
        pending, self._pending = self._pending, None
        if pending is None:
            return
        terms, stop = pending.reading.losses()
        self._stopping |= stop
        if not math.isfinite(terms["total"]):
            raise Stopped(self._not_finite(pending, terms["total"]))
        report = StepReport(
            step=pending.number + 1,
            total=self.total,
            epoch=pending.number // self._per_epoch + 1,
            terms=terms,
            learning_rate=learning_rate(pending.number, self.total, self._settings),
            seconds=pending.seconds,
            waited=pending.waited,
            pictures=sum(len(one.ids) for one in pending.batches) * self._fabric.world_size,
        )
        if self._log is not None:
            self._log.step(report.row())
            self._hooks.on_step(report)

    def _not_finite(self, pending: _Pending, total: float) -> str:
        """Keep the batch, and say so."""
        step = pending.number + 1
        kept = keep_batches(self._plan.folder, pending.batches, step, self._fabric.global_rank)
        lower = ["a lower --learning-rate"] + (["--clip 1"] if not self._settings.clip else [])
        lower += ["--precision fp32"] if self._settings.precision != "fp32" else []
        return f"the loss of step {step} is {total}; {kept}; {self._goes_on()} and {' or '.join(lower)}"

    def _goes_on(self) -> str:
        """From where, as the folder has it: only the first process knows what it has saved."""
        step = kept_step(self._plan.folder)
        return (
            f"the checkpoint of step {step} is whole: go on with --resume"
            if step
            else "there is no checkpoint yet: begin again with the same command"
        )

    def _out_of_memory(self, batch: Batch) -> str:
        fits = max(1, len(batch.ids) // 2)
        alone = self._fabric.world_size == 1  # with others, a trial would wait for them
        return advice(self._settings, len(batch.ids), largest_that_fits(self._stepper, batch) if alone else fits)

    def _validate_if_due(self) -> None:
        progress = self._progress
        if self._hooks.validate is None or self._stopping or progress.step in (0, progress.validated):
            return
        epochs, within = divmod(progress.step, self._per_epoch)
        if progress.step >= self.total or (not within and epochs % self._plan.validate_every == 0):
            self._validate(self._hooks.validate, progress)

    def _validate(self, validate: Callable[[nn.Module, int], Validation], progress: Progress) -> None:
        self._stepper.share_statistics()
        found = validate(self._stepper.result, progress.step)
        progress.validated = progress.step
        is_best = progress.take_best(found.means["sad"], found.count)
        if self._log is not None:
            epoch = (progress.step - 1) // self._per_epoch + 1
            self._log.validation({"step": progress.step, "epoch": epoch, "pictures": found.count, **found.means})
            if is_best:
                save_best(self._plan.folder, self._stepper.result, progress, self._plan.note)
            self._hooks.on_validation(progress, found)
        self._save()

    def _save_if_due(self) -> None:
        if self._log is None:
            return
        since = self._progress.step - self._saved_step
        if (
            since >= self._plan.save_every
            if self._plan.save_every
            else time.monotonic() - self._saved_at > SAVE_SECONDS
        ):
            self._save()

    def _save(self) -> None:
        """The last checkpoint, once every loss up to it is known to be finite; before the first step there is none."""
        self._settle()
        if self._log is not None and self._progress.step:
            self._log.sync()
            save_last(self._plan.folder, self._stepper, self._progress, self._plan.note)
        self._saved_step, self._saved_at = self._progress.step, time.monotonic()
