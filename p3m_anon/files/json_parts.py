"""Large JSON files in parts: where their values lie is found first, and only what is needed is decoded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

MOST_VALUES = 5_000_000  # in one decoded part; each costs up to a hundred bytes of memory

MOST_BRACKETS = 20_000_000  # in a file that is looked through; a million annotations have half as many

BROKEN = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What decoding a file that others wrote, and looking for our fields in it, may raise."""

_MARK = re.compile(rb'"[^"\\]*"|["\[\]{}]')  # most texts hold no backslash and are one step
_QUOTE = re.compile(rb'["\\]')
_SPACE = re.compile(rb"[ \t\r\n]*")
_SCALAR = re.compile(rb"[^\s,\[\]{}\"]+")


class Part(NamedTuple):
    """A value lies at data[start:end]."""

    start: int
    end: int


def loads(data: bytes, part: Part | None = None) -> Any:
    """Decode one part of `data`, or all of it; ValueError if it is no JSON or holds more than MOST_VALUES values.

    A file of a few megabytes can hold brackets enough to fill gigabytes. RecursionError for brackets nested too deep.
    """
    start, end = part or (0, len(data))
    if sum(data.count(mark, start, end) for mark in (b",", b"[", b"{")) > MOST_VALUES:
        raise ValueError("far too many values")
    return json.loads(data[start:end])


def members(data: bytes, part: Part | None = None) -> Iterator[tuple[str, Part]]:
    """Names and places of an object's values; ValueError where the text is no object, or damaged."""
    start = part.start if part else _skip_space(data, 3 if data.startswith(b"\xef\xbb\xbf") else 0)
    if data[start : start + 1] != b"{":
        raise ValueError("an object is missing")
    yield from _items(data, start, b"}")


def elements(data: bytes, part: Part) -> Iterator[Part]:
    """Places of an array's elements; ValueError where the text is no array, or damaged."""
    if data[part.start : part.start + 1] != b"[":
        raise ValueError("a list is missing")
    for _, element in _items(data, part.start, b"]"):
        yield element


def check_brackets(data: bytes) -> None:
    """Raise ValueError for so many brackets that it would take minutes to find out what they mean."""
    if data.count(b"[") + data.count(b"{") > MOST_BRACKETS:
        raise ValueError("far too many brackets")


def reason(error: Exception) -> str:
    """One of BROKEN as a few words for a message."""
    if isinstance(error, KeyError):
        return f"{shown(error)[:40]} is missing or unknown"
    return shown((str(error).splitlines() or ["malformed"])[0])


def shown(value: object) -> str:
    """What a file holds, for a message: in one line, not too long."""
    return "".join(letter if letter.isprintable() else "?" for letter in str(value)[:100])


def _items(data: bytes, start: int, closing: bytes) -> Iterator[tuple[str, Part]]:
    """Name, empty in an array, and place of each value."""
    position = _skip_space(data, start + 1)
    if data[position : position + 1] == closing:
        return
    while True:
        name = ""
        if closing == b"}":
            name, position = _name(data, position)
        part = Part(position, _end(data, position))
        yield name, part
        position = _skip_space(data, part.end)
        mark = data[position : position + 1]
        if mark == closing:
            return
        if mark != b",":
            raise ValueError("cut off, or a comma is missing")
        position = _skip_space(data, position + 1)


def _name(data: bytes, start: int) -> tuple[str, int]:
    """A name in an object, and where its value begins."""
    if data[start : start + 1] != b'"':
        raise ValueError("a name is missing")
    end = _string_end(data, start + 1)
    colon = _skip_space(data, end)
    if data[colon : colon + 1] != b":":
        raise ValueError("a colon is missing")
    return str(json.loads(data[start:end])), _skip_space(data, colon + 1)


def _skip_space(data: bytes, position: int) -> int:
    found = _SPACE.match(data, position)
    return found.end() if found else position


def _end(data: bytes, start: int) -> int:
    """Where the value ends that begins at `start`; what lies between its brackets is not checked."""
    scalar = _SCALAR.match(data, start)
    if scalar:
        return scalar.end()
    depth, position = 0, start
    while found := _MARK.search(data, position):
        mark, position = data[found.start()], found.end()
        if mark == 0x22:  # a quotation mark; the text may be long, and is not copied
            position = position if position > found.start() + 1 else _string_end(data, position)
        else:
            depth += 1 if mark in b"[{" else -1
        if depth <= 0:
            break
    if depth or not found or position == start:
        raise ValueError("cut off")
    return position


def _string_end(data: bytes, position: int) -> int:
    while found := _QUOTE.search(data, position):
        if found[0] == b'"':
            return found.end()
        position = found.end() + 1
    raise ValueError("cut off")
