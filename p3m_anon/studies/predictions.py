"""Other people's mattes in a store: which there are, and the results that studies get from them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from p3m_anon.errors import UsageError
from p3m_anon.files.atomic import write_bytes
from p3m_anon.studies.cells import Cell, Planned
from p3m_anon.studies.contamination import contaminations
from p3m_anon.studies.store import Store
from p3m_anon.studies.study import Study, TestSet

FOLDER = "predictions"
"""Of a store: a file for each name, training and test set, which names the cell that is valid now."""

_VERSION = 1
_LONGEST = 80


@dataclass(frozen=True)
class Prediction:
    """Somebody's mattes of a test set.

    name: what tables call them, perhaps one of METHODS or of the paper. trained_on: B, N, X (not known) or "" (not
    trained). cell: the evaluation's. saw_test: why it is no fair test, in the words of who added them. studies: that
    show it; none: all that test on this set.
    """

    name: str
    trained_on: str
    test: TestSet
    cell: str
    saw_test: str = ""
    studies: tuple[str, ...] = ()

    @property
    def flags(self) -> tuple[str, ...]:
        """Why the figures flatter it: what is known of the name, and what was said."""
        said = (f"saw the test pictures: {self.saw_test}",) if self.saw_test else ()
        return (*contaminations(self.name, self.test.split), *said)

    @property
    def planned(self) -> Planned:
        """Its cell, as those of a study."""
        return Planned(Cell(self.cell, "eval", self.name, self.trained_on, None, self.test, None))


def check_name(name: str) -> None:
    """Raises UsageError for what cannot stand in a table."""
    if not name.strip() or name != name.strip() or len(name) > _LONGEST or not name.isprintable():
        raise UsageError(f"{name!r} is no name for a table's row: one line of up to {_LONGEST} characters")


def words_of(name: str) -> str:
    """The name, as far as it can be part of a file's."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", name).strip("-.") or "mattes"


def write_prediction(store: Store, prediction: Prediction) -> None:
    """From now on it is this cell that counts for the name, training and test set."""
    said = {**asdict(prediction), "test": str(prediction.test), "version": _VERSION}
    write_bytes(store.root / FOLDER / _file(prediction), (json.dumps(said, indent=1) + "\n").encode())


def known_prediction(store: Store, name: str, trained_on: str, test: TestSet) -> Prediction | None:
    """What counts for them now. Raises UsageError for a file that is damaged."""
    wanted = Prediction(name, trained_on, test, "")
    return next((one for one in _all(store) if _file(one) == _file(wanted)), None)


def predictions_of(study: Study, store: Store) -> list[Prediction]:
    """Those that a study shows, by name. Raises UsageError for a file that is damaged."""
    return [
        one for one in _all(store) if one.test in study.tested_on and (not one.studies or study.name in one.studies)
    ]


def with_predictions(cells: Sequence[Planned], study: Study, store: Store) -> list[tuple[Planned, tuple[str, ...]]]:
    """The study's cells and the predictions that it shows, each with its flags.

    Predictions under the name of a method of the study take the place of a cell that is impossible here. Beside one
    that is possible they are called `NAME (mattes)`, as two runs of one name would be taken for two seeds.
    """
    own = list(cells)
    added: list[tuple[Planned, tuple[str, ...]]] = []
    for prediction in predictions_of(study, store):
        planned = prediction.planned
        twins = [one for one in own if one.cell.kind == "eval" and _place(one) == _place(planned)]
        if any(not one.impossible for one in twins):
            planned = Planned(Cell(**{**vars(planned.cell), "method": f"{prediction.name} (mattes)"}))
        else:
            own = [one for one in own if one not in twins]
        added.append((planned, prediction.flags))
    return [*((one, ()) for one in own), *added]


def _place(planned: Planned) -> tuple[str, str, TestSet | None]:
    """Where it stands in tables: without a training, or with an unknown one, under blurred pictures."""
    cell = planned.cell
    return cell.method, "N" if cell.trained_on == "N" else "B", cell.test


def _all(store: Store) -> list[Prediction]:
    folder = store.root / FOLDER
    return [_read(file) for file in sorted(folder.glob("*.json"))] if folder.is_dir() else []


def _read(file: Any) -> Prediction:
    try:
        said = json.loads(file.read_bytes())
        if said.pop("version") != _VERSION:
            raise ValueError("of another version of this program")
        return Prediction(**{**said, "test": TestSet.parse(said["test"]), "studies": tuple(said["studies"])})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(f"{file}: cannot be read ({error}); remove it, and add its mattes again") from error


def _file(prediction: Prediction) -> str:
    key = json.dumps([prediction.name, prediction.trained_on, str(prediction.test)])
    return f"{words_of(prediction.name)}-{hashlib.sha256(key.encode()).hexdigest()[:12]}.json"
