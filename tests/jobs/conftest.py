"""Small folders of pictures, and detectors that see what a test tells them to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from p3m_anon.detectors import shape_prior
from p3m_anon.detectors.looks import Looks
from p3m_anon.detectors.networks import Boxes, no_boxes
from p3m_anon.detectors.wide_look import Glance
from p3m_anon.faces.face import Face
from p3m_anon.jobs.blur.detectors import LookPlan

SIZE = (160, 120)  # width, height


def drawn_face(box: tuple[float, float, float, float] = (30, 20, 90, 100)) -> Face:
    return Face(shape_prior.mean_in_box(box), box, 0.9, "stub")


class StubDetector:
    """Sees one face in every picture but in those whose upper left pixel is black; both looks in one."""

    name, model_sha256, sure = "stub", "0" * 64, 0.5

    def __init__(self) -> None:
        self.seen = 0

    def detect(self, rgb: np.ndarray) -> tuple[Face, ...]:
        self.seen += 1
        return () if not rgb[0, 0].any() else (drawn_face(),)

    def detect_batch(self, images: list[np.ndarray]) -> list[tuple[Face, ...]]:
        return [self.detect(rgb) for rgb in images]

    def look(self, rgb: np.ndarray, *, coarse: bool = False) -> Glance:
        if not rgb[0, 0].any():
            return Glance(no_boxes(), no_boxes())
        return Glance(Boxes(np.array([drawn_face().box], float), np.array([0.9])), no_boxes())

    def smallest_face(self, height: int, width: int) -> float:
        return 12.0


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch) -> StubDetector:
    """The detector that `blur_folder` will use."""
    detector = StubDetector()
    plan = LookPlan("stub", "stub", "stub", {"detector": "stub"})  # not on the CPU, so it runs in this process
    monkeypatch.setattr("p3m_anon.jobs.blur.run.plan_looks", lambda request: plan)
    monkeypatch.setattr("p3m_anon.jobs.blur.run.build_looks", lambda request, plan: Looks(detector, detector))
    return detector


@pytest.fixture
def picture() -> Callable[..., np.ndarray]:
    """picture(seed, face=True): random pixels, uint8 (H, W, 3)."""

    def make(seed: int, face: bool = True) -> np.ndarray:
        rgb = np.random.default_rng(seed).integers(1, 256, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
        if not face:
            rgb[[0, 0, -1, -1], [0, -1, 0, -1]] = 0  # whichever way it is turned
        return rgb

    return make


@pytest.fixture
def photos(tmp_path: Path, picture: Callable[..., np.ndarray]) -> Path:
    """Three portraits, one picture without a face, one broken file, one film."""
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b.png", "sub/c.png")):
        Image.fromarray(picture(number)).save(folder / name)
    Image.fromarray(picture(9, face=False)).save(folder / "empty.png")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    frames = [Image.fromarray(picture(n)) for n in (1, 2)]
    frames[0].save(folder / "film.webp", save_all=True, append_images=frames[1:])
    return folder
