"""What all tests share: where the example data lie."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of example pictures: `data` in P3M_SHARED, or in `shared` beside the checkout; skips without it."""
    beside = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("P3M_SHARED", beside)) / "data"
    if not folder.is_dir():
        pytest.skip("the example pictures are not here; set P3M_SHARED to the folder that holds them")
    return folder
