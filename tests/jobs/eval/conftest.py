"""A drawn split and mattes of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.jobs.eval.cases import make_mattes, make_split


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_split(tmp_path / "data")


@pytest.fixture
def mattes(tmp_path: Path) -> Path:
    return make_mattes(tmp_path / "mattes")
