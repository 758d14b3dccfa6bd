"""The ONNX model: the rule of unpooling to the bit, the network's results at all sizes, nothing of this machine."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from p3m_anon.errors import MissingExtra, P3MError
from p3m_anon.methods.onnx_check import SIZES, _deviation, compare, drawn_picture
from p3m_anon.methods.onnx_export import OPSET, OUTPUTS, OnnxForm, to_onnx
from p3m_anon.methods.p3mnet.network import P3MNet
from p3m_anon.methods.p3mnet.unpool import max_unpool
from tests.methods.p3mnet.test_unpool import slow_unpool


def calibrated(seed: int) -> P3MNet:
    """Random weights whose running statistics are true, so that few alphas are 0 or 1 and none hides a difference."""
    torch.manual_seed(seed)
    network = P3MNet(width=8)
    with torch.no_grad():
        for step in range(4):
            OnnxForm(network)(drawn_picture(step, 2, 128, 128))
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = 1.0
        OnnxForm(network)(drawn_picture(9, 2, 128, 128))
    return network.eval()


@pytest.fixture(scope="module")
def network() -> P3MNet:
    return calibrated(3)


@pytest.fixture(scope="module")
def model(network: P3MNet) -> bytes:
    before = {key: value.clone() for key, value in network.state_dict().items()}
    level = logging.getLogger("torch.onnx").level
    data = to_onnx(network, {"method": "p3mnet"})
    assert before.keys() == network.state_dict().keys()
    assert all(torch.equal(value, network.state_dict()[key]) for key, value in before.items())
    assert logging.getLogger("torch.onnx").level == level
    return data


def session(model: bytes) -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])


class Roundtrip(nn.Module):
    """A pool and its unpooling."""

    def forward(self, x: Tensor) -> Tensor:
        return max_unpool(*F.max_pool2d(x, 3, stride=2, padding=1, return_indices=True))


@pytest.fixture(scope="module")
def roundtrip() -> onnxruntime.InferenceSession:
    dim = torch.export.Dim
    sizes = {0: dim("b"), 1: dim("c"), 2: 2 * dim("h"), 3: 2 * dim("w")}
    program = torch.onnx.export(
        Roundtrip().eval(),
        (torch.rand(2, 3, 12, 16),),
        input_names=["x"],
        dynamo=True,
        dynamic_shapes=(sizes,),
        opset_version=OPSET,
        external_data=False,
        verbose=False,
    )
    assert program is not None
    return session(program.model_proto.SerializeToString())


def plateaus(shape: tuple[int, ...]) -> Tensor:
    """Large constant areas that meet at sharp edges."""
    coarse = torch.randint(0, 3, (*shape[:2], -(-shape[2] // 4), -(-shape[3] // 4))).float()
    return F.interpolate(coarse, scale_factor=4)[..., : shape[2], : shape[3]].contiguous()


@pytest.mark.parametrize("shape", [(2, 3, 12, 16), (1, 1, 2, 2), (1, 2, 2, 8), (3, 1, 8, 2), (1, 5, 32, 20)])
@pytest.mark.parametrize("kind", ["random", "levels", "plateaus", "constant"])
def test_the_last_cell_wins_in_onnx_too(
    roundtrip: onnxruntime.InferenceSession, shape: tuple[int, ...], kind: str
) -> None:
    """Which of equal values in a window is the maximum, and which cell wins: both must be as in torch."""
    torch.manual_seed(sum(shape))
    x = {
        "random": torch.randn(shape),
        "levels": torch.randint(-2, 2, shape).float(),
        "plateaus": plateaus(shape),
        "constant": torch.full(shape, -1.5),
    }[kind]
    expected = slow_unpool(*F.max_pool2d(x, 3, stride=2, padding=1, return_indices=True))
    (actual,) = roundtrip.run(None, {"x": x.numpy()})
    assert np.array_equal(actual, expected.numpy())


def test_the_model_agrees_with_torch(network: P3MNet, model: bytes) -> None:
    found = compare(network, model)
    assert [one.output for one in found] == list(OUTPUTS)
    assert all(one.agrees for one in found), found
    assert max(batch for batch, _, _ in SIZES) > 1


@pytest.mark.parametrize("size", [(1, 32, 32), (3, 32, 64), (1, 160, 96)])
@torch.no_grad()
def test_batch_and_sides_are_free(network: P3MNet, model: bytes, size: tuple[int, int, int]) -> None:
    image = drawn_picture(1, *size)
    for name, actual, expected in zip(
        OUTPUTS, session(model).run(None, {"image": image.numpy()}), OnnxForm(network)(image), strict=True
    ):
        assert actual.shape == expected.shape
        assert np.quantile(abs(actual - expected.numpy()), 0.9) < 1e-4 * max(1, float(expected.abs().max())), name


def test_what_the_file_says_of_itself(model: bytes) -> None:
    proto = onnx.load_from_string(model)
    onnx.checker.check_model(proto, full_check=True)
    props = {prop.key: prop.value for prop in proto.metadata_props}
    assert props["method"] == "p3mnet"
    assert props["multiple"] == "32"
    assert "0.485" in props["normalization"]
    assert [(one.domain, one.version) for one in proto.opset_import] == [("", OPSET)]
    sizes = {one.name: one.shape for one in (*session(model).get_inputs(), *session(model).get_outputs())}
    assert sizes["image"] == ["batch", 3, "height", "width"] == sizes["global_logits"]
    assert sizes["alpha"] == sizes["local"] == ["batch", 1, "height", "width"]


def test_no_path_of_this_machine_is_in_it(model: bytes) -> None:
    for folder in (Path(__file__).parents[2], Path(torch.__file__).parent, Path.home(), Path(sys.prefix)):
        assert len(folder.parts) < 2 or str(folder).encode() not in model
    assert b"stack_trace" not in model
    assert b".py" not in b"".join(node.SerializeToString() for node in onnx.load_from_string(model).graph.node)


@pytest.mark.slow
def test_the_same_network_gives_the_same_bytes(network: P3MNet, model: bytes) -> None:
    assert to_onnx(network, {"method": "p3mnet"}) == model


def test_another_network_does_not_agree(network: P3MNet, model: bytes) -> None:
    assert not any(one.agrees for one in compare(calibrated(4), model))


def test_another_rule_of_unpooling_does_not_agree(
    network: P3MNet, model: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first_wins(pooled: Tensor, indices: Tensor) -> Tensor:
        return F.max_unpool2d(pooled.flip(-1, -2), indices.flip(-1, -2), (2, 2), (2, 2))

    monkeypatch.setattr("p3m_anon.methods.p3mnet.decoders.max_unpool", first_wins)
    agree = {one.output: one.agrees for one in compare(network, model)}
    assert agree["global_logits"]
    assert not agree["local"]


@pytest.mark.parametrize("output", OUTPUTS)
def test_nan_never_agrees(output: str) -> None:
    nan = np.full(100, np.nan, np.float32)
    assert not _deviation(output, nan, np.zeros(100, np.float32)).agrees


def test_few_pixels_may_follow_a_near_tie_and_many_may_not() -> None:
    ours = np.concatenate([np.zeros(9000), np.full(1000, 0.5)]).astype(np.float32)
    for moved, agrees in ((200, True), (400, False)):
        theirs = ours.copy()
        theirs[-moved:] += 0.1
        assert _deviation("local", theirs, ours).agrees is agrees
        assert not _deviation("global_logits", theirs, ours).agrees
    assert not _deviation("alpha", 1 - ours, ours).agrees


def test_a_model_that_cannot_run_is_one_error(network: P3MNet) -> None:
    with pytest.raises(P3MError, match=r"onnxruntime .* cannot run the model"):
        compare(network, b"no model")


def test_a_training_network_is_refused(network: P3MNet) -> None:
    with pytest.raises(ValueError, match="eval mode"):
        to_onnx(P3MNet(width=4), {})


def test_without_the_extra_the_error_names_it(network: P3MNet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(MissingExtra, match=r"pip install 'p3m-anon\[export\]'"):
        to_onnx(network, {})
