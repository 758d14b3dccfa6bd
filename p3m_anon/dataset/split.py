"""Which picture goes to train, P3M-500-P and P3M-500-NP. Pure: arrays in, arrays out.

The draw depends on (seed, ids) alone: pictures are taken in the order of a keyed hash of their ids, so neither the
order of rows nor any state of a random generator plays a part.

A group is placed whole. A clear picture whose group holds a blurred one is refused, wherever the blurred one would go:
beside its blurred twin a clear frame gives the person away. P3M-500-NP takes the groups that hold clear pictures
first, as these can go nowhere else, and fills up with pictures without a face. P3M-500-P is drawn from what is left,
and train takes the rest. A group of more than LARGEST_SHARE of a test split, and of more than ALWAYS_FITS pictures, is
not taken for it: a burst of a hundred frames would be a fifth of P3M-500-P. It goes to train, whole as it is; its clear
pictures stay out.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Bools: TypeAlias = npt.NDArray[np.bool_]
    Ints: TypeAlias = npt.NDArray[np.int64]

BLURRED, FREE, CLEAR, OUTSIDE = 0, 1, 2, 3
"""Kinds: train and P only; train, P and NP (no face in it); NP only; blurred, and placed nowhere."""

TRAIN, P, NP, REFUSED, UNUSED = 0, 1, 2, 3, 4
"""Places: the three splits; refused because of a blurred one in the group; none, because it was not drawn."""

PAPER_TRAIN = 9421
LARGEST_SHARE = Fraction(1, 20)
ALWAYS_FITS = 10


class Sizes(NamedTuple):
    """How many pictures P and NP are to have; scaled: the counts asked for were too large."""

    p: int
    np: int
    scaled: bool


class Deviation(NamedTuple):
    """How far the strata of a split are from those of its pool: in pictures, and as a share, at the worst stratum."""

    pictures: float
    share: float


@dataclass(frozen=True, eq=False)
class Candidates:
    """Pictures to be divided. keys: uint64 (n, 2), see `order_key`. kinds: uint8 (n,). groups: int64 (n,), equal for
    pictures that stay together. strata: int64 (n,), sorted such that like ones are neighbours.
    """

    keys: npt.NDArray[np.uint64]
    kinds: npt.NDArray[np.uint8]
    groups: Ints
    strata: Ints


@dataclass(frozen=True, eq=False)
class Division:
    """places: uint8 (n,). sizes: what was aimed at. deviations: by P and NP, where they hold anything.

    too_large: groups that no test split takes. largest: pictures in the largest group of all.
    """

    places: npt.NDArray[np.uint8]
    sizes: Sizes
    groups: int
    largest: int
    too_large: int
    deviations: dict[int, Deviation] = field(default_factory=dict)


def order_key(seed: int, name: str) -> tuple[int, int]:
    """Where a picture stands in the draw: two words of 64 bits out of SHA-256 over seed and name."""
    digest = hashlib.sha256(f"{seed}\n{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:16], "big")


def feasible_sizes(p: int, np_: int, trainable: int, clear: int, free: int) -> Sizes:
    """The sizes of P and NP for a set of this size.

    trainable: pictures that can be trained on, `free` of them without a face; clear: that may lie in NP only. NP never
    gets more than there are. Where the test splits would take more than half of what can be trained on, both
    become what they would be in P3M-10k's ratio, `p : np : 9421`, at least 1 each.
    """
    if p < 0 or np_ < 0:
        raise ValueError(f"counts must not be negative, got {p} and {np_}")
    wanted = min(np_, clear + free)
    half = trainable // 2
    if p + max(0, wanted - clear) <= half:
        return Sizes(p, wanted, False)
    total = trainable + clear
    scaled_p, scaled_np = (min(n, max(1, round(total * n / (p + np_ + PAPER_TRAIN)))) if n else 0 for n in (p, np_))
    scaled_np = min(scaled_np, clear + min(free, half))
    return Sizes(min(scaled_p, half - max(0, scaled_np - clear)), scaled_np, True)


def divide(candidates: Candidates, p: int, np_: int) -> Division:
    """A place for every candidate; see the module for the rules.

    Promised: groups never straddle the three splits, CLEAR is in NP or nowhere, BLURRED never in NP, OUTSIDE nowhere;
    the order of rows does not matter. P and NP have the sizes asked for and, if groups are single pictures,
    strata within one picture of the pool's share.
    """
    kinds, pool = candidates.kinds, _Pool(candidates)
    clear, blurred = kinds == CLEAR, pool.holding((kinds == BLURRED) | (kinds == OUTSIDE))
    trainable = (kinds == BLURRED) | (kinds == FREE)
    refused, cleared = clear & blurred[pool.group], pool.holding(clear) & ~blurred
    may_be_np = ~blurred[pool.group]
    free = int(((kinds == FREE) & may_be_np).sum())
    sizes = feasible_sizes(p, np_, int(trainable.sum()), int((clear & may_be_np).sum()), free)
    cap = _cap(sizes.np)
    chosen = pool.draw(cleared[pool.group], sizes.np, cap)
    left = sizes.np - int(chosen[pool.group].sum())
    chosen |= pool.draw(may_be_np & ~cleared[pool.group], left, cap)
    in_np = chosen[pool.group]
    rest = trainable & ~in_np
    in_p = pool.draw(rest, sizes.p, _cap(sizes.p))[pool.group] & rest
    places = np.select([in_np, in_p, refused, ~trainable], [NP, P, REFUSED, UNUSED], TRAIN).astype(np.uint8)
    deviations = {P: pool.deviation(rest, in_p), NP: pool.deviation(may_be_np, in_np)}
    too_large = int((pool.sizes(~refused) > max(_cap(sizes.p), cap)).sum())
    return Division(places, sizes, pool.count, pool.largest, too_large, deviations)


def _cap(count: int) -> int:
    """The largest group that a test split of this size takes."""
    return min(count, max(ALWAYS_FITS, int(count * LARGEST_SHARE)))


class _Pool:
    """Candidates, their groups numbered in the order of the draw."""

    def __init__(self, candidates: Candidates) -> None:
        """Group 0 holds the picture with the least key, and so on."""
        _, labels = np.unique(candidates.groups, return_inverse=True)
        order = np.lexsort((candidates.keys[:, 1], candidates.keys[:, 0]))
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        self.count = int(labels.max(initial=-1)) + 1
        first = np.full(self.count, len(order), np.int64)
        np.minimum.at(first, labels, rank)
        number = np.empty(self.count, np.int64)
        number[np.argsort(first)] = np.arange(self.count)
        self.group: Ints = number[labels]
        self.largest = int(self.sizes(np.ones(len(order), bool)).max(initial=0))
        self._strata = candidates.strata
        self._by_group = np.argsort(self.group, kind="stable")

    def sizes(self, rows: Bools) -> Ints:
        """Members of each group among the rows."""
        return np.bincount(self.group[rows], minlength=self.count)

    def holding(self, rows: Bools) -> Bools:
        """Groups with a member among the rows."""
        return self.sizes(rows) > 0

    def draw(self, rows: Bools, count: int, cap: int) -> Bools:
        """Groups whose members among the rows add up to `count`; none with more than `cap` of them.

        In the order of the draw; first as far as every stratum has room, then whatever fits.
        """
        chosen = np.zeros(self.count, bool)
        room = quotas(self._strata[rows], count)
        for strict in (True, False):
            for group, strata in self._members(rows) if count > 0 else ():
                if len(strata) > min(cap, count) or chosen[group] or (strict and not _fits(strata, room)):
                    continue
                for stratum in strata:
                    room[stratum] -= 1
                chosen[group] = True
                count -= len(strata)
                if not count:
                    break
        return chosen

    def deviation(self, pool: Bools, drawn: Bools) -> Deviation:
        """How far the strata of the drawn rows are from those of the pool."""
        total = int(drawn.sum())
        if not total:
            return Deviation(0.0, 0.0)
        values, counts = np.unique(self._strata[pool], return_counts=True)
        found = np.bincount(np.searchsorted(values, self._strata[drawn]), minlength=len(values))
        worst = float(np.abs(found - counts * (total / int(counts.sum()))).max())
        return Deviation(worst, worst / total)

    def _members(self, among: Bools) -> Iterator[tuple[int, list[int]]]:
        """Groups in the order of the draw, each with the strata of its members among the rows."""
        rows = self._by_group[among[self._by_group]]
        groups = self.group[rows]
        edges = np.flatnonzero(np.diff(groups, prepend=-1, append=self.count))
        strata = self._strata[rows].tolist()
        for start, end in pairwise(edges.tolist()):
            yield int(groups[start]), strata[start:end]


def quotas(strata: Ints, count: int) -> dict[int, int]:
    """How many of `count` pictures each stratum gets: its share of the pool, rounded up or down.

    strata: int64, one for each picture of the pool. Cumulative sums are rounded, not each share by itself, so that any
    run of neighbouring strata keeps its share too; by largest remainders many rare strata would together get
    nothing.
    """
    values, counts = np.unique(strata, return_counts=True)
    total = len(strata)
    count = max(0, min(count, total))
    ends = [(2 * end * count + total) // (2 * total) for end in np.cumsum(counts).tolist()]
    return dict(zip(values.tolist(), np.diff(ends, prepend=0).tolist(), strict=True))


def _fits(strata: list[int], room: dict[int, int]) -> bool:
    if len(strata) == 1:
        return room[strata[0]] > 0
    return all(room[stratum] >= needed for stratum, needed in Counter(strata).items())
