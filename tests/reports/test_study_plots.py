"""Plots of a study: what is drawn, and that nothing overlaps."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
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


def test_all_panels_have_room_for_their_bars_and_figures(drawn: list[Figure]) -> None:
    """They share one scale, which is not that of the first."""
    panels = [("B:B", [Bar("a", 5.0, 4.0)]), ("B:N", [Bar("a", 50.0, 40.0, 12.0)]), ("N:B", [Bar("a", 12.34, 9.876)])]
    bars_plot("SAD", panels)
    canvas = FigureCanvasAgg(drawn[0])
    canvas.draw()
    shown = [axis for axis in drawn[0].axes if axis.get_visible()]
    assert len(shown) == 3
    for axis, (_, (bar,)) in zip(shown, panels, strict=True):
        assert [patch.get_width() for patch in axis.patches] == [bar.ours, bar.paper]
        assert [patch.get_facecolor() for patch in axis.patches] == [
            to_rgba(study_plots.OURS),
            to_rgba(study_plots.PAPER),
        ]
        assert axis.get_xlim()[0] == 0
        assert axis.get_xlim()[1] > 62
        for text in axis.texts:
            assert text.get_window_extent(canvas.get_renderer()).x1 <= axis.get_window_extent().x1
    bars_plot("SAD", [("B:B", [Bar("a", 0.0, NAN)])])


def lines_of(figure: Figure) -> list[tuple]:
    """x, y, colour and face of all lines, from left to right."""
    return [
        (tuple(line.get_xdata()), tuple(line.get_ydata()), line.get_color(), line.get_markerfacecolor())
        for axis in figure.axes
        for line in axis.lines
    ]


def test_slopes_go_from_blurred_to_normal_in_the_colour_of_their_training(drawn: list[Figure]) -> None:
    lines = (Line("B", 1.0, 2.0, paper=False), Line("N", 3.0, 4.0, paper=True), Line("", 5.0, 6.0, paper=False))
    slopes_plot("SAD", [Slopes("a", lines)])
    assert lines_of(drawn[0]) == [
        ((0, 1), (1.0, 2.0), study_plots.OURS, study_plots.OURS),
        ((0, 1), (3.0, 4.0), study_plots.NORMAL, "white"),
        ((0, 1), (5.0, 6.0), study_plots.OURS, study_plots.OURS),
    ]
    assert [label.get_text() for label in drawn[0].axes[0].get_xticklabels()] == ["blurred", "normal"]
    labels = drawn[0].axes[0].get_legend_handles_labels()[1]
    assert labels == ["ours, trained on blurred", "paper, trained on normal", "ours, not trained"]


def test_shifts_are_filled_on_blurred_and_hollow_on_normal_pictures(drawn: list[Figure]) -> None:
    shifts_plot("SAD", [Shift("a", (1.0, 2.0), (3.0, 4.0))])
    found = [(x, colour, face) for x, _, colour, face in lines_of(drawn[0]) if len(x) == 1]
    assert found == [
        ((1.0,), study_plots.OURS, study_plots.OURS),
        ((2.0,), study_plots.OURS, "white"),
        ((3.0,), study_plots.PAPER, study_plots.PAPER),
        ((4.0,), study_plots.PAPER, "white"),
    ]


def test_the_second_line_of_a_long_name_is_not_cut_off(drawn: list[Figure]) -> None:
    name = f"{NAMES[0]}\ncontaminated"
    bars_plot("SAD", [("B:B", [Bar(name, 1.0, 2.0), Bar(name + "s", 1.0, 2.0)])])
    labels = [label.get_text() for label in drawn[0].axes[0].get_yticklabels()]
    assert labels == ["A method with a long name…\ncontaminated", "A method with a long name…\ncontaminateds"]
    assert [pair for pair in overlaps(drawn[0]) if pair[0] != pair[1]] == []


def test_without_a_number_of_ours_nothing_is_drawn() -> None:
    assert bars_plot("SAD", [("B:B", [Bar("a", NAN, 8.73)])]) is None
    assert bars_plot("SAD", []) is None
    assert slopes_plot("SAD", [Slopes("a", (Line("B", 1.0, 2.0, paper=True),))]) is None
    assert shifts_plot("SAD", [Shift("a", None, (1.0, 2.0))]) is None


def test_the_same_plot_has_the_same_bytes() -> None:
    assert bars_plot("SAD", [("B:B", bars()[:2])]) == bars_plot("SAD", [("B:B", bars()[:2])])
