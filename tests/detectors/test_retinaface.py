"""RetinaFace: a small random network of the same form, decoded by hand; and files that are no such network."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from p3m_anon.detectors import retinaface
from p3m_anon.detectors.retinaface import RetinaFace
from p3m_anon.errors import WeightsError
from p3m_anon.files import weights
from p3m_anon.files.weights_table import Weight

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB

LEVELS = ((8, (16, 32)), (16, (64, 128)), (32, (256, 512)))
Kernels = dict[str, "npt.NDArray[np.float32]"]


def kernels(seed: int = 7) -> Kernels:
    """For each level one filter per output number, as large as the level's step; weak, so that no score is quite 1."""
    rng = np.random.default_rng(seed)
    made = {}
    for step, _ in LEVELS:
        for kind, width in (("loc", 4), ("conf", 2), ("landmarks", 10)):
            made[f"{kind}{step}"] = rng.normal(0, 0.01 / step, (2 * width, 3, step, step)).astype(np.float32)
    return made


def network(filters: Kernels, *, softmax: bool = True, height: int | str = "h", width: int | str = "w") -> bytes:
    """An ONNX file whose convolutions look at each cell of each level by itself."""
    nodes, constants = [], [numpy_helper.from_array(value, name) for name, value in filters.items()]
    for kind, numbers in (("loc", 4), ("conf", 2), ("landmarks", 10)):
        constants.append(numpy_helper.from_array(np.array([1, -1, numbers], np.int64), f"{kind}_rows"))
        for step, _ in LEVELS:
            name = f"{kind}{step}"
            nodes += [
                helper.make_node("Conv", ["input", name], [f"{name}_map"], strides=[step, step]),
                helper.make_node("Transpose", [f"{name}_map"], [f"{name}_last"], perm=[0, 2, 3, 1]),
                helper.make_node("Reshape", [f"{name}_last", f"{kind}_rows"], [f"{name}_rows"]),
            ]
        parts = [f"{kind}{step}_rows" for step, _ in LEVELS]
        joined = "logits" if kind == "conf" and softmax else kind
        nodes.append(helper.make_node("Concat", parts, [joined], axis=1))
    if softmax:
        nodes.append(helper.make_node("Softmax", ["logits"], ["conf"], axis=2))
    image = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, height, width])
    outputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, "n", "k"]) for name in ("loc", "conf", "landmarks")
    ]
    graph = helper.make_graph(nodes, "stand-in", [image], outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


def placed(content: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weights folder in which `content` is the published file."""
    weight = Weight(
        "retinaface-r34", "net.onnx", hashlib.sha256(content).hexdigest(), "a test", url="https://x/net.onnx"
    )
    monkeypatch.setattr(weights, "WEIGHTS", {weight.name: weight})
    (folder / weight.file).write_bytes(content)
    return folder


@pytest.fixture
def look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RetinaFace:
    return RetinaFace(weights_dir=placed(network(kernels()), tmp_path, monkeypatch))


def by_hand(rgb: RGB, filters: Kernels, lowest: float) -> list[tuple[float, list[float]]]:
    """Scores and boxes, best first: every cell of every level in plain loops, then suppression in plain loops."""
    height, width = rgb.shape[:2]
    full_height, full_width = ((side + 31) // 32 * 32 for side in (height, width))
    image = np.zeros((3, full_height, full_width))
    for channel, (colour, mean) in enumerate(((2, 104), (1, 117), (0, 123))):
        image[channel, :height, :width] = rgb[..., colour].astype(float) - mean
    found = []
    for step, sides in LEVELS:
        for row in range(full_height // step):
            for column in range(full_width // step):
                cell = image[:, row * step : (row + 1) * step, column * step : (column + 1) * step]
                loc = (filters[f"loc{step}"] * cell).sum((1, 2, 3)).reshape(2, 4)
                logits = (filters[f"conf{step}"] * cell).sum((1, 2, 3)).reshape(2, 2)
                for which, side in enumerate(sides):
                    score = np.exp(logits[which, 1]) / np.exp(logits[which]).sum()
                    x = (column + 0.5) * step + 0.1 * loc[which, 0] * side
                    y = (row + 0.5) * step + 0.1 * loc[which, 1] * side
                    w, h = side * np.exp(0.2 * loc[which, 2]), side * np.exp(0.2 * loc[which, 3])
                    if score >= lowest:
                        box = [x - w / 2 - 0.5, y - h / 2 - 0.5, x + w / 2 - 0.5, y + h / 2 - 0.5]
                        found.append((float(score), box))
    found.sort(key=lambda one: -one[0])
    kept: list[tuple[float, list[float]]] = []
    for score, box in found:
        if all(iou(box, other) < 0.3 for _, other in kept):
            kept.append((score, box))
    return kept


def iou(a: list[float], b: list[float]) -> float:
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(w, 0.0) * max(h, 0.0)
    return shared / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared)


def picture(height: int, width: int, seed: int = 3) -> RGB:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("shape", [(96, 64), (33, 70), (1, 1), (1, 40), (64, 31)])
def test_decodes_like_the_plain_loops(look: RetinaFace, shape: tuple[int, int]) -> None:
    rgb = picture(*shape)
    expected = by_hand(rgb, kernels(), look.lowest)
    found = look.find(rgb)
    assert len(expected) > 0
    assert np.allclose(found.scores, [score for score, _ in expected], atol=1e-4)
    assert np.allclose(found.boxes, [box for _, box in expected], atol=1e-2)
    assert found.boxes.dtype == found.scores.dtype == np.float64
    assert ((found.scores >= look.lowest) & (found.scores <= 1)).all()


def test_priors_lie_in_the_networks_order() -> None:
    prior = retinaface.priors(64, 96)
    assert prior[0].tolist() == [4, 4, 16, 16]
    assert prior[1].tolist() == [4, 4, 32, 32]
    assert prior[2].tolist() == [12, 4, 16, 16]
    assert prior[-1].tolist() == [80, 48, 512, 512]
    assert len(prior) == 2 * (8 * 12 + 4 * 6 + 2 * 3)


def test_a_view_and_its_copy_give_the_same(look: RetinaFace) -> None:
    rgb = picture(80, 120)
    view = rgb[::-1, ::2]
    for one, other in zip(look.find(view), look.find(np.ascontiguousarray(view)), strict=True):
        assert np.array_equal(one, other)


def test_candidates_are_bounded(look: RetinaFace, monkeypatch: pytest.MonkeyPatch) -> None:
    rgb = picture(64, 64)
    best = look.find(rgb).scores[0]
    monkeypatch.setattr(retinaface, "MOST", 5)
    few = look.find(rgb)
    assert 0 < len(few.scores) <= 5
    assert few.scores[0] == best


def test_boxes_without_end_are_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filters = {name: value * (1e6 if name.startswith("loc") else 1) for name, value in kernels().items()}
    found = RetinaFace(weights_dir=placed(network(filters), tmp_path, monkeypatch)).find(picture(64, 64))
    assert np.isfinite(found.boxes).all()
    assert (found.boxes[:, 2:] > found.boxes[:, :2]).all()


@pytest.mark.parametrize("rgb", [np.zeros((4, 4, 3)), np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_other_arrays_are_refused(look: RetinaFace, rgb: RGB) -> None:
    with pytest.raises(ValueError, match="uint8"):
        look.find(rgb)


def test_is_a_box_network_on_the_cpu(look: RetinaFace, tmp_path: Path) -> None:
    assert look.model_sha256 == weights.digest(tmp_path / "net.onnx")
    assert 0 < look.lowest <= look.confirms <= look.threshold <= look.sure < 1
    assert look.device == "cpu"


def test_without_cuda_the_cpu_takes_its_place_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    folder = placed(network(kernels()), tmp_path, monkeypatch)
    assert RetinaFace(weights_dir=folder, device="cuda:1").device == "cpu"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"no network at all", "not a network that this onnxruntime can load"),
        (network(kernels(), softmax=False), "holds no probabilities"),
        (network(kernels(), height=640, width=640), "any size"),
        (network({name: value[: len(value) // 2] for name, value in kernels().items()}), "not a RetinaFace network"),
    ],
)
def test_a_file_that_is_no_such_network_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, complaint: str
) -> None:
    with pytest.raises(WeightsError, match=complaint):
        RetinaFace(weights_dir=placed(content, tmp_path, monkeypatch))


def test_another_file_than_the_published_one_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = placed(network(kernels()), tmp_path, monkeypatch)
    (folder / "net.onnx").write_bytes(network(kernels(seed=8)))
    with pytest.raises(WeightsError, match="expected"):
        RetinaFace(weights_dir=folder)


def test_missing_weights_say_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"p3m-anon weights fetch .*retinaface-r34"):
        RetinaFace(weights_dir=tmp_path)
