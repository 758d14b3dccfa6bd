"""Which matting methods there are: one entry each. torch is imported when a network is made, not before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

    from p3m_anon.methods.losses import Targets

Loss = Callable[[Any, "Targets", str], Any]
"""(what the network gave, targets, recipe) -> a NamedTuple of scalars or None, `total` first: what is trained on."""


@dataclass(frozen=True)
class Method:
    """One matting method.

    name: on the command line. title: in the paper's tables. needs_trimap: it is scored in the transition region only.
    build: a network with random weights; width: its channels at full size, 0 for the paper's. load_published: from the
    names of a published checkpoint, in place; None where there is none. loss: what it is trained on. load_backbone:
    start its encoder from ImageNet weights by torchvision's names, in place; None where it has no such encoder. paper:
    where it is described.
    """

    name: str
    title: str
    needs_trimap: bool
    build: Callable[[int], nn.Module]
    load_published: Callable[[nn.Module, Mapping[str, Tensor], str], None] | None
    loss: Loss
    load_backbone: Callable[[nn.Module, Mapping[str, Tensor], str], None] | None
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


def _load_resnet34(network: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    from p3m_anon.methods.p3mnet.checkpoint import load_resnet34
    from p3m_anon.methods.p3mnet.network import P3MNet

    assert isinstance(network, P3MNet)
    load_resnet34(network.encoder, state, name)


def _p3mnet_loss(output: Any, targets: Targets, recipe: str) -> Any:
    from p3m_anon.methods.p3mnet.loss import total_loss

    return total_loss(output, targets, recipe)  # type: ignore[arg-type]


_P3M = "Privacy-Preserving Portrait Matting, Li, Ma, Zhang and Tao, ACM MM 2021"
METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="p3mnet",
            title="P3M-Net",
            needs_trimap=False,
            build=_p3mnet,
            load_published=_load_p3mnet,
            loss=_p3mnet_loss,
            load_backbone=_load_resnet34,
            paper=_P3M,
        ),
        Method(
            name="basic",
            title="BASIC",
            needs_trimap=False,
            build=_basic,
            load_published=None,
            loss=_p3mnet_loss,
            load_backbone=_load_resnet34,
            paper=f"{_P3M}, section 5.3",
        ),
    )
}
