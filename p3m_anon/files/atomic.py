"""Files that are there whole or not at all, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from p3m_anon.errors import ImageError, Stopped

PREFIX = ".p3m-tmp-"
"""All temporary files begin like this; walks leave them out."""

_NAME = re.compile(re.escape(PREFIX) + r"([0-9a-f]{8})-(\d+)-[0-9a-f]{16}")
_A_DAY = 86400.0
_FULL = {errno.ENOSPC, errno.EDQUOT}
_BARRED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}


def write_bytes(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file so that after any crash, power cuts included, `path` holds its old content or all of `data`.

    Missing folders are made. The mode is 0644, and 0600 with `private` (folders that are made: 0755, 0700). On an
    error nothing remains. Raises as `replacing` does.
    """
    with replacing(path, private=private) as stream:
        stream.write(data)


@contextlib.contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[BinaryIO]:
    """A binary stream whose content becomes the file `path` when the block ends without an error.

    Raises Stopped when the disk is full or the folder cannot be written to, ImageError for a name that the file
    system refuses.
    """
    with _explained(path):
        _make_folder(path.parent, 0o700 if private else 0o755)
        temporary = temporary_in(path.parent)
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with open(handle, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(handle)
            os.chmod(temporary, 0o600 if private else 0o644)
            os.replace(temporary, path)
        except BaseException:  # Ctrl-C too must leave nothing behind
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        _sync_folder(path.parent)


def temporary_in(folder: Path) -> Path:
    """A new name that `remove_leftovers` knows, should this process be killed."""
    return folder / f"{PREFIX}{_host()}-{os.getpid()}-{secrets.token_hex(8)}"


def remove_leftovers(folder: Path, *, below: bool = True) -> int:
    """Delete temporary files of runs that are no more; returns how many there were.

    folder: where; with `below` also in all folders below it.

    A run is no more if its process is gone from this machine. Files of other machines, which may be writing to the
    same folder now, are left for a day. Links are not followed; a folder that does not exist holds none.
    """
    removed = 0
    for parent, folders, names in os.walk(folder):
        if not below:
            folders.clear()
        for name in names:
            found = _NAME.fullmatch(name)
            if found and _is_stale(Path(parent, name), found[1], int(found[2])):
                with contextlib.suppress(FileNotFoundError), _explained(Path(parent, name)):
                    Path(parent, name).unlink()
                removed += 1
    return removed


def _is_stale(path: Path, host: str, process: int) -> bool:
    try:
        if time.time() - path.lstat().st_mtime > _A_DAY:
            return True
        if host != _host() or os.name == "nt":  # Windows has no harmless way to ask for a process
            return False
        os.kill(process, 0)
        return _has_ended(process)
    except (ProcessLookupError, OverflowError):
        return True
    except OSError:  # gone meanwhile, or another user's process
        return False


def _has_ended(process: int) -> bool:
    """It is listed but nobody has asked how it ended, which in a container without an init may stay so for ever."""
    try:
        state = Path(f"/proc/{process}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]
    except (OSError, IndexError):  # not Linux, or gone meanwhile
        return False
    return state in ("Z", "X")


def _host() -> str:
    """This machine, without its name: the files may lie in a folder that is published."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _make_folder(folder: Path, mode: int) -> None:
    """Make `folder` and its parents, each with `mode`, and their entries durable."""
    missing = []
    while not folder.is_dir() and folder != folder.parent:
        missing.append(folder)
        folder = folder.parent
    for new in reversed(missing):
        with contextlib.suppress(FileExistsError):  # another thread was faster
            new.mkdir(mode)
        _sync_folder(new.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable; some file systems cannot, and then it is as durable as they offer."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """The system's errors in our words: some concern this file only, some the whole run."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise Stopped("disk full: make room and run the same command again; what is finished is kept") from error
        if error.errno in _BARRED:
            why = os.strerror(error.errno)
            raise Stopped(
                f"cannot write {path.name} in {path.parent.name} ({why}); check the folder's rights"
            ) from error
        if error.errno == errno.ENAMETOOLONG:
            raise ImageError(f"{path.name[:40]}...: the name is too long for this disk; rename the file") from error
        raise
