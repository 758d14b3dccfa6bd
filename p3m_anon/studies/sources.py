"""Where each number comes from: one line for each cell of a study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from p3m_anon.studies.results import Result

TITLES = ("Method", "Protocol", "Test set", "Seed", "State", "Pictures", "Run folder", "Remarks")


@dataclass(frozen=True)
class Source:
    """One cell. name: of the method under its protocol; its seeds share it. run: relative to the store, or ""."""

    name: str
    cells: tuple[str, ...]
    run: str


def sources(results: Sequence[Result]) -> list[Source]:
    """A line for each result, in their order; columns TITLES, but the run folder, which is a link in some formats."""
    return [_source(result) for result in results]


def _source(result: Result) -> Source:
    test = result.test
    protocol = f"{result.trained_on}:{test.pictures}" if result.trained_on else test.pictures
    pictures = f"{result.scored} of {result.pictures}" if result.state == "done" else ""
    seed = "" if result.seed is None else str(result.seed)
    state = "not run" if result.state == "absent" else result.state
    remarks = "; ".join(
        filter(None, [result.note, result.undefined, *(f"contaminated: {flag}" for flag in result.flags)])
    )
    name = f"{result.method} {result.trained_on}:{test.pictures} {test.split}"
    return Source(name, (result.method, protocol, test.split, seed, state, pictures, remarks), result.run)
