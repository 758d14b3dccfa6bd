"""Which matting methods there are: one entry each. torch is imported when a network is made, not before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from p3m_anon.errors import UsageError

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

TWO_BRANCHES = ("hybrid", "resize", "full", "tiled")
"""Strategies of a network of two branches; others have no `hybrid`, and `tiled` only if they are given the trimap."""

PIXEL_BYTES = 1300  # P3M-Net's


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

    name: on the command line. title: in the paper's tables. needs_trimap: it is scored in the transition region only,
    and its network takes the trimap too. paper: where it is described.

    Of a network (methods/network.py says what that is):
    build: with random weights; width: its channels at full size, 0 for the paper's. strategies: how pictures go through
    it (evaluation/strategies.py), the default first. hybrid: the share of a picture's sides at which `hybrid` segments,
    and at which it mattes. load_published: from the names of a published checkpoint, in
    place; None where there is none; published: where one is found. loss: what it is trained on. load_backbone: start
    its encoder from ImageNet weights by torchvision's names, in place; None where it has no such encoder. own: settings
    that it was published with, by the names of RunSettings and SampleSettings. smallest_batch: pictures that training
    needs at once. pixel_bytes: of a pass in float32, at its peak.

    solve: alpha from a picture and its trimap; cost: of it. version: of what it computes; mattes of another one are
    made again. paper_name, modules: how its row in the paper's tables is found, where that is not by its name alone.
    """

    name: str
    title: str
    needs_trimap: bool
    paper: str
    build: Callable[[int], nn.Module] | None = None
    strategies: tuple[str, ...] = ()
    hybrid: tuple[float, float] = (1 / 2, 1)
    load_published: Callable[[nn.Module, Mapping[str, Tensor], str], None] | None = None
    published: str = ""
    loss: Loss | None = None
    load_backbone: Callable[[nn.Module, Mapping[str, Tensor], str], None] | None = None
    own: Mapping[str, Any] = field(default_factory=dict)
    smallest_batch: int = 1
    pixel_bytes: int = PIXEL_BYTES
    solve: Solve | None = None
    version: int = 1
    cost: Cost | None = None
    paper_name: str = ""
    modules: tuple[str, ...] = ()

    @property
    def has_two_branches(self) -> bool:
        """Whether its network segments, and mattes the transition (methods/network.py)."""
        return "hybrid" in self.strategies

    def strategy(self, chosen: str | None) -> str:
        """The strategy that was chosen, or the method's default; "" for one that is solved, which looks at none.

        Raises UsageError for one that it does not have.
        """
        if self.solve is not None:
            return ""
        if chosen is None:
            return self.strategies[0]
        if chosen not in self.strategies:
            raise UsageError(f"{self.name} has no --strategy {chosen}; use {', '.join(self.strategies)}")
        return chosen


def _late(module: str, function: str) -> Callable[..., Any]:
    """A function of `p3m_anon.methods.<module>`, imported when it is first called."""

    def call(*given: Any) -> Any:
        return getattr(import_module(f"p3m_anon.methods.{module}"), function)(*given)

    return call


def _network(module: str, name: str, **options: bool) -> Callable[[int], nn.Module]:
    """What builds a network of `p3m_anon.methods.<module>`."""

    def build(width: int) -> nn.Module:
        kind = getattr(import_module(f"p3m_anon.methods.{module}"), name)
        network: nn.Module = kind(**options, **({"width": width} if width else {}))
        return network

    return build


def _variant(name: str, title: str, *modules: str) -> Method:
    """P3M-Net with some of its modules only, as in Table 5; with none it has a name of its own there."""
    return Method(
        name=name,
        title=title,
        needs_trimap=False,
        paper=f"{_P3M}, section 5.3",
        build=_network("p3mnet.network", "P3MNet", **{one.lower(): one in modules for one in ("TFI", "sBFI", "dBFI")}),
        strategies=TWO_BRANCHES,
        loss=_late("p3mnet.loss", "total_loss"),
        load_backbone=_late("p3mnet.checkpoint", "load_backbone"),
        paper_name="p3mnet" if modules else "",
        modules=modules,
    )


