"""Options of `train` and `eval` as a study has them, and what becomes of them for one method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from p3m_anon.errors import UsageError
from p3m_anon.training.run_settings import RunSettings
from p3m_anon.training.settings import SampleSettings

_RUN = ("width", "batch_size", "accumulate", "epochs", "max_steps", "learning_rate", "schedule", "warmup", "clip")
_SAMPLES = ("size", "crops", "recipe")
_KINDS: dict[type, str] = {
    int: "a whole number",
    float: "a number",
    str: "text",
    bool: "true or false",
    tuple: "a list",
}

TRAINING: dict[str, type] = {
    **{name: type(getattr(RunSettings(), name)) for name in (*_RUN, "ema", "precision", "compile")},
    **{name: type(getattr(SampleSettings(), name)) for name in _SAMPLES},
    **{"composition": str, "backbone": str, "leave_out": str, "skip_bad": bool, "save_every": int},
}
"""Keys of [training] -> kind. Files are named from the current folder. batch_size: pictures on all devices together."""

EVALUATION: dict[str, type] = {"strategy": str, "precision": str, "transition_only": bool}
"""Keys of [evaluation] -> kind."""

_FREE = {"method", "compile"}  # what the weights do not hang on, or what is said elsewhere


def check_options(table: str, said: object, allowed: Mapping[str, type]) -> None:
    """Raises UsageError that names the key."""
    if not isinstance(said, Mapping):
        raise UsageError(f"[{table}] must be a table of options")
    for key, value in said.items():
        if key not in allowed:
            raise UsageError(f"[{table}] has no {key}; there are {', '.join(allowed)}")
        kind = allowed[key]
        if kind is tuple:
            fits = isinstance(value, list | tuple) and all(type(one) is int for one in value)
        else:
            fits = type(value) is kind or (kind is float and type(value) is int)
        if not fits:
            raise UsageError(f"[{table}] {key} must be {_KINDS[kind]}, got {value!r}")
    if said.get("composition", "auto") not in ("auto", "on", "off"):
        raise UsageError(f"[{table}] composition must be auto, on or off, got {said['composition']!r}")


def run_settings(training: Mapping[str, Any], method: str, seed: int, backbone: str = "") -> RunSettings:
    """What a method is trained with. backbone: sha256 of the file, "" for none. Raises UsageError."""
    try:
        own = {name: _value(training[name]) for name in _SAMPLES if name in training}
        samples = SampleSettings(seed=seed, **own)
        run = {f.name: training[f.name] for f in fields(RunSettings) if f.name in training and f.name != "backbone"}
        return RunSettings(method, **run, backbone=backbone, samples=samples)
    except (ValueError, UsageError) as error:
        raise UsageError(f"[training] {error}") from error


def address_of(settings: RunSettings) -> dict[str, Any]:
    """What sets them apart from the paper's, so that a setting that is new in a later version changes no address."""
    said, usual = _flat(settings), _flat(RunSettings())
    return {name: value for name, value in said.items() if value != usual[name] and name not in _FREE}


def _flat(settings: RunSettings) -> dict[str, Any]:
    said = asdict(settings)
    return {**said.pop("samples"), **said}


def _value(said: Any) -> Any:
    return tuple(said) if isinstance(said, list) else said
