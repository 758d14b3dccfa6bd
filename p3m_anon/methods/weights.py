"""Checkpoint files: published ones, and ours, which say what network they belong to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from p3m_anon.errors import WeightsError
from p3m_anon.methods.registry import METHODS

NOTE = "p3m_anon"  # the key of our own note, JSON, beside "state_dict"


@dataclass(frozen=True)
class Checkpoint:
    """What a file holds, on the CPU. state: names without `module.`. note: ours, with at least `method` and `width`;
    empty for published files."""

    state: dict[str, Tensor]
    note: dict[str, Any]


def read_checkpoint(file: Path) -> Checkpoint:
    """Read `{"state_dict": ...}`, or a bare state dict. Nothing but tensors and plain data is unpickled.

    Raises WeightsError for a file that cannot be read or holds no tensors.
    """
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"{file}: cannot be read ({error.strerror or error})") from error
    except Exception as error:  # a damaged file raises whatever the unpickler met
        raise WeightsError(f"{file}: is no checkpoint, or a damaged one; download or save it again") from error
    state = content.get("state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not state or not all(isinstance(one, Tensor) for one in state.values()):
        raise WeightsError(f"{file}: holds no state_dict of tensors; name a checkpoint of a matting network")
    note = _note(content[NOTE], file) if NOTE in content else {}
    return Checkpoint({str(key).removeprefix("module."): value for key, value in state.items()}, note)


def _note(text: Any, file: Path) -> dict[str, Any]:
    try:
        note = json.loads(text)
        if not isinstance(note["method"], str) or type(note["width"]) is not int or note["width"] < 0:
            raise ValueError("method or width is not what it should be")
    except (TypeError, ValueError, KeyError) as error:
        raise WeightsError(f"{file}: its note is damaged; save it again") from error
    return dict(note)


def load_network(method: str, file: Path) -> nn.Module:
    """The network of a method with the weights of a file, in eval mode, on the CPU.

    Raises WeightsError where the file belongs to another network.
    """
    checkpoint = read_checkpoint(file)
    chosen = METHODS[method]
    assert chosen.build is not None
    if not checkpoint.note:
        if chosen.load_published is None:
            raise WeightsError(f"{file}: no note in it says which network it is of, and {method} has no published form")
        network = chosen.build(0)
        chosen.load_published(network, checkpoint.state, str(file))
        return network.eval()
    trained = checkpoint.note["method"]
    if trained != method:
        raise WeightsError(f"{file}: is a checkpoint of {trained}, not of {method}; use --method {trained}")
    network = chosen.build(checkpoint.note["width"])
    load_own(network, checkpoint.state, str(file))
    return network.eval()


def load_own(network: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    """Load a state dict under the network's own names, in place. Raises WeightsError where one does not fit."""
    own = network.state_dict()
    odd = sorted(set(own) ^ set(state)) or sorted(key for key in own if own[key].shape != state[key].shape)
    if odd:
        raise WeightsError(f"{name}: {odd[0]} is missing, unknown or of another shape; it is of another network")
    network.load_state_dict(dict(state))
