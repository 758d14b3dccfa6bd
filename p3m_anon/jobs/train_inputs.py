"""Which pictures a method is trained on, and that none of them is a test picture."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from p3m_anon.training.rows import Composition, TrainRow

Trained = Literal["B", "N"]


@dataclass(frozen=True)
class TrainInputs:
    """What to train on.

    root: a dataset in P3M-10k's form. protocol: B: its blurred pictures, N: their originals, which lie in `originals`,
    default `ROOT.private/originals`. composition: see `composition_of`. leave_out: ids that are not trained on, as
    test pictures look like them. private: where digests are kept, default `ROOT.private`.
    """

    root: Path
    protocol: Trained = "B"
    originals: Path | None = None
    composition: Composition = "auto"
    leave_out: frozenset[str] = frozenset()
    private: Path | None = None


@dataclass(frozen=True)
class TrainingSet:
    """rows: sorted by id. composition: goes into SampleSettings. notices, problems: a line each, for the user; problems
    name pictures that cannot be trained on. manifest_sha256: of ROOT/manifest.jsonl, None where there is none.
    shows_clear_faces: what is made of these pictures is private.
    """

    rows: tuple[TrainRow, ...]
    composition: bool
    notices: tuple[str, ...]
    problems: tuple[str, ...]
    manifest_sha256: str | None
    shows_clear_faces: bool


def training_set(inputs: TrainInputs, on_picture: Callable[[], None] = lambda: None) -> TrainingSet:
    """The pictures of train.

    Raises UsageError where there are none, where protocol N lacks its originals, and where a picture is, or looks
    like, one of P3M-500-P or P3M-500-NP. on_picture: called for each picture that is compared.
    """
    raise NotImplementedError
