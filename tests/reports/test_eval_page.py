"""The page of an evaluation: self-contained, names escaped, bounded, and honest about clear faces."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from p3m_anon.evaluation.rows import METRICS, EvalRow
from p3m_anon.evaluation.tables import means, paper_row, table_4
from p3m_anon.reports.eval_page import MOST_ROWS, Card, EvalPage, Histogram, write_eval_page
from p3m_anon.reports.eval_panel import GAP, SIDE, TOO_LITTLE, TOO_MUCH, error_map, eval_panel

EVIL = "<img src=x onerror=alert(1)>"


def row(id: str, value: float = 1.0) -> EvalRow:
    return EvalRow(id, "P3M-500-P", **dict.fromkeys(METRICS, value))


def page(rows: list[EvalRow], **changes: object) -> EvalPage:
    failed = [one for one in rows if one.error]
    panel = eval_panel(None, np.zeros((30, 40)), np.zeros((30, 40)))
    table = table_4("p3mnet", means(rows), paper_row("p3mnet", "P3M-500-P", "X", "B"))
    cards = [Card(one, panel) for one in rows[:2]]
    histograms = [
        Histogram("sad", sorted(one.sad for one in rows if not one.error), 8.73),
        Histogram("mse_t", [], None),
    ]
    whole = EvalPage(
        EVIL, {"Scored": EVIL}, table, ["means over 1"], histograms, cards, [], lambda: failed, lambda: rows, False
    )
    return replace(whole, **changes)


def test_names_are_escaped_and_nothing_comes_from_outside(tmp_path: Path) -> None:
    rows = [row(EVIL), row("b"), EvalRow("c", "P3M-500-P", error=EVIL)]
    text = write_eval_page(tmp_path / "eval.html", page(rows)).read_text("utf-8")
    assert "<img src=x" not in text
    assert text.count("&lt;img src=x") == 6  # title twice, fact, card, error, table
    assert "http" not in text
    assert text.count("data:image/jpeg") == 2
    assert "Means over 1" in text
    assert "8.73" in text
    assert "in no picture" in text


def test_clear_faces_are_said_and_for_the_owner_only(tmp_path: Path) -> None:
    blurred = write_eval_page(tmp_path / "a.html", page([row("a")]))
    clear = write_eval_page(tmp_path / "b.html", page([row("a")], shows_clear_faces=True))
    assert "unblurred" not in blurred.read_text("utf-8")
    assert "contains unblurred faces" in clear.read_text("utf-8")
    assert clear.stat().st_mode & 0o777 == 0o600


def test_the_page_is_bounded(tmp_path: Path) -> None:
    rows = [row(f"p_{n}") for n in range(MOST_ROWS + 5)]
    rows += [EvalRow(f"q_{n}", "P3M-500-P", error="gone") for n in range(MOST_ROWS + 7)]
    text = write_eval_page(tmp_path / "eval.html", page(rows)).read_text("utf-8")
    assert text.count("<td>p_") == MOST_ROWS
    assert text.count("<td>gone") == MOST_ROWS
    assert "7 more in rows.csv" in text
    assert f"The first {MOST_ROWS} pictures" in text


@pytest.mark.parametrize("values", [[0.0], [0.0, 0.0], [1e-9, 1e9], list(range(100))])
def test_histograms_of_odd_values(tmp_path: Path, values: list[float]) -> None:
    text = write_eval_page(
        tmp_path / "e.html", page([row("a")], histograms=[Histogram("sad", values, 1e12)])
    ).read_text()
    assert "<rect" in text
    assert "nan" not in text
    assert "inf" not in text


def test_a_histogram_says_median_and_scale(tmp_path: Path) -> None:
    def text(*values: float) -> str:
        histogram = Histogram("sad", values, None)
        return write_eval_page(tmp_path / "e.html", page([row("a")], histograms=[histogram])).read_text()

    assert "median 2.50, " in text(1, 2, 3, 1100)
    assert "median 2.00, " in text(1, 2, 3)
    assert "text-anchor='end'>1100<" in text(1, 2, 3, 1100)
    assert "text-anchor='end'>0.0123<" in text(0, 0.0123)


def test_the_error_map_says_which_way_and_makes_small_errors_seen() -> None:
    alpha, prediction = np.full((20, 30), 0.5), np.full((20, 30), 0.5)
    prediction[:10, :10], prediction[10:, 20:] = 1.0, 0.0
    prediction[0, 29] = 0.51
    shown = error_map(alpha, prediction)
    root = np.sqrt(0.5)
    assert np.abs(shown[2, 2] - root * np.array(TOO_MUCH)).max() <= 1
    assert np.abs(shown[15, 25] - root * np.array(TOO_LITTLE)).max() <= 1
    assert not shown[15, 5].any()
    assert shown[0, 29].max() >= 25


def test_a_panel_has_four_parts() -> None:
    rgb = np.full((600, 300, 3), (200, 30, 30), np.uint8)
    alpha, prediction = np.ones((600, 300)), np.zeros((600, 300))
    strip = cv2.imdecode(np.frombuffer(eval_panel(rgb, alpha, prediction), np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    width = SIDE // 2
    assert strip.shape == (SIDE, 4 * width + 3 * GAP, 3)
    middles = [strip[SIDE // 2, n * (width + GAP) + width // 2].astype(int) for n in range(4)]
    for seen, expected in zip(middles, ((200, 30, 30), (255, 255, 255), (0, 0, 0), TOO_LITTLE), strict=True):
        assert np.abs(seen - expected).max() < 12
    other = eval_panel(rgb[:10], alpha, prediction)  # a picture that does not fit is left grey
    grey = cv2.imdecode(np.frombuffer(other, np.uint8), cv2.IMREAD_COLOR)
    assert grey.shape == strip.shape
    assert np.abs(grey[SIDE // 2, width // 2].astype(int) - 128).max() < 4
