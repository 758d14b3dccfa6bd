"""`manifest datasheet`: what is known of a dataset, and what nobody said, on a page of its own."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from p3m_anon.errors import UsageError
from p3m_anon.files.atomic import write_bytes
from p3m_anon.files.dataset_facts import FACTS, SEAL, UNSPLIT, check_seal, read_facts, seal
from p3m_anon.files.dataset_rows import MANIFEST, read_rows
from p3m_anon.files.decisions import BINDING
from p3m_anon.files.export_source import Unfit
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.private import private_folder
from p3m_anon.files.samples import Samples
from p3m_anon.jobs.blur.run import LEDGER

SHEET = "DATASHEET.md"
TALLIED = ("detector", "profile", "fidelity", "release_basis", "license", "source", "attribution")
MOST = 1000  # different values of a field that are told apart
_MARK = "<!-- p3m-anon datasheet {} -->\n"


@dataclass(frozen=True)
class DatasheetRequest:
    """root: a dataset with dataset.json. release: the folder that `blur` wrote, whose ledger is read. private: its
    private folder. audit: what `audit --json` printed. replace: a datasheet that was edited by hand too.
    """

    root: Path
    release: Path | None = None
    private: Path | None = None
    audit: Path | None = None
    replace: bool = False
    dry_run: bool = False


@dataclass
class Contents:
    """What the rows say. counts: split -> status -> pictures. sizes: widths and heights, pixels, of rows that have
    them. faces: faces in a picture -> pictures. filled: key -> rows that have it. tally: key -> value -> rows, at most
    MOST values.
    """

    counts: dict[str, Counter[str]] = field(default_factory=dict)
    widths: array[int] = field(default_factory=lambda: array("i"))
    heights: array[int] = field(default_factory=lambda: array("i"))
    faces: Counter[int] = field(default_factory=Counter)
    filled: Counter[str] = field(default_factory=Counter)
    tally: dict[str, Counter[str]] = field(default_factory=lambda: {key: Counter() for key in TALLIED})

    @property
    def pictures(self) -> int:
        """All of them."""
        return sum(counts.total() for counts in self.counts.values())


@dataclass(frozen=True)
class Reviewed:
    """What the ledger of a release says in numbers. statuses: of all inputs. verdicts: of people, those that decide.

    people: how many decided. waiting: their answers that no run has carried out yet. widths: of faces, pixels.
    """

    statuses: Mapping[str, int]
    verdicts: Mapping[str, int]
    people: int
    waiting: int
    widths: array[int]
    sample: str | None
    sample_open: tuple[int, int] | None


@dataclass(frozen=True)
class Audited:
    """What an audit said in numbers; checks and skipped are our own words, never a file's name."""

    pictures: int
    counts: Mapping[str, int]
    checks: Mapping[str, int]
    skipped: tuple[str, ...]
    detectors: tuple[str, ...]


@dataclass
class DatasheetSummary:
    """text: the sheet. seal: sha256 of checksums.txt, None with dry_run. unstated: how often it says so."""

    file: Path
    text: str
    seal: str | None = None

    @property
    def unstated(self) -> int:
        """How many things nobody said."""
        return self.text.count("not stated")

    def to_json(self) -> str:
        """For other programs."""
        return json.dumps({"file": str(self.file), "seal_sha256": self.seal, "not_stated": self.unstated})


def write_datasheet(request: DatasheetRequest) -> DatasheetSummary:
    """Write ROOT/DATASHEET.md and seal the dataset again.

    Raises UsageError for a root without manifest or dataset.json, for a release without a ledger, an audit that is
    none, and a datasheet that was edited; Unfit if what is sealed was changed, as a new seal would hide that.
    """
    from p3m_anon.jobs.manifest.datasheet_text import render

    root = request.root
    if not (root / MANIFEST).is_file() or (facts := read_facts(root)) is None:
        raise UsageError(f"{root} holds no {MANIFEST} and {FACTS}; `p3m-anon manifest build` writes both")
    if not request.replace and is_edited(root / SHEET):
        raise UsageError(f"{root / SHEET} was edited by hand; --replace overwrites it")
    if (root / SEAL).is_file():
        broken = [problem for problem in check_seal(root) if not problem.startswith(f"{SHEET}:")]
        if broken:
            raise Unfit(f"{broken[0]}; a new seal would hide that, so look at `p3m-anon manifest verify` first")
    audited = read_audit(request.audit) if request.audit else None
    text = render(facts, read_contents(root), _reviewed(request), audited)
    text += _MARK.format(hashlib.sha256(text.encode()).hexdigest())
    summary = DatasheetSummary(root / SHEET, text)
    if not request.dry_run:
        write_bytes(root / SHEET, text.encode())
        summary.seal = seal(root)
    return summary


