"""The cells of a study: trainings and evaluations, each with an address made of all that its numbers hang on.

Two studies that ask for the same share the cell. What numbers do not hang on is no part of an address: where the
dataset and the store lie, devices, workers, the version of this package.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from p3m_anon.errors import UsageError
from p3m_anon.evaluation.predict import VERSION as MATTE_VERSION
from p3m_anon.evaluation.rows import METRICS_VERSION
from p3m_anon.evaluation.solved import pymatting_version
from p3m_anon.methods.registry import METHODS, Method
from p3m_anon.studies.settings import address_of, composition_asked, run_settings
from p3m_anon.studies.study import Study, TestSet

ADDRESS_VERSION = 1
"""Part of each address; raise it when a default of training changes, or what a training computes."""

NO_METHOD = "no such method here yet"


@dataclass(frozen=True)
class Cell:
    """A training, or an evaluation on a test set.

    id: readable, with the first 12 hex of the address's sha256; "" for a cell that is impossible. trained_on: "" for
    methods that are not trained, whose seed is None. test: None for trainings. needs: the training's id, None where
    there is none. address: of JSON's kinds.
    """

    id: str
    kind: Literal["train", "eval"]
    method: str
    trained_on: str
    seed: int | None
    test: TestSet | None
    needs: str | None
    address: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Planned:
    """A cell of a study. impossible: why it cannot be run, "" if it can."""

    cell: Cell
    impossible: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Of JSON's kinds."""
        test = str(self.cell.test) if self.cell.test else None
        return {**asdict(self.cell), "test": test, "impossible": self.impossible}

    @classmethod
    def from_dict(cls, said: Mapping[str, Any]) -> Planned:
        """The other way round."""
        test = TestSet.parse(said["test"]) if said["test"] else None
        own = {name: value for name, value in said.items() if name not in ("test", "impossible")}
        return cls(Cell(**own, test=test), said["impossible"])


@dataclass(frozen=True)
class Pictures:
    """What a dataset has to train on, or to test on. digest: of the ids and the bytes of all files.

    composition: samples carry layers. absent: why there are none, and then there is no digest.
    """

    digest: str = ""
    composition: bool = False
    absent: str = ""


@dataclass(frozen=True)
class Inputs:
    """What the cells of a study are made from. training: by B and N, and by what is asked of
    composition (auto, on, off). backbones: method -> sha256 of its file."""

    training: Mapping[tuple[str, str], Pictures]
    tests: Mapping[TestSet, Pictures]
    backbones: Mapping[str, str] = field(default_factory=dict)


def plan_cells(study: Study, inputs: Inputs) -> list[Planned]:
    """All cells of the study, trainings before what needs them, in its order."""
    return [planned for method in study.methods for planned in _of_method(study, method, inputs)]


def _of_method(study: Study, name: str, inputs: Inputs) -> Iterator[Planned]:
    method = METHODS.get(name)
    if method is not None and method.solve is not None:
        yield from (_evaluation(study, method, None, inputs.tests[test], test) for test in study.tested_on)
        return
    for trained_on in study.trained_on:
        for seed in study.seeds:
            training = _training(study, name, method, trained_on, seed, inputs)
            tests = [_evaluation(study, method, training, inputs.tests[test], test) for test in study.tested_on]
            if not training.impossible and all(test.impossible for test in tests):  # days of work that nobody can use
                why = f"none of its tests can be run: {tests[0].impossible}"
                training = Planned(replace(training.cell, id="", address={}), why)
            yield training
            yield from tests


def _training(study: Study, name: str, method: Method | None, trained_on: str, seed: int, inputs: Inputs) -> Planned:
    if method is None:
        return Planned(Cell("", "train", name, trained_on, seed, None, None), NO_METHOD)
    pictures = inputs.training[trained_on, composition_asked(study.training, name)]
    if pictures.absent:
        return Planned(Cell("", "train", name, trained_on, seed, None, None), pictures.absent)
    address = {
        **_head("train", method),
        "trained_on": trained_on,
        "seed": seed,
        "pictures": pictures.digest,
        "composition": pictures.composition,
        "settings": address_of(run_settings(study.training, name, 0, inputs.backbones.get(name, ""))),
    }
    id = _id(f"train-{name}-{trained_on}-s{seed}", address)
    return Planned(Cell(id, "train", name, trained_on, seed, None, None, address))


def _evaluation(
    study: Study, method: Method | None, training: Planned | None, pictures: Pictures, test: TestSet
) -> Planned:
    said = training.cell if training is not None else None
    place = (said.method, said.trained_on, said.seed, test) if said is not None else (_name(method), "", None, test)
    impossible = (training.impossible if training is not None else "") or pictures.absent
    try:
        strategy = method.strategy(study.evaluation.get("strategy")) if method is not None else ""
    except UsageError as error:
        impossible = impossible or str(error)
    if impossible or method is None:
        return Planned(Cell("", "eval", *place, None), impossible)
    address = {
        **_head("eval", method),
        "training": said.id if said is not None else None,
        "test": str(test),
        "pictures": pictures.digest,
        "transition_only": bool(study.evaluation.get("transition_only", False)) or method.needs_trimap,
        "metrics": METRICS_VERSION,
    }
    if said is None:
        address["pymatting"] = pymatting_version()
    else:
        address |= {
            "strategy": strategy,
            "precision": study.evaluation.get("precision", "float32"),
            "matte": MATTE_VERSION,
        }
    parts = [method.name, f"{said.trained_on}-s{said.seed}" if said is not None else "", str(test).replace(":", "-")]
    id = _id("-".join(filter(None, ["eval", *parts])), address)
    return Planned(Cell(id, "eval", *place, said.id if said is not None else None, address))


def _name(method: Method | None) -> str:
    return method.name if method is not None else ""


def _head(kind: str, method: Method) -> dict[str, Any]:
    return {"address": ADDRESS_VERSION, "kind": kind, "method": method.name, "method_version": method.version}


def _id(words: str, address: Mapping[str, Any]) -> str:
    canonical = json.dumps(address, sort_keys=True, separators=(",", ":"))
    return f"{words}-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"
