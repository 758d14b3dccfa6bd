"""Which matting methods there are: one entry each. torch is imported when a network is made, not before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


@dataclass(frozen=True)
class Method:
    """One matting method.

    name: on the command line. title: in the paper's tables. needs_trimap: it is scored in the transition region only.
    build: a network with random weights; width: its channels at full size, 0 for the paper's. load_published: from the
    names of a published checkpoint, in place; None where there is none. paper: where it is described.
    """

    name: str
    title: str
    needs_trimap: bool
    build: Callable[[int], nn.Module]
    load_published: Callable[[nn.Module, Mapping[str, Tensor], str], None] | None
    paper: str


def _p3mnet(width: int) -> nn.Module:
    from p3m_anon.methods.p3mnet.network import P3MNet

    return P3MNet(width=width or 64)


def _basic(width: int) -> nn.Module:
    from p3m_anon.methods.p3mnet.network import P3MNet

    return P3MNet(tfi=False, sbfi=False, dbfi=False, width=width or 64)


def _load_p3mnet(network: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    from p3m_anon.methods.p3mnet.checkpoint import load_published
    from p3m_anon.methods.p3mnet.network import P3MNet

    assert isinstance(network, P3MNet)
    load_published(network, state, name)


_P3M = "Privacy-Preserving Portrait Matting, Li, Ma, Zhang and Tao, ACM MM 2021"
METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("p3mnet", "P3M-Net", False, _p3mnet, _load_p3mnet, _P3M),
        Method("basic", "BASIC", False, _basic, None, f"{_P3M}, section 5.3"),
    )
}
