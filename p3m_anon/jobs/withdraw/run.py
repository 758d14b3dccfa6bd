"""Pictures leave again: out of the release, the datasets made from it and the private folders, for good."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from p3m_anon.errors import UsageError
from p3m_anon.files.atomic import remove_leftovers
from p3m_anon.files.drawings import remove_drawings
from p3m_anon.files.erasure import erase, looks, same_bytes, scrub
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.manifest import write_manifest
from p3m_anon.files.private import locked, private_folder
from p3m_anon.files.recall_list import write_recall
from p3m_anon.files.release import Release
from p3m_anon.files.tombstones import Tombstones
from p3m_anon.jobs.blur.recall import forget
from p3m_anon.jobs.blur.run import LEDGER, MANIFEST
from p3m_anon.jobs.foreground.record import LayersRecord
from p3m_anon.jobs.foreground.sets import RECORD
from p3m_anon.jobs.withdraw.dataset import Dataset

if TYPE_CHECKING:
    from p3m_anon.files.ledger_rows import Row

PAGES = ("report.html", "audit.html")  # they hold the faces of many pictures; the next run writes them again


@dataclass(frozen=True)
class WithdrawRequest:
    """names: ids or paths of the release, or ids of the datasets. out: the release folder. private: default
    `OUT.private`. roots: datasets that were split from it. who: for the record."""

    names: tuple[str, ...]
    out: Path
    private: Path | None = None
    roots: tuple[Path, ...] = ()
    who: str = "unknown"
    dry_run: bool = False


@dataclass
class WithdrawSummary:
    """withdrawn: paths of the inputs. twins: those that were not named, but are the same file. alike: path ->
    by how many bits of 64 it differs from one of them. files: removed now. unknown: names that fit nothing. left:
    what is not ours to remove, in words. remains: what could not be removed yet, in words."""

    withdrawn: list[str] = field(default_factory=list)
    twins: list[str] = field(default_factory=list)
    alike: dict[str, int] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    remains: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """1 if a name fits nothing, something alike is still there, or something could not be removed yet."""
        return int(bool(self.unknown or self.alike or self.remains))

    def to_json(self) -> str:
        """All of it, for other programs."""
        return json.dumps({**vars(self), "exit_code": self.exit_code}, sort_keys=True)


def withdraw(request: WithdrawRequest) -> WithdrawSummary:
    """Remove pictures and everything made from them; run it again if it was stopped.

    First each picture gets its tombstone, then its files go, the ledger's row last: whatever stops it, the picture
    cannot come back, and a second run finds what is left. Raises UsageError where there is no ledger.
    """
    out = request.out.absolute()
    private = private_folder(out, request.private).absolute()
    if not (private / LEDGER).is_file():
        raise UsageError(f"{private} holds no ledger; name the release that `blur` made, and its --private folder")
    summary = WithdrawSummary()
    with ExitStack() as stack:
        if not request.dry_run:
            stack.enter_context(locked(private))
            for folder in (out, private, *(each for root in request.roots for each in (root, private_folder(root)))):
                remove_leftovers(folder)
        opened = Ledger.copy_of(private / LEDGER) if request.dry_run else Ledger(private / LEDGER, request.who)
        ledger = stack.enter_context(opened)
        datasets = [stack.enter_context(Dataset(root, out)) for root in request.roots]
        rows = _named(request.names, ledger, datasets, summary)
        rows |= _twins(rows, ledger, summary)
        stones = Tombstones(private)
        stones.check(ledger)
        _find_alike(rows, ledger, stones, summary)
        summary.withdrawn = sorted(rows)
        if not request.dry_run and rows:
            _remove(request, rows, (ledger, stones), datasets, summary, Release(out, private))
    return summary


def _named(names: Iterable[str], ledger: Ledger, datasets: list[Dataset], summary: WithdrawSummary) -> dict[str, Row]:
    """Path -> row of every name."""
    rows: dict[str, Row] = {}
    for name in names:
        path = next((found for one in datasets if (found := one.path_of(name)) is not None), None)
        row = ledger.row(path or name) or ledger.row_of_id(name)
        if row is None:
            summary.unknown.append(name)
        else:
            rows[row.path] = row
    return rows


def _twins(rows: dict[str, Row], ledger: Ledger, summary: WithdrawSummary) -> dict[str, Row]:
    """The same file under another name is the same picture."""
    digests = {one.sha256 for row in rows.values() for one in row.sources if one.role == "image" and one.sha256}
    summary.twins = [path for path in same_bytes(ledger, digests) if path not in rows] if digests else []
    found = ((path, ledger.row(path)) for path in summary.twins)
    return {path: row for path, row in found if row is not None}


def _find_alike(rows: dict[str, Row], ledger: Ledger, stones: Tombstones, summary: WithdrawSummary) -> None:
    """Near-duplicates are named and stay: a person has to say whether they show the same.

    Those of pictures that were withdrawn before are named too: what was said may have been lost with a stopped run.
    """
    import numpy as np

    from p3m_anon.dataset.groups import NEAR, hash_words, nearest

    gone = hash_words(row.phash for row in rows.values() if row.phash)
    if not gone.size and not len(stones):
        return
    for path, phash in looks(ledger):
        if path in rows:
            continue
        now = nearest(np.uint64(int(phash, 16)), gone).bits if gone.size else NEAR + 1
        before = stones.resembles(phash)
        bits = min(now, NEAR + 1 if before is None else before)
        if bits <= NEAR:
            summary.alike[path] = bits


def _remove(
    request: WithdrawRequest,
    rows: dict[str, Row],
    records: tuple[Ledger, Tombstones],
    datasets: list[Dataset],
    summary: WithdrawSummary,
    store: Release,
) -> None:
    ledger, stones = records
    for row in rows.values():
        sha256 = next((one.sha256 for one in row.sources if one.role == "image"), None)
        stones.add(sha256, row.phash)
    stones.bind(ledger)
    for dataset in datasets:
        summary.files += dataset.remove(set(rows))
    (store.out / MANIFEST).unlink(missing_ok=True)  # it lists what is about to go; a new one ends the job
    for row in rows.values():
        summary.files += _remove_released(row, store)
        forget(store.private, row.path)
        erase(ledger, row.path, request.who)
    is_scrubbed = all(dataset.is_scrubbed for dataset in datasets)
    if (store.private / RECORD).is_file():
        with LayersRecord(store.private) as layers:
            is_scrubbed &= layers.erase([row.id for row in rows.values()])
    for page in PAGES:
        if (store.private / page).is_file():
            (store.private / page).unlink()
            summary.files.append(page)
    write_recall(store.private, ledger)
    write_manifest(store.out / MANIFEST, ledger.rows("accepted"))
    if not (scrub(ledger.db) and is_scrubbed):
        summary.remains.append(
            "deleted rows in a private database, which another program has open; close it and withdraw the same again"
        )
    summary.left.append("your own originals and mattes: p3m-anon never touches its inputs")
    summary.left.append("run folders of train and eval: they keep small copies; remove them, or run eval there again")
    summary.left.append(
        "stores of studies: their run folders and reports show the pictures; do study run there again, and study"
        " add-predictions for mattes, with the dataset as it is now, remove the run folders that no study names any"
        " more (docs/privacy.md has the command), then write the reports again with study report"
    )
    summary.left.append("exports, copies and archives made earlier: make them again, and tell whoever has them")


def _remove_released(row: Row, store: Release) -> list[str]:
    """The files of one picture in release and private folder; those that were there."""
    files = {store.place(one.role) / one.file for one in row.outputs}
    there = [f"{path.parent.name}/{path.name}" for path in sorted(files) if path.is_file()]
    store.clear(row.id, row.outputs)
    return there + remove_drawings(store.private, row.id)
