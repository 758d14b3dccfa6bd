"""Embedders: known ones by name, own ones by a sidecar, and nothing with a guessed input."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from p3m_anon.errors import UsageError, WeightsError
from p3m_anon.faces.face_input import FaceInput
from p3m_anon.files import embedders, weights
from p3m_anon.files.embedders import EMBEDDERS, find_embedder, present_embedder, read_sidecar
from p3m_anon.files.weights_table import WEIGHTS

CONTENT = b"a network"
CONTRACT = FaceInput(112, "rgb", 1, (0, 0, 0), (1, 1, 1), 0.0, mirrored=False, same_person=0.4)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The known embedders, with the digest of CONTENT for sface."""
    sface = replace(WEIGHTS["sface"], sha256=hashlib.sha256(CONTENT).hexdigest(), size=len(CONTENT))
    for module in (weights, embedders):
        monkeypatch.setattr(module, "WEIGHTS", {**WEIGHTS, "sface": sface})


def test_known_ones_each_have_their_own_input() -> None:
    assert EMBEDDERS == ("sface", "mobilefacenet")
    contracts = [WEIGHTS[name].face_input for name in EMBEDDERS]
    assert contracts[0] != contracts[1]
    assert all(WEIGHTS[name].optional for name in EMBEDDERS)


@pytest.mark.usefixtures("table")
def test_by_name_by_file_and_unasked(tmp_path: Path) -> None:
    assert present_embedder(tmp_path) is None
    (tmp_path / WEIGHTS["sface"].file).write_bytes(CONTENT)
    other = tmp_path / "renamed.onnx"
    other.write_bytes(CONTENT)
    found = [find_embedder("sface", tmp_path), find_embedder(str(other)), present_embedder(tmp_path)]
    assert {(one.name, one.face_input) for one in found if one} == {("sface", WEIGHTS["sface"].face_input)}


@pytest.mark.usefixtures("table")
def test_wrong_weights_are_refused(tmp_path: Path) -> None:
    (tmp_path / WEIGHTS["sface"].file).write_bytes(b"a nutwork")
    for attempt in (lambda: find_embedder("sface", tmp_path), lambda: present_embedder(tmp_path)):
        with pytest.raises(WeightsError, match="sface"):
            attempt()


def test_own_file_needs_its_sidecar(tmp_path: Path) -> None:
    model = tmp_path / "own.onnx"
    model.write_bytes(CONTENT)
    with pytest.raises(WeightsError, match=r"own\.json is missing"):
        find_embedder(str(model))
    (tmp_path / "own.json").write_text(json.dumps(asdict(CONTRACT)))
    found = find_embedder(str(model))
    assert (found.name, found.face_input) == ("own.onnx", CONTRACT)


def test_example_of_the_message_is_a_valid_sidecar(tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        read_sidecar(tmp_path / "x.json")
    (tmp_path / "x.json").write_text(str(caught.value).partition("for example ")[2])
    assert read_sidecar(tmp_path / "x.json").side == 112


def test_neither_name_nor_file_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="sface, mobilefacenet"):
        find_embedder("arcface")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not valid JSON"),
        ("[]", "one JSON object"),
        ("{}", "lacks side"),
        ({"mean": [1, 2]}, "mean must be a list of three"),
        ({"std": [1, True, 2]}, "std must be a number"),
        ({"mirrored": 1}, "mirrored"),
        ({"side": 112.0}, "side"),
        ({"highest": "255"}, "highest must be a number"),
        ({"colours": "yuv"}, "colours"),
        ({"colours": ["rgb"]}, "colours"),
        ({"size": 112}, "unknown field size"),
    ],
)
def test_wrong_sidecars_are_one_clear_line(tmp_path: Path, text: str | dict[str, object], said: str) -> None:
    file = tmp_path / "own.json"
    file.write_text(text if isinstance(text, str) else json.dumps({**asdict(CONTRACT), **text}))
    with pytest.raises(WeightsError, match=said) as caught:
        read_sidecar(file)
    assert "\n" not in str(caught.value)
