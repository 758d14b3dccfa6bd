"""What `study run` is asked to do, and what came of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

from p3m_anon.errors import UsageError
from p3m_anon.jobs.crew import plan_crew
from p3m_anon.methods.registry import METHODS
from p3m_anon.studies.cells import Planned
from p3m_anon.studies.results import Standing
from p3m_anon.studies.settings import with_backbone
from p3m_anon.studies.study import Study

Engine = Literal["local", "ray"]


@dataclass(frozen=True)
class StudyRequest:
    """Which study, on what, and how.

    root: the dataset. originals: of its pictures, default `ROOT.private/originals`. store: the folder of all cells.
    backbones: method -> an ImageNet state dict that its encoder starts from, "" -> that of all others; in the place of
    the study's. shard: which part of the groups of cells, from 1, and of how many. devices: processes, one each, that
    train together; the batch is divided among them. workers: see TrainRequest and EvalRequest. memory: bytes for solved
    methods, 0: half of the machine's.
    """

    study: Study
    root: Path
    originals: Path | None = None
    store: Path = Path("studies")
    backbones: Mapping[str, Path] = field(default_factory=dict)
    shard: tuple[int, int] = (1, 1)
    engine: Engine = "local"
    device: str = "auto"
    devices: int = 1
    workers: int | None = None
    memory: int = 0
    dry_run: bool = False

    def __post_init__(self) -> None:
        """Raises UsageError for what does not go together."""
        number, count = self.shard
        if not 1 <= number <= count:
            raise UsageError(f"--shard {number}/{count}: shards are counted from 1, as in 1/{max(count, 1)}")
        if not self.root.is_dir():
            raise UsageError(f"{self.root}: no such folder; name the dataset with --data ROOT")
        if self.store.resolve().is_relative_to(self.root.resolve()):
            raise UsageError(f"the store {self.store} lies inside the dataset; choose another --out")
        if self.devices < 1:
            raise UsageError("--devices must be at least 1")
        without = [name for name in self.backbones if name and name not in with_backbone()]
        if without:
            raise UsageError(f"--backbone {without[0]}=: only these have one: {', '.join(with_backbone())}")
        solved = any((known := METHODS.get(name)) is not None and known.solve for name in self.study.methods)
        if self.memory and solved:
            plan_crew(self.workers or 0, self.memory)  # now, not after the networks

    def backbone(self, method: str) -> Path | None:
        """What a method's encoder starts from, if it has one that does."""
        known = METHODS.get(method)
        if known is None or known.load_backbone is None:
            return None
        said = self.study.training.get("backbone", {})
        files = {**({"": said} if isinstance(said, str) else said), **self.backbones}
        file = files.get(method, files.get(""))
        return Path(file).absolute() if file is not None else None


class Standings(NamedTuple):
    """A cell, how it stands with it, and what has to be said of it."""

    planned: Planned
    standing: Standing
    note: str

    def to_dict(self) -> dict[str, Any]:
        """For other programs."""
        said = self.planned.to_dict()
        shown = ("id", "kind", "method", "trained_on", "seed", "test")
        return {**{name: said[name] for name in shown}, "state": self.standing, "note": self.note}


class Watch:
    """What a run tells while it goes on; this one does not listen."""

    def on_hashed(self) -> None:
        """One more file of the dataset was read."""

    def on_tick(self, cells: list[Standings]) -> None:
        """How it stands now with all cells of this run, once a second or so."""


@dataclass
class StudySummary:
    """What came of it. cells: those of this run's shard. incomplete: evaluations in which pictures have no score."""

    study: str
    store: str
    cells: list[Standings] = field(default_factory=list)
    others: int = 0
    incomplete: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def counts(self) -> dict[str, int]:
        """State -> cells."""
        return dict(Counter(one.standing for one in self.cells))

    def named(self, standing: Standing) -> list[str]:
        """A line for each cell that is in this state."""
        return [f"{title(one.planned)}: {one.note}" for one in self.cells if one.standing == standing]

    @property
    def exit_code(self) -> int:
        """1 if a cell failed or has pictures without a score, 4 if another run is at some."""
        if self.incomplete or self.named("failed"):
            return 1
        return 4 if self.named("running") or self.named("absent") else 0

    def to_json(self) -> str:
        """All of it, for other programs."""
        own = {name: value for name, value in vars(self).items() if name != "cells"}
        cells = [one.to_dict() for one in self.cells]
        return json.dumps({**own, "cells": cells, "counts": self.counts, "exit_code": self.exit_code}, sort_keys=True)


def title(planned: Planned) -> str:
    """A cell in words: `p3mnet trained on B, seed 0, on P3M-500-P:N`."""
    cell = planned.cell
    seed = f", seed {cell.seed}" if cell.seed is not None else ""
    trained = f" trained on {cell.trained_on}{seed}" if cell.trained_on else ""
    return f"{cell.method}{trained}{f', on {cell.test}' if cell.test else ''}"
