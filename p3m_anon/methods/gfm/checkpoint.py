"""Weights of GFM under their published names (JizhiziLi/GFM, r34 and TT), and under ours.

The names are facts of the published files; there the encoder is stored twice, as `resnet.*` and as `encoder0..4.*`,
with ImageNet's classifier `resnet.fc`, which nothing uses.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from p3m_anon.errors import WeightsError
from p3m_anon.methods.gfm.network import GFM
from p3m_anon.methods.p3mnet.keys import UNUSED, resnet_modules
from p3m_anon.methods.renaming import load_renamed, tensor_names

_SECOND = {
    "resnet.conv1": "encoder0.0",
    "resnet.bn1": "encoder0.1",
    "resnet.layer1": "encoder1.1",
    "resnet.layer2": "encoder2",
    "resnet.layer3": "encoder3",
    "resnet.layer4": "encoder4",
}


def load_published(network: GFM, state: Mapping[str, Tensor], name: str = "state_dict") -> None:
    """Load published names into the paper's network, in place; one name of each of the encoder's tensors is enough.

    name: how messages call the source. Raises WeightsError for missing, unknown or misshapen tensors, and where the
    encoder's two copies differ.
    """
    once = dict(state)
    for first in tensor_names(published_modules(), network.state_dict()):
        second = _second_name(first)
        if second is None or second not in once:
            continue
        tensor = once.pop(second)
        if not torch.equal(once.setdefault(first, tensor), tensor):
            raise WeightsError(f"{name}: {second} and {first} should hold the same numbers; the file is damaged")
    load_renamed(network, published_modules(), once, name, unused="resnet.fc.")


def published_state(network: GFM) -> dict[str, Tensor]:
    """The paper's network under its published names, in their order, which the published code loads.

    `resnet.fc` is of zeros: the network has none, and the published code never uses it.
    """
    ours = network.state_dict()
    named = {theirs: ours[key] for theirs, key in tensor_names(published_modules(), ours).items()}
    state = {theirs: tensor for theirs, tensor in named.items() if theirs.startswith("resnet.")}
    seconds = {second: tensor for theirs, tensor in state.items() if (second := _second_name(theirs))}
    return state | {key: torch.zeros(shape) for key, shape in UNUSED.items()} | seconds | named


def load_backbone(network: GFM, state: Mapping[str, Tensor], name: str = "state_dict") -> None:
    """Start the encoder from an ImageNet ResNet-34, by the names that torchvision gives its tensors; in place.

    Its classifier `fc` is left out. Raises WeightsError for missing, unknown or misshapen tensors.
    """
    load_renamed(network.encoder, resnet_modules(), state, name, unused="fc.")


def published_modules() -> Iterator[tuple[str, str]]:
    """(module in a published checkpoint, ours), in the order of the file, without the encoder's second names."""
    for theirs, ours in resnet_modules():
        yield f"resnet.{theirs}", f"encoder.{ours}"
    for place in range(3):
        yield f"psp_module.stages.{place}.1", f"glance.pyramid.stages.{place}"
    yield "psp_module.bottleneck", "glance.pyramid.merge"
    for place, level in enumerate((4, 3, 2, 1)):
        yield f"psp{level}.0", f"glance.views.{place}.conv"
        yield f"psp{level}.1", f"glance.views.{place}.bn"
    yield from _decoder("g", "glance")
    yield from _convolutions("bridge_block", "focus.bridge", 3)
    yield from _decoder("f", "focus")


def _decoder(suffix: str, ours: str) -> Iterator[tuple[str, str]]:
    for place, level in enumerate((4, 3, 2, 1, 0)):
        theirs, block = f"decoder{level}_{suffix}", f"{ours}.decoder.blocks.{place}"
        yield from _convolutions(theirs, block, 3 if level else 2)
        if not level:
            yield f"{theirs}.6", f"{block}.4"


def _convolutions(theirs: str, ours: str, count: int) -> Iterator[tuple[str, str]]:
    """Each convolution, its normalization, a ReLU; ours has the first two in one."""
    for place in range(count):
        yield f"{theirs}.{3 * place}", f"{ours}.{2 * place}.conv"
        yield f"{theirs}.{3 * place + 1}", f"{ours}.{2 * place}.bn"


def _second_name(key: str) -> str | None:
    """The other name under which a published checkpoint holds an encoder tensor; None for any other tensor."""
    for first, second in _SECOND.items():
        if key.startswith(f"{first}."):
            return second + key[len(first) :]
    return None
