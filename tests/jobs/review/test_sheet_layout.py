"""How many pictures fit on a screen."""

from __future__ import annotations

import numpy as np
import pytest

from p3m_anon.jobs.review.sheet_layout import CROP, GAP, LOWEST, MOST_TILES, rows_of, slot, stages

ROOMS = [(1260, 702), (1260, 622), (880, 460), (1900, 980), (2540, 1340), (3820, 2060), (400, 200)]


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_laid_out_lies_inside_the_room(room):
    rng = np.random.default_rng(3)
    for stage in stages(*room):
        slots = []
        while True:
            size = tuple(int(v) for v in rng.integers(300, 4000, 2))
            more = [*slots, slot(size, int(rng.integers(0, 5)), stage)]
            if rows_of(more, stage) is None:
                break
            slots = more
        rows = rows_of(slots, stage)
        assert sorted(index for row in rows for index in row) == list(range(len(slots)))
        for row in rows:
            assert sum(slots[index].width for index in row) + GAP * (len(row) - 1) <= room[0]
        assert len(rows) <= stage.rows
        assert stage.rows * (stage.inner + 6 + GAP) - GAP <= room[1] or stage.rows == 1


@pytest.mark.parametrize("room", ROOMS[:-1])
@pytest.mark.parametrize("crops", range(13))
def test_crops_and_thumbnails_are_large_enough(room, crops):
    for stage in stages(*room):
        one = slot((1500, 1000), crops, stage)
        assert one.crop >= CROP
        assert stage.inner >= LOWEST
        assert one.crop * stage.stacked <= stage.inner
        assert one.columns * stage.stacked >= crops


@pytest.mark.parametrize("size", [(100, 4000), (9000, 100), (1, 1)])
def test_a_picture_of_any_shape_has_a_thumbnail(size):
    for stage in stages(1260, 702):
        thumb = slot(size, 2, stage).thumb
        assert min(thumb) >= 1
        assert thumb[1] <= stage.inner


def test_on_a_usual_screen_there_are_a_dozen_or_two():
    for crops, least in ((0, 15), (1, 12), (2, 10)):
        counts = []
        for stage in stages(1260, 702):
            slots = [slot(((1080, 1620), (1620, 1080), (1440, 1080))[n % 3], crops, stage) for n in range(MOST_TILES)]
            counts.append(max(n for n in range(MOST_TILES) if rows_of(slots[:n], stage) is not None))
        assert max(counts) >= least
