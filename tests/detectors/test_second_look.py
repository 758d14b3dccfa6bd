"""The second opinion: boxes in picture coordinates, quiet on portraits, awake where the first look is weak."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from p3m_anon.detectors.centerface import CenterFace
from p3m_anon.detectors.second_look import LbpCascade, MirroredCenterFace
from p3m_anon.faces.verdict import unmatched

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB

PORTRAITS = (
    "ophoper_1.jpg", "ophoper_4.jpg", "u2_unsplash_man.jpg", "astronaut.png", "hopper.jpg", "guido.jpg", "maher.jpg",
    "obama.jpg", "obama_partial2.jpg", "ivan.jpg", "hands_on_head.jpg", "hand_mouth.jpg", "redhead.jpg", "vlado5.jpg",
    "man_glasses.jpg",
)  # fmt: skip


@pytest.fixture(scope="module")
def first() -> CenterFace:
    return CenterFace()


@pytest.fixture(scope="module")
def second(first: CenterFace) -> MirroredCenterFace:
    return MirroredCenterFace(first)


def test_sees_the_same_face(first: CenterFace, second: MirroredCenterFace) -> None:
    astronaut: RGB = np.asarray(data.astronaut(), np.uint8)
    ((box, score),) = second.boxes(astronaut)
    assert unmatched([box], [face.box for face in first.detect(astronaut)]) == ([], [])
    assert second.threshold < score <= 1
    assert second.model_sha256 == first.model_sha256


def test_box_follows_the_face(second: MirroredCenterFace) -> None:
    astronaut: RGB = np.asarray(data.astronaut(), np.uint8)
    wide = np.zeros((512, 900, 3), np.uint8)
    wide[:, 388:] = astronaut
    ((near, _),), ((far, _),) = second.boxes(astronaut), second.boxes(wide)
    assert np.abs(np.array(far) - np.array(near) - [388, 0, 388, 0]).max() < 15


def test_no_boxes_without_faces(second: MirroredCenterFace) -> None:
    assert second.boxes(np.zeros((64, 80, 3), np.uint8)) == ()
    assert second.boxes(np.asarray(data.rocket(), np.uint8)) == ()


def test_catches_a_face_that_a_weak_first_look_misses(second: MirroredCenterFace) -> None:
    small = cv2.resize(np.asarray(data.astronaut(), np.uint8), (96, 96), interpolation=cv2.INTER_AREA)
    crowd = np.zeros((400, 400, 3), np.uint8)
    crowd[100:196, 100:196] = small
    weak = CenterFace(long_side=96)
    assert weak.look(crowd, threshold=0.5).scores.size == 0
    assert len(second.boxes(crowd)) == 1


def test_lbp_cascade_sees_a_frontal_face(first: CenterFace) -> None:
    astronaut: RGB = np.asarray(data.astronaut(), np.uint8)
    lbp = LbpCascade()
    boxes = [box for box, _ in lbp.boxes(astronaut)]
    assert unmatched([face.box for face in first.detect(astronaut)], boxes) == ([], [])
    assert len(lbp.model_sha256) == 64
    assert lbp.boxes(np.zeros((20, 500, 3), np.uint8)) == ()


@pytest.mark.shared
def test_quiet_on_portraits(shared_data: Path, first: CenterFace, second: MirroredCenterFace) -> None:
    asked = []
    for name in PORTRAITS:
        rgb = np.asarray(Image.open(shared_data / "portraits" / name).convert("RGB"))
        faces = [face.box for face in first.detect(rgb)]
        boxes = [box for box, _ in second.boxes(rgb)]
        if unmatched(boxes, faces) != ([], []):
            asked.append(name)
    assert asked == []
