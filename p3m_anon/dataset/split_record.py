"""What `split` did, as far as everybody may know: settings and sizes, no name, path or value. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

HASH_BITS = 64


@dataclass(frozen=True)
class SplitRecord:
    """How pictures came into their splits.

    seed: of the draw. asked: test split -> pictures asked for. scaled: the set was too small for that, so it got fewer.
    stratified_by: what shares were kept of, `faces`, `face-size`, `picture-size` or names of the user's columns.
    grouped_by: name of the user's column whose values keep pictures together; None: none. near_duplicate_bits: two
    pictures stay together if the perceptual hashes of their originals differ in at most so many of HASH_BITS; None:
    nobody looked. groups, largest_group: of the pictures that are in the dataset now; one that is like no other is a
    group of its own.
    """

    seed: int
    asked: Mapping[str, int]
    scaled: bool
    stratified_by: tuple[str, ...]
    grouped_by: str | None
    near_duplicate_bits: int | None
    groups: int
    largest_group: int
