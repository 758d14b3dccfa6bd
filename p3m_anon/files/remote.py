"""Files of another machine, read only: what `fsspec` reaches by a URL, with as much of `pathlib.Path` as datasets need.

A `Location` is a folder or file, here or there. Local ones stay `pathlib.Path`, and `file://` URLs become such, so that
the same strict code reads them (no link is followed). Whatever a store raises becomes an OSError that says why in one
line: who handles a bad disk handles a bad network too. Nothing here forks a process: `memory://` lives in this one, and
connections do not survive it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias, cast
from urllib.parse import unquote, urlsplit

from p3m_anon.errors import UsageError
from p3m_anon.extras import import_extra

_URL = re.compile(r"(?:[a-z0-9+.-]{2,}::)*[a-z][a-z0-9+.-]+://", re.IGNORECASE)  # one letter would be a drive
_HIDDEN = re.compile(r"(?<=://)[^/@\s]*@|(?<=\?)\S+")  # password and signature
_PART = 4 << 20
_LONGEST = 200


class RemotePath:
    """A file or folder of a store. is_file, is_dir, exists raise UsageError where the store does not answer; what
    reads raises OSError, as that of a Path does.
    """

    def __init__(self, store: Any, path: str, shown: str, size: int | None = None) -> None:
        """store: an fsspec file system. path: as the store wants it. shown: for people. size: in bytes, if known."""
        self._store, self._path, self._shown, self._size = store, path, shown, size

    def __str__(self) -> str:
        """The URL, without password and signature."""
        return self._shown

    def __truediv__(self, name: str) -> RemotePath:
        """What lies below; name: posix, relative."""
        return RemotePath(self._store, f"{self._path.rstrip('/')}/{name}", f"{self._shown.rstrip('/')}/{name}")

    @property
    def name(self) -> str:
        """The last part."""
        return self._path.rstrip("/").rpartition("/")[2]

    def is_file(self) -> bool:
        """Whether it is there and a file."""
        return self._info().get("type") == "file"

    def is_dir(self) -> bool:
        """Whether it is there and a folder."""
        return self._info().get("type") == "directory"

    def is_symlink(self) -> bool:
        """Stores have no links."""
        return False

    def exists(self) -> bool:
        """Whether anything is there."""
        return bool(self._info())

    def size(self) -> int:
        """In bytes; 0 where the store does not tell."""
        return self._size if self._size is not None else int(self._info().get("size") or 0)

    def stamp(self) -> str:
        """Changes when the file does, as far as the store knows."""
        return str(sorted((key, str(value)) for key, value in self._info().items()))

    def open(self, mode: Literal["rb"] = "rb") -> BinaryIO:
        """To be read from front to back."""
        streamed = "https" in self._store.protocol  # one request, and web servers need not know of parts
        with _explained():
            file = self._store.open(self._path, mode, block_size=0 if streamed else _PART)
        return io.BufferedReader(_Reading(file), _PART)

    def read_bytes(self) -> bytes:
        """All of it."""
        return b"".join(self.parts())

    def parts(self) -> Iterator[bytes]:
        """Its content in portions; that of a small file, whose size the listing told, by a single request."""
        if self._size is not None and self._size <= _PART:
            with _explained():
                whole = self._store.cat_file(self._path)
            yield bytes(whole)
            return
        with self.open() as stream:
            while part := stream.read(_PART):
                yield part

    def sha256(self) -> str:
        """Hex digest of the content; a few megabytes are in memory."""
        digest = hashlib.sha256()
        for part in self.parts():
            digest.update(part)
        return digest.hexdigest()

    @contextlib.contextmanager
    def fetched(self) -> Iterator[BinaryIO]:
        """A copy of the file, for those who jump about in it: in memory or, if it is large, on disk meanwhile."""
        with tempfile.SpooledTemporaryFile(2 * _PART) as copy:
            for part in self.parts():
                copy.write(part)
            copy.seek(0)
            yield cast("BinaryIO", copy)

    def walk(self) -> Iterator[tuple[str, str, RemotePath]]:
        """All that is no folder, here and below: as `children`, but each with its path relative to this folder."""
        waiting = [(self, "")]
        while waiting:
            folder, inside = waiting.pop()
            for name, kind, path in folder.children():
                if kind == "directory":
                    waiting.append((path, f"{inside}{name}/"))
                else:
                    yield f"{inside}{name}", kind, path

    def children(self) -> Iterator[tuple[str, str, RemotePath]]:
        """What lies in this folder: name, type ("file", "directory" or another), and where.

        Raises UsageError for a folder that cannot be listed.
        """
        try:
            with _explained():
                found = self._store.ls(self._path, detail=True)
                self._store.invalidate_cache()  # what it keeps would grow with the dataset, and grow old
        except OSError as error:
            raise UsageError(f"{self}: cannot be listed ({error.strerror})") from error
        mine = self._path.strip("/")
        for one in found:
            path = str(one["name"])
            name = path.rstrip("/").rpartition("/")[2]
            if name and path.strip("/") != mine:  # a store may list the folder's own mark among its files
                child = RemotePath(self._store, path, f"{self._shown.rstrip('/')}/{name}", one.get("size"))
                yield name, str(one["type"]), child

    def _info(self) -> dict[str, Any]:
        try:
            with _explained():
                return dict(self._store.info(self._path))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise UsageError(f"{self}: cannot be reached ({error.strerror})") from error


Location: TypeAlias = Path | RemotePath


def is_url(text: str) -> bool:
    """Whether this means a place by its URL, `s3://bucket/x` or `simplecache::s3://bucket/x`."""
    return _URL.match(text) is not None


def location(text: str) -> Location:
    """Where a path or URL leads; nothing is looked up yet.

    Raises MissingExtra without fsspec, UsageError for a URL that it cannot use, or whose own package is not installed.
    """
    if not is_url(text):
        return Path(text)
    if text.lower().startswith(("file://", "local://")):
        parts = urlsplit(text)
        return Path(unquote(parts.path) if parts.netloc in ("", "localhost") else parts.netloc + unquote(parts.path))
    shown = _HIDDEN.sub("", text).removesuffix("?")
    fsspec = import_extra("fsspec", "remote")
    try:
        with _explained():
            store, path = fsspec.core.url_to_fs(text)
    except OSError as error:
        raise UsageError(f"{shown}: cannot be used ({error.strerror})") from error
    return RemotePath(store, path, shown)


class _Reading(io.RawIOBase):
    """A store's file whose errors are explained."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with _explained():
            data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            with contextlib.suppress(OSError), _explained():
                self._file.close()
        super().close()


@contextlib.contextmanager
def _explained() -> Iterator[None]:
    """Each store has exceptions of its own, without a common base: all become an OSError that has a `strerror`."""
    try:
        yield
    except Exception as raised:
        error: BaseException = raised
        if isinstance(raised, FileNotFoundError) and isinstance(raised.__cause__, OSError):
            error = raised.__cause__  # HTTP says so of a server that does not answer
        number = next((number for kind, number in _NUMBERS.items() if isinstance(error, kind)), errno.EIO)
        said = str(error)
        if isinstance(error, OSError) and error.strerror:
            number, said = error.errno or number, error.strerror
        elif number != errno.EIO:
            said = os.strerror(number) + (f": {said}" if said and number != errno.ENOENT else "")
        said = _HIDDEN.sub("...", " ".join(said.split()))[:_LONGEST]
        raise OSError(number, said or type(error).__name__) from raised


_NUMBERS = {FileNotFoundError: errno.ENOENT, PermissionError: errno.EACCES, TimeoutError: errno.ETIMEDOUT}
