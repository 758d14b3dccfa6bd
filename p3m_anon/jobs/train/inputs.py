"""Which pictures a method is trained on, and that none of them is a test picture."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from p3m_anon.dataset import layout
from p3m_anon.dataset.rows import Split
from p3m_anon.errors import UsageError
from p3m_anon.files.dataset_facts import file_sha256
from p3m_anon.files.dataset_rows import MANIFEST, read_rows
from p3m_anon.files.private import private_folder
from p3m_anon.jobs.eval.inputs import Originals, pictures
from p3m_anon.jobs.split.files import ORIGINALS
from p3m_anon.jobs.train.leaks import Fingerprinted, Fingerprints, refuse_leaks
from p3m_anon.training.rows import Composition, TrainRow, composition_of

Trained = Literal["B", "N"]
TRAIN: Split = "train"
TESTS: tuple[Split, ...] = ("P3M-500-P", "P3M-500-NP")
_NAMED = 5
_CLEAR = "its face was left as it is, and protocol B trains on blurred pictures only"
_ENDINGS: dict[layout.Role, tuple[str, ...]] = {"foreground": (".png", ".jpg"), "background": (".jpg", ".png")}


@dataclass(frozen=True)
class TrainInputs:
    """What to train on.

    root: a dataset in P3M-10k's form. protocol: B: its blurred pictures, N: their originals, which lie in `originals`,
    default `ROOT.private/originals`. composition: see `composition_of`. leave_out: ids that are not trained on, as
    test pictures look like them. private: where digests are kept, default `ROOT.private`.
    """

    root: Path
    protocol: Trained = "B"
    originals: Path | None = None
    composition: Composition = "auto"
    leave_out: frozenset[str] = frozenset()
    private: Path | None = None

    @property
    def private_folder(self) -> Path:
        """The private folder. Raises UsageError for one inside the dataset."""
        return private_folder(self.root.resolve(), self.private)

    @property
    def originals_folder(self) -> Path:
        """A folder of originals by id, or one that holds a folder for each split."""
        return self.originals or self.private_folder / ORIGINALS


@dataclass(frozen=True)
class TrainingSet:
    """What is trained on.

    rows: sorted by id. composition: goes into SampleSettings. notices, problems: a line each, for the user; problems
    name pictures that are not trained on. manifest_sha256: of ROOT/manifest.jsonl, None where there is none. files: id
    -> sha256 of its picture, its alpha and, with composition, its layers; "" for one that cannot be opened.
    """

    rows: tuple[TrainRow, ...]
    composition: bool
    notices: tuple[str, ...]
    problems: tuple[str, ...]
    manifest_sha256: str | None
    files: dict[str, list[str]]

    @property
    def digest(self) -> str:
        """Sha256 over all ids and the bytes of all their files."""
        return hashlib.sha256(json.dumps(self.files, sort_keys=True).encode()).hexdigest()


def training_set(inputs: TrainInputs, on_file: Callable[[], None] = lambda: None, *, keeps: bool = True) -> TrainingSet:
    """The pictures of train.

    Raises UsageError where there are none, where protocol N lacks its originals, and where a picture is, or looks
    like, one of P3M-500-P or P3M-500-NP. on_file: called for each file that is read. keeps: what is found is kept in
    the private folder.
    """
    _check_request(inputs)
    rows, problems = training_rows(inputs)
    composed = composition_of(rows, inputs.composition)
    notices = [composed.notice] if composed.notice else []
    with Fingerprints(inputs.private_folder, on_file, keeps=keeps) as known:
        trained = known.of((row.id, Path(row.image)) for row in rows)
        tests = known.of(_tests(inputs))
        notices += known.notices
        unread = "it will stop the training, or be skipped with --skip-bad"
        notices += [f"{one.name}: {unread}: {one.problem}" for one in trained.bad]
        notices += [f"{one.name}: not compared with train, as {one.problem}" for one in tests.bad]
        refuse_leaks(trained, tests, inputs.private_folder if keeps else None)
        files = _files(rows, trained, known, layers=composed.on)
    if inputs.protocol == "N":
        _refuse_blurred(inputs.root, trained)
    manifest = inputs.root / MANIFEST
    return TrainingSet(
        tuple(rows),
        composed.on,
        tuple(notices),
        tuple(problems),
        file_sha256(manifest) if manifest.is_file() else None,
        files,
    )


def _check_request(inputs: TrainInputs) -> None:
    if inputs.protocol not in ("B", "N"):
        raise UsageError(f"the protocol to train by is B or N, not {inputs.protocol!r}")
    if not inputs.root.is_dir():
        raise UsageError(f"{inputs.root}: no such folder")
    if inputs.protocol == "B" and inputs.originals is not None:
        raise UsageError("--originals are clear pictures, and protocol B trains on blurred ones; use --protocol N")
    if inputs.protocol == "B":
        return
    folder = inputs.originals_folder
    if not folder.is_dir():
        raise UsageError(
            f"there are no originals in {folder}: --protocol N trains on normal pictures; name them with --originals"
            " DIR (the public P3M-10k has none)"
        )


def training_rows(inputs: TrainInputs) -> tuple[list[TrainRow], list[str]]:
    """By id, and a line for each picture that is not trained on. Raises UsageError where there is none."""
    originals = Originals(inputs.root, TRAIN, inputs.originals_folder) if inputs.protocol == "N" else None
    rows: list[TrainRow] = []
    problems: list[str] = []
    unknown = set(inputs.leave_out)
    for picture in pictures(inputs.root, TRAIN):
        if picture.id in inputs.leave_out:
            unknown.discard(picture.id)
            continue
        if originals is not None:
            shown = originals.of(picture)
            problem = shown.problem
        else:
            shown = picture
            problem = picture.problem or (_CLEAR if picture.face == "clear" else "")
        if problem or shown.image is None or shown.alpha is None:
            problems.append(f"{picture.id}: {problem or 'no picture of this name'}")
        else:
            # layers on disk were made of the blurred picture
            layers = (None, None) if originals is not None else _layers(inputs.root, picture.stem)
            rows.append(TrainRow(picture.id, str(shown.image), str(shown.alpha), *layers))
    if unknown:
        raise UsageError(f"--leave-out has ids that train does not ({len(unknown)}): {_named(sorted(unknown))}")
    if not rows:
        why = f"; {problems[0]}" if problems else ""
        raise UsageError(f"{inputs.root}: none of the pictures of train can be trained on{why}")
    return sorted(rows, key=lambda row: row.id), problems


def _files(rows: list[TrainRow], trained: Fingerprinted, known: Fingerprints, *, layers: bool) -> dict[str, list[str]]:
    """Id -> sha256 of all that a sample is made of."""
    images = {one.name: one.sha256 for one in trained.good}
    files = {row.id: [file for file in row[1 : None if layers else 3] if file] for row in rows}
    unknown = {id: own[id in images :] for id, own in files.items()}  # also a picture that is no image has bytes
    digests = known.digests(file for own in unknown.values() for file in own)
    return {
        id: [*([images[id]] if id in images else []), *(digests[file] for file in own)] for id, own in unknown.items()
    }


def _refuse_blurred(root: Path, trained: Fingerprinted) -> None:
    """Among originals, the files that the manifest says are blurred: both kinds would be mixed."""
    if not (root / MANIFEST).is_file():
        return
    known = {one.name: one.sha256 for one in trained.good}
    blurred = (row for row in read_rows(root / MANIFEST) if row["status"].startswith("anonymized"))
    same = [row["id"] for row in blurred if row.get("split") == TRAIN and known.get(row["id"]) == row["image_sha256"]]
    if same:
        raise UsageError(
            f"among the originals are blurred pictures of the dataset ({len(same)}): {_named(same)}; name the folder"
            " of their clear originals with --originals DIR"
        )


def _named(ids: list[str]) -> str:
    return ", ".join(ids[:_NAMED]) + (", ..." if len(ids) > _NAMED else "")


def _layers(root: Path, stem: str) -> tuple[str | None, str | None]:
    """Both layers, or none: of one alone nothing can be composed."""
    found: list[str] = []
    for role, endings in _ENDINGS.items():
        files = (root / layout.folder(TRAIN, role) / f"{stem}{ending}" for ending in endings)
        found += [str(file) for file in files if file.is_file()][:1]
    return (found[0], found[1]) if len(found) == 2 else (None, None)


def _tests(inputs: TrainInputs) -> Iterator[tuple[str, Path]]:
    """Every picture that is tested on, as (split/id, file); with protocol N, the originals of P3M-500-P too."""
    for split in TESTS:
        if not _has(inputs.root, split):
            continue
        clear = None
        if inputs.protocol == "N" and (inputs.originals_folder / split).is_dir():
            clear = Originals(inputs.root, split, inputs.originals_folder)
        for picture in pictures(inputs.root, split):
            if picture.image is not None:
                yield f"{split}/{picture.id}", picture.image
            original = clear.of(picture).image if clear is not None else None
            if original is not None:
                yield f"{split}/{picture.id} (original)", original


def _has(root: Path, split: Split) -> bool:
    if (root / MANIFEST).is_file():
        return any(row.get("split") == split for row in read_rows(root / MANIFEST))
    return any((root / layout.split_folder(split, validation=level)).is_dir() for level in (True, False))
