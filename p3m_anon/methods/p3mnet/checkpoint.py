"""Weights of P3M-Net under their published names, and under ours."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from p3m_anon.errors import WeightsError
from p3m_anon.methods.p3mnet.encoder import Encoder
from p3m_anon.methods.p3mnet.keys import UNUSED, published_modules, resnet_modules, second_name
from p3m_anon.methods.p3mnet.network import P3MNet
from p3m_anon.methods.renaming import load_renamed, tensor_names

State = dict[str, Tensor]


def load_published(network: P3MNet, state: Mapping[str, Tensor], name: str = "state_dict") -> None:
    """Load published names (713 keys, the encoder twice) into the paper's network, in place.

    name: how messages call the source. Raises WeightsError for missing, unknown or misshapen tensors, and where the
    encoder's two copies differ.
    """
    seconds = {second: first for first in _published_names(network) if (second := second_name(first))}
    for second, first in seconds.items():
        if second in state and first in state and not torch.equal(state[second], state[first]):
            raise WeightsError(f"{name}: {second} and {first} should hold the same numbers; the file is damaged")
    once = {key: one for key, one in state.items() if key not in seconds and key not in UNUSED}
    load_renamed(network, published_modules(), once, name)


def published_state(network: P3MNet) -> State:
    """The paper's network under its published names, in their order: 713 tensors that the published code loads.

    `resnet.fc` is of zeros: the network has none, and the published code never uses it.
    """
    ours = network.state_dict()
    state: State = {}
    for theirs, name in _published_names(network).items():
        if not theirs.startswith("resnet.") and "encoder0.0.weight" not in state:
            state |= {key: torch.zeros(shape) for key, shape in UNUSED.items()}
            state |= {second: tensor for key, tensor in state.items() if (second := second_name(key))}
        state[theirs] = ours[name]
    return state


def load_resnet34(encoder: Encoder, state: Mapping[str, Tensor], name: str = "state_dict") -> None:
    """Start the encoder from an ImageNet ResNet-34, by the names that torchvision gives its tensors; in place.

    The strides of that network are pools in ours, so the shapes agree. Its classifier `fc` is left out. Raises
    WeightsError for missing, unknown or misshapen tensors.
    """
    load_renamed(encoder, resnet_modules(), state, name, unused="fc.")


def load_backbone(network: P3MNet, state: Mapping[str, Tensor], name: str = "state_dict") -> None:
    """`load_resnet34` of a network's encoder."""
    load_resnet34(network.encoder, state, name)


def _published_names(network: P3MNet) -> dict[str, str]:
    """Published name -> ours, for every tensor of the paper's network, in the order of the file."""
    if not (len(network.matting.tfi) and len(network.matting.sbfi) and len(network.semantic.dbfi)):
        raise ValueError("only a network with TFI, sBFI and dBFI has published names")
    return tensor_names(published_modules(), network.state_dict())
