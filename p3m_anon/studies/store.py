"""The store: what is known of all cells, of all studies, on a disk that several machines may share."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from p3m_anon.errors import Stopped, UsageError
from p3m_anon.files.atomic import write_bytes
from p3m_anon.studies.cells import Planned
from p3m_anon.studies.study import Study

Stage = Literal["running", "done", "failed"]
GRID = "grid.json"
_VERSION = 1
_TRIES, _PAUSE = 10, 0.1  # for a lock that a look may hold for a moment


@dataclass(frozen=True)
class State:
    """What is known of a cell that was begun.

    note: the line of error of one that failed; of one that is done, what has to be said beside its numbers. step, of:
    how far it is, steps or pictures. about: what an evaluation was begun as (`EvalRequest.about`). complete: of one
    that is done, whether all its pictures have a score; if not, the next run tries them again.
    """

    stage: Stage
    note: str = ""
    step: int = 0
    of: int = 0
    about: str = ""
    complete: bool = True


@dataclass(frozen=True)
class Store:
    """A folder of cells."""

    root: Path

    def run(self, id: str) -> Path:
        """The run folder of a cell."""
        return self.root / "runs" / id

    def log(self, id: str) -> Path:
        """What a cell has printed."""
        return self.root / "runs" / f"{id}.log"

    def folder(self, study: str) -> Path:
        """Of a study's grid and report."""
        return self.root / study

    def state(self, id: str) -> State | None:
        """Of a cell, None for one that was never begun. What was running when its process ended still says so; see
        `is_worked_on`. Raises UsageError for a file that is damaged."""
        file = self._cell(id, "json")
        try:
            return State(**json.loads(file.read_bytes()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise UsageError(f"{file}: cannot be read ({error}); remove it, and its cell is run again") from error

    def write_state(self, id: str, state: State) -> None:
        """Whole or not at all. Raises Stopped as `files.atomic.replacing` does."""
        write_bytes(self._cell(id, "json"), (json.dumps(asdict(state), sort_keys=True) + "\n").encode())

    def fail(self, id: str, note: str) -> None:
        """A cell has failed; what it was begun as stays, so that it can go on where it was."""
        before = self.state(id)
        self.write_state(id, State("failed", note, about=before.about if before is not None else ""))

    def open_log(self, id: str) -> int:
        """A descriptor that appends to a cell's log, which only its owner reads. Raises Stopped where it cannot."""
        file = self.log(id)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            raise _barred(file, error) from error

    @contextlib.contextmanager
    def working_on(self, id: str) -> Iterator[bool]:
        """Hold the lock of a cell; False while another process, here or on another machine, holds it.

        It goes with the process, so that a killed one leaves none behind. Raises Stopped where it cannot be opened.
        """
        file = self._cell(id, "lock")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            opened = file.open("a")
        except OSError as error:
            raise _barred(file, error) from error
        with opened as stream:
            yield _takes(stream.fileno(), fcntl.LOCK_EX)

    def is_worked_on(self, id: str) -> bool:
        """Whether a process holds the cell's lock now."""
        try:
            with self._cell(id, "lock").open("r") as stream:
                return not _takes(stream.fileno(), fcntl.LOCK_SH, tries=1)
        except OSError:
            return False

    def write_grid(self, study: Study, cells: Sequence[Planned]) -> None:
        """The study and all its cells, as of now."""
        content = {"version": _VERSION, "study": study.to_dict(), "cells": [one.to_dict() for one in cells]}
        write_bytes(self.folder(study.name) / GRID, (json.dumps(content, indent=1) + "\n").encode())

    def grid(self, name: str) -> tuple[Study, list[Planned]]:
        """What `write_grid` wrote. Raises UsageError where there is none."""
        file = self.folder(name) / GRID
        try:
            said = json.loads(file.read_bytes())
            return Study.from_dict(said["study"]), [Planned.from_dict(one) for one in said["cells"]]
        except FileNotFoundError as error:
            raise UsageError(
                f"{self.root} knows nothing of the study {name}; run it first with p3m-anon study run, or name its"
                " store with --out"
            ) from error
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise UsageError(f"{file}: cannot be read ({error}); p3m-anon study run writes it again") from error

    def _cell(self, id: str, ending: str) -> Path:
        return self.root / "cells" / f"{id}.{ending}"


def _barred(file: Path, error: OSError) -> Stopped:
    return Stopped(
        f"{file} cannot be opened for writing ({error.strerror}): check the rights of the store, which may be another"
        " user's, or choose another --out"
    )


def _takes(handle: int, kind: int, tries: int = _TRIES) -> bool:
    for attempt in range(tries):
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if attempt + 1 < tries:
                time.sleep(_PAUSE)
    return False
