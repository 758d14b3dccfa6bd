"""Other people's mattes into a store: scored as `eval` does, in a cell like those of a study."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

from p3m_anon.errors import P3MError, Stopped, UsageError
from p3m_anon.evaluation.rows import METRICS_VERSION
from p3m_anon.evaluation.tables import paper_methods
from p3m_anon.files.dataset_facts import file_sha256
from p3m_anon.jobs.eval.files import NamedFiles
from p3m_anon.jobs.eval.inputs import pictures
from p3m_anon.jobs.eval.picture import KERNEL, Result
from p3m_anon.jobs.eval.record import RECORD
from p3m_anon.jobs.eval.request import EvalRequest, EvalSummary, Protocol
from p3m_anon.jobs.eval.run import evaluate
from p3m_anon.methods.registry import METHODS
from p3m_anon.studies.cells import ADDRESS_VERSION
from p3m_anon.studies.predictions import Prediction, check_name, known_prediction, words_of, write_prediction
from p3m_anon.studies.store import GRID, State, Store
from p3m_anon.studies.study import TestSet, shipped


@dataclass(frozen=True)
class PredictionsRequest:
    """Whose mattes they are, and what they are scored on.

    name: of the row. mattes: the folder, a file for each picture. root: the dataset. trained_on: X is not known.
    needs_trimap: the mattes were made with the test's trimaps, so only the transition counts; methods that we or the
    paper know say that themselves. saw_test: why the model has seen the test pictures. studies: that show the row,
    none: all that test on this set.
    """

    name: str
    mattes: Path
    root: Path
    test: TestSet
    store: Path = Path("studies")
    trained_on: Literal["B", "N", "X"] = "X"
    needs_trimap: bool = False
    saw_test: str = ""
    studies: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises UsageError for what does not go together."""
        check_name(self.name)
        if self.test == ("P3M-500-NP", "B"):
            raise UsageError("P3M-500-NP has normal pictures only: leave out --pictures")
        if self.store.resolve().is_relative_to(self.root.resolve()):
            raise UsageError(f"the store {self.store} lies inside the dataset; choose another --out")
        there = sorted(file.parent.name for file in self.store.glob(f"*/{GRID}"))
        for study in self.studies:
            if study not in (*there, *shipped()):
                known = f"it knows {', '.join(there)}" if there else "it knows none yet"
                raise UsageError(f"{self.store} knows no study {study}; {known}: run it first with p3m-anon study run")

    @property
    def evaluation(self) -> EvalRequest:
        """What `eval` is asked, but for its run folder."""
        known = self.name in METHODS or self.name in paper_methods()
        protocol = None if self.test.split == "P3M-500-NP" else f"{self.trained_on}:{self.test.pictures}"
        return EvalRequest(
            self.root,
            self.test.split,
            self.name if known else None,
            pred=self.mattes,
            protocol=cast("Protocol | None", protocol),
            transition_only=self.needs_trimap,
            called=self.name,
        )


def add_predictions(
    request: PredictionsRequest, on_result: Callable[[Result], None] = lambda _: None
) -> tuple[Prediction, EvalSummary]:
    """Score the mattes and let the store's studies show them; on_result is called for each picture.

    What the same name had in this place before is replaced, and of its scores those are kept whose matte is the same.
    Raises UsageError before anything is written, Stopped when the run cannot go on.
    """
    store, id = Store(request.store), cell_id(request)
    evaluation = replace(request.evaluation, out=store.run(id))
    about = evaluation.about()
    before = known_prediction(store, request.name, request.trained_on, request.test)
    evaluate(replace(evaluation, dry_run=True))  # for its checks
    with store.working_on(id) as ours:
        if not ours:
            raise Stopped(f"another process scores these mattes into {store.run(id)}; wait for it")
        _clear_or_inherit(store, id, about, before)
        store.write_state(id, State("running", about=about))
        try:
            summary = evaluate(evaluation, on_result=on_result)
        except P3MError as error:
            store.write_state(id, State("failed", str(error), about=about))
            raise
        store.write_state(id, State("done", about=about, complete=not summary.errors))
    prediction = Prediction(
        request.name, request.trained_on, request.test, id, request.saw_test, tuple(sorted(set(request.studies)))
    )
    write_prediction(store, prediction)
    return prediction, summary


def cell_id(request: PredictionsRequest) -> str:
    """The cell's, of all that its figures hang on: name, training, and the bytes of mattes, alphas and trimaps.

    Raises UsageError for folders that are not there or hold no such split.
    """
    mattes = NamedFiles(request.mattes)
    files = {
        one.id: [*map(_sha256, (one.alpha, one.trimap)), *map(_sha256, mattes.find(*one.names))]
        for one in pictures(request.root, request.test.split)
    }
    evaluation = request.evaluation
    address = {
        "address": ADDRESS_VERSION,
        "kind": "eval",
        "predictions": request.name,
        "label": evaluation.label,
        "test": str(request.test),
        "files": files,
        "kernel": KERNEL,
        "transition_only": evaluation.restricts,
        "metrics": METRICS_VERSION,
    }
    digest = hashlib.sha256(json.dumps(address, sort_keys=True).encode()).hexdigest()
    return f"eval-{words_of(request.name)}-{str(request.test).replace(':', '-')}-{digest[:12]}"


def _sha256(file: Path | None) -> str:
    """ "" for one that is not there."""
    try:
        return file_sha256(os.path.realpath(file)) if file is not None else ""
    except OSError:
        return ""


def _clear_or_inherit(store: Store, id: str, about: str, before: Prediction | None) -> None:
    """Make way for the evaluation: a run folder of mattes that lay elsewhere goes, and a new one begins with the scores
    of the mattes that had this name before, if they lay here."""
    run, state = store.run(id), store.state(id)
    if run.exists() and (state is None or state.about != about):
        shutil.rmtree(run)
    if run.exists() or before is None or before.cell == id:
        return
    earlier = store.state(before.cell)
    if earlier is None or earlier.stage != "done" or earlier.about != about or not store.run(before.cell).is_dir():
        return
    half = run.with_name(f".{id}.half")
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(store.run(before.cell), half, ignore=lambda _, names: [one for one in names if one != RECORD])
    half.rename(run)
