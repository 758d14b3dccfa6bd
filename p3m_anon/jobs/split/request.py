"""What `split` is asked to do, and what it says when it is done."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from p3m_anon.files.place import Link

OF_THE_LEDGER = ("faces", "face-size", "picture-size")
"""What can be stratified by without a file of columns."""

LISTED = 20  # pictures named for each reason; left_out.csv in the private folder names all


@dataclass(frozen=True)
class SplitRequest:
    """A release, and everything that decides what becomes of its pictures.

    normal: a release of cleared pictures, for P3M-500-NP. out: the dataset's root. p, np: pictures of P3M-500-P and
    P3M-500-NP. columns: a CSV file with a column `id` or `path`; group_by: its column whose values keep pictures
    together; stratify: its columns, or some of OF_THE_LEDGER. ids: `opaque`, or `keep` those of the release.
    private, release_private, normal_private: default `.private` beside the folders. originals: link or copy the
    clear originals of train and P3M-500-P into the private folder; None: as far as they are there.
    """

    release: Path
    out: Path
    normal: Path | None = None
    p: int = 500
    np: int = 500
    seed: int = 0
    columns: Path | None = None
    group_by: str | None = None
    stratify: tuple[str, ...] = OF_THE_LEDGER
    link: Link | Literal["auto"] = "auto"
    ids: Literal["opaque", "keep"] = "opaque"
    private: Path | None = None
    release_private: Path | None = None
    normal_private: Path | None = None
    originals: bool | None = None
    dry_run: bool = False

    def decisive(self) -> list[Any]:
        """What the division depends on, beside the pictures."""
        return [self.p, self.np, self.seed, self.group_by, list(self.stratify), self.ids]


@dataclass
class SplitSummary:
    """What a run did.

    pairs: the first refused pictures, by their ids in the releases; `listed` has file names, for the terminal only.
    counts: pictures of each split. asked: of P and NP, and `scaled` if the set was too small for that. deviation: of
    the strata, by split. refused: clear pictures and the blurred one that each was too near to. left_out: reason ->
    how many, `listed`: some of them by name. unused: cleared pictures that were not drawn. placed: way -> files
    placed now. warnings: what was not as asked.
    """

    out: Path
    private: Path
    counts: dict[str, int] = field(default_factory=dict)
    asked: dict[str, int] = field(default_factory=dict)
    scaled: bool = False
    groups: int = 0
    largest_group: int = 0
    groups_too_large: int = 0
    near_duplicate_pairs: int = 0
    deviation: dict[str, dict[str, float]] = field(default_factory=dict)
    refused: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    listed: dict[str, list[str]] = field(default_factory=dict)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    unused: int = 0
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    placed: dict[str, int] = field(default_factory=dict)
    originals: int = 0
    complete: bool = False
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """1 if a picture was refused or left out, or a split is smaller than it should be."""
        return int(bool(self.refused or self.left_out or self.warnings))

    def leave_out(self, reason: str, name: str) -> None:
        """One more picture that is in no split, against the user's wish."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1
        self.name(reason, name)

    def name(self, reason: str, name: str) -> None:
        """One more line under a reason, as long as there is room."""
        names = self.listed.setdefault(reason, [])
        if len(names) < LISTED:
            names.append(name)

    def division(self) -> str:
        """What depends on the inputs alone, as JSON, without any name: a rerun says it again."""
        return json.dumps({key: value for key, value in vars(self).items() if key in _DIVISION}, sort_keys=True)

    def recall(self, division: str) -> None:
        """Take over what `division` gave."""
        vars(self).update(json.loads(division))

    def to_json(self) -> str:
        """All of it but the file names, for other programs."""
        values = {key: str(v) if isinstance(v, Path) else v for key, v in vars(self).items() if key != "listed"}
        return json.dumps({**values, "exit_code": self.exit_code}, sort_keys=True)


_DIVISION = frozenset(
    (
        *("counts", "asked", "scaled", "groups", "largest_group", "groups_too_large", "near_duplicate_pairs"),
        *("deviation", "refused", "left_out", "unused", "notes", "warnings"),
    )
)
