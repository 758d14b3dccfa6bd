"""The rooms of the package and who may import whom, read from the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "p3m_anon"
SOURCES = sorted(PACKAGE.rglob("*.py"))

ORDER = (
    {"__main__"},
    {"cli"},
    {"commands"},
    {"jobs"},
    {"engines", "studies", "review", "reports"},
    {"training"},
    {"evaluation", "detectors"},
    {"methods"},
    {"files"},
    {"faces", "dataset"},
    {"matting"},
    {"arrays", "extras", "devices"},
    {"errors"},
)
"""From left to right; imports only go right."""

PURE = {"faces", "dataset", "matting"}
FILES_AND_PROCESSES = {"pathlib", "os", "io", "shutil", "tempfile", "glob", "sqlite3", "socket", "urllib", "subprocess"}
CLOCKS_AND_CHANCE = {"time", "datetime", "random", "secrets", "uuid"}
IMPURE_MODULES = {"torch", "click", "rich"} | FILES_AND_PROCESSES | CLOCKS_AND_CHANCE
EXPLICIT_RANDOMNESS = {"Generator", "default_rng", "SeedSequence", "Philox", "PCG64"}


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def place(name: str) -> int:
    return next(index for index, rooms in enumerate(ORDER) if name in rooms)


def imported(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and dotted name of everything that a module imports, also inside functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide the room"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def wrong_directions(path: Path, tree: ast.AST) -> list[str]:
    own, wrong = room(path), []
    for line, name in imported(tree):
        parts = name.split(".")
        if parts[0] != "p3m_anon" or parts[1:2] == ["__version__"] or len(parts) == 1:
            continue
        if parts[1] != own and place(parts[1]) <= place(own):
            wrong.append(f"line {line}: {own} must not import {name}")
    return wrong


def uses_global_randomness(node: ast.Attribute) -> bool:
    return ast.unparse(node.value) in ("np.random", "numpy.random") and node.attr not in EXPLICIT_RANDOMNESS


def impurities(tree: ast.AST) -> list[str]:
    wrong = [f"line {line}: {name}" for line, name in imported(tree) if name.split(".")[0] in IMPURE_MODULES]
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
            wrong.append(f"line {node.lineno}: open()")
        if isinstance(node, ast.Attribute) and uses_global_randomness(node):
            wrong.append(f"line {node.lineno}: np.random.{node.attr} is global state")
    return wrong


def prints(tree: ast.AST) -> list[str]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = ("print", "click.echo", "click.secho", "echo")
    return [f"line {call.lineno}" for call in calls if ast.unparse(call.func) in names]


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.fixture(params=SOURCES, ids=name_of)
def path(request: pytest.FixtureRequest) -> Path:
    return Path(request.param)


def test_every_room_has_its_place(path: Path) -> None:
    assert room(path) == "__init__" or place(room(path)) >= 0


def test_imports_only_go_right(path: Path) -> None:
    if room(path) != "__init__":
        assert wrong_directions(path, ast.parse(path.read_text("utf-8"))) == []


def test_pure_rooms_know_no_file_clock_or_global_randomness(path: Path) -> None:
    if room(path) in PURE:
        assert impurities(ast.parse(path.read_text("utf-8"))) == []


def test_only_commands_print(path: Path) -> None:
    if room(path) not in {"commands", "cli"}:
        assert prints(ast.parse(path.read_text("utf-8"))) == []


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("faces/x.py", "from p3m_anon.files.atomic import write_bytes"),
        ("faces/x.py", "import p3m_anon.dataset.rows"),
        ("errors.py", "from p3m_anon import arrays"),
        ("jobs/x.py", "def f():\n    from p3m_anon.commands.blur import blur"),
    ],
)
def test_the_walk_sees_a_wrong_import(file: str, source: str) -> None:
    assert wrong_directions(PACKAGE / file, ast.parse(source))


def test_the_walk_sees_what_is_not_pure() -> None:
    source = "import time\nfrom os import path\nopen('x')\nnp.random.rand(3)\nnp.random.default_rng(0)\n"
    assert len(impurities(ast.parse(source))) == 4
