"""What a dataset has to train and test on, as digests: of ids and bytes, never of places or times.

Where the manifest lists a file its sha256 is taken from there, the others are hashed, which is kept in the private
folder while their size and time stay.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from p3m_anon.dataset.rows import FILE_KEYS
from p3m_anon.errors import UsageError
from p3m_anon.files.dataset_facts import file_sha256
from p3m_anon.files.dataset_rows import MANIFEST, read_rows
from p3m_anon.jobs.eval.inputs import Originals, pictures
from p3m_anon.jobs.study.request import StudyRequest
from p3m_anon.jobs.train.inputs import TrainInputs, training_rows
from p3m_anon.jobs.train.leaks import Fingerprints
from p3m_anon.methods.registry import NETWORKS
from p3m_anon.studies.cells import Inputs, Pictures
from p3m_anon.studies.settings import composition_asked
from p3m_anon.studies.study import TestSet
from p3m_anon.training.rows import Composition, composition_of

NEEDS_ORIGINALS = "needs originals (--originals DIR)"


def read_inputs(request: StudyRequest, on_file: Callable[[], None] = lambda: None) -> Inputs:
    """What the cells of the study are made from. on_file: called for each file that is hashed.

    Raises UsageError for files that the study or the request names and that are not there.
    """
    study = request.study
    trained = [name for name in study.methods if name in NETWORKS]
    backbones = {name: file for name in trained if (file := request.backbone(name)) is not None}
    for file in backbones.values():
        if not file.is_file():
            raise UsageError(f"the backbone {file}: no such file")
    asked = dict.fromkeys(composition_asked(study.training, name) for name in trained)
    taken = {one: _composition(request, one) for one in asked}
    inputs = {(kind, one): training_inputs(request, kind, taken[one]) for kind in study.trained_on for one in asked}
    with Fingerprints(TrainInputs(request.root).private_folder, on_file, keeps=not request.dry_run) as known:
        hashed = _Hashed(known, _listed(request.root))
        return Inputs(
            {key: _training(one, hashed) for key, one in inputs.items()},
            {test: _test(request, test, hashed) for test in study.tested_on},
            {name: file_sha256(os.path.realpath(file)) for name, file in backbones.items()},
        )


def test_inputs(request: StudyRequest, test: TestSet) -> Pictures:
    """What there is of one test set now."""
    with Fingerprints(TrainInputs(request.root).private_folder) as known:
        return _test(request, test, _Hashed(known, _listed(request.root)))


def training_inputs(request: StudyRequest, trained_on: str, composition: Composition) -> TrainInputs:
    """What `train` is asked to train on. Raises UsageError for a list of ids that is not there."""
    said = request.study.training
    kind = cast(Literal["B", "N"], trained_on)
    return TrainInputs(
        request.root,
        kind,
        request.originals if kind == "N" else None,
        composition,
        _ids(said["leave_out"]) if "leave_out" in said else frozenset(),
    )


def _composition(request: StudyRequest, asked: Composition) -> Composition:
    """on or off, the same for B and N, else they would be trained on different losses: `auto` asks for the layers of B,
    and those of N are estimated."""
    if asked != "auto":
        return asked
    try:
        rows, _ = training_rows(training_inputs(request, "B", asked))
    except UsageError:
        return "off"
    return "on" if composition_of(rows, asked).on else "off"


def _ids(file: str) -> frozenset[str]:
    try:
        text = Path(file).read_text("utf-8-sig", "surrogateescape")
    except OSError as error:
        raise UsageError(f"[training] leave_out {file}: cannot be read ({error.strerror})") from error
    return frozenset(filter(None, map(str.strip, text.split("\n"))))


@dataclass(frozen=True)
class _Hashed:
    """Digests of files. listed: file -> sha256, by the manifest."""

    known: Fingerprints
    listed: Mapping[str, str]

    def of(self, rows: Mapping[str, Iterable[object]], words: Mapping[str, str] | None = None) -> str:
        """rows: id -> files, None for one that is not there. words: id -> what is said of it beside its bytes."""
        named = {id: [str(file) if file else "" for file in files] for id, files in rows.items()}
        unlisted = dict.fromkeys(one for files in named.values() for one in files if one and one not in self.listed)
        digests = {**self.listed, **self.known.digests(unlisted), "": ""}
        said = {id: [digests[one] for one in files] for id, files in named.items()}
        if words is not None:
            said = {id: [*files, words[id]] for id, files in said.items()}
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _listed(root: Path) -> dict[str, str]:
    if not (root / MANIFEST).is_file():
        return {}
    return {str(root / row[key]): row[f"{key}_sha256"] for row in read_rows(root / MANIFEST) for key in _keys(row)}


def _keys(row: Mapping[str, Any]) -> list[str]:
    return [key for key in FILE_KEYS if row.get(key) and row.get(f"{key}_sha256")]


def _training(inputs: TrainInputs, hashed: _Hashed) -> Pictures:
    if inputs.protocol == "N" and not inputs.originals_folder.is_dir():
        return Pictures(absent=NEEDS_ORIGINALS)
    try:
        rows, _ = training_rows(inputs)
        composed = composition_of(rows, inputs.composition).on
    except UsageError as error:
        return Pictures(absent=str(error))
    # the form of `TrainingSet.digest`, so that a training can be compared with it
    return Pictures(hashed.of({row.id: filter(None, row[1 : None if composed else 3]) for row in rows}), composed)


def _test(request: StudyRequest, test: TestSet, hashed: _Hashed) -> Pictures:
    clear = None
    if test.pictures == "N" and test.split != "P3M-500-NP":
        folder = TrainInputs(request.root, "N", request.originals).originals_folder
        if not folder.is_dir():
            return Pictures(absent=NEEDS_ORIGINALS)
    try:
        found = list(pictures(request.root, test.split))
        if test.pictures == "N" and test.split != "P3M-500-NP":
            clear = Originals(request.root, test.split, request.originals)
            found = [clear.of(one) for one in found]
    except UsageError as error:
        return Pictures(absent=str(error))
    if clear is not None and not any(one.image for one in found):
        return Pictures(absent=f"{NEEDS_ORIGINALS}: none is there of {test.split}")
    unscored = {one.id: one.problem or ("clear" if one.face == "clear" else "") for one in found}
    return Pictures(hashed.of({one.id: (one.image, one.alpha, one.trimap) for one in found}, unscored))
