"""YuNet with the published weights, where they lie in `shared`; its errors everywhere."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import matplotlib.cbook
import numpy as np
import pytest
from PIL import Image
from skimage import data

from p3m_anon.detectors.networks import overlap
from p3m_anon.detectors.wide_look import WideLook
from p3m_anon.detectors.yunet import YuNet
from p3m_anon.errors import WeightsError
from p3m_anon.files import weights
from p3m_anon.files.weights_table import Weight

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB

FILE = "yunet_n_dynamic.onnx"


@pytest.fixture(scope="module")
def weights_dir() -> Path:
    """The folder `weights` in P3M_SHARED, or in `shared` beside the checkout; skips without the file."""
    beside = Path(__file__).resolve().parents[3] / "shared"
    folder = Path(os.environ.get("P3M_SHARED", beside)) / "weights"
    if not (folder / FILE).is_file():
        pytest.skip(f"{FILE} is not here; set P3M_SHARED to the folder that holds weights/{FILE}")
    return folder


@pytest.fixture(scope="module")
def network(weights_dir: Path) -> YuNet:
    return YuNet(weights_dir=weights_dir)


@pytest.fixture(scope="module")
def astronaut() -> RGB:
    return np.asarray(data.astronaut(), np.uint8)


@pytest.fixture(scope="module")
def hopper() -> RGB:
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as stream:
        return np.asarray(Image.open(stream).convert("RGB"))


@pytest.mark.shared
def test_is_a_box_network(network: YuNet) -> None:
    assert network.model_sha256 == weights.WEIGHTS["yunet"].sha256
    assert 0 < network.lowest <= network.confirms <= network.threshold <= network.sure < 1


@pytest.mark.shared
@pytest.mark.parametrize("name", ["astronaut", "hopper"])
def test_sees_the_face(network: YuNet, name: str, request: pytest.FixtureRequest) -> None:
    rgb: RGB = request.getfixturevalue(name)
    face = {"astronaut": (175, 70, 275, 190), "hopper": (205, 95, 375, 330)}[name]
    found = network.find(rgb)
    assert found.scores.max() >= network.sure
    assert overlap(found.boxes[found.scores.argmax()][None], np.array([face], float))[0, 0] > 0.4
    assert found.boxes.dtype == found.scores.dtype == np.float64


@pytest.mark.shared
def test_box_follows_the_face(network: YuNet, astronaut: RGB) -> None:
    wide = np.zeros((544, 900, 3), np.uint8)
    wide[32:, 384:896] = astronaut
    near, far = (found.boxes[found.scores.argmax()] for found in (network.find(astronaut), network.find(wide)))
    assert np.abs(far - near - [384, 32, 384, 32]).max() < 6


@pytest.mark.shared
def test_views_are_read_as_they_are(network: YuNet, astronaut: RGB) -> None:
    for view in (astronaut[::2, ::2], astronaut[:, ::-1], astronaut.transpose(1, 0, 2)):
        for one, other in zip(network.find(view), network.find(np.ascontiguousarray(view)), strict=True):
            assert np.array_equal(one, other)


@pytest.mark.shared
@pytest.mark.parametrize("shape", [(1, 1), (1, 700), (31, 33), (40, 1), (97, 211)])
def test_any_size_is_accepted(network: YuNet, shape: tuple[int, int]) -> None:
    found = network.find(np.full((*shape, 3), 90, np.uint8))
    assert found.boxes.shape == (len(found.scores), 4)
    assert (found.scores < network.confirms).all()


@pytest.mark.shared
@pytest.mark.parametrize("rgb", [np.zeros((64, 64, 3)), np.zeros((64, 64), np.uint8), np.zeros((0, 9, 3), np.uint8)])
def test_what_is_no_picture_is_refused(network: YuNet, rgb: RGB) -> None:
    with pytest.raises(ValueError, match="uint8"):
        network.find(rgb)


@pytest.mark.shared
def test_threads_do_not_mix_their_pictures(network: YuNet, astronaut: RGB, hopper: RGB) -> None:
    pictures = [astronaut, hopper] * 3
    expected = [network.find(rgb) for rgb in pictures]
    answers: dict[int, object] = {}

    def work(index: int) -> None:
        for _ in range(3):
            answers[index] = network.find(pictures[index])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(pictures))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, one in enumerate(expected):
        assert np.allclose(one.boxes, answers[index].boxes, atol=1e-3)


@pytest.mark.shared
def test_small_and_large_faces_through_the_wide_look(network: YuNet, astronaut: RGB) -> None:
    head = astronaut[0:260, 95:355]
    scene = np.full((1400, 2000, 3), 80, np.uint8)
    places = [(100, 90, 90), (900, 300, 1000)]
    for x, y, side in places:
        how = cv2.INTER_AREA if side < 260 else cv2.INTER_CUBIC
        scene[y : y + side, x : x + side] = cv2.resize(head, (side, side), interpolation=how)
    found = WideLook(network).look(scene).found
    middles = (found.boxes[:, :2] + found.boxes[:, 2:]) / 2
    for x, y, side in places:
        assert ((middles > [x, y]) & (middles < [x + side, y + side])).all(1).any(), side
    assert len(found.scores) <= 3


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"p3m-anon weights fetch .*yunet"):
        YuNet(weights_dir=tmp_path)


@pytest.mark.shared
def test_other_bytes_are_not_loaded(weights_dir: Path, tmp_path: Path) -> None:
    shutil.copy(weights_dir / FILE, tmp_path / FILE)
    os.chmod(tmp_path / FILE, 0o644)
    with (tmp_path / FILE).open("ab") as stream:
        stream.write(b"!")
    with pytest.raises(WeightsError, match="p3m-anon weights fetch --force yunet"):
        YuNet(weights_dir=tmp_path)


def test_a_file_that_opencv_cannot_read_is_one_of_our_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = b"no network at all"
    weight = Weight("yunet", FILE, hashlib.sha256(content).hexdigest(), "a test", url="https://example.org/" + FILE)
    monkeypatch.setattr(weights, "WEIGHTS", {"yunet": weight})
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be loaded"):
        YuNet(weights_dir=tmp_path)
