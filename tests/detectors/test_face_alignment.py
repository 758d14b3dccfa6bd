"""The whole detector with the package's real networks, filled with seeded random weights under the right names.

Random weights find no faces, but they find the same places in the same pixels: whoever crops, flips, scales or
batches differently from face-alignment itself ends up somewhere else.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import torch

from p3m_anon.detectors.face_alignment import WEIGHT_NAMES, FaceAlignment
from p3m_anon.detectors.protocol import Detector
from p3m_anon.errors import UsageError, WeightsError
from p3m_anon.faces.face import Face
from p3m_anon.files import weights
from p3m_anon.files.weights import Weight

LEVELS = ("conv3_3_norm", "conv4_3_norm", "conv5_3_norm", "fc7", "conv6_2", "conv7_2")
FIRING = LEVELS[:3]  # anchors of 16, 32 and 64 pixels


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """On a busy machine torch's threads wait for each other longer than these small pictures take."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def picture(seed: int, height: int = 128, width: int = 192) -> npt.NDArray[np.uint8]:
    """Soft coloured blobs, uint8 (H, W, 3)."""
    small = np.random.default_rng(seed).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.uint8)


def random_s3fd() -> dict[str, torch.Tensor]:
    """S3FD weights that see one face of each size of FIRING in `picture(0)`."""
    from face_alignment.detection.sfd.net_s3fd import s3fd

    net = s3fd().eval()
    with torch.no_grad():
        for level in LEVELS:
            head = getattr(net, f"{level}_mbox_conf")
            head.weight[:-1] = 0
            head.bias[:-1] = 0
        batch = torch.from_numpy(picture(0)[..., ::-1].copy()).permute(2, 0, 1)[None].float()
        batch -= torch.tensor([104.0, 117.0, 123.0]).view(1, 3, 1, 1)
        for level, logits in zip(LEVELS, net(batch)[0::2], strict=True):
            head = getattr(net, f"{level}_mbox_conf")
            first, second = logits[:, 1].flatten().topk(2).values if level in FIRING else (20.0, 20.0)
            head.bias[-1] -= (first + second) / 2  # the best place is above 0 then, the second best below
            head.weight[-1] *= 30
            head.bias[-1] *= 30
    return net.state_dict()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights folder, laid out so that TORCH_HOME can point at it too."""
    from face_alignment.models import FAN

    folder = tmp_path_factory.mktemp("torch") / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(20)
        torch.save(random_s3fd(), folder / weights.WEIGHTS["s3fd"].file)
        torch.save(FAN(4).state_dict(), folder / weights.WEIGHTS["2dfan4"].file)
    return folder


def pin(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Make the table expect the files that lie in `folder`."""
    table = {}
    for name in WEIGHT_NAMES:
        known = weights.WEIGHTS[name]
        table[name] = Weight(name, known.file, weights.digest(folder / known.file), known.purpose, known.url)
    monkeypatch.setattr(weights, "WEIGHTS", table)


