"""`dataset.json`, what is said of the dataset as a whole, and `checksums.txt`, which seals what no row lists."""

from __future__ import annotations

import hashlib
import json
import os
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

from p3m_anon import __version__
from p3m_anon.dataset import layout
from p3m_anon.dataset.rows import SPLITS
from p3m_anon.dataset.split_record import SplitRecord
from p3m_anon.errors import UsageError
from p3m_anon.files.atomic import replacing, write_bytes
from p3m_anon.files.dataset_rows import MANIFEST
from p3m_anon.files.dataset_schema import schema_problems
from p3m_anon.files.remote import Location, RemotePath

FACTS, SEAL = "dataset.json", "checksums.txt"
FACTS_VERSION = 2
"""Of dataset.json. 1 had no `split`; it is still read, and written as 2."""

UNSPLIT = "unsplit"
"""The name in `counts` of rows whose split is null."""

_SEALED = (MANIFEST, FACTS, "DATASHEET.md")
_MASKS = {"facemask", *(layout.folder(s, "facemask", validation=v) for s in SPLITS for v in (True, False))}
_ENTRY = re.compile(r"([0-9a-f]{64})  (\S[^\0\\\n]*)\n")
_LONGEST, _PART = 1 << 14, 1 << 20
_buffers = threading.local()
_LARGEST_FACTS = 64 << 20


