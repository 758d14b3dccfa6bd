"""The files below a dataset's root: which there are, what each is, whether it is whole. Little of them is decoded.

All of `manifest` reaches files through here and `dataset_facts.file_sha256`: those of a folder by the system's calls,
those of a store (`files.remote`) each fetched once and looked into from a copy.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal, NamedTuple

from PIL import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from p3m_anon.errors import ImageError, UsageError
from p3m_anon.files.dataset_facts import file_sha256
from p3m_anon.files.headers import Header, inspect
from p3m_anon.files.probe import unreadable
from p3m_anon.files.remote import Location, RemotePath

# As in files.decode, which is not used here: `manifest` does without OpenCV.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

MAX_PIXELS = 250_000_000
_TAIL = 1 << 16
_WITH_EXIF: dict[str, type[ImageFile.ImageFile]] = {"JPEG": JpegImageFile, "PNG": PngImageFile, "WEBP": WebPImageFile}


class Entry(NamedTuple):
    """Something below the root. `file`: posix, relative, always text; `path`: for opening it."""

    file: str
    path: str | RemotePath
    kind: Literal["file", "link", "other"]


class Examined(NamedTuple):
    """A picture file: `size` is (W, H) as shown, `orientation` what turns it. problem: (kind, detail), or None."""

    sha256: str
    header: Header | None
    size: tuple[int, int] | None
    orientation: int
    problem: tuple[Literal["empty", "truncated", "unreadable"], str] | None


def walk(root: Location) -> Iterator[Entry]:
    """All that is no folder, hidden files too, in no fixed order. Links are named and never followed.

    Raises UsageError for a folder that cannot be listed.
    """
    if isinstance(root, RemotePath):
        for file, kind, path in root.walk():
            yield Entry(_text(file), path, "file" if kind == "file" else "other")
        return
    waiting = [(str(root), "")]
    while waiting:
        folder, inside = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    file = f"{inside}{_text(entry.name)}"
                    if entry.is_symlink():
                        yield Entry(file, entry.path, "link")
                    elif entry.is_dir():
                        waiting.append((entry.path, f"{file}/"))
                    else:
                        yield Entry(file, entry.path, "file" if entry.is_file() else "other")
        except OSError as error:
            raise UsageError(
                f"{folder}: cannot be listed ({os.strerror(error.errno or 5)}); check its rights"
            ) from error


def below(root: Location, file: str) -> str | RemotePath:
    """For opening a file; `file`: posix, relative to the root."""
    return root / file if isinstance(root, RemotePath) else os.path.join(root, file)


def examine(path: str | RemotePath) -> Examined:
    """Digest, header and orientation of a picture file, and whether it ends as it should."""
    digest = ""
    try:
        with _hashed(path) as (digest, stream):
            if stream.seek(0, os.SEEK_END) == 0:
                return Examined(digest, None, None, 1, ("empty", "an empty file"))
            header = inspect(stream, _name(path))
            damage = _damage(stream, header.format)
            orientation = _orientation(stream, header)
    except ImageError as error:
        return Examined(digest, None, None, 1, ("unreadable", str(error).partition(": ")[2]))
    except OSError as error:
        return Examined("", None, None, 1, ("unreadable", reason(error)))
    size = header.width, header.height
    size = size[::-1] if orientation >= 5 else size
    return Examined(digest, header, size, orientation, ("truncated", damage) if damage else None)


def reason(error: OSError) -> str:
    """The system's, or the store's, in one line."""
    return error.strerror or os.strerror(error.errno or 5)


def damage(path: str | RemotePath) -> str | None:
    """How a picture file shows that its end is missing; None where it shows nothing, whatever else is wrong."""
    try:
        with _opened(path) as stream:
            if stream.seek(0, os.SEEK_END) == 0:
                return "an empty file"
            return _damage(stream, inspect(stream, _name(path)).format)
    except (ImageError, OSError):
        return None


def levels(path: str | RemotePath) -> frozenset[int]:
    """The grey levels that a PNG of one channel uses; it is decoded in full, so damage shows.

    Three equal channels count as one. Raises ImageError for any other picture, and for a damaged one.
    """
    name = _name(path)
    try:
        with _opened(path) as stream:
            header = inspect(stream, name)
            if header.format != "PNG" or header.bits != 8:
                raise ImageError(f"{name}: not an 8-bit PNG")
            if header.width * header.height > MAX_PIXELS:
                raise ImageError(f"{name}: more than {MAX_PIXELS} pixels")
            stream.seek(0)
            return _levels(PngImageFile(stream), name)
    except (OSError, SyntaxError, ValueError, struct.error, EOFError, IndexError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise unreadable(Path(name), error) from error
        raise ImageError(f"{name}: damaged PNG; replace the file") from error


def _opened(path: str | RemotePath) -> contextlib.AbstractContextManager[BinaryIO]:
    return path.fetched() if isinstance(path, RemotePath) else open(path, "rb")


@contextlib.contextmanager
def _hashed(path: str | RemotePath) -> Iterator[tuple[str, BinaryIO]]:
    """A file's digest, and the file; it is fetched once."""
    if isinstance(path, RemotePath):
        with path.fetched() as stream:
            digest = hashlib.sha256()
            while part := stream.read(_TAIL):
                digest.update(part)
            yield digest.hexdigest(), stream
        return
    digest_here = file_sha256(path)
    with open(path, "rb") as stream:
        yield digest_here, stream


def _name(path: str | RemotePath) -> str:
    return path.name if isinstance(path, RemotePath) else os.path.basename(path)


def _levels(picture: PngImageFile, name: str) -> frozenset[int]:
    picture.load()
    grey = picture.convert("RGB") if picture.mode == "P" else picture
    if grey.mode not in ("1", "L", "RGB"):
        raise ImageError(f"{name}: has an alpha channel")
    if grey.mode == "RGB":
        bands = grey.split()
        if any(band.tobytes() != bands[0].tobytes() for band in bands[1:]):
            raise ImageError(f"{name}: a colour picture")
        grey = bands[0]
    return frozenset(level for level, count in enumerate(grey.histogram()) if count)


def _damage(stream: BinaryIO, kind: str) -> str | None:
    """An end marker is looked for near the end only; what may follow it is another question."""
    length = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, length - _TAIL))
    tail = stream.read()
    if kind == "JPEG" and tail.rfind(b"\xff\xd9") <= tail.rfind(b"\xff\xda"):  # a thumbnail's end comes before the scan
        return "a JPEG without its end"
    if kind == "PNG" and b"IEND\xaeB`\x82" not in tail:
        return "a PNG without its end"
    if kind in ("WEBP", "BMP"):
        stream.seek(4 if kind == "WEBP" else 2)
        (declared,) = struct.unpack("<I", stream.read(4))
        if length < declared + (8 if kind == "WEBP" else 0):
            return f"a {'WebP' if kind == 'WEBP' else kind} shorter than it says"
    return None


def _orientation(stream: BinaryIO, header: Header) -> int:
    """1..8 from TIFF or EXIF data; 1 where there is none or it cannot be read, as viewers show it."""
    if header.format not in _WITH_EXIF:
        return header.orientation
    try:
        stream.seek(0)
        value = _WITH_EXIF[header.format](stream).getexif().get(0x0112, 1)
    except Exception:  # hostile EXIF data raise almost anything
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _text(name: str) -> str:
    """A name that is no valid UTF-8, as text; no row can name such a file, as it then holds a backslash."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
