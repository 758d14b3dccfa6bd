"""Plots of a study: what is drawn, and that nothing overlaps."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from p3m_anon.reports import study_plots
from p3m_anon.reports.study_plots import NAN, Bar, Line, Shift, Slopes, bars_plot, shifts_plot, slopes_plot

NAMES = [f"A method with a long name, {number}" for number in range(17)] + ["$x_1$ & <b>", "é|y"]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were saved."""
    found: list[Figure] = []
    save = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *a, **k: (found.append(self), save(self, *a, **k))[1])
    return found


def pixels(png: bytes | None) -> np.ndarray:
    assert png is not None
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]


def share(png: bytes | None, colour: str) -> float:
    wanted = np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)])
    return float((np.abs(pixels(png).astype(int) - wanted).max(axis=2) < 12).mean())


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that cover each other."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    renderer = canvas.get_renderer()
    there = {
        (text.get_text(), text.get_window_extent(renderer).bounds): text for text in texts
    }  # a legend's come twice
    boxes = [(text.get_text(), text.get_window_extent(renderer).shrunk(0.98, 0.9)) for text in there.values()]
    return [(a, b) for (a, one), (b, two) in itertools.combinations(boxes, 2) if one.overlaps(two)]


def bars(ours: float = 12.5) -> list[Bar]:
    return [Bar(name, ours + n, 20.0 - n, 0.5) for n, name in enumerate(NAMES)]


def test_nineteen_methods_in_four_protocols_do_not_overlap(drawn: list[Figure]) -> None:
    png = bars_plot("SAD", [(f"{name} on P3M-500-P", bars()) for name in ("B:B", "B:N", "N:B", "N:N")])
    assert share(png, study_plots.OURS) > 0.02
    assert share(png, study_plots.PAPER) > 0.02
    assert overlaps(drawn[0]) == []
    labels = [label.get_text() for label in drawn[0].axes[0].get_yticklabels()]
    assert labels[-2:] == NAMES[-2:]
    assert max(map(len, labels)) <= 26


def test_slopes_of_nineteen_methods_do_not_overlap(drawn: list[Figure]) -> None:
    lines = tuple(
        Line(trained, 8.0 + n, 9.0, paper=paper) for n, (trained, paper) in enumerate(itertools.product("BN", (0, 1)))
    )
    png = slopes_plot("SAD", [Slopes(name, lines) for name in NAMES])
    assert share(png, study_plots.NORMAL) > 0
    assert overlaps(drawn[0]) == []
    assert [axis.get_title() for axis in drawn[0].axes if axis.get_visible()][-2:] == NAMES[-2:]


def test_shifts_of_nineteen_methods_do_not_overlap(drawn: list[Figure]) -> None:
    assert shifts_plot("SAD", [Shift(name, (8.0, 9.0), (7.0, 9.5)) for name in NAMES])
    assert overlaps(drawn[0]) == []


def test_bars_are_as_long_as_the_figures(drawn: list[Figure]) -> None:
    bars_plot("SAD", [("B:B", [Bar("a", 3.0, 8.73), Bar("b", NAN, 21.56), Bar("nothing", NAN, NAN)])])
    (axis,) = drawn[0].axes
    assert [round(patch.get_width(), 2) for patch in axis.patches] == [3.0, 8.73, 0.0, 21.56]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["a", "b"]
    assert [text.get_text() for text in axis.texts] == ["3", "8.73", "no number", "21.56"]


def test_without_a_number_of_ours_nothing_is_drawn() -> None:
    assert bars_plot("SAD", [("B:B", [Bar("a", NAN, 8.73)])]) is None
    assert bars_plot("SAD", []) is None
    assert slopes_plot("SAD", [Slopes("a", (Line("B", 1.0, 2.0, paper=True),))]) is None
    assert shifts_plot("SAD", [Shift("a", None, (1.0, 2.0))]) is None


def test_the_same_plot_has_the_same_bytes() -> None:
    assert bars_plot("SAD", [("B:B", bars()[:2])]) == bars_plot("SAD", [("B:B", bars()[:2])])
