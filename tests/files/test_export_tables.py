"""CSV and Parquet, read back by their own readers."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p3m_anon.dataset.rows import KEYS
from p3m_anon.errors import MissingExtra
from p3m_anon.files.dataset_facts import DatasetFacts
from p3m_anon.files.dataset_rows import MANIFEST, read_rows, write_rows
from p3m_anon.files.export_source import survey
from p3m_anon.files.export_tables import CHOICES, COUNTS, FORMULA, ParquetRows, cell, formula_safe, write_csv
from p3m_anon.files.export_tables import write_parquet as written_parquet
from tests.files.export_cases import build_dataset

NASTY = [
    '=HYPERLINK("http://x")',
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "\r\n=1",
    "'quoted",
    'a "b", c',
    "line\nend",
    "ü€😀",
    "",
]


@pytest.fixture
def source(tmp_path):
    root = build_dataset(tmp_path / "ds", {"train": ["=1+1", "b"], "P3M-500-NP": ["@c"]})
    rows = list(read_rows(root / MANIFEST))
    rows[1] |= {"attribution": 'Ö, "x"\nnext', "width": None}
    write_rows(root / MANIFEST, rows)
    return survey(root)


def written(source, write):
    stream, done = io.BytesIO(), []
    write(source, stream, lambda: done.append(1))
    assert len(done) == source.pictures
    assert not stream.closed
    return stream.getvalue()


def test_csv_comes_back(source):
    data = written(source, write_csv)
    assert data == written(source, write_csv)
    head, *lines = csv.reader(io.StringIO(data.decode("utf-8"), newline=""))
    assert tuple(head) == KEYS
    for line, row in zip(lines, source.rows(), strict=True):
        assert [undone(text) for text in line] == ["" if row.get(key) is None else str(row.get(key)) for key in KEYS]
    assert data.count(b"\r\n") == 4
    assert lines[0][0] == "'=1+1"


def undone(text):
    return text.removeprefix("'")


@given(st.one_of(st.text(), st.sampled_from(NASTY)))
def test_no_cell_is_run_and_none_is_lost(text):
    safe = formula_safe(text)
    assert not safe.startswith(FORMULA)
    assert undone(safe) == text


def test_cells():
    assert [cell(None), cell(7), cell("x"), cell("-x")] == ["", 7, "x", "'-x"]


def test_parquet_comes_back_with_types(source):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    data = written(source, written_parquet)
    assert data == written(source, written_parquet)
    table = parquet.read_table(io.BytesIO(data))
    assert tuple(table.column_names) == KEYS
    for field in table.schema:
        assert field.type == (arrow.int32() if field.name in COUNTS else arrow.string())
    assert table.to_pylist() == [{key: row.get(key) for key in KEYS} for row in source.rows()]
    assert json.loads(table.schema.metadata[b"p3m_anon.dataset"]) == json.loads(source.facts.to_json())
    group = parquet.ParquetFile(io.BytesIO(data)).metadata.row_group(0)
    for number, key in enumerate(KEYS):
        dictionary = any("DICTIONARY" in one for one in group.column(number).encodings)
        assert dictionary == (key in CHOICES), key


def test_many_rows_make_many_row_groups(monkeypatch):
    parquet = pytest.importorskip("pyarrow.parquet")
    monkeypatch.setattr("p3m_anon.files.export_tables._ROW_GROUP", 10)
    stream = io.BytesIO()
    with ParquetRows(stream, ("id", "faces"), {}) as table:
        for number in range(25):
            table.add({"id": str(number), "faces": number, "more": 1})
    found = parquet.ParquetFile(io.BytesIO(stream.getvalue()))
    assert found.metadata.num_row_groups == 3
    assert found.read().to_pylist() == [{"id": str(n), "faces": n} for n in range(25)]


def test_without_pyarrow_the_extra_is_named(monkeypatch, source):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"p3m-anon\[export\]"):
        ParquetRows(io.BytesIO(), ("id",), {"x": DatasetFacts().to_json()})
