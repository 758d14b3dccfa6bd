"""A study in plots: ours beside the paper, and what testing on normal pictures changes; PNG."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

OURS, PAPER, NORMAL = "#0072b2", "#e69f00", "#d55e00"
"""Okabe and Ito's blue, orange and vermillion, which colour-blind people can tell apart."""

NAN = math.nan
_LONGEST = 26  # letters of a name
_COLUMNS = 4  # small plots beside each other
_ROOM = 1.2  # for the figures beside the bars


@dataclass(frozen=True)
class Bar:
    """One method's figures; nan where there is none. A name may have two lines, here and below."""

    method: str
    ours: float
    paper: float
    spread: float = NAN


@dataclass(frozen=True)
class Line:
    """A method that was trained on B or N ("" if not at all), tested on blurred and on normal pictures."""

    trained_on: str
    blurred: float
    normal: float
    paper: bool


@dataclass(frozen=True)
class Slopes:
    """One method's lines."""

    method: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Shift:
    """One method's figures on blurred and on normal pictures, after one training; None where one is missing."""

    method: str
    ours: tuple[float, float] | None
    paper: tuple[float, float] | None


def bars_plot(metric: str, panels: Sequence[tuple[str, Sequence[Bar]]]) -> bytes | None:
    """Ours beside the paper's, a panel for each (title, bars); None where nothing is ours."""
    if not any(bar.ours == bar.ours for _, bars in panels for bar in bars):
        return None
    shown = [
        (title, [bar for bar in bars if not (bar.ours != bar.ours and bar.paper != bar.paper)])
        for title, bars in panels
    ]
    shown = [(title, bars) for title, bars in shown if bars]
    columns = min(2, len(shown))
    rows = -(-len(shown) // columns)
    high = max(len(bars) for _, bars in shown)
    with _figure(11 if columns > 1 else 8, rows * (0.5 * high + 1.1)) as (figure, stream):
        axes = figure.subplots(rows, columns, squeeze=False, sharex=True).ravel().tolist()
        for axis, (title, bars) in zip(axes, shown, strict=False):
            _bars(axis, f"{metric}, {title}", bars)
        axes[0].set_xlim(
            0, _ROOM * _longest(shown)
        )  # of all panels; one that is set before the others are drawn cuts them
        for axis in axes[len(shown) :]:
            axis.set_visible(False)
        _legend(figure, axes)
    return stream.getvalue()


def slopes_plot(metric: str, methods: Sequence[Slopes]) -> bytes | None:
    """A small plot for each method that has a line of ours, from blurred to normal; None where there is none."""
    shown = [one for one in methods if any(not line.paper for line in one.lines)]
    if not shown:
        return None
    columns = min(_COLUMNS, len(shown))
    rows = -(-len(shown) // columns)
    with _figure(max(2.75 * columns, 5.5), 2.4 * rows + 0.7) as (figure, stream):
        axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
        for axis, slopes in zip(axes, shown, strict=False):
            _slopes(axis, slopes)
        for axis in axes[len(shown) :]:
            axis.set_visible(False)
        figure.supylabel(metric, fontsize=10)
        _legend(figure, axes)
    return stream.getvalue()


def shifts_plot(metric: str, shifts: Sequence[Shift]) -> bytes | None:
    """From blurred to normal pictures, a line for each method; None where nothing is ours."""
    if not any(shift.ours is not None for shift in shifts):
        return None
    shown = [shift for shift in shifts if shift.ours is not None or shift.paper is not None]
    with _figure(8, 0.5 * len(shown) + 1.3) as (figure, stream):
        axis = figure.subplots()
        for number, shift in enumerate(shown):
            _shift(axis, number - 0.17, shift.ours, OURS, "ours")
            _shift(axis, number + 0.17, shift.paper, PAPER, "paper")
        _name_lines(axis, [shift.method for shift in shown])
        axis.set_xlabel(f"{metric}: from blurred (filled) to normal pictures (hollow)", fontsize=9)
        _legend(figure, [axis])
    return stream.getvalue()


def _shift(axis: Axes, y: float, pair: tuple[float, float] | None, colour: str, label: str) -> None:
    if pair is not None:
        axis.plot(pair, [y, y], color=colour, linewidth=1.6, label=label)
        axis.plot(pair[0], y, "o", color=colour)
        axis.plot(pair[1], y, "o", color=colour, markerfacecolor="white")


def _bars(axis: Axes, title: str, bars: Sequence[Bar]) -> None:
    """The first one above."""
    for number, bar in enumerate(bars):
        for value, spread, offset, colour, label in (
            (bar.ours, bar.spread, -0.19, OURS, "ours"),
            (bar.paper, NAN, 0.19, PAPER, "paper"),
        ):
            drawn = 0.0 if value != value else value
            error = None if spread != spread else spread
            axis.barh(number + offset, drawn, 0.36, color=colour, xerr=error, label=label, ecolor="#444", capsize=2)
            text = _short(value) if value == value else ("no number" if label == "ours" else "")
            _beside(axis, text, drawn + (error or 0.0), number + offset)
    _name_lines(axis, [bar.method for bar in bars])
    axis.tick_params(axis="x", labelbottom=True, labelsize=9)
    axis.set_title(title, fontsize=10, loc="left")


def _longest(panels: Sequence[tuple[str, Sequence[Bar]]]) -> float:
    """Where the last bar or spread ends; 1 where all are 0."""
    ends = [
        value + (0.0 if math.isnan(spread) else spread)
        for _, bars in panels
        for bar in bars
        for value, spread in ((bar.ours, bar.spread), (bar.paper, NAN))
        if not math.isnan(value)
    ]
    return max(ends) or 1.0


def _slopes(axis: Axes, slopes: Slopes) -> None:
    for line in slopes.lines:
        colour = {"N": NORMAL}.get(line.trained_on, OURS)
        trained = {"B": "trained on blurred", "N": "trained on normal"}.get(line.trained_on, "not trained")
        style = {"linestyle": "--", "alpha": 0.75} if line.paper else {"linestyle": "-"}
        face = "white" if line.paper else colour
        label = f"{'paper' if line.paper else 'ours'}, {trained}"
        values = [line.blurred, line.normal]
        axis.plot([0, 1], values, color=colour, marker="o", markerfacecolor=face, label=label, linewidth=1.6, **style)
    axis.set_xticks([0, 1], ["blurred", "normal"], fontsize=8)
    axis.set_xlim(-0.25, 1.25)
    axis.margins(y=0.15)
    axis.tick_params(axis="y", labelsize=8)
    axis.set_title(_name(slopes.method), fontsize=9)
    axis.grid(axis="y", alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)


def _beside(axis: Axes, text: str, x: float, y: float) -> None:
    """Inside of the margin, so it moves nothing; the layout is sooner done without it."""
    shown = axis.annotate(text, (x, y), (3, 0), textcoords="offset points", va="center", fontsize=7.5, color="#333")
    shown.set_in_layout(False)


def _name_lines(axis: Axes, methods: Sequence[str]) -> None:
    """A line for each method, the first one above."""
    axis.set_yticks(range(len(methods)), [_name(method) for method in methods], fontsize=9)
    axis.set_ylim(len(methods) - 0.5, -0.5)
    axis.grid(axis="x", alpha=0.3)
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)


def _legend(figure: Figure, axes: Sequence[Axes]) -> None:
    """Above all, each label once."""
    found = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(found.values(), found.keys(), loc="outside upper center", ncols=2, frameon=False, fontsize=9)


@contextmanager
def _figure(wide: float, high: float) -> Iterator[tuple[Figure, BytesIO]]:
    """A figure that is in the stream, as PNG, afterwards. Names are shown as they are, `$` too."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    stream = BytesIO()
    with rc_context({"text.parse_math": False}):
        figure = Figure(figsize=(wide, high), layout="constrained")
        yield figure, stream
        figure.savefig(stream, format="png", dpi=110, facecolor="white", metadata={"Software": None})


def _name(method: str) -> str:
    """Each of its lines cut to what fits."""
    lines = [" ".join(line.split()) for line in method.split("\n")]
    return "\n".join(line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…" for line in lines)


def _short(value: float) -> str:
    return f"{value:.4g}"
