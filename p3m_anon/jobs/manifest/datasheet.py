"""`manifest datasheet`: what is known of a dataset, and what nobody said, on a page of its own."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from p3m_anon.errors import UsageError
from p3m_anon.files.atomic import write_bytes
from p3m_anon.files.audit_facts import read_audit
from p3m_anon.files.dataset_facts import FACTS, SEAL, check_seal, read_facts, seal
from p3m_anon.files.dataset_rows import MANIFEST, read_rows
from p3m_anon.files.export_source import Unfit
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.private import private_folder
from p3m_anon.jobs.blur.run import LEDGER
from p3m_anon.jobs.manifest.datasheet_text import render
from p3m_anon.jobs.manifest.known import Reviewed, read_contents, read_review

SHEET = "DATASHEET.md"
_MARK = "<!-- p3m-anon datasheet {} -->\n"


@dataclass(frozen=True)
class DatasheetRequest:
    """root: a dataset with dataset.json. release: the folder that `blur` wrote, whose ledger is read. private: its
    private folder. audit: the release's `audit.json`. replace: a datasheet that was edited by hand too.
    """

    root: Path
    release: Path | None = None
    private: Path | None = None
    audit: Path | None = None
    replace: bool = False
    dry_run: bool = False


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
    root = request.root
    if not (root / MANIFEST).is_file() or (facts := read_facts(root)) is None:
        raise UsageError(f"{root} holds no {MANIFEST} and {FACTS}; `p3m-anon manifest build` writes both")
    if not request.replace and is_edited(root / SHEET):
        raise UsageError(f"{root / SHEET} was edited by hand; --replace overwrites it")
    if (root / SEAL).is_file():
        broken = [problem for problem in check_seal(root) if not problem.startswith(f"{SHEET}:")]
        if broken:
            raise Unfit(f"{broken[0]}; a new seal would hide that, so look at `p3m-anon manifest verify` first")
    audited = read_audit(request.audit, read_rows(root / MANIFEST)) if request.audit else None
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
