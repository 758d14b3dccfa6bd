"""What can be trained with, how long it takes, and how two runs differ."""

from __future__ import annotations

from dataclasses import asdict, fields

import pytest

from p3m_anon.errors import UsageError
from p3m_anon.methods.registry import METHODS, NETWORKS
from p3m_anon.training.run_settings import RunSettings, changes, with_own
from p3m_anon.training.settings import SampleSettings


def test_the_defaults_are_the_papers() -> None:
    paper = RunSettings()
    assert (paper.batch_size, paper.epochs, paper.learning_rate, paper.schedule) == (8, 150, 1e-5, "fixed")
    assert paper.steps(9421 // 8) == 150 * 1177


def test_a_methods_own_settings_stand_where_none_are_given() -> None:
    found = with_own({"epochs": 3, "crops": (64,)}, "gfm")
    assert (found["epochs"], found["crops"]) == (3, (64,))
    assert (found["batch_size"], found["size"], found["kernels"]) == (32, 320, (25, 35))
    assert with_own({"epochs": 3}, "p3mnet") == {"epochs": 3}


@pytest.mark.parametrize("name", NETWORKS)
def test_own_settings_are_settings(name: str) -> None:
    own = dict(METHODS[name].own)
    samples = {one.name: own.pop(one.name) for one in fields(SampleSettings) if one.name in own}
    made = asdict(RunSettings(name, **own, pipeline="own", samples=SampleSettings(**samples)))
    assert {**made, **made["samples"]}.items() >= METHODS[name].own.items()


@pytest.mark.parametrize("batches", [1, 8, 9421])
def test_dim_takes_its_million_steps_on_any_dataset(batches: int) -> None:
    own = METHODS["dim"].own
    assert RunSettings("dim", epochs=own["epochs"], max_steps=own["max_steps"]).steps(batches) == 1_000_000


def test_steps_are_those_of_all_epochs_or_fewer() -> None:
    assert RunSettings(epochs=3, accumulate=4).steps(11) == 6
    assert RunSettings(epochs=3, max_steps=5).steps(11) == 5
    assert RunSettings(epochs=3, max_steps=99).steps(11) == 33


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"batch_size": 0}, "--batch-size must be at least 1, got 0"),
        ({"accumulate": 0}, "--accumulate"),
        ({"epochs": 0}, "--epochs"),
        ({"warmup": -1}, "--warmup must not be negative"),
        ({"clip": float("nan")}, "--clip"),
        ({"learning_rate": 0.0}, "--learning-rate"),
        ({"ema": 1.0}, "--ema must be below 1"),
        ({"precision": "int8"}, "--precision int8 is not known; use fp32, bf16, fp16"),
        ({"schedule": "step"}, "--schedule"),
        ({"pipeline": "their own"}, "--pipeline their own is not known; use p3m, own"),
        ({"samples": SampleSettings(size=100)}, "multiple of 32"),
        ({"samples": SampleSettings(size=32), "batch_size": 1}, "at least 64 for one picture"),
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        RunSettings(**wrong)


def test_changes_name_what_differs() -> None:
    before = {"a": 1, "inner": {"b": 2, "c": [3]}, "gone": 4}
    after = {"a": 1, "inner": {"b": 5, "c": [3]}, "new": 6}
    assert changes(before, after) == ["gone: 4 -> None", "inner.b: 2 -> 5", "new: None -> 6"]
    assert changes(before, before) == []
