"""Pictures that must not be separated: near-duplicates by perceptual hash, and groups that a person named. Pure.

All pairs of hashes that differ in at most NEAR bits are found, and no other: two 64-bit words that differ in d bits
agree in at least b - d of b blocks, whichever they are (pigeonhole), so pictures are sorted once for each choice of
b - d blocks, and those that agree there are compared bit by bit. Equal hashes count as one. b follows the number of
pictures: nine blocks for a thousand, eleven for a million. By `tools/bench_split.py` a million take 20 s of CPU, and
83 bytes each at the peak.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Hashes: TypeAlias = npt.NDArray[np.uint64]  # (n,)
    Indices: TypeAlias = npt.NDArray[np.int64]

NEAR = 8
"""Bits of 64 by which the hashes of two pictures differ at most that count as one picture.

Measured on 37 pictures (the portraits and P3M samples of our test data, four of scikit-image). Edited copies within
8 bits: all of those of half size, with JPEG quality 10, 20 to 30 levels brighter or darker, gamma 0.7, grey, turned
by 1 degree, and half size with JPEG 60, 1 % cropped and brighter; 97 % of mirrored ones, 92 % with 2 % cropped from
every side, 16 % with 5 %. The nearest two different pictures of the 666 pairs differ in 20 bits (mean 32, standard
deviation 4.3). Random hashes come within 8 bits once in 10^9 pairs, in 10 bits thirty times as often.
"""

MIRROR = np.uint64(0xAAAAAAAAAAAAAAAA)
"""Mirroring turns the sign of the odd horizontal frequencies: every other bit of a hash."""

_BITS = 64
_HELD = 1 << 20  # pairs that are joined at once


class Groups(NamedTuple):
    """labels: int64 (n,), equal for pictures of one group. pairs: how many near-duplicate pairs there are."""

    labels: Indices
    pairs: int


class Nearest(NamedTuple):
    """Where in the array the nearest hash is, in how many bits it differs, and whether as a mirror image."""

    place: int
    bits: int
    mirrored: bool


def hash_words(texts: Iterable[str]) -> Hashes:
    """Perceptual hashes of 16 hex digits as uint64 (n,)."""
    return np.fromiter((int(text, 16) for text in texts), np.uint64)


def find_groups(hashes: Hashes, shared: tuple[Indices, Hashes] | None = None, distance: int = NEAR) -> Groups:
    """Groups such that near-duplicates, mirrored ones too, and pictures that share a code are together; transitive.

    hashes: uint64 (n,). shared: (rows, codes), pictures with the same code belong together; a picture may have several.
    The partition does not depend on the order of pictures; the labels do. Time grows with the number of pictures
    times a few hundred, and with the number of pairs that share most blocks.
    """
    values, first, inverse, counts = np.unique(hashes, return_index=True, return_inverse=True, return_counts=True)
    labels = first[inverse].astype(np.int64)
    pairs = int((counts * (counts - 1) // 2).sum())
    for a, b in _gathered(near_pairs(values, distance)):
        pairs += int((counts[a] * counts[b]).sum())
        labels = join(labels, first[a], first[b])
    if shared is not None and len(shared[0]):
        rows, codes = shared
        order = np.argsort(codes, kind="stable")
        same = codes[order[1:]] == codes[order[:-1]]
        labels = join(labels, rows[order[1:][same]], rows[order[:-1][same]])
    return Groups(labels, pairs)


def near_pairs(values: Hashes, distance: int = NEAR) -> Iterator[tuple[Indices, Indices]]:
    """Indices (i, j), in portions, of all pairs within `distance` bits, mirrored or not; each pair once.

    values: uint64 (n,), no two equal.
    """
    if not 0 <= distance < _BITS // 4:  # beyond, a pair could be near both as it is and mirrored
        raise ValueError(f"distance must be 0 to {_BITS // 4 - 1} bits, got {distance}")
    blocks = _blocks(_block_count(len(values), distance))
    for chosen in combinations(range(len(blocks)), len(blocks) - distance):
        mask = np.bitwise_or.reduce(blocks[list(chosen)])
        odd = int(MIRROR & mask)
        # of a picture and its mirror image only the one without this bit: two pictures meet once, not four times
        pivot = np.uint64(odd & -odd)
        words: Hashes = np.where((values & pivot) > 0, values ^ MIRROR, values)
        keys = words & mask
        order = np.argsort(keys)
        keys, words = keys[order], words[order]
        last = np.flatnonzero(np.append(keys[1:] != keys[:-1], True))
        last = np.repeat(last, np.diff(last, prepend=-1))  # where the run of equal keys ends
        at, step = np.flatnonzero(np.arange(len(keys)) < last), 1
        while len(at):
            different = words[at] ^ words[at + step]
            hit = np.bitwise_count(different) <= distance
            if hit.any():
                fresh = _is_first(different[hit], blocks, chosen)
                found = at[hit][fresh]
                yield order[found], order[found + step]
            step += 1
            at = at[at + step <= last[at]]


def nearest(value: np.uint64, hashes: Hashes) -> Nearest:
    """Which of the hashes is nearest to `value`; the first one of several."""
    if not len(hashes):
        raise ValueError("there is no hash to compare with")
    plain, turned = np.bitwise_count(hashes ^ value), np.bitwise_count(hashes ^ value ^ MIRROR)
    index = int(np.minimum(plain, turned).argmin())
    mirrored = bool(turned[index] < plain[index])
    return Nearest(index, int(turned[index] if mirrored else plain[index]), mirrored)


def join(labels: Indices, a: Indices, b: Indices) -> Indices:
    """New labels in which a[i] and b[i] have the same one; what was together stays together.

    labels: int64 (n,), each the index of a member of the group that bears its own index as label. Union-find on whole
    arrays: labels are lowered to the least of those joined, and followed to their end.
    """
    labels = labels.copy()
    while True:
        x, y = labels[a], labels[b]
        apart = x != y
        if not apart.any():
            return labels
        a, b, x, y = a[apart], b[apart], x[apart], y[apart]
        np.minimum.at(labels, np.maximum(x, y), np.minimum(x, y))
        while not np.array_equal(deeper := labels[labels], labels):
            labels = deeper


def _is_first(different: Hashes, blocks: Hashes, chosen: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """The chosen blocks are the first ones in which two words agree: no earlier choice has shown the pair."""
    fresh = np.ones(len(different), bool)
    for index in range(chosen[-1]):
        fresh &= ((different & blocks[index]) == 0) == (index in chosen)
    return fresh


def _blocks(count: int) -> Hashes:
    """Masks of `count` blocks that make up all 64 bits."""
    edges = [round(_BITS * index / count) for index in range(count + 1)]
    return np.array([(1 << high) - (1 << low) for low, high in pairwise(edges)], np.uint64)


def _block_count(pictures: int, distance: int) -> int:
    """The cheapest one, if hashes were random: many choices of blocks cost sorting, few cost comparing."""

    def cost(blocks: int) -> float:
        same = blocks - distance
        compared = pictures / 2 ** (_BITS * same / blocks)
        return math.comb(blocks, same) * (8 + compared)  # to sort one costs about as much as to compare eight

    return min(range(distance + 1, min(distance + 5, _BITS) + 1), key=cost)


def _gathered(portions: Iterable[tuple[Indices, Indices]]) -> Iterator[tuple[Indices, Indices]]:
    """The same pairs in large portions."""
    held: list[tuple[Indices, Indices]] = []
    count = 0
    for a, b in portions:
        held.append((a, b))
        count += len(a)
        if count >= _HELD:
            yield np.concatenate([x for x, _ in held]), np.concatenate([y for _, y in held])
            held, count = [], 0
    if count:
        yield np.concatenate([x for x, _ in held]), np.concatenate([y for _, y in held])
