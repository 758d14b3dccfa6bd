"""Which pictures can be divided, read from the ledgers into arrays: about 60 bytes a picture."""

from __future__ import annotations

import contextlib
import hashlib
import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from p3m_anon.dataset.split import BLURRED, CLEAR, FREE, OUTSIDE, Candidates, order_key
from p3m_anon.errors import UsageError
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.ledger_rows import Row
from p3m_anon.files.manifest import manifest_row
from p3m_anon.files.private import private_folder
from p3m_anon.files.tombstones import Tombstones
from p3m_anon.jobs.blur.run import LEDGER, MANIFEST
from p3m_anon.jobs.split.columns import Columns
from p3m_anon.jobs.split.request import LISTED, OF_THE_LEDGER, SplitRequest, SplitSummary
from p3m_anon.jobs.split.strata import Strata

NO_BASIS = "have no release basis"
NO_ALPHA = "have no alpha matte, which a matting dataset needs"
WITHDRAWN = "look like a picture that was withdrawn"
NO_HASH = "have no perceptual hash, so that nobody can tell what they duplicate; run `p3m-anon blur` again"


class Origin(NamedTuple):
    """A release that pictures come from. name: `release` or `normal`, as the command calls it.

    withdrawn: from the other release, or from an earlier dataset in the private folder; its own are known to `blur`.
    """

    name: str
    out: Path
    private: Path
    ledger: Ledger
    withdrawn: tuple[Tombstones, ...]

    def is_withdrawn(self, row: Row) -> bool:
        """Elsewhere this picture, or one that looks like it, was withdrawn."""
        images = [one.sha256 for one in row.sources if one.role == "image"]
        return any(
            any(map(marks.holds, images)) or (row.phash and marks.resembles(row.phash) is not None)
            for marks in self.withdrawn
        )


class Item(NamedTuple):
    """An accepted picture of a release. kind: see `dataset.split`; None: it is left out, for `problem`."""

    origin: Origin
    row: Row
    public: dict[str, Any]
    kind: int | None
    problem: str | None

    @property
    def name(self) -> str:
        """How a person finds it."""
        return f"{self.origin.name}: {self.row.path}"


@dataclass
class Pool:
    """What is known of the candidates. hashes: uint64. shared: (rows, codes) of user groups. digest: of all inputs."""

    candidates: Candidates
    hashes: np.ndarray[Any, np.dtype[np.uint64]]
    shared: tuple[np.ndarray[Any, np.dtype[np.int64]], np.ndarray[Any, np.dtype[np.uint64]]]
    digest: str


@contextlib.contextmanager
def open_origins(request: SplitRequest, split_private: Path) -> Iterator[list[Origin]]:
    """The ledgers as they are now; nothing is written to them. Raises UsageError for a folder that is no release."""
    asked = [("release", request.release, request.release_private)]
    if request.normal is not None:
        asked.append(("normal", request.normal, request.normal_private))
    with contextlib.ExitStack() as stack:
        found = []
        for name, folder, private in asked:
            out = folder.absolute()
            own = private_folder(out, private and private.absolute())
            if not (own / LEDGER).is_file():
                raise UsageError(_no_release(name, folder, own))
            if not (out / MANIFEST).is_file():
                raise UsageError(f"{folder} has no {MANIFEST}: its last run is not finished; run `p3m-anon blur` again")
            ledger = stack.enter_context(contextlib.closing(Ledger.copy_of(own / LEDGER)))
            found.append(Origin(name, out, own, ledger, ()))
        marks = {one.private: Tombstones(one.private) for one in found}
        marks[split_private] = Tombstones(split_private)
        others = [tuple(m for folder, m in marks.items() if folder != one.private) for one in found]
        yield [one._replace(withdrawn=other) for one, other in zip(found, others, strict=True)]


def _no_release(name: str, folder: Path, private: Path) -> str:
    if name == "release":
        return f"{private} holds no ledger; run `p3m-anon blur` first, or name the folder with --release-private"
    return (
        f"--normal {folder} is a plain folder: {private} holds no ledger (--normal-private names another). A picture"
        " that is shown unblurred needs a release basis, given by a person: run `p3m-anon blur` on the folder, say of"
        " each picture in `p3m-anon review` that its face may stay and why (public figure, consent) or that there is"
        " none, run `blur` again, and give its release folder as --normal"
    )


def items(origins: list[Origin]) -> Iterator[Item]:
    """All accepted pictures, always in the same order."""
    for origin in origins:
        for row in origin.ledger.rows("accepted"):
            yield _item(origin, row)


