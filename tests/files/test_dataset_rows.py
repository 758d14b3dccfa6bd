"""The manifest as a stream."""

from __future__ import annotations

import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3m_anon.dataset.rows import KEYS, OPTIONAL
from p3m_anon.errors import UsageError
from p3m_anon.files.dataset_rows import LONGEST_LINE, read_rows, scan_rows, write_rows


def row(name: str = "a", **fields: object) -> dict[str, object]:
    return {"id": name, "status": "anonymized", "image": f"blurred_image/{name}.jpg", "image_sha256": "0" * 64} | fields


def test_rows_survive_write_then_read(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rows")
    texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1)

    @settings(deadline=None, max_examples=50)
    @given(st.lists(st.fixed_dictionaries({"id": texts, "source": st.none() | texts, "faces": st.integers(0, 9)})))
    def check(drawn):
        rows = [row() | one for one in drawn]
        assert write_rows(folder / "manifest.jsonl", iter(rows)) == len(rows)
        found = list(read_rows(folder / "manifest.jsonl"))
        assert found == [{key: one.get(key) for key in KEYS if key not in OPTIONAL} for one in rows]

    check()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"no json\n", "not JSON"),
        (b"\n", "not JSON"),
        (b"\xff\n", "not JSON"),
        (b"[" * 100_000 + b"\n", "not JSON"),
        (b"[]\n", "not a JSON object"),
        (b"{}\n", "id is missing"),
        (json.dumps(row(image="../a.jpg")).encode() + b"\n", "image leads out"),
        (json.dumps(row(alpha_sha256="A" * 64)).encode() + b"\n", "alpha_sha256 is no sha256"),
        (json.dumps(row()).encode(), "cut off"),
        (b"x" * (LONGEST_LINE * 2) + b"\n", "longer than"),
    ],
)
def test_a_bad_line_is_named_with_file_and_number(tmp_path, line, why):
    file = tmp_path / "manifest.jsonl"
    good = json.dumps(row()).encode() + b"\n"
    file.write_bytes(good + line + (good if line.endswith(b"\n") else b""))
    rows = read_rows(file)
    assert next(rows) == row()
    with pytest.raises(UsageError, match=f"manifest.jsonl, line 2: .*{why}"):
        next(rows)
    assert [one.problem is None for one in scan_rows(file)] == [True, False, True][: 3 if line.endswith(b"\n") else 2]


def test_no_file_is_wrong_usage(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        next(read_rows(tmp_path / "manifest.jsonl"))


def test_nothing_is_left_of_rows_that_fail(tmp_path):
    def rows():
        yield row()
        yield row(source_sha256="private")

    with pytest.raises(ValueError, match="not public"):
        write_rows(tmp_path / "manifest.jsonl", rows())
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_rows(tmp_path):
    file = tmp_path / "manifest.jsonl"
    write_rows(file, (row(str(number)) for number in range(20_000)))
    tracemalloc.start()
    try:
        assert sum(1 for _ in read_rows(file)) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()
