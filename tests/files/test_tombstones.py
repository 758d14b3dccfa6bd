"""Marks of withdrawn pictures: they find what comes back, and say nothing without the key."""

from __future__ import annotations

import numpy as np
import pytest

from p3m_anon.dataset.groups import MIRROR, NEAR
from p3m_anon.errors import Stopped
from p3m_anon.files.tombstones import FILE, Tombstones

SHA, PHASH = "ab" * 32, "0123456789abcdef"


def flipped(phash: str, bits: int) -> str:
    return f"{int(phash, 16) ^ ((1 << bits) - 1):016x}"


def test_the_very_bytes_and_what_looks_alike_are_found(tmp_path):
    stones = Tombstones(tmp_path)
    assert not stones.holds(SHA)
    assert stones.resembles(PHASH) is None
    stones.add(SHA, PHASH)
    for one in (stones, Tombstones(tmp_path)):
        assert len(one) == 1
        assert one.holds(SHA)
        assert not one.holds("cd" * 32)
        assert one.resembles(PHASH) == 0
        assert one.resembles(flipped(PHASH, NEAR)) == NEAR
        assert one.resembles(flipped(PHASH, NEAR + 1)) is None
        mirrored = f"{int(np.uint64(int(PHASH, 16)) ^ MIRROR):016x}"
        assert one.resembles(mirrored) == 0


def test_nothing_can_be_learned_without_the_key(tmp_path):
    first, second = Tombstones(tmp_path / "a"), Tombstones(tmp_path / "b")
    for one in (first, second):
        one.add(SHA, PHASH)
    texts = [(tmp_path / name / FILE).read_text() for name in "ab"]
    assert texts[0] != texts[1]
    assert SHA not in texts[0]
    assert PHASH not in texts[0]
    assert (tmp_path / "a" / FILE).stat().st_mode & 0o077 == 0


def test_marks_that_cannot_be_read_stop_the_run(tmp_path):
    for text in ("bytes", "bytes xyz", "name 00", "\xff"):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(Stopped):
            Tombstones(tmp_path)


def test_adding_twice_changes_nothing(tmp_path):
    stones = Tombstones(tmp_path)
    stones.add(SHA, PHASH)
    before = (tmp_path / FILE).read_bytes()
    stones.add(SHA, PHASH)
    stones.add(None, None)
    assert (tmp_path / FILE).read_bytes() == before
