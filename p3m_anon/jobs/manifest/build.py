"""`manifest build`: a tree in the P3M-10k form gets its manifest, facts and seal; what is wrong with it is said."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from p3m_anon.dataset.rows import FILE_KEYS, SPLITS, Split
from p3m_anon.errors import UsageError
from p3m_anon.files.atomic import remove_leftovers
from p3m_anon.files.dataset_facts import FACTS, SEAL, DatasetFacts, read_facts, seal, write_facts
from p3m_anon.files.dataset_rows import MANIFEST, write_rows
from p3m_anon.files.ledger_rows import id_key
from p3m_anon.files.remote import Location
from p3m_anon.jobs.manifest.facts import PLAIN, Published, read_published
from p3m_anon.jobs.manifest.findings import Findings
from p3m_anon.jobs.manifest.picture import Checked, check_picture
from p3m_anon.jobs.manifest.pool import ordered, readers
from p3m_anon.jobs.manifest.rules import row_findings
from p3m_anon.jobs.manifest.tree import ENDINGS, Pictured, Tree, id_of

OnDone = Callable[[int], None]
_UNKNOWN = "p3m-anon made this dataset, but not this picture, so nobody says that it is blurred; it is left out"
_CHANGED = (
    "not the file that its row was written for; the row stays as it was."
    f" Put the file back, or take its line out of {MANIFEST} and build again"
)
PROVENANCE = (
    *("faces", "detector", "profile", "fidelity", "settings_digest"),
    *("release_basis", "viewed", "license", "source", "attribution"),
)
"""What a row says that its files do not show; kept from the manifest that is there, never made up."""


@dataclass(frozen=True)
class BuildRequest:
    """facts: whose published facts the tree is held to, one of facts.KNOWN, or None for none.

    out: the folder for what is written, None for the root itself, if it is a local one. name, version, license,
    citation: for dataset.json; None keeps what it says, or what the published facts say.
    """

    root: Location
    facts: str | None = None
    name: str | None = None
    version: str | None = None
    license: str | None = None
    citation: str | None = None
    dry_run: bool = False
    workers: int = 0
    out: Path | None = None


@dataclass
class BuildSummary:
    """What was indexed and found. counts: split -> status -> rows. seal: sha256 of checksums.txt; None: dry run."""

    root: Location
    findings: Findings = field(default_factory=Findings)
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    rows: int = 0
    kept: int = 0
    seal: str | None = None
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """1 with any finding."""
        return int(len(self.findings) > 0)

    def head(self) -> dict[str, Any]:
        """All but the findings, for other programs."""
        return {
            "root": str(self.root),
            "rows": self.rows,
            "rows_with_provenance_kept": self.kept,
            "splits": self.counts,
            "written": self.seal is not None,
            "seal_sha256": self.seal,
            "counts": {kind: self.findings.counts[kind] for kind in self.findings.kinds()},
            "seconds": round(self.seconds, 3),
            "exit_code": self.exit_code,
        }


def build_manifest(request: BuildRequest, on_done: OnDone = lambda _: None) -> BuildSummary:
    """Index the tree and, unless it is a dry run, write manifest.jsonl, dataset.json and checksums.txt.

    on_done is called with the number of pictures so far. Raises UsageError for a folder that holds no pictures in the
    P3M-10k form, for a manifest that cannot be read, and for a store without a local `out`; then nothing is written.
    """
    start = time.monotonic()
    if not request.root.is_dir():
        raise UsageError(f"{request.root} is not a folder")
    out = _out(request)
    build = _Build(request)
    rows = build.rows(on_done)
    if out is None:
        for _ in rows:
            pass
    else:
        remove_leftovers(out)
        write_rows(out / MANIFEST, rows)
    build.finish()
    summary = build.summary
    if out is not None:
        write_facts(out, build.facts())
        summary.seal = seal(out, request.root)
    summary.seconds = time.monotonic() - start
    return summary


def _out(request: BuildRequest) -> Path | None:
    """Where to write; None with dry_run."""
    if request.dry_run:
        return None
    if request.out is not None:
        there = (one.name for one in request.out.iterdir()) if request.out.is_dir() else ()
        foreign = sorted(set(there) - {MANIFEST, FACTS, SEAL})
        if foreign and request.out != request.root:
            raise UsageError(f"{request.out} holds {foreign[0]}; name a new folder with --out")
        return request.out
    if isinstance(request.root, Path):
        return request.root
    raise UsageError(f"{request.root} is only read: name a local --out for what is written, or --dry-run")


class _Build:
    """One run; for one thread."""

    def __init__(self, request: BuildRequest) -> None:
        self._request, self.summary = request, BuildSummary(request.root)
        self._published: Published | None = read_published(request.facts) if request.facts else None
        self._plain = self._published.rows if self._published else PLAIN
        self._findings = self.summary.findings
        self._old = self._read_old_facts()
        self._settings: set[str] = set()
        self._found: Counter[Split] = Counter()
        endings = self._published.endings if self._published else ENDINGS
        self._tree = Tree(request.root, self._findings, endings)

    def rows(self, on_done: OnDone) -> Iterator[dict[str, Any]]:
        """The rows in their order, by split and stem."""
        layers = {split: self._tree.layers(split) for split in SPLITS}
        if not any("image" in roles for roles in layers.values()):
            raise UsageError(f"{self._request.root} holds no pictures in the P3M-10k form (train/blurred_image, ...)")

        def check(picture: Pictured) -> Checked:
            return check_picture(self._request.root, picture, layers[picture.split])

        for checked in ordered(check, self._tree.pictures(), self._request.workers or readers(self._request.root)):
            self._findings.add_all(checked.findings)
            self._found[checked.picture.split] += 1
            on_done(self._found.total())
            row = self._row(checked)
            if row is not None:
                yield row

    def finish(self) -> None:
        """What is known only once all pictures were seen."""
        for file in self._tree.orphans():
            self._findings.add("odd", file, "belongs to no picture")
        for row in self._tree.gone():
            self._findings.add("missing", row["image"], f"the manifest had a row for it ({row['id']}), now left out")
        for split, count in self._published.counts.items() if self._published else ():
            if self._found[split] != count:
                self._findings.add("count", split, f"{self._found[split]} pictures, published were {count}")

    def facts(self) -> DatasetFacts:
        """What dataset.json will say."""
        request, old, published = self._request, self._old, self._published
        known = {str(one["digest"]): one for one in old.settings}
        settings = tuple(known.get(one, {"digest": one, "blur": None}) for one in sorted(self._settings))
        return DatasetFacts(
            name=request.name or old.name or (published.name if published else None),
            version=request.version or old.version,
            license=request.license or old.license or (published.license if published else None),
            citation=request.citation or old.citation or (published.citation if published else None),
            counts=self.summary.counts,
            settings=settings,
            split=old.split,
        )

    def _row(self, checked: Checked) -> dict[str, Any] | None:
        """The picture's row, or None where no row could be true."""
        picture, image, old = checked.picture, checked.files.get("image"), checked.picture.row
        if old is not None and (image is None or checked.is_damaged or old["image_sha256"] != image.sha256):
            if image is not None and old["image_sha256"] != image.sha256:
                self._findings.add("changed", old["image"], _CHANGED)
            return self._counted(old, picture)
        if image is None or image.size is None:
            return None
        if old is None and self._tree.is_ours:
            self._findings.add("unblurred", picture.files["image"], _UNKNOWN)
            return None
        row: dict[str, Any] = {"split": picture.split, **dict.fromkeys(PROVENANCE), **self._plain[picture.split]}
        row |= {"alpha": None, "alpha_sha256": None, "id": id_of(picture)}
        if old is not None:
            said = {key: old[key] for key in PROVENANCE if old.get(key) is not None}
            blank = {} if old.get("detector") is None else dict.fromkeys(PROVENANCE)  # ours: only what its row says
            row |= {"status": old["status"], **blank, **said}
            self.summary.kept += bool(said)
        for role in FILE_KEYS:
            if role in checked.files:
                row |= {role: picture.files[role], f"{role}_sha256": checked.files[role].sha256}
        row["width"], row["height"] = image.size
        return self._counted(row, picture)

    def _counted(self, row: dict[str, Any], picture: Pictured) -> dict[str, Any]:
        """Count a row that is written, and hold it to the rules."""
        self.summary.rows += 1
        self._findings.add_all(row_findings(row, self.summary.rows))
        for what, value in (("id", id_key(row["id"])), ("bytes", row["image_sha256"])):
            if (other := self._tree.first(what, value, row["image"])) is not None:
                self._findings.add("duplicate", row["image"], f"the same {what} as {other}")
        if isinstance(digest := row.get("settings_digest"), str):
            self._settings.add(digest)
        self.summary.counts.setdefault(picture.split, Counter())[row["status"]] += 1
        return row

    def _read_old_facts(self) -> DatasetFacts:
        try:
            return read_facts(self._request.root) or DatasetFacts()
        except UsageError:
            self._findings.add("facts", FACTS, "could not be read; it is written anew")
            return DatasetFacts()
