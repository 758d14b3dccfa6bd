"""The entry: quick help, one line per error, the right exit codes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner

from p3m_anon import __version__
from p3m_anon.cli import COMMANDS, cli
from p3m_anon.errors import P3MError, Stopped, UsageError, WeightsError

README = Path(__file__).parents[1] / "README.md"
HEAVY = ("torch", "cv2", "matplotlib", "skimage", "scipy", "numba", "pymatting", "face_alignment", "lightning_fabric")


def walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below `command`, with the words that call it."""
    yield path, command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            child = command.get_command(ctx, name)
            assert child is not None
            yield from walk(child, (*path, name))


def loaded_after(code: str) -> set[str]:
    """The heavy modules that a fresh interpreter has loaded after `code`."""
    script = f"{code}\nimport sys\nprint('LOADED', *[m for m in {HEAVY!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_a_bare_import_loads_nothing_heavy() -> None:
    assert loaded_after("import p3m_anon") == set()


def test_no_help_loads_anything_heavy() -> None:
    """All in one process: what one help loads would stay loaded."""
    paths = [list(path) for path, _ in walk(cli)]
    assert len(paths) > len(COMMANDS)
    code = f"from p3m_anon.cli import cli\nfor p in {paths!r}: cli.main([*p, '--help'], standalone_mode=False)"
    assert loaded_after(code) == set()


def test_the_first_help_imports_no_command() -> None:
    code = "from p3m_anon.cli import cli\ncli.main(['--help'], standalone_mode=False)\n"
    code += "import sys\nassert not [m for m in sys.modules if m.startswith('p3m_anon.commands')]"
    assert loaded_after(code) == set()


@pytest.mark.parametrize("path", [path for path, _ in walk(cli)], ids=" ".join)
def test_every_command_has_help_with_an_example(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(cli, [*path, "--help"], prog_name="p3m-anon")
    assert result.exit_code == 0
    assert "Example" in result.output
    assert " ".join(("p3m-anon", *path)) in result.output.split("Example", 1)[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_readme_entry(name: str) -> None:
    assert f"p3m-anon {name}" in README.read_text("utf-8")


def test_version_and_module_entry() -> None:
    done = subprocess.run([sys.executable, "-m", "p3m_anon", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["p3m-anon,", "version", __version__]


def test_an_unknown_command_is_wrong_usage() -> None:
    assert CliRunner().invoke(cli, ["blurr"]).exit_code == 2


class TestErrors:
    """How a command's errors end, tried with a command that raises what it is told."""

    @pytest.fixture
    def fail_with(self, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
        module = ModuleType("failing_command")

        @click.command()
        def fail() -> None:
            """Example: p3m-anon fail."""
            raise module.error

        module.fail = fail  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "failing_command", module)
        monkeypatch.setitem(COMMANDS, "fail", ("failing_command:fail", "Fail."))
        return module

    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (UsageError("two folders\nare one"), 2),
            (Stopped("disk full"), 4),
            (WeightsError("no weights"), 2),
            (P3MError("else"), 1),
        ],
    )
    def test_our_errors_are_one_line(self, fail_with: ModuleType, error: P3MError, code: int) -> None:
        fail_with.error = error  # type: ignore[attr-defined]
        result = CliRunner().invoke(cli, ["fail"])
        assert result.exit_code == code
        assert result.stderr == f"Error: {' '.join(str(error).split())}\n"
        assert result.stdout == ""

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (MemoryError(), "not enough memory"),
            (FileNotFoundError(2, "No such file or directory", "/proc/x"), "/proc/x cannot be used (No such file"),
            (OSError(28, "No space left on device"), "make room and run the same command again"),
        ],
    )
    def test_what_the_system_refuses_is_one_line(
        self, fail_with: ModuleType, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
    ) -> None:
        fail_with.error = error  # type: ignore[attr-defined]
        monkeypatch.setattr(sys, "stdout", sys.stdout)  # put back afterwards
        result = CliRunner().invoke(cli, ["fail"])
        assert result.exit_code == 4
        assert words in result.stderr
        assert len(result.stderr.splitlines()) == 1

    def test_an_interrupt_says_how_to_go_on(self, fail_with: ModuleType) -> None:
        fail_with.error = KeyboardInterrupt()  # type: ignore[attr-defined]
        result = CliRunner().invoke(cli, ["fail"])
        assert result.exit_code == 130
        assert result.stderr == "stopped; run the same command again to resume\n"

    def test_other_errors_keep_their_traceback(self, fail_with: ModuleType) -> None:
        fail_with.error = ZeroDivisionError("a bug")  # type: ignore[attr-defined]
        assert isinstance(CliRunner().invoke(cli, ["fail"]).exception, ZeroDivisionError)
