"""A drawn face: 68 landmarks of a plain frontal head, to be placed anywhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from p3m_anon.faces.face import Face


def unit_landmarks() -> np.ndarray:
    """(68, 2) in a box of about one width: x from -0.5 to 0.5, y down, eyes near 0."""
    jaw = np.linspace(np.pi, 0, 17)
    points = [(0.5 * np.cos(a), 0.05 + 0.65 * np.sin(a)) for a in jaw]
    points += [(x, -0.12 - 0.04 * np.sin(np.pi * t)) for t, x in enumerate(np.linspace(-0.4, -0.1, 5))]
    points += [(x, -0.12 - 0.04 * np.sin(np.pi * t)) for t, x in enumerate(np.linspace(0.1, 0.4, 5))]
    points += [(0.0, y) for y in np.linspace(0.0, 0.24, 4)]
    points += [(x, 0.3) for x in np.linspace(-0.1, 0.1, 5)]
    for centre in (-0.22, 0.22):
        points += [(centre + 0.1 * np.cos(a), 0.02 + 0.03 * np.sin(a)) for a in np.linspace(np.pi, 3 * np.pi, 7)[:6]]
    points += [(0.18 * np.cos(a), 0.45 + 0.06 * np.sin(a)) for a in np.linspace(np.pi, 3 * np.pi, 13)[:12]]
    points += [(0.12 * np.cos(a), 0.45 + 0.02 * np.sin(a)) for a in np.linspace(np.pi, 3 * np.pi, 9)[:8]]
    return np.array(points)


@pytest.fixture(scope="session")
def make_face() -> Callable[..., Face]:
    """make_face(x, y, width, angle=0, **fields): a face whose eyes' middle is at x, y."""

    def make(x: float, y: float, width: float, angle: float = 0.0, **fields: object) -> Face:
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        landmarks = unit_landmarks() @ turn * width + (x, y)
        box = (*landmarks.min(0), *landmarks.max(0))
        values = {"landmarks": landmarks, "box": box, "score": 0.9, "detector": "drawn", **fields}
        return Face(**values)

    return make
