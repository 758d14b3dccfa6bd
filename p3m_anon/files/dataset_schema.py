"""The JSON Schemas in `manifests/schema/` as checks: rows are judged by the very file that others validate with.

Only the keywords that our two schemas use are known (draft 2020-12); any other is an error, never ignored. The tests
hold the checks against `jsonschema`.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any, Literal

Check = Callable[[Any], Iterator[str]]
"""Yields what is wrong, each beginning with the field's name (or nothing, for the value itself)."""

_NOTES = frozenset(("$schema", "$id", "$defs", "title", "description"))
_SHOWN = 60


@functools.cache
def schema(name: Literal["row", "dataset"]) -> dict[str, Any]:
    """The schema itself; do not change it."""
    found: dict[str, Any] = json.loads(
        files("p3m_anon.manifests").joinpath("schema", f"{name}.schema.json").read_bytes()
    )
    return found


def schema_problems(name: Literal["row", "dataset"], value: Any) -> list[str]:
    """What in a row, or in what dataset.json holds, is not as its schema wants it; [] for a good one."""
    return list(_checks(name)(value))


@functools.cache
def _checks(name: Literal["row", "dataset"]) -> Check:
    whole = schema(name)
    return _compiled(whole, whole.get("$defs", {}))


def _compiled(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    """One check for all keywords of a schema."""
    if unknown := set(rules) - _NOTES - set(_KEYWORDS) - {"then", "else", "additionalProperties"}:
        raise ValueError(f"a keyword that we do not check: {', '.join(sorted(unknown))}")
    checks = [_KEYWORDS[word](rules, defs) for word in rules if word in _KEYWORDS]
    if len(checks) == 1:
        return checks[0]

    def check(value: Any) -> Iterator[str]:
        for one in checks:
            yield from one(value)

    return check


def _ref(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    return _compiled(defs[rules["$ref"].removeprefix("#/$defs/")], defs)


def _type(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    wanted = [rules["type"]] if isinstance(rules["type"], str) else rules["type"]
    tests = [_TYPES[one] for one in wanted]

    def check(value: Any) -> Iterator[str]:
        if not any(test(value) for test in tests):
            yield f" must be {' or '.join(wanted)}, not {_shown(value)}"

    return check


def _enum(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    allowed = {(type(one), one) for one in rules["enum"]}  # 1 is not True
    words = ", ".join("null" if one is None else str(one) for one in rules["enum"])

    def check(value: Any) -> Iterator[str]:
        kind = int if isinstance(value, float) and value.is_integer() else type(value)
        if isinstance(value, (dict, list)) or (kind, value) not in allowed:
            yield f" must be one of {words}, not {_shown(value)}"

    return check


def _text(rules: dict[str, Any], word: str) -> Check:
    fits: Callable[[str], object]
    if word == "pattern":
        fits, why = re.compile(rules[word]).search, "has not the form that it must have"
    elif word == "minLength":
        fits, why = (lambda text: len(text) >= rules[word]), f"is shorter than {rules[word]}"
    else:
        fits, why = (lambda text: len(text) <= rules[word]), f"is longer than {rules[word]}"

    def check(value: Any) -> Iterator[str]:
        if isinstance(value, str) and not fits(value):
            yield f" {why}: {_shown(value)}"

    return check


def _minimum(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    def check(value: Any) -> Iterator[str]:
        if _is_number(value) and not value >= rules["minimum"]:
            yield f" must be at least {rules['minimum']}, not {_shown(value)}"

    return check


def _required(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    def check(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            yield from (f"{key} is missing" for key in rules["required"] if key not in value)

    return check


def _dependent(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    def check(value: Any) -> Iterator[str]:
        for key, needed in rules["dependentRequired"].items() if isinstance(value, dict) else ():
            if key in value:
                yield from (f"{one} is missing, but there is {key}" for one in needed if one not in value)

    return check


def _properties(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    checks = {key: _compiled(rule, defs) for key, rule in rules["properties"].items()}
    closed = rules.get("additionalProperties") is False

    def check(value: Any) -> Iterator[str]:
        for key, item in value.items() if isinstance(value, dict) else ():
            if key in checks:
                yield from (f"{key}{'' if why[0] in ' [' else '.'}{why}" for why in checks[key](item))
            elif closed:
                yield f"unknown field {_shown(key)}"

    return check


def _items(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    inner = _compiled(rules["items"], defs)

    def check(value: Any) -> Iterator[str]:
        for number, item in enumerate(value if isinstance(value, list) else ()):
            yield from (f"[{number}]{'' if why[0] in ' [' else '.'}{why}" for why in inner(item))

    return check


def _all_of(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    checks = [_compiled(one, defs) for one in rules["allOf"]]

    def check(value: Any) -> Iterator[str]:
        for one in checks:
            yield from one(value)

    return check


def _any_of(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    checks = [_compiled(one, defs) for one in rules["anyOf"]]

    def check(value: Any) -> Iterator[str]:
        wrong = [list(one(value)) for one in checks]
        if all(wrong):
            yield wrong[0][0]

    return check


def _if(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    condition = _compiled(rules["if"], defs)
    then, other = _compiled(rules.get("then", {}), defs), _compiled(rules.get("else", {}), defs)
    return lambda value: other(value) if any(condition(value)) else then(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


_TYPES: dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "string": lambda value: isinstance(value, str),
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
}
_KEYWORDS: dict[str, Callable[[dict[str, Any], dict[str, Any]], Check]] = {
    "$ref": _ref,
    "type": _type,
    "enum": _enum,
    "pattern": lambda rules, defs: _text(rules, "pattern"),
    "minLength": lambda rules, defs: _text(rules, "minLength"),
    "maxLength": lambda rules, defs: _text(rules, "maxLength"),
    "minimum": _minimum,
    "required": _required,
    "dependentRequired": _dependent,
    "properties": _properties,
    "items": _items,
    "allOf": _all_of,
    "anyOf": _any_of,
    "if": _if,
}