@dataclass(frozen=True)
class DatasetFacts:
    """What is true of the whole dataset; nothing private.

    counts: split (or UNSPLIT) -> status -> number of rows. settings: one for each settings digest that rows name,
    sorted by it: {"digest": ..., "blur": the BlurSettings behind it, or None where they are not known}. created is
    never set by us: without a clock the same input gives the same bytes. split: what our `split` did, None: it did not.
    """

    name: str | None = None
    version: str | None = None
    license: str | None = None
    citation: str | None = None
    schema_version: int = FACTS_VERSION
    tool_version: str = __version__
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    settings: tuple[Mapping[str, Any], ...] = ()
    created: str | None = None
    split: SplitRecord | None = None

    def to_json(self) -> str:
        """Indented, in the order of the fields; counts in the order of the splits, then by status."""
        order = [*SPLITS, UNSPLIT]
        counts = {split: dict(sorted(self.counts[split].items())) for split in order if split in self.counts}
        foreign = sorted(set(self.counts) - set(order))
        if foreign:
            raise ValueError(f"counts of unknown splits: {', '.join(foreign)}")
        settings = sorted((dict(one) for one in self.settings), key=lambda one: str(one["digest"]))
        return json.dumps(asdict(self) | {"counts": counts, "settings": settings}, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> DatasetFacts:
        """Raises ValueError for what is no JSON object, for fields that are missing or unknown, and a newer version."""
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError("not a JSON object")
        if isinstance(version := values.get("schema_version"), int) and version > FACTS_VERSION:
            raise ValueError(f"version {version}, made by a newer p3m-anon")
        if version == 1:
            values = {"split": None, **values, "schema_version": FACTS_VERSION}
        wrong = sorted({one.name for one in fields(cls)} ^ set(values))
        if wrong:
            raise ValueError(f"missing or unknown: {', '.join(wrong)}")
        counts, settings = values["counts"], values["settings"]
        if not isinstance(counts, dict) or not all(isinstance(one, dict) for one in counts.values()):
            raise ValueError("counts is not what it should be")
        if not isinstance(settings, list) or not all(isinstance(one, dict) and "digest" in one for one in settings):
            raise ValueError("settings is not what it should be")
        split = values["split"]
        if problems := [one for one in schema_problems("dataset", values) if one.startswith("split")]:
            raise ValueError(problems[0])
        if split is not None:
            split = SplitRecord(**{**split, "stratified_by": tuple(split["stratified_by"])})
        return cls(**{**values, "settings": tuple(settings), "split": split})


class SealEntry(NamedTuple):
    """One line of checksums.txt: its number from 1, and file and digest or, where `file` is None, nothing usable."""

    number: int
    file: str | None
    sha256: str | None


def read_facts(root: Location) -> DatasetFacts | None:
    """ROOT/dataset.json, or None where there is none. Raises UsageError for one that cannot be understood."""
    file = root / FACTS
    if not file.is_file():
        return None
    try:
        with file.open("rb") as stream:
            text = stream.read(_LARGEST_FACTS + 1)
        if len(text) > _LARGEST_FACTS:
            raise ValueError("far too large")
        return DatasetFacts.from_json(text)
    except (ValueError, RecursionError, OSError) as error:
        raise UsageError(f"{file}: not the facts of a dataset ({error}); write it again with manifest build") from error


def write_facts(root: Path, facts: DatasetFacts) -> None:
    """Write ROOT/dataset.json, atomically."""
    write_bytes(root / FACTS, facts.to_json().encode())


def sealed_files(root: Location) -> Iterator[str]:
    """What checksums.txt covers: all that may lie in a dataset and is listed by no row. Sorted; links are left out."""
    if isinstance(root, RemotePath):
        yield from _sealed_in_store(root)
        return
    names = set(_SEALED)
    if root.is_dir():
        names |= {name for name in os.listdir(root) if name.startswith("LICENSE")}
    for name in sorted(names | _MASKS):
        if name in _MASKS:
            yield from _below(root, name)
        elif (root / name).is_file() and not (root / name).is_symlink():
            yield name


def may_be_sealed(file: str) -> bool:
    """Whether checksums.txt may name this path, posix and relative; everything else belongs into a row."""
    if "/" not in file:
        return file in _SEALED or file.startswith("LICENSE")
    return file.startswith(tuple(f"{masks}/" for masks in _MASKS)) and _is_mask(file.rpartition("/")[2])


def seal(root: Path, of: Location | None = None) -> str:
    """Write ROOT/checksums.txt as `sha256sum` does, for `sha256sum -c`; returns its own sha256.

    It covers manifest.jsonl, dataset.json, DATASHEET.md, LICENSE* and published face masks, as far as they are there.
    of: the dataset for which the new files in `root` are meant; what is not among them is sealed as it lies there.
    Call it last. Raises UsageError without a manifest, for names that such a file cannot hold, and for a file of a
    store that cannot be read.
    """
    if not (root / MANIFEST).is_file():
        raise UsageError(f"{root / MANIFEST}: not there, so there is nothing to seal")
    digest = hashlib.sha256()
    new = {name for name in (MANIFEST, FACTS) if (root / name).is_file()}
    with replacing(root / SEAL) as stream:
        for name in sorted({*sealed_files(of or root), *new}):
            line = f"{_sealed_sha256(root if name in new else of or root, name)}  {name}\n"
            if not name.isprintable() or not _ENTRY.fullmatch(line):
                raise UsageError(f"{name!r}: a name that {SEAL} cannot hold; rename the file")
            stream.write(line.encode())
            digest.update(line.encode())
    return digest.hexdigest()


def seal_entries(root: Location) -> Iterator[SealEntry]:
    """The lines of ROOT/checksums.txt; the order is part of the form. Raises UsageError where it cannot be read."""
    last = ""
    try:
        with (root / SEAL).open("rb") as stream:
            for number, line in enumerate(iter(lambda: stream.readline(_LONGEST), b""), 1):
                found = _ENTRY.fullmatch(line.decode("utf-8", "replace"))
                if found is None or found[2] <= last or "\ufffd" in found[2]:
                    yield SealEntry(number, None, None)
                    continue
                last = found[2]
                yield SealEntry(number, found[2], found[1])
    except OSError as error:
        raise UsageError(f"{root / SEAL}: cannot be read ({error.strerror}); check the file and its rights") from error


def check_seal(root: Path) -> list[str]:
    """What is wrong with the seal, one line each: lines that are none, files that are changed, gone or not sealed."""
    if not (root / SEAL).is_file() or (root / SEAL).is_symlink():
        return [f"{SEAL} is missing"]
    problems, known = [], set()
    expected = set(sealed_files(root))
    for number, file, sha256 in seal_entries(root):
        if file is None or sha256 is None:
            problems.append(f"{SEAL}, line {number}: not a line that we write")
            continue
        known.add(file)
        if file not in expected:
            problems.append(f"{file}: sealed, but not there or not a file to be sealed")
        elif file_sha256(root / file) != sha256:
            problems.append(f"{file}: changed since it was sealed")
    return problems + [f"{file}: not in {SEAL}" for file in sorted(expected - known)]


def file_sha256(path: str | Location) -> str:
    """Hex digest of a file, read in parts; other threads run meanwhile. OSError for a link too: it is not followed."""
    if isinstance(path, RemotePath):
        return path.sha256()
    view: memoryview | None = getattr(_buffers, "view", None)
    if view is None:  # one for each thread: a new one for each small file would cost more than its digest
        view = _buffers.view = memoryview(bytearray(_PART))
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        digest = hashlib.sha256()
        while count := os.readv(handle, [view]):
            digest.update(view[:count])
        return digest.hexdigest()
    finally:
        os.close(handle)


def _sealed_sha256(root: Location, name: str) -> str:
    try:
        return file_sha256(root / name)
    except OSError as error:
        raise UsageError(f"{root / name}: cannot be read ({error.strerror}); check the file and its rights") from error


def _sealed_in_store(root: RemotePath) -> Iterator[str]:
    """Files of the root itself, and the masks; no folder of pictures is listed."""
    found = [name for name, kind, _ in root.children() if kind == "file" and may_be_sealed(name)]
    for masks in _MASKS:
        if (root / masks).is_dir():
            files = (f"{masks}/{file}" for file, kind, _ in (root / masks).walk() if kind == "file")
            found += filter(may_be_sealed, files)
    yield from sorted(found)


def _is_mask(name: str) -> bool:
    return name.endswith(".png") and not name.startswith(".")


def _below(root: Path, folder: str) -> Iterator[str]:
    """PNGs in a folder and below it, relative to the root, sorted; anything else there is a stray."""
    if not (root / folder).is_dir() or (root / folder).is_symlink():
        return
    found = []
    for parent, _, names in os.walk(root / folder):
        inside = Path(parent).relative_to(root).as_posix()
        masks = (name for name in names if _is_mask(name))
        found += [f"{inside}/{name}" for name in masks if not os.path.islink(os.path.join(parent, name))]
    yield from sorted(found)
