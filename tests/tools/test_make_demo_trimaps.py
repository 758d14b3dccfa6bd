"""The shipped trimaps are what the script draws."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tools.make_demo_trimaps import SUBJECTS, draw_trimap


@pytest.mark.parametrize("name", SUBJECTS)
def test_shipped_trimap_is_the_drawn_one(name: str) -> None:
    shipped = np.asarray(Image.open(Path(__file__).parents[2] / "manifests" / "demo" / f"{name}.png"))
    drawn = draw_trimap(SUBJECTS[name])
    assert np.array_equal(shipped, drawn)
    assert set(np.unique(shipped)) == {0, 128, 255}
