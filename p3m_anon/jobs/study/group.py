"""A group: a training and the evaluations of its weights, in child processes that may crash without loss.

A child works through the cells in their order (jobs/study/child.py) and leaves what came of them in the store. If it
dies, the cell that it was at has failed, and the next child goes on behind it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from p3m_anon.errors import Stopped
from p3m_anon.jobs.study.request import StudyRequest
from p3m_anon.studies.cells import Cell, Planned
from p3m_anon.studies.results import ROWS
from p3m_anon.studies.store import State, Store
from p3m_anon.studies.study import Study

CHECKPOINT = "last.ckpt"
CANNOT_WRITE = 4  # exit code of a child that cannot write to the store
TICK = 1.0
GOODBYE = 120.0  # seconds that a child has to finish a step and save
_PATHS = ("root", "originals", "store")


class Group(NamedTuple):
    """What one child does, one group after the other: the cells of a method, what it is trained on, and a seed."""

    method: str
    trained_on: str
    seed: int | None
    cells: tuple[Cell, ...]


def groups_of(cells: Iterable[Planned]) -> list[Group]:
    """All groups of a study in its order, also those in which nothing is possible."""
    found: dict[tuple[str, str, int | None], list[Cell]] = {}
    for planned in cells:
        cell = planned.cell
        group = found.setdefault((cell.method, cell.trained_on, cell.seed), [])
        group += [] if planned.impossible else [cell]
    return [Group(*key, tuple(group)) for key, group in found.items()]


def to_do(cells: Sequence[Cell], store: Store) -> list[Cell]:
    """Those that are not done, or whose outputs are gone; a checkpoint is only missed by what it is needed for."""
    evaluations = [one for one in cells if one.kind == "eval" and not is_done(one, store, ROWS)]
    needed = {one.needs for one in evaluations}
    trainings = [
        one for one in cells if one.kind == "train" and not is_done(one, store, CHECKPOINT if one.id in needed else "")
    ]
    return trainings + evaluations


def is_done(cell: Cell, store: Store, output: str) -> bool:
    """Whether it is, with all it should have, and the file `output` is still in its run folder."""
    state = store.state(cell.id)
    return state is not None and state.stage == "done" and state.complete and (store.run(cell.id) / output).exists()


def encoded(request: StudyRequest, cells: Sequence[Cell]) -> str:
    """For `run_group`, wherever it runs: places are absolute."""
    study = request.study
    if "leave_out" in study.training:
        file = str(Path(study.training["leave_out"]).absolute())
        study = replace(study, training={**study.training, "leave_out": file})
    said: dict[str, Any] = {one.name: getattr(request, one.name) for one in fields(request)}
    files = {cell.method: request.backbone(cell.method) for cell in cells}
    said["backbones"] = {method: str(file) for method, file in files.items() if file is not None}
    said |= {name: str(said[name].absolute()) for name in _PATHS if said[name] is not None}
    return json.dumps(
        {"request": {**said, "study": study.to_dict()}, "cells": [Planned(one).to_dict() for one in cells]}
    )


def decoded(text: str) -> tuple[StudyRequest, list[Cell]]:
    """What `encoded` was given."""
    said = json.loads(text)
    request = said["request"]
    paths: dict[str, Any] = {name: Path(request[name]) for name in _PATHS if request[name] is not None}
    study = Study.from_dict(request["study"])
    paths["backbones"] = {method: Path(file) for method, file in request["backbones"].items()}
    own = {**request, **paths, "study": study, "shard": tuple(request["shard"])}
    return StudyRequest(**own), [Planned.from_dict(one).cell for one in said["cells"]]


def run_group(text: str, tick: Callable[[], None] = lambda: None) -> None:
    """Work through the cells that `text` has (`encoded`). tick: called once a second.

    Raises Stopped where the store cannot be written.
    """
    request, cells = decoded(text)
    store = Store(request.store)
    left = to_do(cells, store)
    while left:
        before = {one.id: store.state(one.id) for one in left}
        code = _run_child(encoded(request, left), store.open_log(left[0].id), tick)
        if code == 0:
            return
        if code == CANNOT_WRITE:
            raise Stopped(f"the store {store.root} cannot be written: make room, or check its rights, and run it again")
        left = _without_lost(left, before, store, code)


def _without_lost(left: list[Cell], before: Mapping[str, State | None], store: Store, code: int) -> list[Cell]:
    """What is to be done behind the cell in which the child ended; nothing where it ended behind the last."""
    begun = [one for one in left if _was_begun(one, store)]
    untouched = [one for one in to_do(left, store) if store.state(one.id) == before[one.id] and _waits(one, store)]
    lost = next(iter([*begun, *untouched]), None)
    if lost is None:
        return []
    if not store.is_worked_on(lost.id):
        store.fail(lost.id, _cause_of_death(code))
    behind = left[left.index(lost) + 1 :]
    return [one for one in behind if one.needs != lost.id]


def _waits(cell: Cell, store: Store) -> bool:
    """Whether the child would still have come to it."""
    state = store.state(cell.id)
    has_score = state is not None and state.stage == "done"
    return not has_score and (cell.needs is None or not has_failed(cell.needs, store))


def has_failed(id: str, store: Store) -> bool:
    """Whether the last try of a cell has."""
    state = store.state(id)
    return state is not None and state.stage == "failed"


def _was_begun(cell: Cell, store: Store) -> bool:
    state = store.state(cell.id)
    return state is not None and state.stage == "running" and not store.is_worked_on(cell.id)


def _run_child(text: str, log: int, tick: Callable[[], None]) -> int:
    """log: a descriptor, which is closed here."""
    environment = {"OPENBLAS_NUM_THREADS": "1", **os.environ}  # pictures are spread over the cores, not parts of one
    try:
        child = subprocess.Popen(
            [sys.executable, "-m", "p3m_anon.jobs.study.child", text],
            stdin=subprocess.PIPE,  # whose end tells it that this process is no more
            stdout=log,
            stderr=log,
            env=environment,
            start_new_session=True,  # Ctrl-C comes from here, once: a second one would keep it from saving
        )
    finally:
        os.close(log)
    with child:
        try:
            while True:
                try:
                    return child.wait(TICK)
                except subprocess.TimeoutExpired:
                    tick()
        except BaseException:
            _end(child)
            raise


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(GOODBYE)
    except (subprocess.TimeoutExpired, KeyboardInterrupt, SystemExit):
        child.kill()


def _cause_of_death(code: int) -> str:
    """Negative is a signal; 128 and more, one that was heard. SIGKILL is what a system out of memory sends."""
    number = -code if code < 0 else code - 128
    if number not in set(signal.Signals):
        return f"its process ended with code {code}; its log says more"
    name = signal.Signals(number).name
    return f"its process was ended by {name}{'; most likely memory ran out' if name == 'SIGKILL' else ''}"
