"""Pasted bystanders: where they lie, and that none of them is released clear."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.cbook import get_sample_data
from PIL import Image
from skimage import data

from p3m_anon.detectors.looks import Looks
from p3m_anon.faces.judge import judge
from p3m_anon.faces.outline import ELLIPSE_CORE, ellipse
from p3m_anon.faces.patch import union
from p3m_anon.faces.raster import rasterize
from p3m_anon.faces.settings import BlurSettings
from p3m_anon.jobs.blur.detectors import build_looks, plan_looks
from p3m_anon.jobs.blur.request import BlurRequest
from tools.paste_faces import KINDS, RGB, Box, Head, cut_head, free_corner, paste, side_of

CLEAR = 0.5  # share of the inner ellipse outside every mask
EACH = 3  # faces in a picture
SEED = 3


@pytest.fixture(scope="module")
def portraits() -> dict[str, RGB]:
    """The two portraits that ship inside dependencies' wheels."""
    with get_sample_data("grace_hopper.jpg") as stream:
        return {"hopper": np.asarray(Image.open(stream).convert("RGB")), "astronaut": data.astronaut()}


@pytest.fixture(scope="module")
def looks(tmp_path_factory: pytest.TempPathFactory) -> Looks:
    """The embedded networks, whatever else is installed."""
    request = BlurRequest(Path(), detector="centerface", weights_dir=tmp_path_factory.mktemp("none"))
    return build_looks(request, plan_looks(request))


@pytest.fixture(scope="module")
def boxes(portraits: dict[str, RGB], looks: Looks) -> dict[str, Box]:
    return {name: looks.first.detect(rgb)[0].box for name, rgb in portraits.items()}


@pytest.fixture(scope="module")
def heads(portraits: dict[str, RGB], boxes: dict[str, Box]) -> list[Head]:
    found = [cut_head(rgb, boxes[name], name) for name, rgb in portraits.items()]
    assert None not in found
    return found


def test_a_head_is_pasted_where_its_box_says(heads: list[Head]) -> None:
    ground = np.full((200, 300, 3), 90, np.uint8)
    for head in heads:
        pasted = paste(ground, head, 40, (60, 50), "plain")
        x0, y0, x1, y1 = pasted.box
        assert x1 - x0 == pytest.approx(40)
        side = side_of(head, 40)
        outside = np.ones(ground.shape[:2], bool)
        outside[50 : 50 + side, 60 : 60 + side] = False
        assert np.array_equal(pasted.rgb[outside], ground[outside])
        assert (pasted.rgb[round(y0) : round(y1), round(x0) : round(x1)] != 90).mean() > 0.95
    assert (ground == 90).all()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_spoils_the_picture_its_own_way(heads: list[Head], kind: str) -> None:
    ground = np.random.default_rng(0).integers(60, 200, (120, 120, 3), np.uint8)
    plain, other = (paste(ground, heads[0], 40, (10, 10), k).rgb for k in ("plain", kind))
    assert other.shape == plain.shape
    assert np.array_equal(plain, other) == (kind == "plain")


def test_heads_at_the_edge_are_not_cut(portraits: dict[str, RGB]) -> None:
    assert cut_head(portraits["astronaut"], (0.0, 0.0, 90.0, 110.0), "corner") is None


def test_corners_are_free_and_repeatable() -> None:
    taken = [(100.0, 100.0, 180.0, 190.0)]
    first, again = ([free_corner(np.random.default_rng(5), (300, 400), 60, taken) for _ in range(2)] for _ in range(2))
    assert first == again
    chance = np.random.default_rng(6)
    for _ in range(50):
        x, y = free_corner(chance, (300, 400), 60, taken)
        assert 0 <= x <= 340
        assert 0 <= y <= 240
        assert x > 180 or x + 60 < 100 or y > 190 or y + 60 < 100
    assert free_corner(chance, (50, 400), 60, []) is None
    assert free_corner(chance, (70, 70), 60, [(0.0, 0.0, 70.0, 70.0)]) is None


def background(portraits: dict[str, RGB], boxes: dict[str, Box], number: int) -> tuple[RGB, list[Box]]:
    """A portrait beside a still life: the main face is seen by both looks, so that a missed bystander is released."""
    name = list(portraits)[number % 2]
    others = [data.coffee(), data.rocket(), cv2.cvtColor(data.brick(), cv2.COLOR_GRAY2RGB)]
    left = portraits[name][:512]
    right = cv2.resize(others[number % 3], (600, 512))
    return np.ascontiguousarray(np.concatenate([left, right], 1)), [boxes[name]]


@pytest.mark.parametrize("width", [24, 32, 48])
def test_no_pasted_face_is_released_clear(
    looks: Looks, portraits: dict[str, RGB], boxes: dict[str, Box], heads: list[Head], width: int
) -> None:
    chance = np.random.default_rng(SEED + width)
    clear, released = [], 0
    for number, kind in enumerate(KINDS):
        rgb, taken = background(portraits, boxes, number)
        pasted: list[Box] = []
        for index in range(EACH):
            head = heads[(number + index) % 2]
            corner = free_corner(chance, rgb.shape[:2], side_of(head, width), [*taken, *pasted])
            assert corner is not None
            one = paste(rgb, head, width, corner, "tilted" if kind == "tilted" else "plain")
            rgb = one.rgb
            pasted.append(one.box)
        rgb = KINDS[kind](rgb)  # the picture is spoilt once, when all its faces are there
        (sight,) = looks.see([rgb])
        judged = judge(rgb.shape[:2], sight, None, BlurSettings())
        released += not judged.findings
        mask = union([m.adjusted for m in judged.masks], rgb.shape[:2])
        for box in pasted:
            inner = rasterize(ellipse(box, ELLIPSE_CORE), rgb.shape[:2])
            share = np.count_nonzero(mask[inner.slices] & inner.mask) / inner.area
            if share < CLEAR and not judged.findings:
                clear.append((kind, [round(v) for v in box], round(share, 2)))
    assert clear == []
    assert released >= 3  # it is not won by sending everything to a person


def crowd(head: Head, side: int, width: float = 40.0) -> tuple[RGB, list[Box]]:
    """A head in a grid of `side` x `side`, its face `width` pixels wide; and the faces' boxes."""
    scale = width / (head.box[2] - head.box[0])
    step = side_of(head, width)
    small = cv2.resize(head.rgb, (step, step), interpolation=cv2.INTER_AREA)
    corners = [(step * x, step * y) for y in range(side) for x in range(side)]
    x0, y0, x1, y1 = (v * scale for v in head.box)
    return np.tile(small, (side, side, 1)), [(x0 + x, y0 + y, x1 + x, y1 + y) for x, y in corners]


@pytest.mark.parametrize("side", [10, pytest.param(34, marks=pytest.mark.slow)])
def test_a_crowd_is_masked_to_the_last_face(looks: Looks, heads: list[Head], side: int) -> None:
    """1,156 faces are more than a network's list holds: tiles are cut until they fit."""
    rgb, faces = crowd(heads[1], side)
    start = time.process_time()
    (sight,) = looks.see([rgb])
    judged = judge(rgb.shape[:2], sight, None, BlurSettings())
    assert time.process_time() - start < 0.2 * side * side + 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 4_000_000  # KB, with all that other tests have loaded
    mask = union([m.adjusted for m in judged.masks], rgb.shape[:2])
    for box in faces:
        inner = rasterize(ellipse(box, ELLIPSE_CORE), rgb.shape[:2])
        assert mask[inner.slices][inner.mask].mean() > 0.9, box  # the box is that of the large picture
    assert judged.counts.both > 0.9 * len(faces)
