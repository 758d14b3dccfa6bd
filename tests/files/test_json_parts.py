"""Parts of JSON: found without decoding, and the same as decoding everything."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3m_anon.files import json_parts
from p3m_anon.files.json_parts import Part, elements, loads, members

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


@settings(max_examples=200)
@given(st.dictionaries(st.text(), VALUES), st.sampled_from([None, 1, "\t"]), st.booleans())
def test_members_are_those_of_the_object(value: dict[str, Any], indent: Any, ascii_only: bool) -> None:
    data = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    assert {name: loads(data, part) for name, part in members(data)} == value


@given(st.lists(VALUES), st.sampled_from([None, 2]))
def test_elements_are_those_of_the_list(value: list[Any], indent: Any) -> None:
    data = json.dumps({"all": value}, indent=indent).encode()
    ((_, part),) = members(data)
    assert [loads(data, item) for item in elements(data, part)] == value


def test_brackets_and_quotes_inside_text() -> None:
    value = {"a": '[{"\\', "b": ['"]}', "\\"], "c": "\\\\"}
    data = b"\xef\xbb\xbf" + json.dumps(value).encode()
    assert {name: loads(data, part) for name, part in members(data)} == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "[",
        "[1]",
        "7",
        "{",
        '{"a"',
        '{"a":',
        '{"a":1',
        '{"a":1,',
        '{"a" 1}',
        '{"a":1 "b":2}',
        "{1:2}",
        '{"a"}',
        '{"a":[}',
        '{"a":"',
        '{"a":"\\',
        '{"a":}',
        "{,}",
        '{"a":1,}',
        '{"a":' + "[" * 100_000,
    ],
)
def test_damage_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        list(members(text.encode()))


@given(st.binary(max_size=60))
def test_any_bytes_are_members_or_a_value_error(data: bytes) -> None:
    try:
        assert isinstance(list(members(data)), list)
    except ValueError:
        return


def test_too_many_values_are_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_parts, "MOST_VALUES", 10)
    assert loads(b"[1,2,3]") == [1, 2, 3]
    with pytest.raises(ValueError, match="too many"):
        loads(b"[" + b"[]," * 10 + b"[]]")
    assert loads(b"[1,1,1,1,1,1,1,1,1,1,1,1], 5", Part(26, 28)) == 5
