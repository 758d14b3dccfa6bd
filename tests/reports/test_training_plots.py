"""A run in pictures."""

from __future__ import annotations

import io
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from p3m_anon.reports.eval_panel import eval_panel
from p3m_anon.reports.training_plots import thinned, write_curves, write_sheet

NAN = float("nan")


def pixels(file: Path) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file.read_bytes())).convert("RGB"))


def curves(file: Path, losses: list[float]) -> np.ndarray:
    steps = {"step": list(range(1, len(losses) + 1)), "total": losses, "composition": [NAN] * len(losses)}
    write_curves(file, steps, {})
    return pixels(file)


def test_curves_show_what_they_are_given(tmp_path: Path) -> None:
    falling, rising = (curves(tmp_path / "c.png", list(values)) for values in ([3.0, 2.0, 1.0], [1.0, 2.0, 3.0]))
    assert falling.shape == rising.shape
    assert (falling != rising).any()
    assert os.stat(tmp_path / "c.png").st_mode & 0o777 == 0o600


def test_a_run_without_steps_has_empty_axes(tmp_path: Path) -> None:
    assert curves(tmp_path / "c.png", []).size


def test_thinned_keeps_means_and_order() -> None:
    places, values = thinned(list(range(10)), most=4)
    assert places == [0, 3, 6, 9]
    assert values == [1, 4, 7, 9]
    assert thinned([1.0, 2.0]) == ([0, 1], [1.0, 2.0])
    assert thinned([]) == ([], [])
    assert len(thinned(list(range(100_003)))[0]) <= 2000


@pytest.mark.parametrize("clear", [False, True])
def test_a_sheet_has_all_panels_and_a_banner_over_clear_faces(tmp_path: Path, clear: bool) -> None:
    chance = np.random.default_rng(0)
    panels = []
    for height, width in ((40, 60), (60, 30)):
        rgb = chance.integers(0, 256, (height, width, 3), dtype=np.uint8)
        alpha = chance.random((height, width))
        panels.append(eval_panel(rgb, alpha, alpha))
    write_sheet(tmp_path / "s.png", panels, shows_clear_faces=clear)
    sheet = pixels(tmp_path / "s.png")
    first = cv2.cvtColor(cv2.imdecode(np.frombuffer(panels[0], np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    top = 30 if clear else 0
    assert (sheet[top : top + first.shape[0], : first.shape[1]] == first).all()
    assert sheet.shape[0] == top + 40 + 60 + 12
    assert (tuple(sheet[0, 0]) == (164, 22, 26)) is clear
