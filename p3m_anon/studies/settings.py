"""Options of `train` and `eval` as a study has them, and what becomes of them for one method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, get_args

from p3m_anon.errors import UsageError
from p3m_anon.evaluation.predict import PRECISIONS, STRATEGIES
from p3m_anon.methods.registry import METHODS
from p3m_anon.training.rows import Composition
from p3m_anon.training.run_settings import Pipeline, RunSettings, with_own
from p3m_anon.training.settings import SampleSettings

_RUN = ("width", "batch_size", "accumulate", "epochs", "max_steps", "learning_rate", "schedule", "warmup", "clip")
_KINDS: dict[type, str] = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
_KINDS |= {tuple: "a list of sides", dict: "a file, or a table of method = file"}

TRAINING: dict[str, type] = {
    **{name: type(getattr(RunSettings(), name)) for name in (*_RUN, "ema", "precision", "compile", "pipeline")},
    **{name: type(getattr(SampleSettings(), name)) for name in ("size", "crops", "recipe")},
    **{"composition": str, "backbone": dict, "leave_out": str, "skip_bad": bool, "save_every": int},
}
"""Keys of [training] -> kind. Files are named from the current folder. batch_size: pictures on all devices together.
backbone: a file, or a table of them by method."""

EVALUATION: dict[str, type] = {"strategy": str, "precision": str, "transition_only": bool}
"""Keys of [evaluation] -> kind."""

_CHOICES: dict[str, dict[str, tuple[str, ...]]] = {
    "training": {"composition": get_args(Composition), "pipeline": get_args(Pipeline)},
    "evaluation": {"strategy": STRATEGIES, "precision": PRECISIONS},
}
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
        elif kind is dict:
            files = value.items() if isinstance(value, Mapping) else [("", value)]
            without = [name for name, _ in files if name not in ("", *with_backbone())]
            if without:
                raise UsageError(f"[{table}] {key} has {without[0]}; only these have one: {', '.join(with_backbone())}")
            fits = all(isinstance(file, str) for _, file in files)
        else:
            fits = type(value) is kind or (kind is float and type(value) is int)
        if not fits:
            raise UsageError(f"[{table}] {key} must be {_KINDS[kind]}, got {value!r}")
        if key in _CHOICES[table] and value not in _CHOICES[table][key]:
            raise UsageError(f"[{table}] {key} must be one of {', '.join(_CHOICES[table][key])}, got {value!r}")


def with_backbone() -> list[str]:
    """Methods whose encoder can start from ImageNet's weights."""
    return [name for name, method in METHODS.items() if method.load_backbone is not None]


def options_of(training: Mapping[str, Any], method: str) -> dict[str, Any]:
    """Those of one method: with `pipeline = "own"`, what it was published with stands where the study is silent."""
    found = with_own(training, method) if training.get("pipeline") == "own" else dict(training)
    if found == training:  # it has none, and shares its cells with studies of the usual pipeline
        return {name: value for name, value in found.items() if name != "pipeline"}
    if isinstance(found.get("composition"), bool):
        found["composition"] = "on" if found["composition"] else "off"
    return found


def composition_asked(training: Mapping[str, Any], method: str) -> Composition:
    """auto, on or off."""
    said: Composition = options_of(training, method).get("composition", "auto")
    return said


def run_settings(training: Mapping[str, Any], method: str, seed: int, backbone: str = "") -> RunSettings:
    """What a method is trained with. backbone: sha256 of the file, "" for none. Raises UsageError."""
    try:
        said = options_of(training, method)
        own = {one.name: _value(said[one.name]) for one in fields(SampleSettings) if one.name in said}
        run = {one.name: said[one.name] for one in fields(RunSettings) if one.name in said}
        samples = SampleSettings(**{**own, "composition": False, "seed": seed})
        return RunSettings(**{**run, "method": method, "backbone": backbone, "samples": samples})
    except (ValueError, UsageError) as error:
        raise UsageError(f"[training] {error}") from error


def address_of(settings: RunSettings) -> dict[str, Any]:
    """What sets them apart from the paper's, so that a setting that is new in a later version changes no address."""
    said, usual = _flat(settings), _flat(RunSettings())
    named = {name: value for name, value in said.items() if value != usual[name] and name not in _FREE}
    return {name: float(value) if isinstance(usual[name], float) else value for name, value in named.items()}


def _flat(settings: RunSettings) -> dict[str, Any]:
    said = asdict(settings)
    return {**said.pop("samples"), **said}


def _value(said: Any) -> Any:
    return tuple(said) if isinstance(said, list) else said
