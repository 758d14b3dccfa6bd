"""Published names in and out; the published network is what ours computes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from p3m_anon.errors import WeightsError
from p3m_anon.methods.colours import DEVIATION, MEAN
from p3m_anon.methods.gfm.checkpoint import load_backbone, load_published, published_state
from p3m_anon.methods.gfm.network import GFM
from p3m_anon.methods.weights import load_network
from tests.methods.gfm.published import Published, seeded_state


@pytest.fixture(scope="module")
def network() -> GFM:
    loaded = GFM()
    load_published(loaded, seeded_state())
    return loaded.eval()


@torch.no_grad()
def test_it_computes_what_the_published_one_does_of_colours_in_0_to_255(network: GFM) -> None:
    colours = 255 * torch.rand((2, 3, 96, 128), generator=torch.Generator().manual_seed(0))
    mean, deviation = (torch.tensor(one).view(3, 1, 1) for one in (MEAN, DEVIATION))
    logits, local = Published(seeded_state())(colours)
    output = network((colours / 255 - mean) / deviation)
    assert logits[:, 1].std() > 0.1
    assert local.std() > 0.03
    assert abs(output.global_logits - logits).max() < 1e-3 * logits[:, 1].std()
    assert abs(output.local - local).max() < 1e-4
    classes = logits.argmax(1, keepdim=True)
    assert all((classes == one).float().mean() > 0.02 for one in range(2))
    fused = torch.where(classes == 1, local, (classes == 2).float())
    assert (abs(output.fused - fused) > 1e-3).float().mean() < 1e-3  # near-ties


def test_a_published_state_comes_back_as_it_was(network: GFM) -> None:
    back = published_state(network)
    assert [(key, one.shape) for key, one in back.items()] == [(key, one.shape) for key, one in seeded_state().items()]
    unused = {key for key, one in back.items() if not torch.equal(one, seeded_state()[key])}
    assert unused == {"resnet.fc.weight", "resnet.fc.bias"}  # zeros: nothing reads them


@pytest.mark.parametrize("left_out", ["resnet.", "encoder"])
def test_one_name_of_the_encoder_is_enough(network: GFM, left_out: str) -> None:
    state = {key: one for key, one in seeded_state().items() if not key.startswith(left_out)}
    loaded = GFM()
    load_published(loaded, state)
    for key, one in network.state_dict().items():
        assert torch.equal(loaded.state_dict()[key], one), key


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_file_is_loaded_by_its_method(tmp_path: Path, network: GFM, prefix: str, wrapped: bool) -> None:
    state = {prefix + key: one for key, one in seeded_state().items()}
    torch.save({"state_dict": state} if wrapped else state, tmp_path / "gfm_r34_tt.pth")
    loaded = load_network("gfm", tmp_path / "gfm_r34_tt.pth").state_dict()
    assert all(torch.equal(loaded[key], one) for key, one in network.state_dict().items())


def test_names_that_are_missing_unknown_or_misshapen_leave_the_network() -> None:
    network = GFM()
    before = {key: one.clone() for key, one in network.state_dict().items()}
    state = dict(seeded_state())
    del state["psp3.1.bias"]
    for given, said in (
        (state, r"^x.pth: lacks psp3.1.bias; "),
        ({**seeded_state(), "decoder5_g.0.bias": torch.zeros(1)}, "has unknown decoder5_g.0.bias"),  # of r34_2b
        ({**seeded_state(), "decoder0_g.6.bias": torch.zeros(2)}, r"has the shape \(2,\), \(3,\) is needed"),  # of BT
        (
            {**seeded_state(), "encoder1.1.0.bn1.bias": torch.ones(64)},
            r"encoder1\.1\.0\.bn1\.bias and resnet\.layer1\.0\.bn1\.bias should hold the same",
        ),
    ):
        with pytest.raises(WeightsError, match=said):
            load_published(network, given, "x.pth")
    assert all(torch.equal(one, before[key]) for key, one in network.state_dict().items())


def test_the_encoder_starts_from_imagenet(network: GFM) -> None:
    theirs = {key.removeprefix("resnet."): one for key, one in seeded_state().items() if key.startswith("resnet.")}
    started = GFM()
    load_backbone(started, theirs)
    for key, one in network.encoder.state_dict().items():
        assert torch.equal(started.encoder.state_dict()[key], one), key
    with pytest.raises(WeightsError, match=r"^resnet34.pth: lacks bn1\.bias"):
        load_backbone(started, {key: one for key, one in theirs.items() if key != "bn1.bias"}, "resnet34.pth")
