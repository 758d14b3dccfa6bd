"""Placing: the same content at a second place, or nothing."""

from __future__ import annotations

import errno
import hashlib
import os
import tempfile
from pathlib import Path

import pytest

from p3m_anon.errors import ImageError, Stopped, UsageError
from p3m_anon.files import place
from p3m_anon.files.place import is_placed, place_file, settle

DATA = b"a picture" * 50_000
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def source(tmp_path):
    (tmp_path / "release").mkdir()
    file = tmp_path / "release/a.png"
    file.write_bytes(DATA)
    return file


@pytest.fixture
def target(tmp_path):
    return tmp_path / "root/train/blurred_image/p_1.png"


@pytest.fixture
def no_links(monkeypatch):
    def refuse(*_):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(place.os, "link", refuse)


@pytest.mark.parametrize("how", ["hard", "copy", "auto"])
def test_the_content_is_there_and_the_source_stays(source, target, how):
    used = place_file(source, target, SHA, how)
    assert used == ("copy" if how == "copy" else "hard")
    assert (target.read_bytes(), source.read_bytes()) == (DATA, DATA)
    assert os.path.samefile(source, target) == (used == "hard")
    assert is_placed(target, len(DATA))
    assert place_file(source, target, SHA, how) == used  # again
    settle(target.parents[2])
    assert os.listdir(target.parent) == ["p_1.png"]


@pytest.mark.parametrize("how", ["hard", "copy"])
def test_what_was_there_goes(source, target, tmp_path, how):
    target.parent.mkdir(parents=True)
    (tmp_path / "mine").write_text("mine")
    for make in (lambda: target.write_text("old"), lambda: target.symlink_to(tmp_path / "mine")):
        make()
        place_file(source, target, SHA, how)
        assert target.read_bytes() == DATA
        assert not target.is_symlink()
        target.unlink()
    assert (tmp_path / "mine").read_text() == "mine"


def test_auto_copies_where_nothing_else_works(source, target, no_links):
    used = place_file(source, target, SHA, "auto")
    assert used in ("reflink", "copy")
    assert target.read_bytes() == DATA
    assert not os.path.samefile(source, target)


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="there is no second file system")
def test_auto_copies_to_another_file_system(source):
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        target = Path(folder, "a.png")
        if source.stat().st_dev == target.parent.stat().st_dev:
            pytest.skip("/dev/shm is on the same file system")
        assert place_file(source, target, SHA, "auto") == "copy"
        assert target.read_bytes() == DATA
        with pytest.raises(UsageError):
            place_file(source, target, SHA, "hard")
        assert target.read_bytes() == DATA


def test_a_reflink_is_asked_of_the_file_system(source, target, no_links, monkeypatch):
    """As Btrfs answers it."""
    import fcntl

    def clone(made, request, stream):
        assert request == place.FICLONE
        os.write(made, os.pread(stream, len(DATA), 0))
        return 0

    monkeypatch.setattr(fcntl, "ioctl", clone)
    assert place_file(source, target, SHA, "auto") == "reflink"
    assert target.read_bytes() == DATA
    with pytest.raises(ImageError):
        place_file(source, target.with_name("other.png"), "0" * 64, "reflink")
    assert os.listdir(target.parent) == ["p_1.png"]


def test_a_way_that_was_asked_for_and_does_not_work_is_said(source, target, no_links):
    with pytest.raises(UsageError, match="hard link needs one file system"):
        place_file(source, target, SHA, "hard")


def test_a_reflink_that_does_not_work_is_said(source, target, monkeypatch):
    import fcntl

    def refuse(*_):
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(fcntl, "ioctl", refuse)
    with pytest.raises(UsageError, match="Btrfs"):
        place_file(source, target, SHA, "reflink")
    assert not os.listdir(target.parent)


@pytest.mark.parametrize("how", ["hard", "copy"])
def test_a_changed_or_lost_file_is_placed_nowhere(source, target, how):
    with pytest.raises(ImageError, match="sha256 differs"):
        place_file(source, target, "0" * 64, how)
    source.unlink()
    with pytest.raises(ImageError, match="not there any more"):
        place_file(source, target, SHA, how)
    assert not target.exists()
    assert not [file for file in target.parents[2].rglob("*") if file.is_file()]


def test_a_full_disk_stops_and_leaves_nothing(source, target, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(place.os, "link", full)
    with pytest.raises(Stopped, match="No space left"):
        place_file(source, target, SHA, "auto")
    assert not target.exists()


def test_links_are_followed_so_that_none_leads_out_of_the_dataset(source, target, tmp_path):
    link = tmp_path / "link.png"
    link.symlink_to(source)
    for how in ("hard", "copy"):
        place_file(link, target, SHA, how)
        assert not target.is_symlink()
        assert is_placed(target, len(DATA))


def test_what_is_no_such_file_is_not_placed(source, target, tmp_path):
    assert not is_placed(target, 1)
    assert not is_placed(source, 1)
    link = tmp_path / "link.png"
    link.symlink_to(source)
    assert not is_placed(link, len(os.readlink(link)))
    assert not is_placed(tmp_path, tmp_path.lstat().st_size)


def test_private_copies_are_for_their_owner_only(source, target):
    place_file(source, target, SHA, "copy", private=True)
    assert (target.stat().st_mode & 0o777, target.parent.stat().st_mode & 0o777) == (0o600, 0o700)