def is_edited(file: Path) -> bool:
    """Whether a datasheet is there that is not as this program wrote it."""
    try:
        text = file.read_bytes()
    except FileNotFoundError:
        return False
    body, found, rest = text.rpartition(_MARK.partition("{}")[0].encode())
    mark = _MARK.format(hashlib.sha256(body).hexdigest()).encode()
    return not found or found + rest != mark


def read_contents(root: Path) -> Contents:
    """One pass over the rows; 8 bytes a picture stay in memory."""
    seen = Contents()
    for row in read_rows(root / MANIFEST):
        seen.counts.setdefault(row.get("split") or UNSPLIT, Counter())[row["status"]] += 1
        seen.filled.update(key for key, value in row.items() if value is not None)
        if row.get("width") and row.get("height"):
            seen.widths.append(row["width"])
            seen.heights.append(row["height"])
        if row.get("faces") is not None:
            seen.faces[row["faces"]] += 1
        for key, tally in seen.tally.items():
            if (value := row.get(key)) is not None and (value in tally or len(tally) < MOST):
                tally[value] += 1
    return seen


def _reviewed(request: DatasheetRequest) -> Reviewed | None:
    if request.release is None:
        if request.private is not None:
            raise UsageError("--private goes with --release")
        return None
    file = private_folder(request.release.absolute(), request.private and request.private.absolute()) / LEDGER
    if not file.is_file():
        raise UsageError(f"{file.parent} holds no ledger; name the release folder of `blur`, and --private")
    with Ledger.copy_of(file) as ledger:
        return read_review(ledger)


def read_review(ledger: Ledger) -> Reviewed:
    """Numbers only: no name, note, reference or path comes out of the ledger."""
    marks = ", ".join("?" * len(BINDING))
    decided = f"FROM decisions d JOIN inputs i USING (path) WHERE i.seen = ? AND d.verdict IN ({marks})"
    given = (ledger.run, *BINDING)
    people, waiting = ledger.db.execute(
        f"SELECT count(DISTINCT d.who), coalesce(sum(i.decision IS NOT d.version), 0) {decided}", given
    ).fetchone()
    verdicts = dict(ledger.db.execute(f"SELECT d.verdict, count(*) {decided} GROUP BY d.verdict", given).fetchall())
    sample = Samples(ledger).newest()
    is_open = sample is not None and not sample.is_finished
    return Reviewed(
        statuses=ledger.counts(),
        verdicts=verdicts,
        people=people,
        waiting=waiting,
        widths=array("i", _face_widths(ledger)),
        sample=sample.statement if sample else None,
        sample_open=(sample.answered, sample.size) if sample and is_open else None,
    )


def _face_widths(ledger: Ledger) -> Iterator[int]:
    for row in ledger.rows("accepted"):
        yield from (round(face["width"]) for face in row.faces if face.get("width"))


def read_audit(file: Path) -> Audited:
    """What `p3m-anon audit OUT --json` printed; findings and folders are left where they are.

    Raises UsageError for anything else.
    """
    try:
        said = json.loads(file.read_bytes())
        counts = {key: int(said["counts"][key]) for key in ("leak", "warning", "note")}
        checks = {key: int(value) for key, value in said["checks"].items() if _is_ours(key)}
        skipped = tuple(key for key in sorted(said["skipped"]) if _is_ours(key))
        detectors = tuple(one for one in said["detectors"] if _is_ours(one))
        return Audited(int(said["pictures"]), counts, checks, skipped, detectors)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(f"{file}: not what `p3m-anon audit OUT --json` prints ({error!r})") from error


def _is_ours(text: Any) -> bool:
    """A phrase of the audit's, and no path."""
    return isinstance(text, str) and len(text) < 200 and text.isprintable() and not set(text) & set("/\\<>|")
