"""A network in training, scored as `eval` scores: the same pictures each time, in the paper's metrics."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from p3m_anon.dataset.rows import Split
from p3m_anon.engines.local import Limits, Stages, one_thread, stream
from p3m_anon.errors import UsageError
from p3m_anon.evaluation.rows import METRICS, EvalRow
from p3m_anon.evaluation.tables import means
from p3m_anon.jobs.eval.inputs import Originals, Picture, pictures
from p3m_anon.jobs.eval.picture import Loaded, PictureJob, Result, Task
from p3m_anon.jobs.foreground.sets import pixels_of
from p3m_anon.methods.registry import METHODS
from p3m_anon.training.loop import Validation

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from torch import nn

    from p3m_anon.arrays import RGB
    from p3m_anon.jobs.train.inputs import TrainInputs
    from p3m_anon.matting.trimap import Trimap

SHOWN = 6  # pictures on a sheet
_PIXELS = 16_000_000  # under way at once, for each thread


def chosen(pictures: Sequence[Picture], count: int) -> list[Picture]:
    """`count` of them, evenly spread; all for 0."""
    if not count or count >= len(pictures):
        return list(pictures)
    return [pictures[place * len(pictures) // count] for place in range(count)]


@dataclass(frozen=True)
class Validated:
    """What a run is validated on. clear: the panels show clear faces. notices: a line each, for the user."""

    pictures: tuple[Picture, ...] = ()
    clear: bool = False
    notices: tuple[str, ...] = ()


def validated(inputs: TrainInputs, split: Split, count: int) -> Validated:
    """`count` pictures of a split, of the kind that is trained on; where originals are missing, the blurred ones."""
    try:
        found = list(pictures(inputs.root, split))
    except UsageError as error:
        return Validated(notices=(f"no validation: {error}",))
    shown = tuple(chosen(found, count))
    if split == "P3M-500-NP" or inputs.protocol == "B":
        return Validated(shown, split == "P3M-500-NP")
    if not (inputs.originals_folder / split).is_dir():
        why = (
            f"validated on blurred pictures, as {inputs.originals_folder} has no {split}; eval B:N needs its originals"
        )
        return Validated(shown, notices=(why,))
    originals = Originals(inputs.root, split, inputs.originals_folder)
    return Validated(tuple(originals.of(one) for one in shown), True)


@dataclass(frozen=True)
class LivePredictor:
    """The network as it is now, by the published RESIZE: one pass at half the size. digest: of no use, as nothing is
    kept."""

    run: Callable[..., list[npt.NDArray[np.float32]]]
    digest: str = ""

    def predict(self, rgb: RGB, trimap: Trimap | None) -> npt.NDArray[np.float32]:
        """float32 (H, W) in [0, 1]; trimap: for a network that takes it, None for the others."""
        return self.run([rgb], *([] if trimap is None else [[trimap]]))[0]


@dataclass(frozen=True)
class Validator:
    """Every process scores its share of the pictures; all get the means, of the unknown area where the method is given
    the trimap.

    on_panels: gets the panels of the first pictures, JPEG, and the step, in the first process.
    """

    pictures: Sequence[Picture]
    split: str
    workers: int
    rank: int = 0
    world: int = 1
    method: str = "p3mnet"
    on_panels: Callable[[list[bytes], int], None] = lambda *_: None

    def __call__(self, network: nn.Module, step: int) -> Validation:
        """The network is copied, and stays in training."""
        given = METHODS[self.method].needs_trimap
        job = PictureJob(EvalRow("", self.split), given, live_predictor(network, self.method), given)
        stages: Stages[Task, Loaded, Loaded | Result, Result] = Stages(_cost, job.load, job.look, job.finish)
        limits = Limits(self.workers, device=True, pixels=_PIXELS * self.workers)
        shown = {one.id for one in chosen(self.pictures, SHOWN * self.world)}
        rows, panels = [], {}
        with one_thread(), _sizes_differ():
            for result in stream((Task(one) for one in self.pictures[self.rank :: self.world]), stages, limits):
                assert result.row is not None
                rows.append(result.row)
                if result.id in shown and result.panel:
                    panels[result.id] = result.panel
        if self.rank == 0 and panels:
            self.on_panels([panels[id] for id in sorted(panels)[:SHOWN]], step)
        rows = self._of_all(rows)
        found = means(sorted(rows, key=lambda row: row.id))  # sums hang on the order
        problems = tuple(f"{row.id}: {row.error}" for row in rows if row.error)
        return Validation({name: found[name] for name in METRICS}, found.scored, problems)

    def _of_all(self, rows: list[EvalRow]) -> list[EvalRow]:
        if self.world == 1:
            return rows
        import torch.distributed

        everyone: list[list[EvalRow]] = [[] for _ in range(self.world)]
        torch.distributed.all_gather_object(everyone, rows)
        return [row for one in everyone for row in one]


@contextlib.contextmanager
def _sizes_differ() -> Iterator[None]:
    """Looking for the quickest way, as training does, would take longer than the way."""
    import torch

    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = False
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def live_predictor(network: nn.Module, method: str) -> LivePredictor:
    """Of a copy of the network, which goes with it."""
    from p3m_anon.evaluation.passes import Passes
    from p3m_anon.evaluation.predict import strategy_of

    still, chosen = copy.deepcopy(network).eval(), METHODS[method]
    passes = Passes(still, next(still.parameters()).device, pixel_bytes=chosen.pixel_bytes)
    return LivePredictor(partial(strategy_of(chosen, "resize"), passes))


def _cost(task: Task) -> int:
    return pixels_of(task.picture.alpha) if task.picture.alpha is not None else 0
