"""A run in pictures: its curves, and mattes of the same portraits as it goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np

from p3m_anon.files.atomic import write_bytes

GAP = 6
LARGEST = 2000  # points of a curve; of more, each is the mean of some
TERMS = ("total", "alpha_transition", "laplacian_transition", "alpha", "laplacian", "composition", "segmentation")
BANNER = "Private: contains unblurred faces. Do not publish it."

Columns = Mapping[str, Sequence[float]]


def write_curves(file: Path, steps: Columns, validations: Columns) -> None:
    """PNG: the loss and its terms, SAD and SAD-T of the validations, the speed.

    steps, validations: the columns of metrics.csv and validations.csv; nan is left out. Raises as `write_bytes`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 7), layout="constrained")
    (loss, terms), (sad, speed) = figure.subplots(2, 2)
    _curve(loss, steps, ("total",), "loss")
    _curve(terms, steps, TERMS[1:], "its terms, before their weights")
    _curve(sad, validations, ("sad", "sad_t"), "SAD, validation", marker=".")
    _curve(speed, steps, ("images_per_second",), "images a second")
    stream = BytesIO()
    figure.savefig(stream, format="png", dpi=110)
    write_bytes(file, stream.getvalue(), private=True)


def write_sheet(file: Path, panels: Sequence[bytes], *, shows_clear_faces: bool) -> None:
    """PNG: panels of `eval_panel` (JPEG; image, alpha, prediction, error) one below the other, under a banner where
    faces are clear. Raises as `write_bytes`."""
    decoded = (cv2.imdecode(np.frombuffer(panel, np.uint8), cv2.IMREAD_COLOR) for panel in panels)
    strips = [strip for strip in decoded if strip is not None]
    width = max(max(strip.shape[1] for strip in strips), 480 if shows_clear_faces else 0)
    rows = [_wide(strip, width) for strip in strips]
    if shows_clear_faces:
        banner = np.full((30, width, 3), (26, 22, 164), np.uint8)
        rows.insert(0, cv2.putText(banner, BANNER, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 255), 1))
    write_bytes(file, bytes(cv2.imencode(".png", np.vstack(rows))[1]), private=True)


def thinned(values: Sequence[float], most: int = LARGEST) -> tuple[list[int], list[float]]:
    """Places and values of a curve with at most `most` points, each the mean of as many values as the others."""
    array = np.asarray(values, np.float64)
    every = -(-len(array) // most) or 1
    starts = np.arange(0, len(array), every)
    if not len(starts):
        return [], []
    sums = np.add.reduceat(array, starts)
    return starts.tolist(), (sums / np.diff([*starts, len(array)])).tolist()


def _curve(axes: object, columns: Columns, names: Sequence[str], title: str, marker: str = "") -> None:
    from matplotlib.axes import Axes

    assert isinstance(axes, Axes)
    for name in names:
        pairs = zip(columns["step"], columns[name], strict=True) if name in columns else ()
        there = [(step, one) for step, one in pairs if one == one]
        places, values = thinned([one for _, one in there])
        if values:
            axes.plot([there[place][0] for place in places], values, marker=marker, label=name, linewidth=1)
    axes.set_title(title)
    axes.set_xlabel("step")
    axes.grid(alpha=0.3)
    if len(names) > 1 and axes.lines:
        axes.legend(fontsize=8)


def _wide(strip: cv2.typing.MatLike, width: int) -> cv2.typing.MatLike:
    return cv2.copyMakeBorder(strip, 0, GAP, 0, width - strip.shape[1], cv2.BORDER_CONSTANT, value=(128, 128, 128))