def _item(origin: Origin, row: Row) -> Item:
    public = manifest_row(row)
    based, normal = public["release_basis"] is not None, public["status"] == "normal"
    if origin.name == "normal" or normal:
        kind = CLEAR if based and public["status"] in ("normal", "no_face") else None
        problem = None if kind is not None else NO_BASIS
    else:
        kind, problem = FREE if public["status"] == "no_face" and based else BLURRED, None
    if row.phash is None:
        kind, problem = None, problem or NO_HASH
    elif origin.is_withdrawn(row):
        kind, problem = None, WITHDRAWN
    elif problem is None and public["alpha"] is None:
        kind, problem = OUTSIDE if kind == BLURRED else None, NO_ALPHA
    return Item(origin, row, public, kind, problem)


def candidates_of(origins: list[Origin]) -> Iterator[Item]:
    """Those that have a place in the arrays, in their order."""
    return (item for item in items(origins) if item.kind is not None)


@dataclass
class _Arrays:
    kinds: array[int] = field(default_factory=lambda: array("B"))
    hashes: array[int] = field(default_factory=lambda: array("Q"))
    keys: array[int] = field(default_factory=lambda: array("Q"))
    rows: array[int] = field(default_factory=lambda: array("q"))
    codes: array[int] = field(default_factory=lambda: array("Q"))
    digest: int = 0

    def add(self, item: Item, groups: tuple[str, ...], seed: int, strata: tuple[object, ...]) -> None:
        """One more candidate."""
        row = item.row
        for group in groups:
            self.rows.append(len(self.kinds))
            self.codes.append(int.from_bytes(hashlib.sha256(group.encode()).digest()[:8], "big"))
        assert item.kind is not None
        assert row.phash is not None
        self.kinds.append(item.kind)
        self.hashes.append(int(row.phash, 16))
        self.keys.extend(order_key(seed, f"{item.origin.name}:{row.id}"))
        known = [item.origin.name, row.path, row.id, row.phash, item.public, groups, strata]
        digest = hashlib.sha256(json.dumps(known, sort_keys=True, default=str).encode()).digest()
        self.digest = (self.digest + int.from_bytes(digest, "big")) % 2**256  # a sum: the order does not matter


def read_pool(request: SplitRequest, origins: list[Origin], summary: SplitSummary) -> Pool:
    """Read all candidates once; what cannot be one goes into the summary. `candidates.groups` is still empty.

    Raises UsageError if a picture of --normal has no release basis, or if there is nothing to divide.
    """
    own = tuple(one for one in request.stratify if one not in OF_THE_LEDGER)
    columns = Columns(request.columns, request.group_by, own) if request.columns else None
    arrays, strata = _Arrays(), Strata(request.stratify)
    without_basis: list[str] = []
    bare = 0
    for item in items(origins):
        if item.problem == NO_BASIS and item.origin.name == "normal":
            bare += 1
            without_basis += [item.row.path] if len(without_basis) < LISTED else []
        elif item.problem:
            summary.leave_out(item.problem, item.name)
        if item.kind is not None:
            groups, values = columns.of(item.row.path, item.row.id) if columns else ((), ())
            arrays.add(item, groups, request.seed, strata.add(item.row, values))
    if bare:
        raise UsageError(_bare(request, bare, without_basis))
    if columns:
        _check_columns(request, columns, summary)
        columns.close()
    if not any(kind != OUTSIDE for kind in arrays.kinds):
        left = "; ".join(f"{n} {why}" for why, n in summary.left_out.items())
        raise UsageError(
            f"{request.release}: no picture that could be in a matting dataset{': ' if left else ''}{left}"
        )
    keys = np.frombuffer(arrays.keys, np.uint64).reshape(-1, 2)
    candidates = Candidates(
        keys, np.frombuffer(arrays.kinds, np.uint8), np.empty(0, np.int64), strata.codes(len(arrays.kinds))
    )
    shared = np.frombuffer(arrays.rows, np.int64), np.frombuffer(arrays.codes, np.uint64)
    parts = json.dumps([request.decisive(), f"{arrays.digest:x}"])
    digest = hashlib.sha256(parts.encode()).hexdigest()
    return Pool(candidates, np.frombuffer(arrays.hashes, np.uint64), shared, digest)


def _bare(request: SplitRequest, count: int, names: list[str]) -> str:
    more = f" and {count - len(names)} more" if count > len(names) else ""
    return (
        f"--normal {request.normal}: {count} pictures have no release basis, so nobody has said that they may be shown"
        f" unblurred: {', '.join(names)}{more}. Answer them in `p3m-anon review` or leave them out, and run blur again"
    )


def _check_columns(request: SplitRequest, columns: Columns, summary: SplitSummary) -> None:
    if not columns.found:
        raise UsageError(f"--columns {columns.file}: no line's `{columns.key}` is one of a picture of the release")
    if columns.lost:
        what = "were taken for groups of their own" if request.group_by else "have an empty value"
        summary.warnings.append(f"{columns.lost} pictures have no line in {columns.file.name}: they {what}")
