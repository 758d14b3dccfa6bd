"""Face embedders: the known ones by name, and a user's own file with a sidecar that says what its network wants.

There is no default input: a network that is given another one than it was trained on still answers, but the answers
mean nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from p3m_anon.errors import UsageError, WeightsError
from p3m_anon.faces.face_input import FaceInput
from p3m_anon.files.weights import digest, find_weight, require_weights
from p3m_anon.files.weights_table import WEIGHTS

EMBEDDERS = tuple(name for name, weight in WEIGHTS.items() if weight.face_input is not None)
"""Names of the known ones; the first that is there is taken unasked."""

_EXAMPLE = {
    "side": 112,
    "colours": "rgb",
    "highest": 255,
    "mean": [127.5, 127.5, 127.5],
    "std": [127.5, 127.5, 127.5],
    "margin": 0,
    "mirrored": False,
    "same_person": 0.41,
}


@dataclass(frozen=True)
class EmbedderFile:
    """An embedder on disk: what to call it, its ONNX file, and its contract."""

    name: str
    path: Path
    sha256: str
    face_input: FaceInput


def find_embedder(wanted: str, weights_dir: Path | None = None) -> EmbedderFile:
    """The embedder of a known name, or of an ONNX file: a published one, or one with a sidecar.

    Raises UsageError for what is neither; WeightsError for missing or wrong weights and for a missing or wrong sidecar.
    """
    if wanted in EMBEDDERS:
        return _known(wanted, weights_dir)
    path = Path(wanted)
    if not path.is_file():
        raise UsageError(f"--embedder: {wanted} is not a file; name an ONNX file, or one of {', '.join(EMBEDDERS)}")
    sha256 = digest(path)
    for weight in WEIGHTS.values():
        if weight.face_input is not None and weight.sha256 == sha256:
            return EmbedderFile(weight.name, path, sha256, weight.face_input)
    return EmbedderFile(path.name, path, sha256, read_sidecar(path.with_suffix(".json")))


def present_embedder(weights_dir: Path | None = None) -> EmbedderFile | None:
    """The first known embedder whose weights are there, None for none. Raises WeightsError where they are wrong."""
    for name in EMBEDDERS:
        if find_weight(WEIGHTS[name], weights_dir) is not None:
            return _known(name, weights_dir)
    return None


def read_sidecar(path: Path) -> FaceInput:
    """The contract in a JSON file with every field of FaceInput. Raises WeightsError, one line that says what to do."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        wanted = json.dumps(_EXAMPLE)
        raise WeightsError(f"{path} is missing; it says what the embedder is given, for example {wanted}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise WeightsError(f"{path} is not valid JSON: {error}") from error
    try:
        return _contract(values)
    except (ValueError, OverflowError) as error:
        raise WeightsError(f"{path}: {error}") from error


def _known(name: str, weights_dir: Path | None) -> EmbedderFile:
    checked = require_weights([name], f"the embedder {name}", weights_dir)[name]
    contract = WEIGHTS[name].face_input
    assert contract is not None
    return EmbedderFile(name, checked.path, checked.sha256, contract)


def _contract(values: Any) -> FaceInput:
    names = [field.name for field in fields(FaceInput)]
    if not isinstance(values, dict):
        raise ValueError(f"must be one JSON object with {', '.join(names)}")
    if missing := [name for name in names if name not in values]:
        raise ValueError(f"lacks {', '.join(missing)}")
    if unknown := sorted(set(values) - set(names)):
        raise ValueError(f"unknown field {unknown[0]}; known are {', '.join(names)}")
    if not isinstance(values["mirrored"], bool):
        raise ValueError("mirrored must be true or false")
    if not isinstance(values["side"], int) or isinstance(values["side"], bool):
        raise ValueError("side must be a whole number")
    numbers = {name: _number(name, values[name]) for name in ("highest", "margin", "same_person")}
    triples = {name: _triple(name, values[name]) for name in ("mean", "std")}
    return FaceInput(**{**values, **numbers, **triples})


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"{name} must be a number, got {value!r}")
    return float(value)


def _triple(name: str, value: Any) -> tuple[float, float, float]:
    if not isinstance(value, list) or len(value) != 3:
        raise ValueError(f"{name} must be a list of three numbers, got {value!r}")
    first, second, third = (_number(name, number) for number in value)
    return first, second, third
