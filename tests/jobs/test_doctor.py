"""Each check by itself, on made-up machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from p3m_anon.jobs.doctor import (
    base_names,
    check_extras,
    check_modules,
    check_opencv,
    check_python,
    check_weights,
)


def test_an_old_python_is_a_problem() -> None:
    assert check_python((3, 9, 18)).state == "problem"
    assert check_python((3, 10, 0)).state == "ok"


@pytest.mark.parametrize(
    ("wheels", "state"),
    [
        ({"opencv-python": "5.0.0.93"}, "ok"),
        ({"opencv-python-headless": "5.0.0.93"}, "ok"),
        ({"opencv-python": "5.0.0.93", "opencv-contrib-python": "4.9"}, "warning"),
        ({}, "problem"),
    ],
)
def test_one_opencv_wheel_is_enough(wheels: dict[str, str], state: str) -> None:
    check = check_opencv(wheels.get)
    assert check.state == state
    assert bool(check.todo) == (state != "ok")


def test_a_missing_system_library_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    error = "libGL.so.1: cannot open shared object file: No such file or directory"
    (tmp_path / "needs_a_library.py").write_text(f"raise ImportError({error!r})")
    monkeypatch.syspath_prepend(str(tmp_path))
    (check,) = check_modules(["json", "needs_a_library"])
    assert check.state == "problem"
    assert "libGL.so.1" in check.todo


def test_only_the_embedded_detectors_weights_are_needed(tmp_path: Path) -> None:
    states = {check.what: check.state for check in check_weights(tmp_path)}
    assert states == {"weights s3fd": "note", "weights 2dfan4": "note", "weights centerface": "ok"}


def test_a_broken_table_of_the_user_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "weights.json").write_text("[]")
    (check,) = check_weights(tmp_path)
    assert check.state == "problem"


def test_extras_are_no_base_requirements() -> None:
    assert base_names(["numpy>=2.0", 'ray>=2; extra == "ray"', "lightning-fabric>=2.6"]) == [
        "numpy",
        "lightning-fabric",
    ]


def test_extras_are_told_apart() -> None:
    found = check_extras({"one": ("json",), "two": ("json", "no_such_module")})
    assert (found.state, found.found) == ("note", "one; without two")
    assert found.todo == "pip install 'p3m-anon[two]'"
    assert check_extras({"one": ("json",)}).state == "ok"
