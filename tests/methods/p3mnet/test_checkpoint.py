"""Published names in and out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from p3m_anon.errors import WeightsError
from p3m_anon.methods.p3mnet.checkpoint import load_published, load_resnet34, published_state
from p3m_anon.methods.p3mnet.encoder import Encoder
from p3m_anon.methods.p3mnet.network import P3MNet
from tests.methods.p3mnet.seeded import seeded_input, seeded_state


@pytest.mark.shared
def test_names_shapes_and_order_are_the_published_ones(shared_data: Path) -> None:
    reference = json.loads((shared_data.parent / "reference" / "p3mnet_state_dict.json").read_text())
    found = [[key, list(one.shape), str(one.dtype).removeprefix("torch.")] for key, one in seeded_state().items()]
    assert found == reference["state_dict"]
    state = seeded_state()
    assert all(torch.equal(state[key], state[first]) for key, first in reference["alias_of"].items())
    for key, (total, magnitude) in reference["tensor_check"].items():
        tensor = state[key].double()
        assert tensor.sum().item() == pytest.approx(total, rel=1e-6, abs=1e-9 * max(1, magnitude)), key
        assert tensor.abs().sum().item() == pytest.approx(magnitude, rel=1e-6), key


def test_a_published_state_comes_back_as_it_was() -> None:
    network = P3MNet()
    load_published(network, seeded_state())
    back = published_state(network)
    assert list(back) == list(seeded_state())
    assert len(back) == 713
    unused = {key for key, one in back.items() if not torch.equal(one, seeded_state()[key])}
    assert unused == {"resnet.fc.weight", "resnet.fc.bias"}  # zeros: nothing reads them


def test_names_that_are_missing_unknown_or_misshapen() -> None:
    network = P3MNet()
    state = dict(seeded_state())
    del state["tfi_2.bn1.bias"]
    with pytest.raises(WeightsError, match=r"^x.pth: lacks tfi_2.bn1.bias; "):
        load_published(network, state, "x.pth")
    with pytest.raises(WeightsError, match="has unknown zzz"):
        load_published(network, {**seeded_state(), "zzz": torch.zeros(1)})
    with pytest.raises(WeightsError, match=r"has the shape \(3,\), \(1,\) is needed"):
        load_published(network, {**seeded_state(), "decoder_final_l.bias": torch.zeros(3)})
    with pytest.raises(WeightsError, match=r"encoder4\.0.bn1.bias and resnet.layer4.0.bn1.bias should hold the same"):
        load_published(network, {**seeded_state(), "encoder4.0.bn1.bias": torch.zeros(512)})


def test_a_failed_load_leaves_the_network() -> None:
    network = P3MNet()
    before = {key: one.clone() for key, one in network.state_dict().items()}
    with pytest.raises(WeightsError):
        load_published(network, {**seeded_state(), "decoder_final_l.bias": torch.zeros(3)})
    assert all(torch.equal(one, before[key]) for key, one in network.state_dict().items())


def test_either_copy_of_the_encoder_is_optional_but_not_the_first() -> None:
    network = P3MNet()
    load_published(network, {key: one for key, one in seeded_state().items() if not key.startswith("encoder")})
    assert torch.equal(network.encoder.stem.conv.weight, seeded_state()["resnet.conv1.weight"])
    with pytest.raises(WeightsError, match="lacks resnet"):
        load_published(network, {key: one for key, one in seeded_state().items() if not key.startswith("resnet")})


def test_only_the_whole_network_has_published_names() -> None:
    with pytest.raises(ValueError, match="only a network with TFI, sBFI and dBFI"):
        published_state(P3MNet(sbfi=False))


def test_an_imagenet_resnet34_starts_the_encoder() -> None:
    imagenet = {key.removeprefix("resnet."): one for key, one in seeded_state().items() if key.startswith("resnet.")}
    assert len(imagenet) == 218  # torchvision's ResNet-34, its classifier included
    encoder, whole = Encoder().eval(), P3MNet()
    load_resnet34(encoder, imagenet)
    load_published(whole, seeded_state())
    with torch.no_grad():
        image = seeded_input("a")[..., :64, :64]
        assert torch.equal(encoder(image).e4, whole.eval().encoder(image).e4)
    with pytest.raises(WeightsError, match=r"lacks bn1\.bias"):
        load_resnet34(encoder, {key: one for key, one in imagenet.items() if key != "bn1.bias"})
