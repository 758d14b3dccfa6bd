"""Nothing that we write or remove lies outside the folder that was named, whatever links lie in it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from p3m_anon.errors import Stopped

NOT_THERE = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)


def check_inside(root: Path, path: Path) -> None:
    """Raises Stopped where a folder on the way from `root` to `path` is a link that leads out of `root`.

    `path` itself may be a link: removing or replacing it leaves alone what it points to.
    """
    parent = path.parent.resolve()
    if not parent.is_relative_to(root.resolve()):
        raise Stopped(f"{path.parent} is a link that leads out of {root}, to {parent}; remove the link and run again")


def remove_inside(root: Path, path: Path) -> bool:
    """Remove a file; whether it was there. Raises Stopped where it cannot be removed, or as `check_inside` does."""
    if not os.path.lexists(path):
        return False
    check_inside(root, path)
    try:
        path.unlink()
    except OSError as error:
        if error.errno in NOT_THERE:
            return False
        raise Stopped(f"{path.name} cannot be removed ({error.strerror}); check the folder's rights") from error
    return True
