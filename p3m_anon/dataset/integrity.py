"""Do manifest, ledger and files say the same? Pure: rows and digests in, discrepancies out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from p3m_anon.dataset.rows import FILE_KEYS, KEYS

PUBLIC_KEYS = frozenset(KEYS)
STATUSES = frozenset(("anonymized", "anonymized_manual", "anonymized_suggested", "no_face", "normal"))
UNBLURRED = frozenset(("no_face", "normal"))
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_COMPARED = sorted(PUBLIC_KEYS - {"id"})


class Discrepancy(NamedTuple):
    """severity: `leak`, `warning` or `note`. check: a word for the rule. file: which one. evidence: one line."""

    severity: Literal["leak", "warning", "note"]
    check: str
    file: str
    evidence: str


def row_form(row: Any) -> str | None:
    """Why a manifest line is no row that can be used, or None. Paths must stay inside the release folder."""
    if not isinstance(row, dict):
        return "not a JSON object"
    for key in ("id", "image", "image_sha256", "status"):
        if not isinstance(row.get(key), str) or not row[key]:
            return f"{key} is missing"
    for key in FILE_KEYS:
        path = row.get(key)
        if path is not None and not _stays_inside(path):
            return f"{key} leads out of the release folder"
    for key in (f"{key}_sha256" for key in FILE_KEYS):
        if row.get(key) is not None and not (isinstance(row[key], str) and _SHA256.match(row[key])):
            return f"{key} is no sha256"
    return None


def row_discrepancies(row: Mapping[str, Any]) -> list[Discrepancy]:
    """What is wrong with a manifest row by itself; it has passed `row_form`."""
    found = []
    name = row["image"]
    foreign = sorted(set(row) - PUBLIC_KEYS)
    if foreign:
        found.append(Discrepancy("leak", "manifest", name, f"unknown field {', '.join(foreign)}: is it public?"))
    if row["status"] not in STATUSES:
        found.append(Discrepancy("warning", "manifest", name, f"unknown status {row['status']!r}"))
    if row["status"] in UNBLURRED and not row.get("release_basis"):
        found.append(Discrepancy("leak", "manifest", name, f"status {row['status']} without a release basis"))
    return found


def rows_discrepancies(manifest: Mapping[str, Any] | None, ledger: Mapping[str, Any] | None) -> list[Discrepancy]:
    """Where the manifest row and the row that the ledger would write differ; None for a row that is not there."""
    if manifest is None and ledger is None:
        raise ValueError("at least one of the two rows must be given")
    if ledger is None:
        assert manifest is not None
        evidence = "listed in the manifest, not accepted in the ledger"
        return [Discrepancy("leak", "ledger", manifest["image"], evidence)]
    if manifest is None:
        return [Discrepancy("warning", "manifest", ledger["image"], "accepted in the ledger, not in the manifest")]
    differ = [key for key in _COMPARED if manifest.get(key) != ledger.get(key)]
    if not differ:
        return []
    harmless = {"faces", "fidelity", "profile", "detector", "settings_digest", "width", "height"}
    serious = set(differ) - harmless
    severity: Literal["leak", "warning"] = "leak" if serious else "warning"
    return [Discrepancy(severity, "ledger", manifest["image"], f"manifest and ledger differ in {', '.join(differ)}")]


def file_discrepancies(file: str, expected: str | None, found: str | None) -> list[Discrepancy]:
    """A listed file against its sha256; found is None where there is no such file, expected where none is known."""
    if found is None:
        return [Discrepancy("leak", "files", file, "listed, but not there: the release is not what its rows say")]
    if expected is not None and found != expected:
        return [Discrepancy("leak", "files", file, "not the file that was written: its sha256 differs")]
    return []


def stray_discrepancy(file: str, *, link: bool = False) -> Discrepancy:
    """A file of the release folder that no row lists."""
    return Discrepancy("leak", "files", file, "a link" if link else "in the release folder, but no row lists it")


def _stays_inside(path: Any) -> bool:
    if not isinstance(path, str) or not path or "\0" in path or "\\" in path:
        return False
    return not path.startswith("/") and ".." not in path.split("/")
