"""What `eval` is asked to do, and what came of it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from p3m_anon.dataset.rows import Split
from p3m_anon.errors import UsageError
from p3m_anon.evaluation.tables import paper_methods
from p3m_anon.jobs.eval.files import encodable
from p3m_anon.methods.registry import METHODS

Protocol = Literal["B:B", "B:N", "N:B", "N:N", "X:B", "X:N"]
"""Trained on : tested on; X is not known."""


@dataclass(frozen=True)
class EvalRequest:
    """What to score, and how.

    root: a dataset in P3M-10k's form. Either pred, a folder of mattes, or method and checkpoint, which make them; with
    pred, method says whose mattes they are. protocol: trained on : tested on, for train and P3M-500-P. originals: of
    the pictures, where they are tested on. trained: what the checkpoint's note says of its training; `evaluate` fills
    it in. strategy: None for the method's own. out: the run folder, default `eval/...`. workers: 0 is one per core.
    memory: bytes for all processes of a solved method, 0 is half of the machine's; networks and mattes from a folder
    do not look at it. called: the mattes, in tables, where that is not the name of the method or the folder.
    """

    root: Path
    split: Split
    method: str | None = None
    checkpoint: Path | None = None
    pred: Path | None = None
    protocol: Protocol | None = None
    originals: Path | None = None
    trained: Literal["B", "N"] | None = None
    transition_only: bool = False
    strategy: str | None = None
    precision: str = "float32"
    device: str = "auto"
    out: Path | None = None
    parquet: bool = False
    workers: int = 0
    memory: int = 0
    dry_run: bool = False
    called: str = ""

    def __post_init__(self) -> None:
        """Raises UsageError for what does not go together."""
        if self.pred is None and self.method is None:
            raise UsageError("give --method, with its --checkpoint, or --pred DIR with mattes; p3m-anon eval --help")
        if self.pred is not None and self.checkpoint is not None:
            raise UsageError("--checkpoint makes mattes and --pred has them; give one of the two")
        if self.pred is not None and self.originals is not None:
            raise UsageError("--pred has the mattes already, so no picture is tested on; leave out --originals")
        if self.pred is not None and (self.strategy, self.precision, self.device) != (None, "float32", "auto"):
            raise UsageError("--pred has the mattes already; leave out --strategy, --precision and --device")
        if self.protocol is not None and self.split == "P3M-500-NP":
            raise UsageError("protocols are about P3M-500-P; P3M-500-NP has normal pictures only: leave out --protocol")
        if self.protocol is not None and self.trained not in (None, self.protocol[0]):
            raise UsageError(
                f"{self.checkpoint} says that it was trained on {self.trained}, not as --protocol {self.protocol} has"
                f" it; leave it out, or use {self.trained}:{self.tested_on}"
            )
        if self.originals is not None and not self.opens_originals:
            raise UsageError("--originals goes with a test on normal pictures: --protocol B:N or N:N")
        known = {**METHODS, **paper_methods()} if self.pred is not None else METHODS
        if self.method is not None and self.method not in known:
            own = "; for mattes of another method leave --method out" if self.pred is not None else ""
            raise UsageError(f"no method is called {self.method}; there are {', '.join(sorted(known))}{own}")
        if self.pred is None and self.method is not None:
            METHODS[self.method].strategy(self.strategy)

    @property
    def name(self) -> str:
        """What the mattes are called in tables."""
        return self.called or self.method or (self.pred.resolve().name if self.pred is not None else "")

    @property
    def strategy_taken(self) -> str:
        """The one that was chosen or the method's default; "" for mattes from a folder and methods without any."""
        return METHODS[self.method].strategy(self.strategy) if self.pred is None and self.method is not None else ""

    @property
    def trained_on(self) -> str:
        """B, N, or X where it is not known."""
        return self.protocol[0] if self.protocol else self.trained or "X"

    @property
    def tested_on(self) -> str:
        """B or N."""
        if self.protocol:
            return self.protocol[2]
        return "N" if self.split == "P3M-500-NP" else "B"

    @property
    def label(self) -> str:
        """The protocol as rows have it; "" for a folder of mattes of which nobody said."""
        return self.protocol or ("" if self.pred is not None else f"{self.trained_on}:{self.tested_on}")

    @property
    def opens_originals(self) -> bool:
        """Whether clear pictures from outside the dataset are read."""
        return self.pred is None and self.tested_on == "N" and self.split != "P3M-500-NP"

    @property
    def shows_clear_faces(self) -> bool:
        """Whether the page shows pictures that are not blurred."""
        return self.split == "P3M-500-NP" or self.opens_originals

    @property
    def mattes(self) -> str:
        """Where they come from, in words."""
        if self.pred is not None:
            return f"from the folder {self.pred.resolve().name}"
        if self.method is not None and METHODS[self.method].solve is not None:
            return f"made by {self.method}"
        weights = self.checkpoint.name if self.checkpoint else "no weights"
        return f"made by {self.method} with {weights}: {self.strategy_taken}, {self.precision}"

    @property
    def needs_trimap(self) -> bool:
        """Whether the method is given the trimap."""
        needs = {name: method.needs_trimap for name, method in paper_methods().items()}
        needs |= {name: method.needs_trimap for name, method in METHODS.items()}
        return self.method is not None and needs[self.method]

    @property
    def restricts(self) -> bool:
        """Whether the known area is taken from the trimap: asked for, or because the method is given it."""
        return self.transition_only or self.needs_trimap

    @property
    def folder(self) -> Path:
        """The run folder."""
        if self.out is not None:
            return self.out
        source = [self.pred.resolve().name] if self.pred else []
        if self.checkpoint:  # those of all runs are called best.ckpt
            source = [self.checkpoint.resolve().parent.name, self.checkpoint.stem]
        parts = [self.split, (self.protocol or "").replace(":", "-"), self.method or "", *source]
        return Path("eval") / "-".join(dict.fromkeys(filter(None, parts)))

    def about(self) -> str:
        """One line that tells this evaluation from others; a run folder holds one. The dataset may have moved."""
        checkpoint = self.checkpoint.resolve() if self.checkpoint else "-"
        mattes = f"--pred {self.pred.resolve()}" if self.pred else f"--checkpoint {checkpoint}"
        how = "" if self.pred else f"--strategy {self.strategy_taken or '-'} --precision {self.precision}"
        method = f"--method {self.method}" if self.method else ""
        area = "--transition-only" if self.transition_only else ""
        parts = self.root.resolve().name, self.split, self.label, method, mattes, how, area
        return " ".join(filter(None, map(encodable, parts)))


@dataclass
class EvalSummary:
    """What came of it.

    name: what the table calls the mattes; mattes: where they come from. errors: a line per picture without a score.
    table: Table 4's layout, titles first, in text. paper: on what its row's method was trained. caveats: to be said
    beside them. worst: id and SAD. unused: files among the mattes that no picture is called after, the first ones.
    trimaps: where they came from -> pictures. kept: rows that were right already. forgotten: rows of pictures that
    are gone.
    """

    folder: str
    split: str
    protocol: str
    name: str
    mattes: str
    transition_only: bool
    pictures: int = 0
    scored: int = 0
    kept: int = 0
    forgotten: int = 0
    means: dict[str, float | None] = field(default_factory=dict)
    table: list[list[str]] = field(default_factory=list)
    paper: str = ""
    caveats: list[str] = field(default_factory=list)
    worst: list[tuple[str, float]] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    unused_count: int = 0
    trimaps: dict[str, int] = field(default_factory=dict)
    shows_clear_faces: bool = False
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """1 if any picture has no score."""
        return int(bool(self.errors))

    def to_json(self) -> str:
        """All of it, for other programs."""
        said: dict[str, Any] = {**vars(self), "exit_code": self.exit_code}
        return json.dumps(said, sort_keys=True)
