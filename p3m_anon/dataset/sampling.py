"""Spot checks: which pictures to look at, and what is known after looking at them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import numpy as np

T = TypeVar("T")
CONFIDENCE = 0.95


def draw_sample(items: Iterable[T], size: int, seed: int) -> list[T]:
    """`size` of the items, each with the same chance, in the order given; all of them if there are fewer.

    One pass, memory for `size` items (reservoir sampling; Vitter 1985, algorithm R).
    """
    if size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    generator = np.random.default_rng(seed)
    kept: list[tuple[int, T]] = []
    for number, item in enumerate(items):
        if number < size:
            kept.append((number, item))
        elif (place := int(generator.integers(number + 1))) < size:
            kept[place] = (number, item)
    return [item for _, item in sorted(kept, key=lambda one: one[0])]


def upper_bound(missed: int, size: int) -> float:
    """The largest share of missed pictures, 0 to 1, that a sample still allows with 95 % confidence.

    None missed: 3 / size, the rule of three (Hanley and Lippman-Hand 1983). Else Clopper and Pearson's one-sided
    bound. Both take the population as large; for a small one they are on the safe side.
    """
    if size < 1 or not 0 <= missed <= size:
        raise ValueError(f"of at least 1 picture 0 to all can be missed, got {missed} of {size}")
    if missed == 0:
        return min(1.0, 3 / size)
    if missed == size:
        return 1.0
    from scipy.stats import beta

    return float(beta.ppf(CONFIDENCE, missed + 1, size - missed))


def statement(missed: int, size: int, population: int) -> str:
    """What a finished sample says, in one sentence."""
    if size >= population:
        return f"All {population} released pictures were looked at: in {missed} a face had been missed."
    bound = upper_bound(missed, size)
    found = "none" if missed == 0 else str(missed)
    return (
        f"In a random sample of {size} of {population} released pictures {found} had a face that was missed: "
        f"at most {bound:.2%} of all released pictures have one (95 % confidence)."
    )
