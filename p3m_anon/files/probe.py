"""A look at a picture file before it is opened: what kind and how large, without loading any decoder."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from p3m_anon.errors import ImageError
from p3m_anon.files.headers import inspect


class Probe(NamedTuple):
    """What a header says: `width` and `height` as stored."""

    format: str
    width: int
    height: int

    @property
    def pixels(self) -> int:
        """How many there are."""
        return self.width * self.height


def probe(path: Path) -> Probe:
    """Format and size from the header alone; cheap.

    Raises UnsupportedImage and ImageError as `images.read` does, but for too large and damaged pictures.
    """
    file_size(path)
    try:
        with path.open("rb") as stream:
            header = inspect(stream, path.name)
    except OSError as error:
        raise unreadable(path, error) from error
    return Probe(header.format, header.width, header.height)


def file_size(path: Path) -> int:
    """Size in bytes of a regular file; opening a pipe or a device could wait for ever."""
    try:
        status = path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    if not stat.S_ISREG(status.st_mode):
        raise ImageError(f"{path.name}: not a regular file; remove it")
    return status.st_size


def unreadable(path: Path, error: OSError) -> ImageError:
    """The system's reason in one line."""
    reason = error.strerror or os.strerror(error.errno or 5)
    return ImageError(f"{path.name}: cannot be read ({reason}); check the file and its rights")
