"""Who can be told apart from whom: the statistics of face embeddings that `audit` reports. Pure; seeded.

Every rate has its chance level, its number of faces, and an interval of 95 %. The interval resamples persons, not
faces, since the pictures of one person are alike; gallery and threshold stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Vectors = npt.NDArray[np.float32]  # (n, d), unit length
    Labels = npt.NDArray[np.int64]  # (n,)
    Values = npt.NDArray[np.float64]

FALSE_ACCEPTS = 0.01
LEAST_IMPOSTORS = 100  # pairs of two persons; with fewer there is no threshold of 1 %
RESAMPLES = 1000
TAIL = 0.025  # on each side of the interval
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


class Faces(NamedTuple):
    """Embeddings with the person and the picture of each face."""

    vectors: Vectors
    persons: Labels
    pictures: Labels

    def at(self, rows: npt.NDArray[np.bool_]) -> Faces:
        """Some of the faces."""
        return Faces(self.vectors[rows], self.persons[rows], self.pictures[rows])


@dataclass(frozen=True)
class Rate:
    """A share of faces or pairs, its 95 % interval, and what chance gives. faces: whose rate it is; persons: theirs."""

    value: float
    low: float
    high: float
    chance: float
    faces: int
    persons: int


@dataclass(frozen=True)
class Linkage:
    """How well other pictures of a person are found in a gallery.

    rank1: share of faces whose most similar face in another picture is the same person's; None where nobody has two
    pictures. true_accept: share of a person's pairs that are accepted where 1 % of the pairs of two persons are; None
    for too few pairs.
    """

    rank1: Rate | None
    true_accept: Rate | None


@dataclass(frozen=True)
class ToOriginal:
    """How like its own original a face is.

    similarity: quantile, as text, -> cosine. rank1: share of faces whose most similar original is their own.
    accepted: share of faces that the embedder's own threshold takes for their originals.
    """

    similarity: dict[str, float]
    rank1: Rate
    accepted: float


def to_original(
    probes: Faces, own: npt.NDArray[np.int64], originals: Faces, same_person: float, chance: np.random.Generator
) -> ToOriginal | None:
    """What was made of faces against the originals, theirs among them; None for no faces.

    own: row of each probe's original. chance: for the interval.
    """
    if not len(probes.vectors):
        return None
    scores = probes.vectors @ originals.vectors.T
    similarity = scores[np.arange(len(own)), own]
    best = scores.max(1)
    hits = np.where(similarity >= best, 1 / (scores >= best[:, None]).sum(1), 0.0)
    quantiles = np.quantile(similarity, QUANTILES)
    return ToOriginal(
        {f"{share:g}": float(value) for share, value in zip(QUANTILES, quantiles, strict=True)},
        rate(hits, probes.persons, 1 / len(originals.vectors), chance),
        float(np.mean(similarity >= same_person)),
    )


def linkage(probes: Faces, gallery: Faces, chance: np.random.Generator) -> Linkage:
    """Find each probe's person in the gallery's other pictures; faces of the probe's own picture are left out.

    Faces that are equally similar share the hit. chance: for the intervals.
    """
    apart = probes.pictures[:, None] != gallery.pictures[None]
    alike = probes.persons[:, None] == gallery.persons[None]
    same, other = apart & alike, apart & ~alike
    scores = probes.vectors @ gallery.vectors.T
    return Linkage(_rank1(scores, same, other, probes.persons, chance), _accepts(scores, same, other, probes, chance))


def _rank1(
    scores: Vectors,
    same: npt.NDArray[np.bool_],
    other: npt.NDArray[np.bool_],
    persons: Labels,
    chance: np.random.Generator,
) -> Rate | None:
    asked = same.any(1) & other.any(1)
    if not asked.any():
        return None
    scores, same, other = scores[asked], same[asked], other[asked]
    best = np.where(same | other, scores, -np.inf).max(1, keepdims=True)
    first = (scores >= best) & (same | other)
    hits = (first & same).sum(1) / first.sum(1)
    guessed = float((same.sum(1) / (same | other).sum(1)).mean())
    return rate(hits, persons[asked], guessed, chance)


def _accepts(
    scores: Vectors,
    same: npt.NDArray[np.bool_],
    other: npt.NDArray[np.bool_],
    probes: Faces,
    chance: np.random.Generator,
) -> Rate | None:
    impostors = scores[other]
    if len(impostors) < LEAST_IMPOSTORS or not same.any():
        return None
    place = len(impostors) - 1 - int(FALSE_ACCEPTS * len(impostors))
    threshold = np.partition(impostors, place)[place]
    rows, columns = np.nonzero(same)
    hits = (scores[rows, columns] > threshold).astype(np.float64)
    found = rate(hits, probes.persons[rows], FALSE_ACCEPTS, chance)
    return Rate(found.value, found.low, found.high, found.chance, len(np.unique(rows)), found.persons)


def rate(hits: Values, persons: Labels, expected: float, chance: np.random.Generator) -> Rate:
    """The mean of hits, float64 (n,) in [0, 1], with its interval over resampled persons; expected: by chance.

    Where all hits agree, so do all resamples; the bound is then that of as many agreeing draws as there are persons.
    """
    if not len(hits):
        raise ValueError("hits must not be empty")
    names, inverse = np.unique(persons, return_inverse=True)
    people, value = len(names), float(np.mean(hits))
    if people < 2:
        low, high = 0.0, 1.0
    elif hits.min() == hits.max():
        reach = TAIL ** (1 / people)
        low, high = value * reach, 1 - (1 - value) * reach
    else:
        sums, counts = np.bincount(inverse, hits), np.bincount(inverse)
        drawn = chance.integers(0, people, (RESAMPLES, people))
        low, high = np.quantile(sums[drawn].sum(1) / counts[drawn].sum(1), (TAIL, 1 - TAIL)).tolist()
    return Rate(value, min(low, value), max(high, value), expected, len(hits), people)


def persons_by_links(faces: Faces, same_person: float) -> Labels:
    """Groups of faces in different pictures in which every two are at least `same_person` alike: int64 (n,).

    The most similar pair is joined first. Every two, and not a chain of pairs, since in many faces a few false links
    would join everybody to everybody. The persons of `faces` are not looked at.
    """
    scores = faces.vectors @ faces.vectors.T
    left, right = np.nonzero(np.triu(scores >= same_person, 1) & (faces.pictures[:, None] != faces.pictures[None]))
    labels = np.arange(len(faces.vectors))
    members = {int(label): [int(label)] for label in labels}
    for row in np.argsort(-scores[left, right], kind="stable"):
        keep, gone = int(labels[left[row]]), int(labels[right[row]])
        if keep == gone:
            continue
        both = np.ix_(members[keep], members[gone])
        if scores[both].min() < same_person or (faces.pictures[both[0]] == faces.pictures[both[1]]).any():
            continue
        labels[members[gone]] = keep
        members[keep] += members.pop(gone)
    return labels.astype(np.int64)
