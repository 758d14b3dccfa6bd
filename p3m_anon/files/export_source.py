"""What an export reads: rows of a manifest, the files they name, and digests taken while the files are read."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, TypeVar

from p3m_anon.dataset.layout import VALIDATION, place
from p3m_anon.dataset.rows import FILE_KEYS, SPLITS
from p3m_anon.errors import ImageError, P3MError, UsageError
from p3m_anon.files.atomic import replacing
from p3m_anon.files.audit_facts import AuditFacts
from p3m_anon.files.dataset_facts import UNSPLIT, DatasetFacts, read_facts
from p3m_anon.files.dataset_rows import MANIFEST, read_rows
from p3m_anon.files.place import Link, place_file
from p3m_anon.files.remote import Location, RemotePath

Row = dict[str, Any]
Item = TypeVar("Item")
Result = TypeVar("Result")
OnDone = Callable[[], None]
"""Called once for each picture that has gone out."""

_PLAIN = re.compile(r"[^A-Za-z0-9_-]")
_DATE = re.compile(r"\d{4}-\d\d-\d\d([ T].*)?", re.DOTALL)
_PART = 1 << 20


class Spread(Protocol):
    """Does `work` for each item, perhaps several at once; results in the order of the items, few of them in memory."""

    def __call__(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """See above."""
        ...


class Unfit(P3MError):
    """The dataset is not what its manifest says, so nothing was exported."""


class Listed(NamedTuple):
    """A file that a row names: its key of FILE_KEYS, its path relative to the root, and its sha256."""

    key: str
    file: str
    sha256: str

    @property
    def ending(self) -> str:
        """Without the dot, in small letters; jpeg is jpg."""
        ending = self.file.rpartition(".")[2].lower()
        return "jpg" if ending == "jpeg" else ending


@dataclass(frozen=True)
class Source:
    """The part of a dataset that is exported.

    root: folder of the manifest. split: only this one, None for all. counts: split (or UNSPLIT) -> status ->
    pictures. filled: key -> rows in which it is not null. folders, endings: key of FILE_KEYS -> the folders in which
    its files lie, and how their names end. dated: keys of which
    some text looks like a date. audit: what an audit found, None if none was named.
    """

    root: Location
    facts: DatasetFacts
    split: str | None = None
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    filled: Counter[str] = field(default_factory=Counter)
    folders: dict[str, set[str]] = field(default_factory=dict)
    endings: dict[str, set[str]] = field(default_factory=dict)
    dated: set[str] = field(default_factory=set)
    stamp: str = ""
    audit: AuditFacts | None = None

    @property
    def pictures(self) -> int:
        """How many go out."""
        return sum(count.total() for count in self.counts.values())

    @property
    def splits(self) -> list[str]:
        """Those that go out, in the order of SPLITS; UNSPLIT alone for a release."""
        return [split for split in (*SPLITS, UNSPLIT) if split in self.counts]

    def rows(self, split: str | None = None) -> Iterator[Row]:
        """The rows that go out, of one split (or UNSPLIT) or of all, in the order of the manifest."""
        wanted = split or self.split
        for row in read_rows(self.root / MANIFEST):
            if wanted is None or (row.get("split") or UNSPLIT) == wanted:
                yield row
        if manifest_stamp(self.root) != self.stamp:
            raise Unfit(f"{MANIFEST} was changed while it was exported; run the same command again")


def survey(root: Location, split: str | None = None) -> Source:
    """Read the manifest of `root` once, and count what goes out.

    Raises UsageError without a manifest, or if nothing goes out; Unfit for a row that names a file without its sha256.
    """
    if not (root / MANIFEST).is_file():
        raise UsageError(f"{root} holds no {MANIFEST}; name a dataset or the release folder of `p3m-anon blur`")
    source = Source(root, read_facts(root) or DatasetFacts(), split, stamp=manifest_stamp(root))
    for row in source.rows():
        source.counts.setdefault(row.get("split") or UNSPLIT, Counter())[row["status"]] += 1
        source.filled.update(key for key, value in row.items() if value is not None)
        source.dated.update(key for key, value in row.items() if isinstance(value, str) and _DATE.fullmatch(value))
        for one in files_of(row):
            source.folders.setdefault(one.key, set()).add(role_folder(one.file))
            source.endings.setdefault(one.key, set()).add(one.ending)
    if not source.pictures:
        what = f"no picture of {split}" if split else "no picture"
        raise UsageError(f"{root / MANIFEST} lists {what}; `p3m-anon manifest show` says what it has")
    if UNSPLIT in source.counts and len(source.counts) > 1:
        raise Unfit(f"{MANIFEST}: some rows have a split and others have none")
    return source


def files_of(row: Mapping[str, Any]) -> list[Listed]:
    """The files that a row names, in the order of FILE_KEYS."""
    found = []
    for key in FILE_KEYS:
        file, sha256 = row.get(key), row.get(f"{key}_sha256")
        if file is None:
            continue
        if sha256 is None:
            raise Unfit(f"{file}: its row says no sha256, so nobody can tell whether it is the right file")
        found.append(Listed(key, file, sha256))
    return found


def role_folder(file: str) -> str:
    """The folder of a role in which a listed file lies, itself or deeper: `train/mask` for `train/mask/a/b.png`."""
    parts = file.split("/")
    if place(file) is None:
        return parts[0] if len(parts) > 1 else ""
    return "/".join(parts[: 3 if parts[0] == VALIDATION else 2])


def safe_name(text: str) -> str:
    """An id as a file's name: every character but A-Z a-z 0-9 _ - becomes `~` and two hex digits for each UTF-8 byte.

    Two ids never give one name, and `name_id` is the way back. A name never holds a dot, and never begins with `__`.
    """
    name = _PLAIN.sub(lambda found: "".join(f"~{byte:02x}" for byte in found[0].encode()), text)
    return f"~5f{name[1:]}" if name.startswith("__") else name


def name_id(name: str) -> str:
    """The id that `safe_name` made a name of."""
    return re.sub(rb"~([0-9a-f]{2})", lambda found: bytes.fromhex(found[1].decode()), name.encode()).decode()


def manifest_stamp(root: Location) -> str:
    """Changes when the manifest does."""
    if isinstance(root, RemotePath):
        return (root / MANIFEST).stamp()
    found = (root / MANIFEST).stat()
    return f"{found.st_ino} {found.st_size} {found.st_mtime_ns}"


class Digesting:
    """A file that is hashed while it is read (`read`), or a stream that is hashed while it is written (`write`)."""

    def __init__(self, stream: BinaryIO) -> None:
        """Start at the stream's current position."""
        self._stream, self._digest, self.size = stream, hashlib.sha256(), 0

    def read(self, size: int = -1) -> bytes:
        """As the stream's."""
        return self._counted(self._stream.read(size))

    def write(self, data: bytes) -> int:
        """As the stream's, whole."""
        self._stream.write(self._counted(data))
        return len(data)

    def tell(self) -> int:
        """Bytes so far."""
        return self.size

    def _counted(self, data: bytes) -> bytes:
        self._digest.update(data)
        self.size += len(data)
        return data

    @property
    def sha256(self) -> str:
        """Of all that was read or written, in hex digits."""
        return self._digest.hexdigest()


