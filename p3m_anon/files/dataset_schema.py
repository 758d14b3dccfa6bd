"""The JSON Schemas in `manifests/schema/` as checks: rows are judged by the very file that others validate with.

Only the keywords that our schemas use are known (draft 2020-12); any other is an error, never ignored. The tests
hold the checks against `jsonschema`.
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Callable, Sequence
from importlib.resources import files
from typing import Any, Literal

Check = Callable[[Any], Sequence[str]]
"""What is wrong, each beginning with the field's name (or nothing, for the value itself). Lists, not generators: a
million rows pass through here, and nearly all are good."""

_NOTES = frozenset(("$schema", "$id", "$defs", "title", "description"))
_SHOWN = 60


@functools.cache
def schema(name: Literal["row", "dataset", "audit"]) -> dict[str, Any]:
    """The schema itself; do not change it."""
    found: dict[str, Any] = json.loads(
        files("p3m_anon.manifests").joinpath("schema", f"{name}.schema.json").read_bytes()
    )
    return found


def schema_problems(name: Literal["row", "dataset", "audit"], value: Any) -> list[str]:
    """What in a row, or in what dataset.json or audit.json holds, is not as its schema wants it; [] for a good one."""
    return list(_checks(name)(value))


@functools.cache
def _checks(name: Literal["row", "dataset", "audit"]) -> Check:
    whole = schema(name)
    return _compiled(whole, whole.get("$defs", {}))


def _compiled(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    """One check for all keywords of a schema."""
    if unknown := set(rules) - _NOTES - set(_KEYWORDS) - {"then", "else", "additionalProperties"}:
        raise ValueError(f"a keyword that we do not check: {', '.join(sorted(unknown))}")
    checks = [_KEYWORDS[word](rules, defs) for word in rules if word in _KEYWORDS]
    return checks[0] if len(checks) == 1 else _all(checks)


def _all(checks: list[Check]) -> Check:
    def check(value: Any) -> Sequence[str]:
        found: list[str] = []
        for one in checks:
            found += one(value)
        return found

    return check


def _ref(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    return _compiled(defs[rules["$ref"].removeprefix("#/$defs/")], defs)


def _type(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    wanted = [rules["type"]] if isinstance(rules["type"], str) else rules["type"]
    exact = {kind for one in wanted for kind in _TYPES[one]}

    def check(value: Any) -> Sequence[str]:
        if type(value) in exact or (int in exact and type(value) is float and value.is_integer()):
            return ()
        return [f" must be {' or '.join(wanted)}, not {_shown(value)}"]

    return check


def _enum(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    allowed = {(type(one), one) for one in rules["enum"]}  # 1 is not True
    words = ", ".join("null" if one is None else str(one) for one in rules["enum"])

    def check(value: Any) -> Sequence[str]:
        kind = int if type(value) is float and value.is_integer() else type(value)
        if kind not in (dict, list) and (kind, value) in allowed:
            return ()
        return [f" must be one of {words}, not {_shown(value)}"]

    return check


def _text(rules: dict[str, Any], word: str) -> Check:
    bound, fits = rules[word], re.compile(rules["pattern"]).search if word == "pattern" else None
    longest = bound if word == "maxLength" else math.inf
    shortest = bound if word == "minLength" else 0
    why = f"is {'longer' if word == 'maxLength' else 'shorter'} than {bound}"

    def check_form(value: Any) -> Sequence[str]:
        if fits is None or type(value) is not str or fits(value):
            return ()
        return [f" has not the form that it must have: {_shown(value)}"]

    def check_length(value: Any) -> Sequence[str]:
        if type(value) is not str or shortest <= len(value) <= longest:
            return ()
        return [f" {why}: {_shown(value)}"]

    return check_form if fits else check_length


def _minimum(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    least = rules["minimum"]

    def check(value: Any) -> Sequence[str]:
        if type(value) not in (int, float) or value >= least:
            return ()
        return [f" must be at least {least}, not {_shown(value)}"]

    return check


def _required(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    needed = frozenset(rules["required"])

    def check(value: Any) -> Sequence[str]:
        if type(value) is not dict or needed <= value.keys():
            return ()
        return [f"{key} is missing" for key in rules["required"] if key not in value]

    return check


def _dependent(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    pairs = [(key, one) for key, needed in rules["dependentRequired"].items() for one in needed]

    def check(value: Any) -> Sequence[str]:
        if type(value) is not dict:
            return ()
        wrong = [(key, one) for key, one in pairs if key in value and one not in value]
        return [f"{one} is missing, but there is {key}" for key, one in wrong]

    return check


def _properties(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    checks = {key: _compiled(rule, defs) for key, rule in rules["properties"].items()}
    closed = rules.get("additionalProperties") is False

    def check(value: Any) -> Sequence[str]:
        found: list[str] = []
        for key, item in value.items() if type(value) is dict else ():
            if key not in checks:
                found += [f"unknown field {_shown(key)}"] if closed else []
            elif wrong := checks[key](item):
                found += (f"{key}{'' if why[0] in ' [' else '.'}{why}" for why in wrong)
        return found

    return check


def _items(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    inner = _compiled(rules["items"], defs)

    def check(value: Any) -> Sequence[str]:
        found: list[str] = []
        for number, item in enumerate(value if type(value) is list else ()):
            found += (f"[{number}]{'' if why[0] in ' [' else '.'}{why}" for why in inner(item))
        return found

    return check


def _any_of(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    checks = [_compiled(one, defs) for one in rules["anyOf"]]

    def check(value: Any) -> Sequence[str]:
        wrong: Sequence[str] = ()
        for one in reversed(checks):  # what the first one says is said
            if not (wrong := one(value)):
                return ()
        return wrong[:1]

    return check


def _if(rules: dict[str, Any], defs: dict[str, Any]) -> Check:
    condition = _compiled(rules["if"], defs)
    then, other = _compiled(rules.get("then", {}), defs), _compiled(rules.get("else", {}), defs)
    return lambda value: other(value) if condition(value) else then(value)


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


_TYPES: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "string": (str,),
    "object": (dict,),
    "array": (list,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
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
    "allOf": lambda rules, defs: _all([_compiled(one, defs) for one in rules["allOf"]]),
    "anyOf": _any_of,
    "if": _if,
}
