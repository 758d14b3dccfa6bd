"""Which matting methods there are: one entry each. torch is imported when a network is made, not before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn

    from p3m_anon.arrays import RGB
    from p3m_anon.matting.trimap import Trimap
    from p3m_anon.methods.losses import Targets

Loss = Callable[[Any, "Targets", str], Any]
"""(what the network gave, targets, recipe) -> a NamedTuple of scalars or None, `total` first: what is trained on."""

Solve = Callable[["RGB", "Trimap"], Any]
"""(uint8 (H, W, 3), uint8 (H, W) of 0, 128, 255) -> float32 (H, W) in [0, 1], known pixels exactly 0 or 1.

Raises ValueError for other arrays, and where there is no solution.
"""


@dataclass(frozen=True)
class Cost:
    """What solving a picture takes, measured by tools/bench_methods.py: each is a share per pixel of the picture and
    one per unknown pixel, which add up.

    bytes: at the peak, above the loaded process. microseconds: on one core of the machine in docs/performance.md.
    """

    bytes: tuple[float, float]
    microseconds: tuple[float, float]

    def memory(self, pixels: int, unknown: int) -> int:
        """Bytes for a picture of `pixels`, `unknown` of them unknown."""
        return round(self.bytes[0] * pixels + self.bytes[1] * unknown)

    def seconds(self, pixels: int, unknown: int) -> float:
        """For the same, on one core."""
        return (self.microseconds[0] * pixels + self.microseconds[1] * unknown) / 1e6


@dataclass(frozen=True)
class Method:
    """One matting method: a network, which has `build` and `loss`, or `solve`, which needs no weights and no training.

    name: on the command line. title: in the paper's tables. needs_trimap: it is scored in the transition region only.
    paper: where it is described. build: a network with random weights; width: its channels at full size, 0 for the
    paper's. load_published: from the names of a published checkpoint, in place; None where there is none. loss: what it
    is trained on. load_backbone: start its encoder from ImageNet weights by torchvision's names, in place; None where
    it has no such encoder. solve: alpha from a picture and its trimap. version: of what it computes; mattes of another
    one are made again. cost: of `solve`.
    """

    name: str
    title: str
    needs_trimap: bool
    paper: str
    build: Callable[[int], nn.Module] | None = None
    load_published: Callable[[nn.Module, Mapping[str, Tensor], str], None] | None = None
    loss: Loss | None = None
    load_backbone: Callable[[nn.Module, Mapping[str, Tensor], str], None] | None = None
    solve: Solve | None = None
    version: int = 1
    cost: Cost | None = None


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


def _solver(module: str, function: str = "solve") -> Solve:
    """A function of `p3m_anon.methods.<module>`, imported when it is first called."""

    def solve(rgb: RGB, trimap: Trimap) -> Any:
        return getattr(import_module(f"p3m_anon.methods.{module}"), function)(rgb, trimap)

    return solve


_KNN = "KNN Matting, Chen, Li and Tang, CVPR 2012"
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
        Method(
            name="closed_form",
            title="Closed",
            needs_trimap=True,
            paper="A Closed-Form Solution to Natural Image Matting, Levin, Lischinski and Weiss, CVPR 2006",
            solve=_solver("closed_form"),
            cost=Cost(bytes=(8, 1900), microseconds=(0.0, 35.0)),
        ),
        Method(
            name="learning_based",
            title="Learning",
            needs_trimap=True,
            paper="Learning Based Digital Matting, Zheng and Kambhamettu, ICCV 2009",
            solve=_solver("learning_based"),
            cost=Cost(bytes=(14, 2050), microseconds=(0.0, 52.0)),
        ),
        Method(
            name="knn",
            title="KNN",
            needs_trimap=True,
            paper=f"{_KNN}, as pymatting has it",
            solve=_solver("knn"),
            cost=Cost(bytes=(380, 1250), microseconds=(20.0, 6.0)),
        ),
        Method(
            name="knn_hsv",
            title="KNN",
            needs_trimap=True,
            paper=_KNN,
            solve=_solver("knn", "solve_hsv"),
            cost=Cost(bytes=(400, 1700), microseconds=(26.0, 0.0)),
        ),
        Method(
            name="information_flow",
            title="IFM",
            needs_trimap=True,
            paper="Designing Effective Inter-Pixel Information Flow for Natural Image Matting, Aksoy, Aydin and "
            "Pollefeys, CVPR 2017",
            solve=_solver("information_flow"),
            cost=Cost(bytes=(105, 3000), microseconds=(8.0, 73.0)),
        ),
        Method(
            name="shared_sampling",
            title="Shared",
            needs_trimap=True,
            paper="Shared Sampling for Real-Time Alpha Matting, Gastal and Oliveira, Eurographics 2010",
            solve=_solver("shared_sampling"),
            cost=Cost(bytes=(8, 1800), microseconds=(0.0, 30.0)),
        ),
        Method(
            name="global_sampling",
            title="Global",
            needs_trimap=True,
            paper="A Global Sampling Method for Alpha Matting, He, Rhemann, Rother, Tang and Sun, CVPR 2011",
            solve=_solver("global_sampling"),
            cost=Cost(bytes=(24, 1660), microseconds=(6.0, 16.0)),
        ),
    )
}
NETWORKS = {name: method for name, method in METHODS.items() if method.build is not None}
"""Those that are trained, have checkpoints, and need no trimap to make a matte of any picture."""
