"""Weights by rule, so that a network's outputs can be compared with the published code's without its checkpoint.

The rule: every tensor is drawn from a generator that is seeded by the checksum of its own published name.
"""

from __future__ import annotations

import zlib
from functools import cache

import numpy as np
import torch

from p3m_anon.methods.p3mnet.checkpoint import load_published, published_state
from p3m_anon.methods.p3mnet.keys import second_name
from p3m_anon.methods.p3mnet.network import P3MNet

_SMALL = {"decoder0_g.6.weight": 0.25, "decoder_final_l.weight": 0.25} | {
    f"dbfi_{i}.conv2.weight": 0.1 for i in range(3)
}


@cache
def seeded_state() -> dict[str, torch.Tensor]:
    """All 713 tensors under their published names; do not write into them."""
    state = published_state(P3MNet())
    seeded = {key: _seeded(key, tuple(tensor.shape)) for key, tensor in state.items()}
    return {**seeded, **{second: seeded[key] for key in state if (second := second_name(key))}}


def seeded_network() -> P3MNet:
    """The paper's network with these weights, in eval mode."""
    network = P3MNet()
    load_published(network, seeded_state())
    return network.eval()


def seeded_input(case: str) -> torch.Tensor:
    """The input of the golden case "a" (1, 3, 256, 256) or "b" (2, 3, 256, 320), normalized."""
    seed, shape = {"a": (101, (1, 3, 256, 256)), "b": (102, (2, 3, 256, 320))}[case]
    mean = np.float32([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)
    deviation = np.float32([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)
    uniform = np.random.default_rng(seed).random(shape).astype(np.float32)
    return torch.from_numpy((uniform - mean) / deviation)


def _seeded(key: str, shape: tuple[int, ...]) -> torch.Tensor:
    if key.endswith("num_batches_tracked"):
        return torch.tensor(0)
    normal = np.random.default_rng(zlib.crc32(key.encode())).standard_normal(shape)
    if len(shape) > 1:
        value = normal * np.sqrt(2 / np.prod(shape[1:])) * _SMALL.get(key, 1)
    elif key.endswith(("bias", "running_mean")):
        value = 0.1 * normal
    elif key.endswith("running_var"):
        value = 1 + 0.1 * abs(normal)
    else:
        value = (1 + 0.1 * normal) * _gain(key)
    return torch.from_numpy(np.asarray(value).astype(np.float32))


def _gain(key: str) -> float:
    if key.startswith("resnet.layer") and key.endswith(".bn2.weight"):
        return 0.25
    return 0.5 if key.startswith(("dbfi_", "sbfi_")) else 1
