"""The losses of every step in metrics.csv and for TensorBoard, and the validations in validations.csv."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p3m_anon.errors import Stopped
from p3m_anon.files.atomic import write_bytes

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

METRICS, VALIDATIONS, TENSORBOARD = "metrics.csv", "validations.csv", "tensorboard"


class Table:
    """A CSV file that rows are added to; the first column is the step. Values: numbers; nan is an empty cell."""

    def __init__(self, file: Path, step: int) -> None:
        """Rows of steps after `step` are taken out: a run that was killed has lost their steps."""
        self._file = file
        with explained(file):
            lines = file.read_text("ascii").splitlines(keepends=True) if file.exists() else []
            kept = [line for line in lines[1:] if line.endswith("\n") and int(line.partition(",")[0]) <= step]
            write_bytes(file, "".join(lines[:1] + kept).encode(), private=True)
            self._stream = file.open("a", encoding="ascii")
        self._columns: Sequence[str] = tuple(lines[0].strip().split(",")) if lines else ()

    def add(self, row: dict[str, float]) -> None:
        """One line, which is there when this returns, unless the machine goes down."""
        with explained(self._file):
            if not self._columns:
                self._columns = tuple(row)
                self._stream.write(",".join(self._columns) + "\n")
            self._stream.write(",".join(_cell(row[name]) for name in self._columns) + "\n")
            self._stream.flush()

    def sync(self) -> None:
        """From here on it survives that, too."""
        with explained(self._file):
            os.fsync(self._stream.fileno())

    def close(self) -> None:
        """No more rows."""
        with explained(self._file):
            self._stream.close()


class Log:
    """Both tables and TensorBoard's file of one run."""

    def __init__(self, folder: Path, step: int, validated: int) -> None:
        """step: that the run goes on from; validated: of its last validation. What was logged after them goes."""
        self.steps, self.validations = Table(folder / METRICS, step), Table(folder / VALIDATIONS, validated)
        self._board = _board(folder / TENSORBOARD, step)

    def step(self, row: dict[str, float]) -> None:
        """row: `step` first."""
        self.steps.add(row)
        self._plot("train", row)

    def validation(self, row: dict[str, float]) -> None:
        """row: `step` first."""
        self.validations.add(row)
        self._plot("validation", row)

    def sync(self) -> None:
        """Before a checkpoint says that these steps are done."""
        self.steps.sync()
        self.validations.sync()
        with explained(Path(TENSORBOARD)):
            self._board.flush()

    def close(self) -> None:
        """The run is over."""
        self.steps.close()
        self.validations.close()
        with explained(Path(TENSORBOARD)):
            self._board.close()

    def _plot(self, group: str, row: dict[str, float]) -> None:
        with explained(Path(TENSORBOARD)):
            for name, value in row.items():
                if name not in ("step", "epoch") and value == value:
                    self._board.add_scalar(f"{group}/{name}", value, int(row["step"]))


def read_table(file: Path) -> dict[str, list[float]]:
    """Column -> values of a table that `Table` has written; an empty cell is nan."""
    lines = file.read_text("ascii").splitlines() if file.exists() else []
    rows = [[float(cell or "nan") for cell in line.split(",")] for line in lines[1:]]
    names = lines[0].split(",") if lines else []
    return {name: [row[place] for row in rows] for place, name in enumerate(names)}


def _cell(value: float) -> str:
    if value != value:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.9g}"


def _board(folder: Path, step: int) -> SummaryWriter:
    from torch.utils.tensorboard import SummaryWriter

    with explained(folder):
        writer: Any = SummaryWriter
        made: SummaryWriter = writer(str(folder), purge_step=step + 1)
        return made


@contextlib.contextmanager
def explained(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Stopped(
            f"{file.name} cannot be written ({error.strerror or error}); make room and go on with --resume"
        ) from error
