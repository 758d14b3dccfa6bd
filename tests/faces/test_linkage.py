"""Laws of the identity statistics: chance for noise, all for copies, nothing that depends on order."""

from __future__ import annotations

import numpy as np
import pytest

from p3m_anon.faces.linkage import Faces, linkage, persons_by_links, rate, to_original


def chance(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def unit(vectors: np.ndarray) -> np.ndarray:
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def people(persons: int, each: int, noise: float, seed: int = 0) -> Faces:
    """`each` pictures of every person, spread by noise about a centre of their own."""
    generator = chance(seed)
    centres = generator.standard_normal((persons, 32))
    labels = np.repeat(np.arange(persons), each)
    vectors = centres[labels] + noise * generator.standard_normal((persons * each, 32))
    return Faces(unit(vectors), labels, np.arange(persons * each))


@pytest.mark.parametrize("seed", range(3))
def test_alike_people_are_linked_and_noise_is_chance(seed: int) -> None:
    near = linkage(*[people(20, 3, 0.05, seed)] * 2, chance())
    assert near.rank1 is not None
    assert near.true_accept is not None
    assert near.rank1.value == near.true_accept.value == 1
    far = people(40, 3, 0.0, seed)
    noise = far._replace(vectors=unit(chance(seed + 9).standard_normal((120, 32))))
    found = linkage(noise, noise, chance())
    assert found.rank1 is not None
    assert found.true_accept is not None
    assert found.rank1.chance == pytest.approx(2 / 119)
    assert found.rank1.value < 0.1
    assert found.true_accept.value < 0.1
    assert found.rank1.low <= found.rank1.chance <= found.rank1.high


@pytest.mark.parametrize("seed", range(3))
def test_order_and_rotation_do_not_matter(seed: int) -> None:
    faces = people(12, 3, 1.0, seed)
    order = chance(seed).permutation(36)
    turn = np.linalg.qr(chance(seed).standard_normal((32, 32)))[0].astype(np.float32)
    moved = Faces(faces.vectors[order] @ turn, faces.persons[order], faces.pictures[order])
    one, other = linkage(faces, faces, chance()), linkage(moved, moved, chance())
    for first, second in ((one.rank1, other.rank1), (one.true_accept, other.true_accept)):
        assert first is not None
        assert second is not None
        assert first.value == pytest.approx(second.value, abs=0.02)  # the threshold may fall on a rounded tie


def test_equal_vectors_give_chance() -> None:
    """Where all faces look alike nobody is found but by guessing."""
    faces = people(5, 4, 1.0)._replace(vectors=np.ones((20, 1), np.float32))
    found = linkage(faces, faces, chance())
    assert found.rank1 is not None
    assert found.true_accept is not None
    assert found.rank1.value == pytest.approx(found.rank1.chance)
    assert found.true_accept.value == 0


def test_own_picture_is_left_out() -> None:
    """A copy of the same picture's face is not a link to another picture."""
    faces = people(10, 1, 0.0)
    assert linkage(faces, faces, chance()).rank1 is None
    twice = Faces(np.concatenate([faces.vectors] * 2), np.tile(faces.persons, 2), np.tile(faces.pictures, 2))
    assert linkage(twice, twice, chance()).rank1 is None


def test_too_few_impostors_give_no_threshold() -> None:
    found = linkage(*[people(2, 3, 0.1)] * 2, chance())
    assert found.rank1 is not None
    assert found.true_accept is None


def test_false_accepts_are_at_most_one_percent() -> None:
    """Slow, obvious reference on one draw."""
    faces = people(15, 3, 1.5, 4)
    found = linkage(faces, faces, chance()).true_accept
    genuine: list[float] = []
    impostors: list[float] = []
    for i in range(45):
        for j in range(45):
            if i != j:
                group = genuine if faces.persons[i] == faces.persons[j] else impostors
                group.append(float(faces.vectors[i] @ faces.vectors[j]))
    threshold = sorted(impostors, reverse=True)[len(impostors) // 100]
    assert sum(score > threshold for score in impostors) <= len(impostors) / 100
    assert found is not None
    assert found.value == pytest.approx(np.mean([score > threshold for score in genuine]), abs=0.02)


def test_original_is_found_by_its_copy_and_not_by_noise() -> None:
    faces = people(30, 1, 0.0)
    copy = to_original(faces, np.arange(30), faces, 0.9, chance())
    assert copy is not None
    assert copy.rank1.value == copy.accepted == 1
    assert copy.similarity["0.5"] == pytest.approx(1)
    assert copy.rank1.chance == pytest.approx(1 / 30)
    noise = faces._replace(vectors=unit(chance(7).standard_normal((30, 32))))
    other = to_original(noise, np.arange(30), faces, 0.9, chance())
    assert other is not None
    assert other.rank1.value < 0.3
    assert list(other.similarity.values()) == sorted(other.similarity.values())
    some = faces.at(np.arange(30) > 40)
    assert to_original(some, np.arange(0), faces, 0.9, chance()) is None


@pytest.mark.parametrize("seed", range(5))
def test_interval_holds_the_value_and_narrows_with_persons(seed: int) -> None:
    generator = chance(seed)
    widths = []
    for count in (10, 100, 1000):
        found = rate((generator.random(count) < 0.4).astype(float), np.arange(count), 0.1, generator)
        assert 0 <= found.low <= found.value <= found.high <= 1
        widths.append(found.high - found.low)
    assert widths[0] > widths[1] > widths[2]


def test_interval_is_seeded_and_counts_persons_not_faces() -> None:
    hits = (chance(1).random(60) < 0.5).astype(float)
    assert rate(hits, np.arange(60), 0.1, chance(5)) == rate(hits, np.arange(60), 0.1, chance(5))
    grouped = np.repeat(hits[:12], 5)
    few, many = rate(grouped, np.repeat(np.arange(12), 5), 0.1, chance()), rate(grouped, np.arange(60), 0.1, chance())
    assert few.high - few.low > many.high - many.low


def test_interval_of_agreeing_hits_is_not_a_point() -> None:
    none, every = rate(np.zeros(20), np.arange(20), 0.05, chance()), rate(np.ones(20), np.arange(20), 0.05, chance())
    assert (none.low, every.high) == (0, 1)
    assert none.high == pytest.approx(1 - 0.025 ** (1 / 20))
    assert every.low == pytest.approx(0.025 ** (1 / 20))
    alone = rate(np.ones(3), np.zeros(3, np.int64), 0.1, chance())
    assert (alone.low, alone.high) == (0, 1)
    with pytest.raises(ValueError, match="empty"):
        rate(np.zeros(0), np.zeros(0, np.int64), 0.1, chance())


@pytest.mark.parametrize("seed", range(5))
def test_links_join_only_who_are_all_alike(seed: int) -> None:
    faces = people(8, 3, 0.6, seed)
    pictures = chance(seed).integers(0, 12, 24)
    faces = faces._replace(pictures=pictures)
    labels = persons_by_links(faces, 0.5)
    scores = faces.vectors @ faces.vectors.T
    for label in np.unique(labels):
        group = np.flatnonzero(labels == label)
        assert scores[np.ix_(group, group)].min() >= 0.5 - 1e-6
        assert len(np.unique(pictures[group])) == len(group)  # nobody is twice in one picture


def test_links_find_the_people() -> None:
    faces = people(8, 3, 0.1)
    labels = persons_by_links(faces, 0.8)
    assert [len(set(labels[faces.persons == person])) for person in range(8)] == [1] * 8
    assert len(set(labels)) == 8
