"""Train a method: everything from the dataset's folder to the run's, on one device or several."""

from __future__ import annotations

import contextlib
import copy
import os
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p3m_anon.dataset.rows import Split
from p3m_anon.errors import UsageError
from p3m_anon.files.atomic import remove_leftovers
from p3m_anon.files.dataset_facts import file_sha256
from p3m_anon.files.private import locked
from p3m_anon.jobs.manifest.pool import cores
from p3m_anon.jobs.train.folder import check_unchanged, describe, goes_on_with, keep_apart, note_of, write_description
from p3m_anon.jobs.train.inputs import TrainingSet, training_set
from p3m_anon.jobs.train.processes import Signals, on_first
from p3m_anon.jobs.train.request import TrainPlan, TrainRequest, TrainSummary, Watch
from p3m_anon.jobs.train.validation import Validated, Validator, validated
from p3m_anon.methods.registry import METHODS

if TYPE_CHECKING:
    from lightning_fabric import Fabric
    from torch import nn

    from p3m_anon.training.checkpoints import Progress
    from p3m_anon.training.loader import Loader
    from p3m_anon.training.loop import StepReport, Validation
    from p3m_anon.training.run_settings import RunSettings
    from p3m_anon.training.steps import Stepper

CURVES, PANELS = "curves.png", "panels"


def train(request: TrainRequest, watch: Watch | None = None) -> TrainSummary:
    """Train to the end, or to a signal; the run folder then holds what `eval` wants, and what `resume` goes on from.

    Raises UsageError before anything is written, Stopped where the run cannot go on. Processes but the first
    one are silent, and leave with SystemExit(0) where the first one raises.
    """
    from p3m_anon.training.devices import make_fabric

    fabric = make_fabric(request.device, request.devices, request.settings.precision)
    fabric.launch()
    with contextlib.ExitStack() as stack:
        signals = stack.enter_context(Signals())

        def prepare() -> _Run:
            keep_apart(request)
            gathered = _gather(request, fabric.world_size, watch or Watch())
            stack.enter_context(locked(request.out, "run folder", "--out"))
            remove_leftovers(request.out)
            return _checked(request, gathered)

        run = on_first(fabric, prepare)
        return _Training(fabric, request, run, watch or Watch(), signals, stack).run()


def plan(request: TrainRequest, watch: Watch | None = None) -> tuple[TrainPlan, TrainSummary]:
    """What `train` would do, and how long a step takes here: of one picture on a CPU, else of a whole batch."""
    from p3m_anon.jobs.train.trial import seconds_per_step
    from p3m_anon.training.checkpoints import kept_step
    from p3m_anon.training.devices import make_fabric

    watch = watch or Watch()
    keep_apart(request)
    run = _gather(request, request.devices, watch, keeps=False)
    run = _checked(request, run)
    for line in run.notices:
        watch.on_notice(line)
    fabric = make_fabric(request.device, 1, request.settings.precision)
    network = build(run.settings, request.backbone)
    batches = len(run.found.rows) // (run.settings.batch_size * request.devices)
    done = kept_step(request.out)
    said = _plan_of(run, network, batches, request.devices, str(fabric.device), done)
    said = replace(said, seconds_per_step=seconds_per_step(fabric, network, run.settings))
    return said, TrainSummary(
        str(request.out), done, said.steps, done // said.steps_per_epoch, problems=list(run.found.problems)
    )


def build(settings: RunSettings, backbone: Path | None) -> nn.Module:
    """The network to start from: random weights that follow from the seed, its encoder those of a file if there is one.

    Raises WeightsError for a file of another network.
    """
    import torch

    from p3m_anon.methods.weights import read_checkpoint

    torch.manual_seed(settings.samples.seed)
    method = METHODS[settings.method]
    assert method.build is not None
    network = method.build(settings.width)
    if backbone is not None:
        assert method.load_backbone is not None
        method.load_backbone(network, read_checkpoint(backbone).state, str(backbone))
    return network


@dataclass(frozen=True)
class _Run:
    """What all processes know of a run before it begins."""

    settings: RunSettings
    found: TrainingSet
    validated: Validated
    said: dict[str, Any]
    notices: tuple[str, ...] = ()


