"""Near-duplicates and named groups: exactly the pairs that comparing all with all finds."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3m_anon.dataset.duplicates import perceptual_hash
from p3m_anon.dataset.groups import MIRROR, NEAR, find_groups, hash_words, join, near_pairs, nearest

SEEDS = st.integers(0, 2**32)


def planted(seed: int, count: int) -> np.ndarray:
    """Random hashes; around some of them others at 0 to 12 bits, some of these mirrored; many equal ones."""
    draw = np.random.default_rng(seed)
    values = [int(v) for v in draw.integers(0, 2**64, count, dtype=np.uint64)]
    for value in values[: count // 3]:
        for bits in draw.integers(0, 13, 3):
            for bit in draw.choice(64, bits, replace=False):
                value ^= 1 << int(bit)
            values.append(value ^ (int(MIRROR) if draw.random() < 0.3 else 0))
    values += [0] * 20 + [int(MIRROR)] * 5
    return draw.permutation(np.array(values, np.uint64))


def distances(values: np.ndarray) -> np.ndarray:
    different = values[:, None] ^ values
    return np.minimum(np.bitwise_count(different), np.bitwise_count(different ^ MIRROR))


def slow_labels(near: np.ndarray) -> list[int]:
    """Connected components, by walking."""
    labels = [-1] * len(near)
    for start in range(len(near)):
        waiting = [start] if labels[start] < 0 else []
        while waiting:
            one = waiting.pop()
            labels[one] = start
            waiting += [int(other) for other in np.flatnonzero(near[one]) if labels[other] < 0]
    return labels


def partition(labels) -> set[frozenset[int]]:
    members: dict[int, set[int]] = {}
    for index, label in enumerate(labels):
        members.setdefault(int(label), set()).add(index)
    return {frozenset(one) for one in members.values()}


@given(SEEDS, st.integers(1, 120), st.sampled_from([0, 1, 3, 8, 12]))
@settings(deadline=None, max_examples=60)
def test_exactly_the_pairs_of_brute_force_each_once(seed, count, distance):
    values = np.unique(planted(seed, count))
    portions = list(near_pairs(values, distance))
    found = [tuple(sorted((int(i), int(j)))) for a, b in portions for i, j in zip(a, b, strict=True)]
    expected = np.argwhere(np.triu(distances(values) <= distance, 1))
    assert sorted(found) == sorted(map(tuple, expected.tolist()))


@given(SEEDS, st.integers(1, 60), SEEDS)
@settings(deadline=None, max_examples=40)
def test_groups_are_the_connected_components(seed, count, named):
    values = planted(seed, count)
    draw = np.random.default_rng(named)
    rows = draw.integers(0, len(values), 15)
    codes = draw.integers(0, 6, 15).astype(np.uint64)
    near = distances(values) <= NEAR
    pairs = int(np.triu(near, 1).sum())
    for code in set(codes.tolist()):
        together = rows[codes == code]
        near[np.ix_(together, together)] = True
    groups = find_groups(values, (rows, codes))
    assert partition(groups.labels) == partition(slow_labels(near))
    assert groups.pairs == pairs


@given(SEEDS)
@settings(deadline=None, max_examples=20)
def test_the_order_of_pictures_does_not_matter(seed):
    values = planted(seed, 40)
    order = np.random.default_rng(seed).permutation(len(values))
    shuffled = find_groups(values[order])
    back = np.empty(len(order), np.int64)
    back[order] = shuffled.labels
    assert partition(back) == partition(find_groups(values).labels)


def test_black_pictures_by_the_thousand_are_one_group_at_once():
    values = np.zeros(300_000, np.uint64)
    values[7] = 1
    groups = find_groups(values)
    assert len(set(groups.labels.tolist())) == 1
    assert groups.pairs == 300_000 * 299_999 // 2


def test_a_chain_is_one_group():
    steps = [0]
    for start in range(0, 64, 8):
        steps.append(steps[-1] ^ (0xFF << start))
    groups = find_groups(np.array(steps, np.uint64))
    assert len(set(groups.labels.tolist())) == 1


def test_nothing_is_one_group_of_nothing():
    assert find_groups(np.empty(0, np.uint64)).pairs == 0


def test_labels_are_joined_through_others():
    labels = np.arange(6)
    joined = join(labels, np.array([5, 3, 4]), np.array([4, 2, 3]))
    assert partition(joined) == {frozenset({0}), frozenset({1}), frozenset({2, 3, 4, 5})}
    assert labels.tolist() == list(range(6))


def test_the_nearest_one_is_named_with_its_distance():
    hashes = np.array([0xFF, int(MIRROR) ^ 1, 0b111], np.uint64)
    assert nearest(np.uint64(0), hashes) == (1, 1, True)
    assert nearest(np.uint64(0), hashes[[0, 2]]) == (1, 3, False)
    with pytest.raises(ValueError):
        nearest(np.uint64(0), hashes[:0])


@pytest.mark.parametrize("distance", [-1, 16])
def test_a_distance_is_a_number_of_bits(distance):
    with pytest.raises(ValueError, match="distance"):
        next(near_pairs(np.zeros(1, np.uint64), distance))


@pytest.mark.shared
def test_edited_copies_of_real_pictures_are_near_and_other_pictures_are_not(shared_data):
    """The measurement behind NEAR, in short."""
    files = [f for f in sorted((shared_data / "portraits").glob("*.*")) if ".alpha." not in f.name]
    files += sorted((shared_data / "p3m_samples/image").glob("*.jpg"))
    pictures = [cv2.imread(str(file)) for file in files]
    hashes = hash_words(perceptual_hash(one) for one in pictures)
    others = distances(hashes)[np.triu_indices(len(hashes), 1)]
    assert len(hashes) > 30
    assert others.min() > 2 * NEAR
    edits = {
        "half": lambda p: cv2.resize(p, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
        "jpeg": lambda p: cv2.imdecode(cv2.imencode(".jpg", p, [cv2.IMWRITE_JPEG_QUALITY, 20])[1], cv2.IMREAD_COLOR),
        "brighter": lambda p: cv2.convertScaleAbs(p, beta=20),
        "mirrored": lambda p: p[:, ::-1].copy(),
        "cropped": lambda p: p[p.shape[0] // 50 : -p.shape[0] // 50, p.shape[1] // 50 : -p.shape[1] // 50].copy(),
    }
    for name, edit in edits.items():
        copies = hash_words(perceptual_hash(edit(one)) for one in pictures)
        bits = [nearest(copy, hashes[[i]]).bits for i, copy in enumerate(copies)]
        assert np.mean(np.array(bits) <= NEAR) >= (0.85 if name == "cropped" else 0.95), name
