"""Random pictures as `judge` sees them: sizes, faces, boxes of two looks, mattes and settings."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

from p3m_anon.faces.face import Face
from p3m_anon.faces.judge import Judged, judge
from p3m_anon.faces.outline import ELLIPSE_CORE, ellipse
from p3m_anon.faces.patch import union
from p3m_anon.faces.raster import rasterize
from p3m_anon.faces.settings import BlurSettings
from p3m_anon.faces.sight import Sight, Sighting
from tests.faces.conftest import unit_landmarks

VIEWS = ("frontal", "frontal", "three-quarter", "profile", "unknown")
SCORES = st.one_of(st.sampled_from([0.2, 0.49, 0.5, 0.9]), st.floats(0, 1))


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture of `size`, height before width, and what there is to judge it by."""

    size: tuple[int, int]
    sight: Sight
    alpha: np.ndarray | None
    settings: BlurSettings

    def judged(self, sight: Sight | None = None, **said) -> Judged:
        return judge(self.size, self.sight if sight is None else sight, self.alpha, self.settings, **said)

    def with_sight(self, **fields) -> Scene:
        return replace(self, sight=replace(self.sight, **fields))

    @property
    def between(self) -> np.ndarray:
        """Pixels strictly in transition, bool (H, W)."""
        if self.alpha is None:
            return np.zeros(self.size, bool)
        scale = 1 if self.alpha.dtype == np.uint8 else 257
        lo, hi = self.settings.transition_lo * scale, self.settings.transition_hi * scale
        return (self.alpha > lo) & (self.alpha < hi)


def boxes_of(sight: Sight):
    """Every box that any look saw."""
    return [face.box for face in sight.faces] + list(sight.second_boxes)


def inner(box, size) -> np.ndarray:
    """What has to be covered in any case, bool (H, W)."""
    return rasterize(ellipse(box, ELLIPSE_CORE), size).full(size)


def masked(judged: Judged, size) -> np.ndarray:
    """What is blurred, bool (H, W)."""
    return union([mask.adjusted for mask in judged.masks], size)


def reasons(judged: Judged):
    return [finding.reason for finding in judged.findings]


def face_at(x, y, width, angle=0.0, **fields) -> Face:
    """A drawn face whose eyes' middle is at x, y."""
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    landmarks = unit_landmarks() @ turn * width + (x, y)
    box = tuple(float(v) for v in (*landmarks.min(0), *landmarks.max(0)))
    return Face(**{"landmarks": landmarks, "box": box, "score": 0.9, "detector": "drawn", **fields})


def eighths(values):
    """Rounded to eighths of a pixel, so that mirroring is exact."""
    return tuple(round(float(v) * 8) / 8 for v in values)


@st.composite
def moved(draw, box):
    """A box near another one, of about its size: what another look says of the same face."""
    shift = draw(st.tuples(*[st.floats(-0.3, 0.3)] * 4))
    width, height = box[2] - box[0], box[3] - box[1]
    x0, y0, x1, y1 = (v + s * side for v, s, side in zip(box, shift, (width, height, width, height), strict=True))
    return eighths((x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)))


@st.composite
def free_boxes(draw, size):
    """A box anywhere, also partly or wholly outside the picture."""
    width, height = draw(st.floats(2, 0.9 * size[1])), draw(st.floats(2, 0.9 * size[0]))
    x, y = draw(st.floats(-0.5 * width, size[1])), draw(st.floats(-0.5 * height, size[0]))
    return eighths((x, y, x + width, y + height))


@st.composite
def faces(draw, size):
    """A face in or near the picture; its box is not always that of its landmarks."""
    width = draw(st.one_of(st.sampled_from([8, 31, 33, 60]), st.floats(3, 0.8 * min(size))))
    x, y = draw(st.floats(-5, size[1] + 5)), draw(st.floats(-5, size[0] + 5))
    face = face_at(x, y, width, draw(st.sampled_from([0.0, 0.0, 0.4, -0.6, 1.6, 3.1])))
    landmarks = np.round(face.landmarks * 8) / 8
    box = eighths(face.box) if draw(st.booleans()) else draw(moved(face.box))
    margin = draw(st.sampled_from([0.0, 0.06]))
    return Face(landmarks, box, draw(SCORES), "drawn", margin, draw(st.sampled_from(VIEWS)))


@st.composite
def alphas(draw, size, seen):
    """No matte, an even one, a soft-edged disc, strands of hair, or noise; 8 and 16 bit."""
    kind = draw(st.sampled_from(["none", "even", "disc", "disc", "strands", "noise"]))
    if kind == "none":
        return None
    y, x = np.mgrid[: size[0], : size[1]]
    if kind == "even":
        alpha = np.full(size, draw(st.sampled_from([0.0, 1.0, 1.0, 0.5])))
    elif kind == "disc":
        box = draw(st.sampled_from(seen)) if seen else (10, 10, 40, 40)
        centre = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
        radius = (box[2] - box[0]) * draw(st.floats(0.3, 1.2))
        alpha = np.clip((radius - np.hypot(x - centre[0], y - centre[1])) / draw(st.floats(0.5, 6)), 0, 1)
    else:
        chance = np.random.default_rng(draw(st.integers(0, 1000)))
        alpha = np.ones(size)
        if kind == "strands":
            for at in chance.integers(0, size[1], draw(st.integers(1, 4))):
                alpha[:, at] = 0.5
        else:
            alpha[chance.random(size) < draw(st.sampled_from([0.0005, 0.01]))] = 0.5
    dtype = draw(st.sampled_from([np.uint8, np.uint16]))
    return np.round(alpha * np.iinfo(dtype).max).astype(dtype)


@st.composite
def settings(draw):
    """What a user can choose, and bounds beside the defaults."""
    return BlurSettings(
        blur_profile=draw(st.sampled_from(["p3m", "p3m", "strict"])),
        side_views=draw(st.sampled_from(["ellipse", "ellipse", "ellipse", "review"])),
        on_disagreement=draw(st.sampled_from(["mask", "mask", "mask", "review"])),
        transition_radius=draw(st.sampled_from([None, 0, 4])),
        max_extra=draw(st.sampled_from([0.02, 0.5])),
        max_unseen=draw(st.sampled_from([1.0, 10.0])),
    )


@st.composite
def scenes(draw, two_looks=None):
    """A whole scene; two_looks: whether there is a second look, None for either."""
    size = draw(st.tuples(st.integers(20, 140), st.integers(20, 140)))
    seen = draw(st.lists(faces(size), max_size=3))
    second = [draw(st.one_of(st.just(face.box), moved(face.box))) for face in seen if draw(st.integers(0, 3))]
    second += draw(st.lists(free_boxes(size), max_size=2))
    with_second = draw(st.integers(0, 4)) > 0 if two_looks is None else two_looks
    sightings = tuple(Sighting(box, draw(SCORES)) for box in second) if with_second else None
    sight = Sight(tuple(seen), sightings, sure_second=0.7)
    return Scene(size, sight, draw(alphas(size, boxes_of(sight))), draw(settings()))
