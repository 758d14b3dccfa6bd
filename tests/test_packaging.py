"""What an installation holds: all rooms, all data, one OpenCV, pinned versions."""

from __future__ import annotations

import re
from configparser import ConfigParser
from fnmatch import fnmatch
from importlib import metadata
from importlib.resources import files
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from p3m_anon.jobs.doctor import OPENCV

ROOT = Path(__file__).parents[1]
NOT_OURS = ("__pycache__", ".DS_Store")


@pytest.fixture(scope="module")
def config() -> ConfigParser:
    parser = ConfigParser()
    parser.read(ROOT / "setup.cfg", "utf-8")
    return parser


def installed() -> bool:
    return any(True for _ in metadata.distributions(name="p3m-anon"))


def test_every_room_is_packaged(config: ConfigParser) -> None:
    folders = {path.parent for path in (ROOT / "p3m_anon").rglob("__init__.py")}
    rooms = {".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert set(config["options"]["packages"].split()) == rooms | {"p3m_anon.manifests"}


@pytest.mark.parametrize(("package", "folder"), [("p3m_anon.manifests", "manifests"), ("p3m_anon", "p3m_anon")])
def test_every_data_file_is_packaged(config: ConfigParser, package: str, folder: str) -> None:
    """Patterns by suffix; a package's own patterns name files beside its modules."""
    data = config["options.package_data"]
    left_out = []
    for path in (ROOT / folder).rglob("*"):
        if path.is_dir() or path.suffix in (".py", ".pyc") or any(part in NOT_OURS for part in path.parts):
            continue
        home = next(one for one in path.parents if one == ROOT / folder or (one / "__init__.py").is_file())
        inside = package if folder == "manifests" else ".".join(home.relative_to(ROOT).parts)
        patterns = [pattern.strip().removeprefix("**/") for pattern in data.get(inside, "").split(",")]
        names = path.name, path.relative_to(home).as_posix()
        if not any(fnmatch(name, pattern) for pattern in patterns for name in names):
            left_out.append(str(path.relative_to(ROOT)))
    assert left_out == []


@pytest.mark.skipif(not installed(), reason="p3m-anon is not installed here, only its checkout is on the path")
def test_manifests_are_read_from_the_installed_package() -> None:
    demo = files("p3m_anon.manifests") / "demo"
    assert (demo / "README.md").read_text("utf-8").startswith("# Trimaps")
    assert {path.name for path in demo.iterdir()} >= {"astronaut.png", "grace_hopper.png", "chelsea.png", "rocket.png"}


def test_exactly_one_opencv() -> None:
    present = [name for name in OPENCV if any(True for _ in metadata.distributions(name=name))]
    assert len(present) == 1, f"they overwrite each other's files: {present}"


def pins() -> dict[str, list[str]]:
    lines = [line for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    found: dict[str, list[str]] = {}
    for line in lines:
        match = re.fullmatch(r"([a-z0-9-]+)==([\w.+]+)( ; .+)?", line)
        assert match, f"not an exact pin: {line}"
        found.setdefault(match.group(1), []).append(line)
    return found


def test_constraints_are_exact_and_unambiguous() -> None:
    for name, lines in pins().items():
        valid = [line for line in lines if (marker := Requirement(line).marker) is None or marker.evaluate()]
        assert len(valid) <= 1, name


def test_constraints_name_everything_that_an_install_brings(config: ConfigParser) -> None:
    extras = config["options.extras_require"].values()
    todo = [
        Requirement(line)
        for text in (config["options"]["install_requires"], *extras)
        for line in text.split("\n")
        if line
    ]
    seen: set[str] = set()
    missing = set()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        if name not in pins():
            missing.add(name)
        for dependency in _requires(name):
            wanted = [""] if not requirement.extras else ["", *requirement.extras]
            if dependency.marker is None or any(dependency.marker.evaluate({"extra": extra}) for extra in wanted):
                key = str(dependency)
                if key not in seen:
                    seen.add(key)
                    todo.append(dependency)
    assert missing == set()


def _requires(name: str) -> list[Requirement]:
    """What an installed distribution requires; nothing is known of one that is not installed."""
    try:
        return [Requirement(line) for line in metadata.requires(name) or []]
    except metadata.PackageNotFoundError:
        return []


def test_no_registry_is_named() -> None:
    for name in ("constraints.txt", "setup.cfg", "pyproject.toml", "Makefile", ".ci/run"):
        text = (ROOT / name).read_text("utf-8")
        assert "index-url" not in text, name
        assert "://" not in text, name