@contextlib.contextmanager
def open_listed(root: Location, listed: Listed) -> Iterator[BinaryIO]:
    """A listed file for reading, that of a store fetched; raises Unfit for one that is not there, and for a link."""
    with contextlib.ExitStack() as stack:
        with _readable(listed):
            if isinstance(root, RemotePath):
                stream = stack.enter_context((root / listed.file).fetched())
            else:
                handle = os.open(root / listed.file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
                stream = stack.enter_context(open(handle, "rb", buffering=_PART))
        yield stream


def listed_size(root: Location, listed: Listed) -> int:
    """In bytes; raises Unfit for a file that is not there."""
    with _readable(listed):
        path = root / listed.file
        return path.size() if isinstance(path, RemotePath) else path.lstat().st_size


def place_listed(root: Location, listed: Listed, target: Path, link: Link) -> None:
    """Put a listed file at `target`, checked, as `files.place.place_file` does; that of a store is always copied."""
    if not isinstance(root, RemotePath):
        place_file(root / listed.file, target, listed.sha256, link)
        return
    with open_listed(root, listed) as stream, replacing(target) as made:
        out = Digesting(made)
        while part := stream.read(_PART):
            out.write(part)
        if out.sha256 != listed.sha256:
            raise ImageError(f"{root / listed.file}: not the file that was recorded, its sha256 differs")


@contextlib.contextmanager
def _readable(listed: Listed) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Unfit(f"{listed.file}: cannot be read ({error.strerror}); {VERIFY}") from error


VERIFY = "manifest verify lists all that is wrong; nothing was exported"


def check_digest(listed: Listed, sha256: str) -> None:
    """Raises Unfit for a file that is not the one that its row lists."""
    if sha256 != listed.sha256:
        raise Unfit(f"{listed.file}: changed since its row was written; {VERIFY}")