@pytest.fixture
def pinned(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    pin(monkeypatch, folder)
    return folder


@pytest.fixture(scope="module")
def detector(folder: Path) -> FaceAlignment:
    with pytest.MonkeyPatch.context() as monkeypatch:
        pin(monkeypatch, folder)
        return FaceAlignment(folder, batch_size=2)


@pytest.fixture(scope="module")
def faces(detector: FaceAlignment) -> tuple[Face, ...]:
    return detector.detect(picture(0))


def test_agrees_with_the_stock_call(faces: tuple[Face, ...], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import face_alignment

    monkeypatch.setenv("TORCH_HOME", str(folder.parent.parent))
    stock = face_alignment.FaceAlignment(face_alignment.LandmarksType.TWO_D, device="cpu", compile=False)
    expected, _, boxes = stock.get_landmarks_from_image(picture(0), return_bboxes=True)
    assert 2 <= len(faces) == len(boxes)
    for face, box, landmarks in zip(faces, boxes, expected, strict=True):
        np.testing.assert_allclose([*face.box, face.score], box, atol=1e-3)
        inside = (landmarks > 0).all(1)  # stock cuts negative values off towards 0
        assert np.abs(face.landmarks - landmarks)[inside].max() < 1
        assert np.abs(face.landmarks - landmarks).max() < 2


def test_batch_is_the_same_as_one_by_one(detector: FaceAlignment, faces: tuple[Face, ...]) -> None:
    other = np.ascontiguousarray(picture(0)[:, ::-1])
    together = detector.detect_batch([other, picture(0), picture(0, 64, 128)])
    assert [face.score for face in faces] == sorted((face.score for face in faces), reverse=True)
    assert len(together[1]) == len(faces)
    for ours, alone in zip(together[1], faces, strict=True):
        assert ours.detector == "face-alignment"
        assert ours.landmarks.shape == (68, 2)
        assert ours.score == pytest.approx(alone.score, abs=1e-4)
        assert np.abs(ours.landmarks - alone.landmarks).max() < 1e-3


def test_large_picture_is_searched_at_the_bounded_size(pinned: Path) -> None:
    """Every pixel doubled and halved again: the same boxes, twice as large."""
    small, large = picture(0), cv2.resize(picture(0), (384, 256), interpolation=cv2.INTER_NEAREST)
    half = FaceAlignment(pinned, long_side=192)._boxes.find([np.asarray(large, dtype=np.uint8)])[0]
    full = FaceAlignment(pinned, long_side=192)._boxes.find([small])[0]
    np.testing.assert_allclose(half[:, :4], 2 * full[:, :4], atol=1e-3)


def test_no_pictures_and_no_faces(pinned: Path) -> None:
    detector = FaceAlignment(pinned, score_threshold=0.999999)
    assert detector.detect_batch([]) == []
    assert detector.detect(picture(0)) == ()


def test_follows_the_protocol(detector: FaceAlignment) -> None:
    follows: Detector = detector
    assert follows.name == "face-alignment"
    assert len(follows.model_sha256) == 64


@pytest.mark.parametrize(
    "rgb",
    [
        np.zeros((64, 64, 3), dtype=np.float32),
        np.zeros((64, 64, 3), dtype=np.uint16),
        np.zeros((64, 64), dtype=np.uint8),
        np.zeros((64, 64, 4), dtype=np.uint8),
        np.zeros((0, 64, 3), dtype=np.uint8),
    ],
)
def test_pictures_that_stock_takes_for_something_else_are_refused(
    detector: FaceAlignment, rgb: npt.NDArray[np.uint8]
) -> None:
    with pytest.raises(ValueError, match=r"images\[1\]"):
        detector.detect_batch([picture(1), rgb])


def test_input_is_not_written_to(detector: FaceAlignment) -> None:
    rgb = picture(3, 64, 64)
    before = rgb.copy()
    rgb.flags.writeable = False
    detector.detect(rgb)
    detector._landmarks.find([(rgb, (10.0, 10.0, 40.0, 40.0))])
    np.testing.assert_array_equal(rgb, before)


def test_loading_leaves_the_users_seed_alone(pinned: Path) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    FaceAlignment(pinned)
    assert torch.equal(torch.rand(3), expected)


def test_missing_weights_are_named_together(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="weights fetch") as caught:
        FaceAlignment(tmp_path)
    for name in WEIGHT_NAMES:
        assert weights.WEIGHTS[name].url in str(caught.value)


def test_random_weights_are_refused_by_the_published_digest(folder: Path) -> None:
    with pytest.raises(WeightsError, match="expected 619a316812"):
        FaceAlignment(folder)


def test_pickled_code_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in WEIGHT_NAMES:
        torch.save({"weight": Path("anything but a tensor")}, tmp_path / weights.WEIGHTS[name].file)
    pin(monkeypatch, tmp_path)
    with pytest.raises(WeightsError, match="does not hold"):
        FaceAlignment(tmp_path)


def test_weights_of_another_network_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in WEIGHT_NAMES:
        torch.save({"weight": torch.zeros(3)}, tmp_path / weights.WEIGHTS[name].file)
    pin(monkeypatch, tmp_path)
    with pytest.raises(WeightsError, match="does not hold"):
        FaceAlignment(tmp_path)


@pytest.mark.parametrize("device", ["gpu", "meta", "cuda:99"])
def test_device_that_is_not_there(pinned: Path, device: str) -> None:
    with pytest.raises(UsageError, match="device"):
        FaceAlignment(pinned, device)


@pytest.mark.parametrize(
    "setting", [{"long_side": 10}, {"batch_size": 0}, {"score_threshold": 0.0}, {"score_threshold": 1.0}]
)
def test_settings_out_of_range(tmp_path: Path, setting: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        FaceAlignment(tmp_path, **setting)  # type: ignore[arg-type]


@pytest.mark.gpu
def test_gpu_agrees(pinned: Path, detector: FaceAlignment) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    images = [picture(0), picture(0, 64, 128)]
    on_gpu = FaceAlignment(pinned, "cuda").detect_batch(images)
    for faces, expected in zip(on_gpu, detector.detect_batch(images), strict=True):
        assert len(faces) == len(expected)
        for ours, other in zip(faces, expected, strict=True):
            np.testing.assert_allclose(ours.box, other.box, atol=0.5)
            distance = np.abs(ours.landmarks - other.landmarks).max(1)
            assert np.median(distance) < 1  # TF32 may move single maxima of random heatmaps


@pytest.mark.slow
def test_compiled_network_agrees(pinned: Path, faces: tuple[Face, ...]) -> None:
    compiled = FaceAlignment(pinned, batch_size=2, compile=True).detect(picture(0))
    for ours, other in zip(compiled, faces, strict=True):
        assert np.abs(ours.landmarks - other.landmarks).max() < 1
