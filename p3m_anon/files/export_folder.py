"""An export that is a folder: it has its name only once it is whole."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from p3m_anon.errors import Stopped, UsageError
from p3m_anon.files.atomic import PREFIX


@contextlib.contextmanager
def building(out: Path) -> Iterator[Path]:
    """A folder beside `out` to build in; it becomes `out` when the block ends without an error, and goes otherwise.

    After a kill or a power cut there is no `out`; the next export to it clears away what was begun. Raises UsageError
    where `out` is there and not an empty folder, Stopped while another run builds it or where nothing can be written.
    """
    check_new(out)
    stage = out.parent / f"{PREFIX}export-{out.name}"
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        stage.mkdir(exist_ok=True)
        handle = os.open(stage, os.O_RDONLY)
    except OSError as error:
        raise Stopped(f"cannot write in {out.parent} ({error.strerror}); check the folder's rights") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _empty(stage, handle)
    except OSError as error:
        os.close(handle)
        raise Stopped(f"another run is exporting to {out}; wait for it, or stop it first") from error
    try:
        yield stage
        check_new(out)
        os.sync()  # once for all files: none of them has its name yet
        os.replace(stage, out)
    except BaseException:  # Ctrl-C too leaves nothing behind; hard links are names only
        shutil.rmtree(stage, ignore_errors=True)
        raise
    finally:
        os.close(handle)


def check_new(out: Path) -> None:
    """Raises UsageError where `out` is there already, unless it is an empty folder."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise UsageError(f"{out} is there already; name a new --out")
    if out.is_dir() and next(out.iterdir(), None) is not None:
        raise UsageError(f"{out} is not empty; name a new folder with --out, or remove it first")


def _empty(stage: Path, handle: int) -> None:
    """Remove what a killed run left; raises OSError if the folder has been given its name, or removed, meanwhile."""
    if not os.path.samestat(os.fstat(handle), stage.lstat()):
        raise FileExistsError
    for one in stage.iterdir():
        shutil.rmtree(one) if one.is_dir() and not one.is_symlink() else one.unlink()