def _gather(request: TrainRequest, world: int, watch: Watch, *, keeps: bool = True) -> _Run:
    """In the first process alone: it reads every picture once."""
    found = training_set(request.inputs, watch.on_compared, keeps=keeps)
    settings = replace(
        request.settings,
        samples=replace(request.settings.samples, composition=found.composition),
        backbone=file_sha256(os.path.realpath(request.backbone)) if request.backbone is not None else "",
    )
    notices = list(found.notices)
    shown = Validated()
    if request.validate != "none":
        shown = validated(request.inputs, request.validate, request.validate_count)
        notices += shown.notices
    whole = settings.batch_size * world
    if len(found.rows) < whole:
        raise UsageError(f"a batch of {whole} pictures needs as many, and there are {len(found.rows)}; make it smaller")
    settings.steps_per_epoch(len(found.rows) // whole)  # at least one
    return _Run(settings, found, shown, describe(request, settings, found, world), tuple(notices))


def _checked(request: TrainRequest, run: _Run) -> _Run:
    """Whether the run may go on there; under the lock, as another one may have begun while pictures were read."""
    keep_apart(request)
    if (request.out / "last.ckpt").exists():
        check_unchanged(request.out, run.said, run.found.files, any_manifest=request.any_manifest)
        said, notices = goes_on_with(request.out, run.said)
        return replace(run, said=said, notices=(*run.notices, *notices))
    return run


@dataclass
class _Training:
    """The parts of a run, put together."""

    fabric: Fabric
    request: TrainRequest
    gathered: _Run
    watch: Watch
    signals: Signals
    stack: contextlib.ExitStack
    seconds: float = 0.0
    pictures: int = 0
    last: StepReport | None = None
    unscored: set[str] = field(default_factory=set)

    def run(self) -> TrainSummary:
        from p3m_anon.training.checkpoints import LAST, Progress, load_last
        from p3m_anon.training.loop import Hooks, Loop, Plan
        from p3m_anon.training.steps import Stepper

        start = time.monotonic()
        fabric, request, settings = self.fabric, self.request, self.gathered.settings
        loader = self.stack.enter_context(self._loader())
        network = build(settings, request.backbone)
        stepper = Stepper(fabric, network, settings, settings.steps(len(loader)))
        is_there = (request.out / LAST).exists()
        progress = load_last(request.out / LAST, stepper) if is_there else Progress()
        fabric.barrier()
        if fabric.global_rank == 0:
            write_description(request.out, self.gathered.said, self.gathered.found.files, fabric.device)
        hooks = Hooks(
            self._validator() if self.gathered.validated.pictures else None,
            self._on_step,
            self._on_validation,
            self.watch.on_notice,
            self.signals.is_asked,
        )
        note = note_of(self.gathered.said)
        loop = Loop(
            fabric,
            settings,
            stepper,
            loader,
            Plan(request.out, request.validate_every, request.save_every, note),
            hooks,
        )
        self._begin(stepper, loader, progress)
        self.signals.save_first()
        loop.run(progress)
        if fabric.global_rank == 0:
            self._draw()
        return self._summary(progress, loop.total, loop.skipped, len(loader), time.monotonic() - start)

    def _loader(self) -> Loader:
        from p3m_anon.training.loader import Loader, LoaderSettings

        fabric, request = self.fabric, self.request
        on_gpu = fabric.device.type == "cuda"
        workers = request.workers
        if workers is None:
            workers = max(1, cores() // request.devices) if on_gpu else 1
        loading = LoaderSettings(
            self.gathered.settings.batch_size,
            workers,
            fabric.global_rank,
            fabric.world_size,
            pin=on_gpu,
            skip_bad=request.skip_bad,
        )
        return Loader(self.gathered.found.rows, self.gathered.settings.samples, loading)

    def _validator(self) -> Validator:
        assert self.request.validate != "none"
        split: Split = self.request.validate
        workers = max(1, cores() // self.request.devices)
        return Validator(
            self.gathered.validated.pictures,
            split,
            workers,
            self.fabric.global_rank,
            self.fabric.world_size,
            self.gathered.settings.method,
            self._on_panels,
        )

    def _begin(self, stepper: Stepper, loader: Loader, progress: Progress) -> None:
        if self.fabric.global_rank:
            return
        for line in self.gathered.notices:
            self.watch.on_notice(line)
        for line in self.gathered.found.problems:
            self.watch.on_notice(f"not trained on: {line}")
        world, device = self.fabric.world_size, str(self.fabric.device)
        said = _plan_of(self.gathered, stepper.network, len(loader), world, device, progress.step)
        self.watch.on_begin(said)

    def _on_step(self, report: StepReport) -> None:
        self.last = report
        self.seconds += report.seconds
        self.pictures += report.pictures
        self.watch.on_step(report)

    def _on_validation(self, progress: Progress, found: Validation) -> None:
        self._draw()
        self.unscored.update(found.problems)
        self.watch.on_validation(copy.copy(progress), found)

    def _on_panels(self, panels: list[bytes], step: int) -> None:
        from p3m_anon.reports.training_plots import write_sheet

        clear = self.gathered.validated.clear
        name = f"step-{step:07}{'-clear-faces' if clear else ''}.png"
        write_sheet(self.request.out / PANELS / name, panels, shows_clear_faces=clear)

    def _draw(self) -> None:
        from p3m_anon.reports.training_plots import write_curves
        from p3m_anon.training.metrics_log import METRICS, VALIDATIONS, read_table

        out = self.request.out
        write_curves(out / CURVES, read_table(out / METRICS), read_table(out / VALIDATIONS))

    def _summary(self, progress: Progress, total: int, skipped: int, batches: int, seconds: float) -> TrainSummary:
        return TrainSummary(
            str(self.request.out),
            progress.step,
            total,
            progress.step // self.gathered.settings.steps_per_epoch(batches),
            signal=self.signals.received if progress.step < total else 0,
            loss=self.last.terms["total"] if self.last else None,
            best_sad=progress.best_sad if progress.best_step else None,
            best_step=progress.best_step,
            skipped=skipped,
            problems=list(self.gathered.found.problems),
            unscored=sorted(self.unscored),
            shows_clear_faces=self.gathered.validated.clear,
            seconds=seconds,
            images_per_second=self.pictures / self.seconds if self.seconds else None,
        )


def _plan_of(run: _Run, network: nn.Module, batches: int, world: int, device: str, done: int) -> TrainPlan:
    settings = run.settings
    return TrainPlan(
        pictures=len(run.found.rows),
        pictures_per_step=settings.batch_size * settings.accumulate * world,
        steps_per_epoch=settings.steps_per_epoch(batches),
        steps=settings.steps(batches),
        done=done,
        parameters=sum(one.numel() for one in network.parameters()),
        device=device,
        devices=world,
        composition=settings.samples.composition,
        validated=len(run.validated.pictures),
    )
