"""Optional imports name the extra to install."""

from __future__ import annotations

import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from p3m_anon.errors import MissingExtra
from p3m_anon.extras import EXTRAS, import_extra


def test_what_is_there_is_imported() -> None:
    assert import_extra("json.decoder", "review").__name__ == "json.decoder"


def test_what_is_missing_names_its_extra() -> None:
    with pytest.raises(MissingExtra, match=r"pip install 'p3m-anon\[review\]'"):
        import_extra("no_such_package.part", "review")


def test_a_broken_package_keeps_its_own_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken_package.py").write_text("import needed_by_broken_package")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="needed_by_broken_package"):
        import_extra("broken_package", "ray")
    assert "broken_package" not in sys.modules


def test_the_table_is_the_one_of_setup_cfg() -> None:
    config = ConfigParser()
    config.read(Path(__file__).parents[1] / "setup.cfg", "utf-8")
    declared = {extra: lines.split() for extra, lines in config["options.extras_require"].items() if extra != "dev"}
    assert {extra: tuple(line.partition(">=")[0] for line in lines) for extra, lines in declared.items()} == EXTRAS
