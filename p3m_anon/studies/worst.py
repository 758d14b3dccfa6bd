"""Which pictures the methods of a study find hardest."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from p3m_anon.studies.layout import needs_trimap

if TYPE_CHECKING:
    from p3m_anon.evaluation.rows import EvalRow
    from p3m_anon.studies.results import Result

_TRAINED = ("B", "", "X", "N")  # of a method's runs, which is shown


@dataclass(frozen=True)
class Hard:
    """One picture. mean: over the methods that have a score for it. figures: of these."""

    id: str
    mean: float
    figures: Mapping[str, float]


def shown(results: Sequence[Result]) -> list[Result]:
    """One run of each method on one test set: blurred pictures, clear ones only where there are no others.

    Trained on blurred pictures where there is such a run, with the first seed.
    """
    done = [one for one in results if one.state == "done"]
    done = [one for one in done if one.test.pictures == "B"] or done
    there = [one for one in done if one.test == done[0].test]
    best: dict[str, Result] = {}
    for one in sorted(there, key=_rank):
        best.setdefault(one.method, one)
    return [best[name] for name in dict.fromkeys(one.method for one in there)]


def metric_of(methods: Iterable[str]) -> str:
    """By which they are compared: in the transition area where one is given the trimap, which says all else."""
    return "sad_t" if any(map(needs_trimap, methods)) else "sad"


def hardest(rows: Mapping[str, Iterable[EvalRow]], metric: str, count: int) -> list[Hard]:
    """The pictures with the largest mean over the methods, worst first, equal ones by id.

    rows: of each method's run. Pictures that only some methods have a score for count with these.
    """
    figures: dict[str, dict[str, float]] = {}
    for method, its in rows.items():
        for row in its:
            value: float = getattr(row, metric)
            if not row.error and not math.isnan(value):
                figures.setdefault(row.id, {})[method] = value
    found = [Hard(id, statistics.fmean(of.values()), of) for id, of in figures.items()]
    return sorted(found, key=lambda one: (-one.mean, one.id))[:count]


def _rank(result: Result) -> tuple[int, int]:
    return _TRAINED.index(result.trained_on), -1 if result.seed is None else result.seed
