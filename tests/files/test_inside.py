"""Nothing is written or removed through a link that leads out of the folder that was named."""

from __future__ import annotations

import pytest

from p3m_anon.errors import Stopped
from p3m_anon.files.inside import check_inside, remove_inside


@pytest.fixture
def linked(tmp_path):
    """A folder whose `fg` is a link to a folder of somebody else."""
    (tmp_path / "root").mkdir()
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.png").write_bytes(b"theirs")
    (tmp_path / "root" / "fg").symlink_to(tmp_path / "other")
    return tmp_path / "root"


def test_a_file_behind_a_link_stays(linked):
    with pytest.raises(Stopped, match="leads out of"):
        remove_inside(linked, linked / "fg" / "a.png")
    with pytest.raises(Stopped, match="leads out of"):
        check_inside(linked, linked / "fg" / "new.png")
    assert (linked / "fg" / "a.png").is_file()


def test_a_link_in_the_place_of_a_file_goes_and_its_target_stays(linked):
    link = linked / "b.png"
    link.symlink_to(linked / "fg" / "a.png")
    assert remove_inside(linked, link)
    assert not link.is_symlink()
    assert (linked / "fg" / "a.png").is_file()


def test_a_root_that_is_a_link_is_the_folder_that_was_named(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.png").write_bytes(b"ours")
    (tmp_path / "root").symlink_to(tmp_path / "real")
    assert remove_inside(tmp_path / "root", tmp_path / "root" / "a.png")
    assert not remove_inside(tmp_path / "root", tmp_path / "root" / "a.png")
