"""Rows as one table: CSV for spreadsheets, Parquet with types. No picture is in it, only what its row says."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO

from p3m_anon.dataset.rows import KEYS, SCHEMA_VERSION
from p3m_anon.extras import import_extra

if TYPE_CHECKING:
    from p3m_anon.files.export_source import OnDone, Source

COUNTS = frozenset(("width", "height", "faces"))
"""Whole numbers, 32 bits; everything else is text."""

CHOICES = frozenset(
    ("split", "status", "detector", "profile", "fidelity", "settings_digest", "release_basis", "license")
)
"""Few different values: stored in Parquet as numbers into a dictionary."""

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Spreadsheets run a cell that begins like this (OWASP, CSV injection; the last four are the full-width signs)."""

_ROW_GROUP = 20_000


def write_csv(source: Source, stream: BinaryIO, on_done: OnDone) -> None:
    """One line a picture, columns KEYS, UTF-8, RFC 4180: comma, double quotes where needed, lines end in CR LF.

    null is an empty cell. Cells are as `formula_safe` makes them.
    """
    text = io.TextIOWrapper(stream, "utf-8", newline="", write_through=True)
    lines = csv.writer(text, lineterminator="\r\n")
    lines.writerow(KEYS)
    for row in source.rows():
        lines.writerow([cell(row.get(key)) for key in KEYS])
        on_done()
    text.flush()
    text.detach()  # the stream is not ours to close


def cell(value: Any) -> str | int:
    """A value as CSV has it."""
    if value is None:
        return ""
    return formula_safe(value) if isinstance(value, str) else int(value)


def formula_safe(text: str) -> str:
    """Text that no spreadsheet runs: a leading apostrophe before what begins like a formula, or with an apostrophe.

    So nothing is lost: a cell that begins with an apostrophe has exactly one too many.
    """
    return f"'{text}" if text.startswith((*FORMULA, "'")) else text


def write_parquet(source: Source, stream: BinaryIO, on_done: OnDone) -> None:
    """One row a picture, columns KEYS with types, null where nothing is said; facts of the dataset in the schema."""
    with ParquetRows(stream, KEYS, {"p3m_anon.dataset": source.facts.to_json()}) as table:
        for row in source.rows():
            table.add(row)
            on_done()


class ParquetRows:
    """A Parquet file that rows are added to; at most one row group is in memory."""

    def __init__(
        self, stream: BinaryIO, columns: Sequence[str], metadata: Mapping[str, str], measures: Collection[str] = ()
    ) -> None:
        """columns: in this order; those of COUNTS are int32, `measures` float64, all others text.

        metadata: of the schema. Needs the extra `export`.
        """
        self._arrow = import_extra("pyarrow", "export")
        parquet = import_extra("pyarrow.parquet", "export")
        types = dict.fromkeys(columns, self._arrow.string())
        types |= {name: self._arrow.int32() for name in COUNTS} | {name: self._arrow.float64() for name in measures}
        said = {"p3m_anon.schema_version": str(SCHEMA_VERSION), **metadata}
        self._schema = self._arrow.schema([(name, types[name]) for name in columns], metadata=said)
        few = [name for name in columns if name in CHOICES]
        self._writer = parquet.ParquetWriter(stream, self._schema, compression="zstd", use_dictionary=few)
        self._rows: list[Mapping[str, Any]] = []

    def __enter__(self) -> ParquetRows:
        """Itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, _: BaseException | None, __: TracebackType | None) -> None:
        """Write the last row group and the footer."""
        if kind is None and self._rows:
            self._flush()
        self._writer.close()

    def add(self, row: Mapping[str, Any]) -> None:
        """One more row; fields that are no columns are left out."""
        self._rows.append(row)
        if len(self._rows) == _ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        columns = [self._column(field, (row.get(field.name) for row in self._rows)) for field in self._schema]
        self._writer.write_table(self._arrow.Table.from_arrays(columns, schema=self._schema))
        self._rows = []

    def _column(self, field: Any, values: Iterable[Any]) -> Any:
        return self._arrow.array(list(values), type=field.type)