_KNN = "KNN Matting, Chen, Li and Tang, CVPR 2012"
_P3M = "Privacy-Preserving Portrait Matting, Li, Ma, Zhang and Tao, ACM MM 2021"
METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method(
            name="p3mnet",
            title="P3M-Net",
            needs_trimap=False,
            paper=_P3M,
            build=_network("p3mnet.network", "P3MNet"),
            strategies=TWO_BRANCHES,
            load_published=_late("p3mnet.checkpoint", "load_published"),
            published="the README of github.com/JizhiziLi/P3M",
            loss=_late("p3mnet.loss", "total_loss"),
            load_backbone=_late("p3mnet.checkpoint", "load_backbone"),
        ),
        _variant("basic", "BASIC"),
        _variant("p3mnet_tfi", "P3M-Net (TFI)", "TFI"),
        _variant("p3mnet_tfi_sbfi", "P3M-Net (TFI, sBFI)", "TFI", "sBFI"),
        _variant("p3mnet_tfi_dbfi", "P3M-Net (TFI, dBFI)", "TFI", "dBFI"),
        Method(
            name="shm",
            title="SHM",
            needs_trimap=False,
            paper="Semantic Human Matting, Chen et al., ACM MM 2018",
            build=_network("shm.network", "SHM"),
            strategies=("full", "resize"),
            loss=_late("shm.loss", "total_loss"),
            load_backbone=_late("shm.checkpoint", "load_backbone"),
            own={"size": 800, "crops": (800,), "composition": True, "batch_size": 10, "learning_rate": 1e-5},
            smallest_batch=2,
        ),
        Method(
            name="dim",
            title="DIM",
            needs_trimap=True,
            paper="Deep Image Matting, Xu, Price, Cohen and Huang, CVPR 2017",
            build=_network("dim.network", "DIM"),
            strategies=("full", "resize", "tiled"),
            load_published=_late("dim.checkpoint", "load_published"),
            published="configs/dim in github.com/open-mmlab/mmagic",
            loss=_late("dim.loss", "total_loss"),
            load_backbone=_late("dim.checkpoint", "load_backbone"),
            own={
                **{"size": 320, "crops": (320, 480, 640), "kernels": (1, 30), "composition": True},
                **{"batch_size": 1, "learning_rate": 1e-5},
                **{"epochs": 1_000_000, "max_steps": 1_000_000},  # an epoch has a step or more: the steps decide
            },
        ),
        Method(
            name="gfm",
            title="GFM",
            needs_trimap=False,
            paper="Bridging Composite and Real: Towards End-to-end Deep Image Matting, Li, Zhang, Maybank and Tao, "
            "IJCV 2022",
            build=_network("gfm.network", "GFM"),
            strategies=TWO_BRANCHES,
            hybrid=(1 / 3, 1 / 2),
            load_published=_late("gfm.checkpoint", "load_published"),
            published="the README of github.com/JizhiziLi/GFM",
            loss=_late("gfm.loss", "total_loss"),
            load_backbone=_late("gfm.checkpoint", "load_backbone"),
            own={
                "recipe": "official",
                "composition": True,
                "batch_size": 32,
                "epochs": 500,
                "learning_rate": 1e-5,
                "size": 320,
                "crops": (640, 960, 1280),
                "kernels": (25, 35),
            },
            pixel_bytes=700,
        ),
        Method(
            name="closed_form",
            title="Closed",
            needs_trimap=True,
            paper="A Closed-Form Solution to Natural Image Matting, Levin, Lischinski and Weiss, CVPR 2006",
            solve=_late("closed_form", "solve"),
            cost=Cost(bytes=(26, 1900), microseconds=(0.0, 35.0)),
        ),
        Method(
            name="learning_based",
            title="Learning",
            needs_trimap=True,
            paper="Learning Based Digital Matting, Zheng and Kambhamettu, ICCV 2009",
            solve=_late("learning_based", "solve"),
            cost=Cost(bytes=(20, 2050), microseconds=(0.0, 52.0)),
        ),
        Method(
            name="knn",
            title="KNN",
            needs_trimap=True,
            paper=f"{_KNN}, as pymatting has it",
            solve=_late("knn", "solve"),
            cost=Cost(bytes=(380, 1250), microseconds=(20.0, 6.0)),
        ),
        Method(
            name="knn_hsv",
            title="KNN",
            needs_trimap=True,
            paper=_KNN,
            solve=_late("knn", "solve_hsv"),
            paper_name="knn",
            cost=Cost(bytes=(400, 1700), microseconds=(26.0, 0.0)),
        ),
        Method(
            name="information_flow",
            title="IFM",
            needs_trimap=True,
            paper="Designing Effective Inter-Pixel Information Flow for Natural Image Matting, Aksoy, Aydin and "
            "Pollefeys, CVPR 2017",
            solve=_late("information_flow", "solve"),
            version=2,
            cost=Cost(bytes=(105, 3000), microseconds=(8.0, 73.0)),
        ),
        Method(
            name="shared_sampling",
            title="Shared",
            needs_trimap=True,
            paper="Shared Sampling for Real-Time Alpha Matting, Gastal and Oliveira, Eurographics 2010",
            solve=_late("shared_sampling", "solve"),
            cost=Cost(bytes=(8, 1800), microseconds=(0.0, 30.0)),
        ),
        Method(
            name="global_sampling",
            title="Global",
            needs_trimap=True,
            paper="A Global Sampling Method for Alpha Matting, He, Rhemann, Rother, Tang and Sun, CVPR 2011",
            solve=_late("global_sampling", "solve"),
            version=3,
            cost=Cost(bytes=(18, 1730), microseconds=(0.0, 40.0)),
        ),
    )
}
NETWORKS = {name: method for name, method in METHODS.items() if method.build is not None}
"""Those that are trained and have checkpoints."""
