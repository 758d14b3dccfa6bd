"""Checkpoints of a run: `last`, to go on from, and `best`, weights alone; both are whole or not there at all."""

from __future__ import annotations

import io
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from p3m_anon.errors import Stopped, WeightsError
from p3m_anon.files.atomic import write_bytes
from p3m_anon.methods.weights import NOTE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from p3m_anon.training.batch import Batch
    from p3m_anon.training.steps import Stepper

LAST, BEST = "last.ckpt", "best.ckpt"
NOT_FINITE = "not-finite-step-{step}-rank-{rank}.pt"
_TRAINING = "training"


@dataclass
class Progress:
    """How far a run is. step: how many are done. validated: after how many the last validation was. best_sad: the
    lowest SAD of one, after `best_step` steps, over `best_count` pictures."""

    step: int = 0
    validated: int = 0
    best_sad: float = math.inf
    best_step: int = 0
    best_count: int = 0

    def take_best(self, sad: float, count: int) -> bool:
        """Whether a validation after `step` is the best so far, which then is noted.

        Means over different numbers of pictures do not compare: one over more pictures takes the place of one over
        fewer, whatever they are, and never the other way round.
        """
        if not (count > self.best_count or (count == self.best_count and sad < self.best_sad)):
            return False
        self.best_sad, self.best_step, self.best_count = sad, self.step, count
        return True


def save_last(folder: Path, stepper: Stepper, progress: Progress, note: dict[str, Any]) -> None:
    """Weights under `state_dict`, as `eval` wants them, and all that the run goes on from. Raises Stopped."""
    content = _content(stepper.result, {**note, "step": progress.step})
    content[_TRAINING] = {**stepper.state(), "progress": asdict(progress)}
    _save(folder / LAST, content, f"step {progress.step}")


def save_best(folder: Path, network: nn.Module, progress: Progress, note: dict[str, Any]) -> None:
    """The weights alone. Raises Stopped."""
    note = {**note, "step": progress.best_step, "sad": progress.best_sad}
    _save(folder / BEST, _content(network, note), f"step {progress.step}")


def read_note(file: Path) -> dict[str, Any]:
    """What a checkpoint of ours says of itself, without its tensors in memory. Raises WeightsError."""
    note: dict[str, Any] = json.loads(_read(file)[NOTE])
    return note


def kept_step(folder: Path) -> int:
    """After how many steps the last checkpoint in a run folder was; 0 if there is none. Raises WeightsError."""
    return int(read_note(folder / LAST)["step"]) if (folder / LAST).exists() else 0


def keep_batches(folder: Path, batches: Sequence[Batch], step: int, rank: int) -> str:
    """Save what a loss was not finite of; says where it is, or why it is not: that loss is what has to be told."""
    name = NOT_FINITE.format(step=step, rank=rank)
    stream = io.BytesIO()
    torch.save([batch._asdict() | {"replaced": []} for batch in batches], stream)
    try:
        write_bytes(folder / name, stream.getbuffer(), private=True)  # type: ignore[arg-type]
    except (Stopped, OSError) as error:
        return f"its pictures could not be kept ({error.__cause__ or error})"
    return f"its pictures are in {folder / name}"


def load_last(file: Path, stepper: Stepper) -> Progress:
    """Put the run where `save_last` left it. Raises WeightsError for a file that is damaged or of another network."""
    state = _read(file)[_TRAINING]
    stepper.load_state(state, str(file))
    return Progress(**state["progress"])


def _read(file: Path) -> dict[str, Any]:
    try:
        content = torch.load(file, map_location="cpu", weights_only=True, mmap=True)
        if not isinstance(content, dict) or not {NOTE, _TRAINING} <= content.keys():
            raise WeightsError(f"{file}: is no checkpoint that a run can go on from; choose another --out")
    except WeightsError:
        raise
    except Exception as error:  # a damaged file raises whatever the unpickler met
        raise WeightsError(f"{file}: is damaged and cannot be gone on from; choose another --out") from error
    return content


def _content(network: nn.Module, note: dict[str, Any]) -> dict[str, Any]:
    return {"state_dict": network.state_dict(), NOTE: json.dumps(note, sort_keys=True)}


def _save(file: Path, content: dict[str, Any], when: str) -> None:
    """In memory first: what torch raises while it writes into a full disk says nothing."""
    stream = io.BytesIO()
    torch.save(content, stream)
    try:
        write_bytes(file, stream.getbuffer(), private=True)  # type: ignore[arg-type]
    except Stopped as error:
        kept = "the checkpoint that was there is whole" if file.exists() else "there is no earlier checkpoint"
        why = str(error.__cause__ or error)
        raise Stopped(
            f"{file.name} cannot be saved after {when} ({why}); {kept}: make room and go on with --resume"
        ) from error
