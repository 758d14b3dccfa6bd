"""Files at a second place: hard-linked, reflinked or copied, never moved, and each checked against its sha256.

A hard link is the same file under another name: it costs nothing, and who changes one changes both. A reflink is a
copy that shares its blocks until one of the two is changed (Btrfs, XFS). A copy is a copy.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Literal

from p3m_anon.errors import ImageError, Stopped, UsageError
from p3m_anon.files.atomic import replacing, temporary_in

Link = Literal["hard", "reflink", "copy"]
LINKS: tuple[Link, ...] = ("hard", "reflink", "copy")
"""The order in which `auto` tries them."""

FICLONE = 0x40049409  # linux/fs.h
_PART = 1 << 18
_NOT_HERE = {errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOTTY}
_NOT_HERE |= {errno.EINVAL, errno.ENOSYS, errno.EBADF, errno.ETXTBSY}
_MEANT = {
    "hard": "a hard link needs one file system for both, and the right to link the file",
    "reflink": "a reflink needs a file system that shares blocks, such as Btrfs or XFS",
}


def place_file(source: Path, target: Path, sha256: str, how: Link | Literal["auto"], *, private: bool = False) -> Link:
    """Put the content of `source` at `target`, and say how.

    `auto`: the first of LINKS that works here. `target` is there whole or not at all; what was there before goes.
    Links in `source` are followed. private: the modes of what is made are 0700 and 0600; a hard link keeps its mode.
    Raises ImageError if the source is gone or its content is not the one with this sha256; UsageError if
    the asked way does not work between these folders; Stopped as `files.atomic.replacing` does.
    """
    source = Path(os.path.realpath(source))
    for way in LINKS if how == "auto" else (how,):
        try:
            _WAYS[way](source, target, sha256, private)
        except FileNotFoundError as error:
            raise ImageError(f"{source}: is not there any more") from error
        except OSError as error:
            if way == "copy" or error.errno not in _NOT_HERE:
                raise Stopped(f"{source.name} cannot be placed in {target.parent} ({error.strerror})") from error
            if how != "auto":
                raise UsageError(f"--link {way} does not work here ({error.strerror}): {_MEANT[way]}") from error
        else:
            return way
    raise AssertionError("a copy either works or raises")


def is_placed(target: Path, size: int) -> bool:
    """A file of this size lies there. As placing is checked and atomic, it is the one that was placed."""
    try:
        found = target.lstat()
    except OSError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_size == size


def settle(folder: Path) -> None:
    """Make all entries of `folder` and below durable, as far as the file system can."""
    for parent, _, _ in os.walk(folder):
        with contextlib.suppress(OSError):
            handle = os.open(parent, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)


def _hard(source: Path, target: Path, sha256: str, private: bool) -> None:
    with source.open("rb") as stream:
        _check(source, _passed(stream, None), sha256)
        target.parent.mkdir(0o700 if private else 0o755, parents=True, exist_ok=True)
        try:
            os.link(source, target)
        except FileExistsError:
            _relink(source, target)
        if not os.path.samestat(os.fstat(stream.fileno()), target.lstat()):
            target.unlink()
            raise ImageError(f"{source}: was replaced while it was linked; run the command again")


def _relink(source: Path, target: Path) -> None:
    """A hard link in the place of a file that is there; it stays where no link can be made."""
    if target.is_symlink() or not target.samefile(source):
        spare = temporary_in(target.parent)
        os.link(source, spare)
        os.replace(spare, target)


def _reflink(source: Path, target: Path, sha256: str, private: bool) -> None:
    import fcntl

    with source.open("rb") as stream, replacing(target, private=private) as made:
        fcntl.ioctl(made.fileno(), FICLONE, stream.fileno())
        _check(source, _passed(stream, None), sha256)


def _copy(source: Path, target: Path, sha256: str, private: bool) -> None:
    with source.open("rb") as stream, replacing(target, private=private) as made:
        _check(source, _passed(stream, made), sha256)


def _passed(stream: BinaryIO, made: BinaryIO | None) -> str:
    """The sha256 of all that comes out of a stream, written on if there is where to; other threads run meanwhile."""
    digest = hashlib.sha256()
    while part := stream.read(_PART):
        digest.update(part)
        if made is not None:
            made.write(part)
    return digest.hexdigest()


def _check(source: Path, found: str, sha256: str) -> None:
    if found != sha256:
        raise ImageError(f"{source}: not the file that was recorded, its sha256 differs")


_WAYS: dict[Link, Callable[[Path, Path, str, bool], None]] = {"hard": _hard, "reflink": _reflink, "copy": _copy}
