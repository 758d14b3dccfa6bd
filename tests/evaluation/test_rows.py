"""Rows survive CSV and Parquet, whatever is in them."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3m_anon.errors import UsageError
from p3m_anon.evaluation.rows import (
    COLUMNS,
    METRICS,
    NUMBERS,
    EvalRow,
    digest_of,
    read_csv,
    read_parquet,
    write_csv,
    write_parquet,
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.sampled_from(
    ["=1+1", "'quoted", "a,b", 'a "b"', "line\nend", "line\r\nend", "-"]
)
numbers = st.floats(allow_infinity=False)
rows = st.lists(
    st.builds(EvalRow, **{name: numbers if name in NUMBERS else texts for name in COLUMNS}),
    max_size=4,
)


def plain(row: EvalRow) -> dict[str, object]:
    """nan made comparable."""
    return {name: None if value != value else value for name, value in asdict(row).items()}


@given(rows)
@settings(deadline=None)
def test_rows_come_back_from_csv_to_the_last_bit(tmp_path_factory, written):
    file = tmp_path_factory.mktemp("csv") / "rows.csv"
    write_csv(file, written)
    assert [plain(row) for row in read_csv(file)] == [plain(row) for row in written]


@given(rows)
@settings(deadline=None)
def test_rows_come_back_from_parquet(tmp_path_factory, written):
    pytest.importorskip("pyarrow")
    file = tmp_path_factory.mktemp("parquet") / "rows.parquet"
    write_parquet(file, written)
    assert [plain(row) for row in read_parquet(file)] == [plain(row) for row in written]


def test_undefined_is_an_empty_cell_and_null(tmp_path: Path):
    row = EvalRow("a", "P3M-500-P", sad=0.1)
    write_csv(tmp_path / "rows.csv", [row])
    line = (tmp_path / "rows.csv").read_bytes().decode().split("\r\n")[1]
    assert line.startswith("a,P3M-500-P,,0.1,,")
    parquet = pytest.importorskip("pyarrow.parquet")
    write_parquet(tmp_path / "rows.parquet", [row])
    table = parquet.read_table(tmp_path / "rows.parquet")
    assert {name: str(table.schema.field(name).type) for name in METRICS} == dict.fromkeys(METRICS, "double")
    assert table["mse_t"].null_count == 1
    assert table["sad"].to_pylist() == [0.1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "first line must be"),
        ("id,sad\r\n", "first line must be"),
        (",".join(COLUMNS) + "\r\na,b\r\n", "line 2: 2 cells"),
        (",".join(COLUMNS) + "\r\na,s,p,x" + "," * (len(COLUMNS) - 4) + "\r\n", "line 2: sad is 'x'"),
    ],
)
def test_other_files_are_refused_with_the_place(tmp_path: Path, text: str, message: str):
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(UsageError, match=message):
        list(read_csv(tmp_path / "rows.csv"))


def test_other_parquet_files_are_refused(tmp_path: Path):
    pytest.importorskip("pyarrow")
    (tmp_path / "x").write_bytes(b"no parquet")
    with pytest.raises(UsageError, match="cannot be read as rows"):
        list(read_parquet(tmp_path / "x"))


def test_a_digest_knows_where_its_parts_end():
    assert digest_of("ab", "c") != digest_of("a", "bc")
    assert digest_of("a") == digest_of("a")
