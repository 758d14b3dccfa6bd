"""Walks find every picture once, in order, and nothing else."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from p3m_anon.errors import UsageError
from p3m_anon.files.atomic import PREFIX
from p3m_anon.files.folders import find_pictures, locate, stem_of, walk_stems
from tests.files.drawn import photo, saved


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def names(root: Path, **options: object) -> list[str]:
    return [path.relative_to(root).as_posix() for path in find_pictures(root, **options)]


def test_order_endings_and_hidden_files(tmp_path: Path) -> None:
    found = ["A.JPG", "b/a.PnG", "b/c/ü 人.webp", "c.tiff", "d.HEIC", "e.gif", "z.bmp"]
    touch(tmp_path, *found, ".hidden.jpg", ".dir/a.jpg", "notes.txt", "a.json", f"{PREFIX}x.jpg", "nothing")
    saved(tmp_path / "no ending", photo(), format="PNG")
    saved(tmp_path / "odd.2020", photo(), format="JPEG")
    assert names(tmp_path) == sorted([*found, "no ending", "odd.2020"])


def test_excluded_folders_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "out/b.jpg", "out.private/c.jpg", "mask/d.png", "in/mask/e.png")
    assert names(tmp_path, exclude=[tmp_path / "out", tmp_path / "x" / ".." / "mask"]) == [
        "a.jpg",
        "in/mask/e.png",
        "out.private/c.jpg",
    ]


def test_links_neither_loop_nor_leave(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    touch(root, "a.jpg", "sub/b.jpg")
    touch(outside, "secret.jpg")
    (root / "sub" / "loop").symlink_to(root)
    (root / "away").symlink_to(outside)
    (root / "secret.jpg").symlink_to(outside / "secret.jpg")
    (root / "inside.jpg").symlink_to(root / "sub" / "b.jpg")
    (root / "broken.jpg").symlink_to(root / "none.jpg")
    os.mkfifo(root / "pipe.jpg")
    assert names(root) == ["a.jpg", "inside.jpg", "sub/b.jpg"]


def test_walking_is_lazy_and_deep(tmp_path: Path) -> None:
    deep = "/".join(["d"] * 300)
    touch(tmp_path, "a.jpg", f"{deep}/b.jpg")
    walk = find_pictures(tmp_path)
    assert next(walk).name == "a.jpg"
    assert next(walk).name == "b.jpg"


def test_a_folder_that_cannot_be_listed_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be listed"):
        list(find_pictures(tmp_path / "none"))


def test_stems(tmp_path: Path) -> None:
    assert stem_of(Path("a/b.c.JPG")) == "a/b.c"
    assert stem_of(Path("holiday.2020")) == "holiday.2020"
    assert stem_of(Path(unicodedata.normalize("NFD", "ü.png"))) == "ü"
    touch(tmp_path, "a.png", "b.TIF", "s/a.png", "text.txt")
    found = {"a": tmp_path / "a.png", "b": tmp_path / "b.TIF", "s/a": tmp_path / "s" / "a.png"}
    assert dict(walk_stems(tmp_path, "alpha")) == found


def test_masks_and_landmarks_have_their_own_endings(tmp_path: Path) -> None:
    touch(tmp_path, "a.as_drawn.png", "b.json", "c.pts", "d.npy", "e.jpg")
    assert dict(walk_stems(tmp_path, "manual_mask")) == {"a": tmp_path / "a.as_drawn.png", "b": tmp_path / "b.json"}
    assert sorted(dict(walk_stems(tmp_path, "landmarks"))) == ["b", "c", "d"]


def test_locate(tmp_path: Path) -> None:
    assert locate(tmp_path).pictures == tmp_path
    assert locate(tmp_path).alphas is None
    for folder in ("image", "alpha"):
        (tmp_path / folder).mkdir()
    assert locate(tmp_path).pictures == tmp_path / "image"
    assert locate(tmp_path).alphas == tmp_path / "alpha"
    (tmp_path / "mask").mkdir()
    with pytest.raises(UsageError, match="mask and alpha"):
        locate(tmp_path)
    with pytest.raises(UsageError, match="no such folder"):
        locate(tmp_path / "none")


def test_links_are_followed_on_request_each_folder_once(tmp_path: Path) -> None:
    touch(tmp_path, "root/a.jpg", "far/b.jpg", "far/sub/c.jpg")
    (tmp_path / "root" / "up").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "far").symlink_to(tmp_path / "far")
    (tmp_path / "far" / "back").symlink_to(tmp_path / "root")
    root = tmp_path / "root"
    assert [p.name for p in find_pictures(root)] == ["a.jpg"]
    assert sorted(p.name for p in find_pictures(root, follow_links=True)) == ["a.jpg", "b.jpg", "c.jpg"]


def test_links_to_themselves_and_to_nothing_stop_no_walk(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    (tmp_path / "nothing.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "folder").symlink_to(tmp_path / "folder")
    for follow_links in (False, True):
        assert [path.name for path in find_pictures(tmp_path, follow_links=follow_links)] == ["a.png"]


def test_nested_folders_are_resolved_once_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Resolving each from the root takes a second for 100 nested folders and a minute for 1000."""
    deepest = tmp_path
    for _ in range(100):
        deepest = deepest / "d"
    deepest.mkdir(parents=True)
    (deepest / "a.png").write_bytes(b"")
    resolved: list[object] = []
    real = os.path.realpath
    monkeypatch.setattr(os.path, "realpath", lambda path: resolved.append(path) or real(path))
    assert list(find_pictures(tmp_path)) == [deepest / "a.png"]
    assert len(resolved) <= 2
