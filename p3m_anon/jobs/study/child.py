"""The child process of a group: `python -m p3m_anon.jobs.study.child TEXT` works through its cells.

What it prints goes to the log of the cell that it is at. With several devices Fabric starts this program again for each
but the first, and these take part in the training alone. It ends when its parent does.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sys
import threading
import time
import traceback
from dataclasses import dataclass, field, replace
from types import FrameType
from typing import TYPE_CHECKING

from p3m_anon.errors import P3MError, Stopped, UsageError
from p3m_anon.jobs.eval.inputs import pictures
from p3m_anon.jobs.eval.request import EvalRequest, EvalSummary
from p3m_anon.jobs.study.group import CANNOT_WRITE, CHECKPOINT, decoded, is_done
from p3m_anon.jobs.study.inputs import test_inputs, training_inputs
from p3m_anon.jobs.study.request import StudyRequest
from p3m_anon.jobs.train.folder import SETTINGS
from p3m_anon.jobs.train.request import TrainPlan, TrainRequest, TrainSummary, Watch
from p3m_anon.studies.cells import Cell
from p3m_anon.studies.results import ROWS
from p3m_anon.studies.settings import run_settings
from p3m_anon.studies.store import State, Store

if TYPE_CHECKING:
    from p3m_anon.training.loop import StepReport

_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS}
SECONDS = 2.0  # between notes of how far a cell is
LINES = 30.0  # between lines in a log
CHANGED = (
    "the dataset changed since the study was planned, or its files are not those that its manifest lists (p3m-anon"
    " manifest verify says more); run it again"
)
ORPHANED = 30.0  # seconds in which to save what there is, once the parent is gone


def work(request: StudyRequest, cells: list[Cell]) -> None:
    """Every cell, one after the other; one that fails says so in the store, and does not stop the others.

    Cells at which another process works are left to it. Raises Stopped where the store cannot be written, SystemExit
    after a signal.
    """
    store = Store(request.store)
    for cell in cells:
        with store.working_on(cell.id) as is_mine:
            if is_mine and _is_wanted(cell, store):
                _redirect(store, cell)
                _Work(request, store, cell).run()


def _is_wanted(cell: Cell, store: Store) -> bool:
    """Another process may have done it meanwhile; a training that has failed leaves nothing to evaluate."""
    if is_done(cell, store, ROWS if cell.kind == "eval" else CHECKPOINT):
        return False
    training = store.state(cell.needs) if cell.needs is not None else None
    return cell.needs is None or (training is not None and training.stage == "done")


@dataclass
class _Work(Watch):
    """One cell."""

    request: StudyRequest
    store: Store
    cell: Cell
    state: State = field(default_factory=lambda: State("running"))
    _noted: float = field(default=0.0)
    _spoken: float = field(default=0.0)

    def run(self) -> None:
        """Until it is done or has failed, and the store says so."""
        before = self.store.state(self.cell.id)
        try:
            self._note(State("running", about=before.about if before else ""), now=True)
            end = self._train() if self.cell.kind == "train" else self._evaluate()
        except P3MError as error:
            if isinstance(error, Stopped) and _cannot_write(error):
                raise  # the next cell would end alike, after an epoch
            end = State("failed", " ".join(str(error).split()), about=self.state.about)
        except Exception as error:  # the next cell may have more luck; the log has all of it
            traceback.print_exc()
            end = State("failed", " ".join(f"{type(error).__name__}: {error}".split()), about=self.state.about)
        _say(f"{end.stage}{f': {end.note}' if end.note else ''}")
        self._note(end, now=True)

    def _train(self) -> State:
        from p3m_anon.jobs.train.run import train

        folder = self.store.run(self.cell.id)
        if not (folder / CHECKPOINT).exists():  # nothing to go on from, and perhaps half of a beginning
            shutil.rmtree(folder, ignore_errors=True)
        try:
            summary = train(train_request(self.request, self.cell), self)
        except UsageError as error:
            again = f" (or remove {folder}: it begins anew)" if (folder / CHECKPOINT).exists() else ""
            raise UsageError(f"{error}{again}") from error
        if summary.signal:
            raise SystemExit(128 + summary.signal)
        return State("done", _left_out(summary), summary.step, summary.steps)

    def _evaluate(self) -> State:
        from p3m_anon.jobs.eval.run import evaluate

        request = eval_request(self.request, self.cell)
        about = request.about()
        if self.state.about not in ("", about):  # store or dataset has moved, and eval would take it for another one
            shutil.rmtree(request.folder, ignore_errors=True)
        count = sum(1 for _ in pictures(request.root, request.split))
        self._note(replace(self.state, of=count, about=about), now=True)
        summary = evaluate(request, on_result=lambda _: self._far(self.state.step + 1, count))
        assert self.cell.test is not None
        self._compare(test_inputs(self.request, self.cell.test).digest)
        return _scored(summary, about)

    def _compare(self, digest: str) -> None:
        """Raises UsageError where the pictures are not those that the address is of: it would be of other numbers."""
        if digest != self.cell.address["pictures"]:
            raise UsageError(CHANGED)

    def _far(self, step: int, of: int) -> None:
        self._note(replace(self.state, step=step, of=of), now=False)

    def _note(self, state: State, *, now: bool) -> None:
        self.state = state
        if now or time.monotonic() - self._noted > SECONDS:
            self._noted = time.monotonic()
            self.store.write_state(self.cell.id, state)

    def on_notice(self, line: str) -> None:
        """Into the log."""
        _say(line)

    def on_begin(self, plan: TrainPlan) -> None:
        """Of how many steps. What was read of the dataset is known now, and nothing was trained yet."""
        said = json.loads((self.store.run(self.cell.id) / SETTINGS).read_bytes())
        self._compare(said["pictures_sha256"])
        _say(f"{plan.pictures} pictures, {plan.done} of {plan.steps} steps done, on {plan.device}")
        self._note(replace(self.state, step=plan.done, of=plan.steps), now=True)

    def on_step(self, report: StepReport) -> None:
        """How far."""
        self._far(report.step, report.total)
        if time.monotonic() - self._spoken > LINES or report.step == report.total:
            self._spoken = time.monotonic()
            _say(f"step {report.step} of {report.total}, loss {report.terms['total']:.4f}")


def train_request(request: StudyRequest, cell: Cell) -> TrainRequest:
    """How a training of a study is run: no picture of a test set chooses anything. Raises UsageError."""
    said = request.study.training
    assert cell.seed is not None
    settings = run_settings(said, cell.method, cell.seed)
    if settings.batch_size % request.devices:
        raise UsageError(f"a batch of {settings.batch_size} pictures cannot be divided among {request.devices} devices")
    return TrainRequest(
        training_inputs(request, cell.trained_on, "on" if cell.address["composition"] else "off"),
        Store(request.store).run(cell.id),
        replace(settings, batch_size=settings.batch_size // request.devices),
        request.backbone(cell.method),
        request.device,
        request.devices,
        request.workers,
        skip_bad=said.get("skip_bad", False),
        save_every=said.get("save_every", 0),
        validate="none",
        resume=True,
        any_manifest=True,  # a cell is of its pictures, whatever else is said of them
    )


def eval_request(request: StudyRequest, cell: Cell) -> EvalRequest:
    """How an evaluation of a study is run: of the last weights, never the best."""
    assert cell.test is not None
    said, store = request.study.evaluation, Store(request.store)
    on_p = cell.test.split == "P3M-500-P"
    trained = cell.trained_on or cell.test.pictures  # what is not trained has no say in it
    protocol = f"{trained}:{cell.test.pictures}" if on_p and (cell.needs or cell.test.pictures == "N") else None
    return EvalRequest(
        request.root,
        cell.test.split,
        cell.method,
        store.run(cell.needs) / CHECKPOINT if cell.needs else None,
        protocol=protocol,  # type: ignore[arg-type]
        originals=request.originals if on_p and cell.test.pictures == "N" else None,
        trained=cell.trained_on or None,  # type: ignore[arg-type]
        out=store.run(cell.id),
        device=request.device,
        workers=request.workers or 0,
        memory=request.memory,
        transition_only=said.get("transition_only", False),
        **{name: said[name] for name in ("strategy", "precision") if name in said and cell.needs},
    )


def _cannot_write(error: BaseException | None) -> bool:
    """Whether a disk that is full, or that bars us, is behind it."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _DISK:
            return True
        error = error.__cause__
    return False


