"""The split's laws: a partition, whole groups, no order, the counts asked for, strata as in the pool."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3m_anon.dataset import split
from p3m_anon.dataset.split import BLURRED, CLEAR, FREE, NP, OUTSIDE, REFUSED, TRAIN, UNUSED, Candidates, P, divide

SEEDS = st.integers(0, 2**32)
COUNTS = st.integers(0, 30)


def candidates(seed: int, count: int = 200, *, single: bool = False, kinds=(0.55, 0.2, 0.2, 0.05)) -> Candidates:
    draw = np.random.default_rng(seed)
    keys = np.array([split.order_key(7, f"{seed}/{i}") for i in range(count)], np.uint64).reshape(-1, 2)
    groups = np.arange(count) if single else draw.integers(0, max(1, count * 2 // 3), count)
    kind = draw.choice(len(kinds), count, p=kinds).astype(np.uint8)
    return Candidates(keys, kind, groups.astype(np.int64), draw.integers(0, 5, count))


def reordered(one: Candidates, order: np.ndarray) -> Candidates:
    labels = np.random.default_rng(0).permutation(len(order) + 1)  # other names for the groups, too
    return Candidates(one.keys[order], one.kinds[order], labels[one.groups[order]], one.strata[order])


@given(SEEDS, st.integers(1, 200), COUNTS, COUNTS)
@settings(deadline=None)
def test_it_is_a_partition_in_which_everything_is_where_it_may_be(seed, count, p, np_):
    given_ = candidates(seed, count)
    places = divide(given_, p, np_).places
    assert len(places) == count
    assert set(places[given_.kinds == BLURRED].tolist()) <= {TRAIN, P}
    assert set(places[given_.kinds == FREE].tolist()) <= {TRAIN, P, NP}
    assert set(places[given_.kinds == CLEAR].tolist()) <= {NP, REFUSED, UNUSED}
    assert set(places[given_.kinds == OUTSIDE].tolist()) <= {UNUSED}


@given(SEEDS, st.integers(1, 200), COUNTS, COUNTS)
@settings(deadline=None)
def test_groups_never_straddle(seed, count, p, np_):
    given_ = candidates(seed, count)
    places = divide(given_, p, np_).places
    for group in np.unique(given_.groups):
        members = given_.groups == group
        assert len(set(places[members].tolist()) & {TRAIN, P, NP}) <= 1
        refused = bool(np.isin(given_.kinds[members], (BLURRED, OUTSIDE)).any())
        clear = places[members & (given_.kinds == CLEAR)].tolist()
        assert all((one == REFUSED) == refused for one in clear)


@given(SEEDS, COUNTS, COUNTS)
@settings(deadline=None)
def test_the_order_of_rows_never_matters(seed, p, np_):
    given_ = candidates(seed)
    order = np.random.default_rng(seed + 1).permutation(200)
    assert np.array_equal(divide(reordered(given_, order), p, np_).places, divide(given_, p, np_).places[order])


def test_another_seed_is_another_split():
    names = [f"picture {i}" for i in range(300)]
    drawn = []
    for seed in (7, 7, 8):
        keys = np.array([split.order_key(seed, name) for name in names], np.uint64)
        flat = Candidates(keys, np.zeros(300, np.uint8), np.arange(300), np.zeros(300, np.int64))
        drawn.append(set(np.flatnonzero(divide(flat, 30, 0).places == P).tolist()))
    assert drawn[0] == drawn[1]
    assert drawn[0] != drawn[2]


@given(SEEDS, st.integers(0, 40), st.integers(0, 30))
@settings(deadline=None)
def test_counts_are_as_asked_where_pictures_are_single(seed, p, np_):
    given_ = candidates(seed, 300, single=True)
    division = divide(given_, p, np_)
    assert not division.sizes.scaled
    assert (int((division.places == P).sum()), int((division.places == NP).sum())) == (p, np_)
    assert (division.groups, division.largest, division.too_large) == (300, 1, int(p + np_ == 0) * 300)


@given(SEEDS, st.integers(1, 80), st.integers(1, 60))
@settings(deadline=None)
def test_strata_are_within_one_picture_of_their_share(seed, p, np_):
    """Of NP too, if one kind of picture fills it."""
    given_ = candidates(seed, 400, single=True, kinds=(0.7, 0, 0.3))
    division = divide(given_, p, np_)
    for place, pool in ((P, BLURRED), (NP, CLEAR)):
        total, inside = (given_.kinds == pool).sum(), division.places == place
        for stratum in range(5):
            exact = ((given_.kinds == pool) & (given_.strata == stratum)).sum() * inside.sum() / total
            assert abs((inside & (given_.strata == stratum)).sum() - exact) <= 1
        assert division.deviations[place].pictures <= 1


@given(st.lists(st.integers(0, 40), min_size=1, max_size=300), st.integers(0, 300))
def test_quotas_round_every_share_and_add_up(strata, count):
    given_ = split.quotas(np.array(strata), count)
    count = min(count, len(strata))
    assert sum(given_.values()) == count
    for stratum, quota in given_.items():
        assert abs(quota - strata.count(stratum) * count / len(strata)) <= 1
        assert quota <= strata.count(stratum)


def test_many_small_strata_keep_their_share_together():
    """Half of the pictures are alone in their stratum: largest remainders would give them nothing."""
    strata = np.array([0] * 50 + list(range(1, 51)))
    assert split.quotas(strata, 10)[0] == 5


@pytest.mark.parametrize(
    ("asked", "there", "expected"),
    [
        ((500, 500), (9921, 500, 0), (500, 500, False)),
        ((500, 500), (9921, 0, 700), (500, 500, False)),
        ((500, 500), (9921, 40, 0), (500, 40, False)),
        ((500, 500), (900, 100, 0), (48, 48, True)),  # 1000 pictures in P3M-10k's ratio
        ((500, 500), (10, 3, 1), (1, 1, True)),
        ((10, 5), (20, 5, 0), (10, 5, False)),
        ((11, 0), (20, 5, 0), (1, 0, True)),
        ((0, 0), (3, 0, 0), (0, 0, False)),
        ((1, 1), (1, 0, 1), (0, 0, True)),
        ((1, 1), (0, 3, 0), (0, 1, True)),
    ],
)
def test_small_sets_scale_the_counts(asked, there, expected):
    assert split.feasible_sizes(*asked, *there) == expected


@given(*[st.integers(0, 2000)] * 5)
def test_at_least_half_is_left_to_train_on(p, np_, blurred, clear, free):
    sizes = split.feasible_sizes(p, np_, blurred + free, clear, free)
    assert 0 <= sizes.p <= p
    assert 0 <= sizes.np <= min(np_, clear + free)
    assert sizes.p + max(0, sizes.np - clear) <= (blurred + free) / 2


def test_negative_counts_are_refused():
    with pytest.raises(ValueError):
        split.feasible_sizes(-1, 0, 9, 9, 9)


def test_a_large_group_stays_in_train_and_its_clear_pictures_stay_out():
    count = 100
    keys = np.array([split.order_key(1, str(i)) for i in range(count)], np.uint64)
    kinds = np.array([BLURRED] * 60 + [CLEAR] * 40, np.uint8)
    groups = np.concatenate([np.zeros(20), np.arange(1, 41), np.full(20, 50), np.arange(60, 80)]).astype(np.int64)
    division = divide(Candidates(keys, kinds, groups, np.zeros(count, np.int64)), 12, 12)
    assert set(division.places[:20].tolist()) == {TRAIN}
    assert set(division.places[60:80].tolist()) == {UNUSED}
    assert (division.too_large, division.largest) == (2, 20)
    assert (int((division.places == P).sum()), int((division.places == NP).sum())) == (12, 12)


def test_clear_pictures_go_to_np_first_as_they_can_go_nowhere_else():
    given_ = candidates(3, 100, single=True, kinds=(0.6, 0.3, 0.1))
    clear = int((given_.kinds == CLEAR).sum())
    places = divide(given_, 0, clear + 4).places
    assert set(places[given_.kinds == CLEAR].tolist()) == {NP}
    assert int((places[given_.kinds == FREE] == NP).sum()) == 4
