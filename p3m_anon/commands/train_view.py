"""What a person sees of a training run: a bar on a terminal, plain lines elsewhere, and the end of it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from p3m_anon.commands.counter import Counter, count, printable
from p3m_anon.jobs.train.request import Watch

if TYPE_CHECKING:
    from p3m_anon.jobs.train.request import TrainPlan, TrainSummary
    from p3m_anon.training.checkpoints import Progress as Done
    from p3m_anon.training.loop import StepReport, Validation

SECONDS = 30.0  # between plain lines
SMOOTH = 20  # steps over which the time of a step is averaged
LISTED = 5


class Screen(Watch):
    """Progress and problems on stderr, so that stdout stays clean for the summary."""

    def __init__(self, quiet: bool, is_first: bool) -> None:
        """quiet: only problems are shown. is_first: of the processes that train together."""
        self._console = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)
        self._quiet, self._is_first = quiet or not is_first, is_first
        self._compared: Counter | None = None
        self._bar: Progress | None = None
        self._spoken = 0.0
        self._seconds, self._steps = 0.0, 0
        self._warns_of_cpu = False

    def __enter__(self) -> Screen:
        """Itself."""
        if self._is_first:
            self._compared = Counter("files read and compared", quiet=self._quiet).__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        """Take everything off the terminal."""
        self._end_comparison()
        if self._bar:
            self._bar.stop()

    def on_compared(self) -> None:
        """One more."""
        if self._compared:
            self._compared.done()

    def on_notice(self, line: str) -> None:
        """Shown also with --json."""
        self._console.print(printable(line))

    def on_begin(self, plan: TrainPlan) -> None:
        """What is about to happen."""
        self._end_comparison()
        self._warns_of_cpu = plan.device == "cpu"
        if self._quiet:
            return
        for line in lines_of(plan):
            self._console.print(line)
        if self._console.is_terminal:
            columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[said]}"), TimeRemainingColumn())
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._task = self._bar.add_task("train", total=plan.steps, completed=plan.done, said="")
            self._bar.start()

    def on_step(self, report: StepReport) -> None:
        """A line now and then."""
        self._steps += 1
        share = 1 / SMOOTH if self._steps > 2 else 1.0  # the first step also warms up: it does not count
        self._seconds = report.seconds * share + self._seconds * (1 - share)
        if self._quiet:
            return
        said = f"epoch {report.epoch}, loss {report.terms['total']:.3f}, {report.pictures / self._seconds:.1f}/s"
        if self._bar:
            self._bar.update(self._task, completed=report.step, said=said)
        now = time.monotonic()
        if self._warns_of_cpu and self._steps > 1:
            self._warns_of_cpu = False
            self._console.print(
                f"no GPU is used: a step takes {self._seconds:.2f} s here, the rest {self._left(report)}"
            )
        if not self._bar and (now - self._spoken > SECONDS or report.step == report.total):
            self._console.print(f"step {report.step} of {report.total}, {said}, {self._left(report)} to go")
            self._spoken = now

    def on_validation(self, progress: Done, found: Validation) -> None:
        """The metrics that matter, and whether they are the best so far."""
        for line in found.problems[:LISTED]:
            self._console.print(printable(f"not scored: {line}"))
        if not self._quiet:
            best = "the best so far" if progress.best_step == progress.step else f"best {progress.best_sad:.2f}"
            of = count(found.count, "picture")
            sad, transition = found.means["sad"], found.means["sad_t"]
            self._console.print(
                f"validation after step {progress.step}: SAD {sad:.2f}, SAD-T {transition:.2f} of {of}; {best}"
            )

    def _left(self, report: StepReport) -> str:
        return duration((report.total - report.step) * self._seconds)

    def _end_comparison(self) -> None:
        if self._compared:
            self._compared.__exit__()
            self._compared = None


def lines_of(plan: TrainPlan) -> list[str]:
    """What a run is, in words."""
    where = plan.device if plan.devices == 1 else f"{plan.devices} processes, {plan.device.partition(':')[0]}"
    layers = "with" if plan.composition else "without"
    again = f", {plan.done} done" if plan.done else ""
    return [
        f"{count(plan.pictures, 'picture')}, {plan.pictures_per_step} a step, {count(plan.steps_per_epoch, 'step')} an"
        f" epoch, {plan.steps} in all{again}; {layers} composition loss",
        f"{plan.parameters / 1e6:.2f} M parameters on {where}; {count(plan.validated, 'picture')} to validate on",
    ]


def show_plan(plan: TrainPlan, summary: TrainSummary) -> None:
    """What a dry run has to say."""
    out = Console(highlight=False, markup=False, soft_wrap=True)
    for line in lines_of(plan):
        out.print(line)
    if plan.seconds_per_step is not None and plan.hours is not None:
        out.print(
            f"a step takes {plan.seconds_per_step:.2f} s here, without reading: {duration(plan.hours * 3600)} to go"
        )
    _problems(out, summary)
    out.print("dry run: no run was begun")


def show(summary: TrainSummary) -> None:
    """How it ended, and where everything is."""
    out = Console(highlight=False, markup=False, soft_wrap=True)
    _problems(out, summary)
    if summary.unscored:
        out.print(f"{count(len(summary.unscored), 'picture')} not scored in a validation")
    if summary.skipped:
        out.print(f"skipped {count(summary.skipped, 'picture')} that could not be read; skipped.csv names them")
    rate = f", {summary.images_per_second:.1f} pictures/s" if summary.images_per_second else ""
    out.print(f"{summary.step} of {summary.steps} steps, {summary.seconds:.0f} s{rate}")
    if summary.signal:
        out.print("stopped, and saved: the same command with --resume goes on")
    if summary.best_sad is not None:
        out.print(f"best: SAD {summary.best_sad:.2f} after step {summary.best_step}: best.ckpt")
    faces = " (for you alone: its panels show clear faces)" if summary.shows_clear_faces else ""
    out.print(f"run: {printable(str(Path(summary.folder)))}{faces}")


def _problems(out: Console, summary: TrainSummary) -> None:
    if summary.problems:
        out.print(f"{count(len(summary.problems), 'picture')} not trained on:")
        for line in summary.problems[:LISTED]:
            out.print(f"  {printable(line)}")


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3.5 h`, `4.1 days`."""
    for unit, length, below in (("s", 1, 90), ("min", 60, 5400), ("h", 3600, 172800)):
        if seconds < below:
            return f"{seconds / length:.{int(unit == 'h')}f} {unit}"
    return f"{seconds / 86400:.1f} days"