def _scored(summary: EvalSummary, about: str) -> State:
    if not summary.errors:
        return State("done", "", summary.pictures, summary.pictures, about)
    note = f"{len(summary.errors)} of {summary.pictures} pictures have no score; the first: {summary.errors[0]}"
    stage = "done" if summary.scored else "failed"
    return State(stage, note, summary.scored, summary.pictures, about, complete=False)  # type: ignore[arg-type]


def _left_out(summary: TrainSummary) -> str:
    said = []
    if summary.problems:
        said.append(f"{len(summary.problems)} pictures are not trained on; the first: {summary.problems[0]}")
    if summary.skipped:
        said.append(f"{summary.skipped} pictures could not be read; skipped.csv names them")
    return "; ".join(said)


def _redirect(store: Store, cell: Cell) -> None:
    """From here on what is printed, also by libraries and by what they start, goes to the cell's log."""
    sys.stdout.flush()
    sys.stderr.flush()
    handle = store.open_log(cell.id)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)
    _say(f"{cell.id}, {time.strftime('%Y-%m-%d %H:%M:%S')}")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _end_with_parent() -> None:
    """The parent holds the other end of our standard input; when it goes, we save what there is and go, too."""

    def wait() -> None:
        while os.read(0, 1):
            pass
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(ORPHANED)
        os._exit(128 + signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def _terminated(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + signal.SIGTERM)


def main(text: str) -> int:
    """The whole process; its exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    _end_with_parent()
    request, cells = decoded(text)
    if int(os.environ.get("LOCAL_RANK", "0")):
        from p3m_anon.jobs.train.run import train

        train(train_request(request, cells[0]))
        return 0
    try:
        work(request, cells)
    except Stopped as error:
        _say(str(error))
        return CANNOT_WRITE
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
