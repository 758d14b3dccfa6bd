"""What a reader has to know before he believes a table."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from p3m_anon.errors import UsageError
from p3m_anon.methods.registry import METHODS
from p3m_anon.training.run_settings import RunSettings
from p3m_anon.training.settings import SampleSettings

if TYPE_CHECKING:
    from p3m_anon.studies.results import Result
    from p3m_anon.studies.study import Study

PAPER_PICTURES = 500
"""In each of its test sets."""

_NONE = {"max_steps": "no limit", "width": "the method's own", "warmup": "none", "clip": "none", "ema": "none"}


def sentences(study: Study, results: Sequence[Result], unfounded: Sequence[str] = ()) -> list[str]:
    """In order of weight; a sentence each, without a full stop.

    unfounded: methods that were trained without the ImageNet weights that the paper's start from.
    """
    trained = [*_training(study), *_encoders(unfounded), *_seeds(study, results)]
    tested = [*_strategies(study), *_evaluation(study)]
    return [*_state(results), *_contaminated(results), *_pictures(results), *trained, *tested]


def _state(results: Sequence[Result]) -> Iterator[str]:
    counts = {state: sum(result.state == state for result in results) for state in _STATES}
    said = ", ".join(f"{count} {_STATES[state]}" for state, count in counts.items() if count)
    if not results:
        yield "The study has no cells; nothing was run"
    elif not counts["done"]:
        yield f"Nothing was run to its end yet: {said}"
    else:
        yield f"Of {len(results)} evaluations {said}"


_STATES = {"done": "done", "running": "running", "failed": "failed", "absent": "not run", "impossible": "impossible"}


def _contaminated(results: Sequence[Result]) -> Iterator[str]:
    said = dict.fromkeys(f"{_title(one.method)} on {one.test.split}" for one in results if one.flags)
    if said:
        yield f"Contaminated, so no fair test: {', '.join(said)}"


def _title(name: str) -> str:
    return METHODS[name].title if name in METHODS else name


def _pictures(results: Sequence[Result]) -> Iterator[str]:
    """Fewer pictures than the paper's are said first, and what that means."""
    fewer = False
    tests = dict.fromkeys(str(result.test) for result in results if result.state == "done")
    for test in tests:
        there = [result for result in results if result.state == "done" and str(result.test) == test]
        low, high = min(result.scored for result in there), max(result.scored for result in there)
        scored = f"{low}" if low == high else f"{low} to {high}"
        yield f"Means on {test} are over {scored} {'picture' if scored == '1' else 'pictures'}; the paper's over 500"
        fewer = fewer or low < PAPER_PICTURES
    if fewer:
        yield (
            "These are fewer pictures than the paper's 500, so this is a sanity check and not a reproduction: "
            "differences to the paper say little"
        )


def _training(study: Study) -> Iterator[str]:
    said = {name: _shown(name, value) for name, value in study.training.items() if _differs(name, value)}
    changed = [f"{name} {value}{_paper(name)}" for name, value in said.items()]
    if changed:
        yield f"Trained with other settings than the paper's: {'; '.join(changed)}"


def _encoders(unfounded: Sequence[str]) -> Iterator[str]:
    if unfounded:
        titles = ", ".join(METHODS[name].title for name in unfounded)
        yield f"Encoders start from random weights, and not from ImageNet's as in the paper: {titles}"


def _differs(name: str, value: Any) -> bool:
    if name == "backbone":  # the paper has one, too
        return False
    return name not in _DEFAULTS or _comparable(value) != _comparable(_DEFAULTS[name])


def _shown(name: str, value: Any) -> str:
    """Of a file, its name alone: a report may be published."""
    return PurePath(str(value)).name if name == "leave_out" else _said(value)


def _comparable(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value


def _paper(name: str) -> str:
    if name not in _DEFAULTS:
        return ""
    default = _DEFAULTS[name]
    return f" (paper: {_NONE[name] if name in _NONE and not default else _said(default)})"


def _said(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " ".join(map(_said, value))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else f"{value}"


def _seeds(study: Study, results: Sequence[Result]) -> Iterator[str]:
    if any(result.seed is not None for result in results):
        seeds = ", ".join(map(str, study.seeds))
        several = (
            "; ± is the sample standard deviation over them" if len(study.seeds) > 1 else ", so no spread is known"
        )
        yield f"Trained with {'seeds' if len(study.seeds) > 1 else 'one seed,'} {seeds}{several}"


def _strategies(study: Study) -> Iterator[str]:
    """How pictures of other sizes than the training's go through each network: it decides as much as the network."""
    by: dict[str, list[str]] = {}
    for method in (METHODS[name] for name in study.methods if name in METHODS):
        with contextlib.suppress(UsageError):  # cells of a strategy that it does not have are impossible, as they say
            by.setdefault(method.strategy(study.evaluation.get("strategy")), []).append(method.title)
    said = "; ".join(f"{strategy} for {', '.join(titles)}" for strategy, titles in by.items() if strategy)
    if said:
        yield f"Strategies: {said}"


def _evaluation(study: Study) -> Iterator[str]:
    said = "; ".join(f"{name} {_said(value)}" for name, value in study.evaluation.items() if name != "strategy")
    if said:
        yield f"Evaluated with {said}"


def _defaults() -> dict[str, Any]:
    """The paper's, by the names of the options of `train`."""
    kinds = (RunSettings, SampleSettings)
    return {
        one.name: one.default
        for kind in kinds
        for one in dataclasses.fields(kind)
        if one.default is not dataclasses.MISSING
    }


_DEFAULTS = _defaults()
