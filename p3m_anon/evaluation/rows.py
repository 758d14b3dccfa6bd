"""One row per picture: what was measured, on which bytes, or why nothing was; CSV and Parquet."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from p3m_anon.errors import UsageError
from p3m_anon.extras import import_extra
from p3m_anon.files.atomic import replacing
from p3m_anon.files.export_tables import ParquetRows, formula_safe

METRICS_VERSION = 1
"""Part of each row's digest; raise it when a metric's figures change, and every picture is scored again."""

METRICS = ("sad", "mse", "mad", "sad_t", "mse_t", "mad_t", "sad_fg", "sad_bg", "grad", "conn")
"""In the order of `matting.scores.Scores`. SAD and CONN are divided by 1000, GRAD by 10, as the paper prints them."""

NAN = math.nan


@dataclass(frozen=True)
class EvalRow:
    """One picture.

    protocol: trained on : tested on, as in `B:N`; X is not known, "" not said. Metrics are nan where they are undefined
    (mse_t and mad_t without a transition area) and in rows with an `error`. seconds: the prediction took, nan for
    mattes from a folder. trimap: where it came from, `dataset` or method and kernel. prediction_sha256: of the file,
    or of the float32 array. image_sha256: of the picture that the matte is made of or, for mattes from a folder, is
    shown with. digest: of all that the figures depend on; "" in rows with an error, so never valid.
    """

    id: str
    split: str
    protocol: str = ""
    sad: float = NAN
    mse: float = NAN
    mad: float = NAN
    sad_t: float = NAN
    mse_t: float = NAN
    mad_t: float = NAN
    sad_fg: float = NAN
    sad_bg: float = NAN
    grad: float = NAN
    conn: float = NAN
    seconds: float = NAN
    trimap: str = ""
    error: str = ""
    prediction_sha256: str = ""
    image_sha256: str = ""
    alpha_sha256: str = ""
    trimap_sha256: str = ""
    digest: str = ""


COLUMNS = tuple(one.name for one in fields(EvalRow))
NUMBERS = frozenset((*METRICS, "seconds"))


def digest_of(*parts: str) -> str:
    """One sha256 over `parts`, in their order and with their borders, and METRICS_VERSION."""
    return hashlib.sha256(json.dumps([METRICS_VERSION, *parts]).encode()).hexdigest()


def write_csv(file: Path, rows: Iterable[EvalRow]) -> None:
    """Columns COLUMNS, UTF-8, RFC 4180; whole or not at all.

    A number is the shortest text that reads back as the same float64, nan an empty cell; no cell is run by a
    spreadsheet (`files.export_tables.formula_safe`).
    """
    with replacing(file) as stream:
        text = io.TextIOWrapper(stream, "utf-8", newline="", write_through=True)
        lines = csv.writer(text, lineterminator="\r\n")
        lines.writerow(COLUMNS)
        for row in rows:
            lines.writerow([_cell(getattr(row, name)) for name in COLUMNS])
        text.flush()
        text.detach()


def read_csv(file: Path) -> Iterator[EvalRow]:
    """The rows that `write_csv` wrote. Raises UsageError that names file and line for anything else."""
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            lines = csv.reader(stream, strict=True)
            if tuple(next(lines, ())) != COLUMNS:
                raise UsageError(f"{file}: not rows of eval; its first line must be {','.join(COLUMNS)}")
            for line in lines:
                if len(line) != len(COLUMNS):
                    raise UsageError(f"{file}, line {lines.line_num}: {len(line)} cells where {len(COLUMNS)} belong")
                yield _row(file, lines.line_num, dict(zip(COLUMNS, line, strict=True)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file}: cannot be read as rows of eval ({error})") from error


def write_parquet(file: Path, rows: Iterable[EvalRow]) -> None:
    """Columns COLUMNS, numbers as float64, null where CSV has an empty cell; whole or not at all.

    Raises MissingExtra without the extra `export`.
    """
    with replacing(file) as stream, ParquetRows(stream, COLUMNS, {}, NUMBERS) as table:
        for row in rows:
            table.add({name: _known(value) for name, value in asdict(row).items()})


def read_parquet(file: Path) -> Iterator[EvalRow]:
    """The rows that `write_parquet` wrote. Raises UsageError for anything else, MissingExtra without `export`."""
    arrow, parquet = import_extra("pyarrow", "export"), import_extra("pyarrow.parquet", "export")
    try:
        with parquet.ParquetFile(file) as table:
            if tuple(table.schema_arrow.names) != COLUMNS:
                raise UsageError(f"{file}: not rows of eval; its columns must be {', '.join(COLUMNS)}")
            for batch in table.iter_batches():
                for said in batch.to_pylist():
                    absent = {name: NAN if name in NUMBERS else "" for name, value in said.items() if value is None}
                    yield EvalRow(**said | absent)
    except (OSError, arrow.ArrowException) as error:
        raise UsageError(f"{file}: cannot be read as rows of eval ({error})") from error


def _cell(value: str | float) -> str:
    if isinstance(value, str):
        return formula_safe(value)
    return "" if math.isnan(value) else repr(float(value))


def _known(value: str | float) -> str | float | None:
    return None if value == "" or value != value else value


def _row(file: Path, line: int, cells: dict[str, str]) -> EvalRow:
    values: dict[str, Any] = {}
    for name, text in cells.items():
        if name in NUMBERS:
            try:
                values[name] = float(text) if text else NAN
            except ValueError as error:
                raise UsageError(f"{file}, line {line}: {name} is {text!r}, not a number") from error
        else:
            values[name] = text.removeprefix("'")
    return EvalRow(**values)
