"""`audit.json` read back for datasheet and exports: checked by its schema, and bound to files by their digests."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from p3m_anon.errors import UsageError
from p3m_anon.files.dataset_schema import schema_problems
from p3m_anon.files.export_words import NOT_STATED, many, one_line

KEYS = ("image_sha256", "alpha_sha256")


@dataclass(frozen=True)
class AuditFacts:
    """An audit and how it fits a dataset.

    record: by `manifests/schema/audit.schema.json`. sha256: of audit.json. pictures: of the dataset. unaudited: of
    these, how many have a picture or matte that was not among the audited files.
    """

    record: Mapping[str, Any]
    sha256: str
    pictures: int
    unaudited: int

    @property
    def is_stale(self) -> bool:
        """The dataset holds files that the audit has not seen."""
        return self.unaudited > 0


def read_audit(file: Path, rows: Iterable[Mapping[str, Any]]) -> AuditFacts:
    """Read `audit.json`, or what `audit --json` printed, and compare it with the rows of a dataset.

    Raises UsageError for anything else.
    """
    try:
        data = file.read_bytes()
        record = json.loads(data)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file}: not an audit.json ({error})") from error
    if problems := schema_problems("audit", record):
        raise UsageError(f"{file}: not an audit.json of this version of `p3m-anon audit` ({problems[0].strip()})")
    audited, pictures, unaudited = set(record["scope"]["files"]), 0, 0
    for row in rows:
        pictures += 1
        unaudited += not all(row[key] in audited for key in KEYS if row.get(key))
    return AuditFacts(record, hashlib.sha256(data).hexdigest(), pictures, unaudited)


def audit_words(audit: AuditFacts) -> Iterator[str]:
    """The audit in sentences; figures only: no file's name, no place, nobody's name."""
    record = audit.record
    found = ", ".join(many(record["counts"][key], key) for key in ("leak", "warning", "note"))
    yield f"Released pictures that were read again: {record['pictures']}; {found} ({_when(record)})."
    yield _binding(audit)
    yield from _sample(record)
    played = [one["name"] for one in record["threats"] if one["state"] != "not run"]
    absent = [one["name"] for one in record["threats"] if one["state"] == "not run"]
    yield f"Attackers that the audit played: {', '.join(played) or 'none'}; not played: {', '.join(absent) or 'none'}."
    yield f"Detectors: {one_line(', '.join(record['detectors'])) or NOT_STATED}."
    yield from _faces(record)
    yield from _identity(record)
    risk = record["residual_risk"]
    yield f"Residual risk, maximum: {one_line(risk['maximum'])}"
    yield f"Residual risk, average: {one_line(risk['average'])}"
    yield from (f"Not checked: {name}" for name in sorted(record["skipped"]) if is_ours(name))
    yield '"Found no leak" is not "anonymous".'


def recall_words(audit: AuditFacts) -> str:
    """How many faces the looks miss, in one sentence."""
    recall = audit.record["detection"]["recall"]
    rows = [f"{one['value']} {one['missed']} of {one['of']}" for one in recall["rows"] if is_ours(one["value"])]
    labelled = {one["group"] for one in recall["rows"]}
    absent = [name.replace("_", " ") for name in ("pose", "light", "skin_tone") if name not in labelled]
    missing = f" Recall by {', '.join(absent)}: {NOT_STATED}." if absent else ""
    return f"Missed faces ({recall['measured']}): {', '.join(rows)}.{missing}"


def is_ours(text: str) -> bool:
    """A phrase of the audit's, and not a path."""
    return len(text) < 200 and text.isprintable() and not set(text) & set("/\\<>|")


def _when(record: Mapping[str, Any]) -> str:
    again = f"; next look {record['next_look']}" if record["next_look"] else ""
    return f"{record['tool']['name']} {one_line(record['tool']['version'])}, {record['date']}{again}"


def _binding(audit: AuditFacts) -> str:
    """Whether the audit was of these very files."""
    named = f"audit.json has sha256 {audit.sha256}"
    if audit.is_stale:
        return (
            f"This audit is stale: {audit.unaudited} of {audit.pictures} pictures are not those that it saw ({named})."
        )
    return f"Every picture and matte is a file that the audit was of, by its digest ({named})."


def _sample(record: Mapping[str, Any]) -> Iterator[str]:
    sample = record["scope"]["sample"]
    if sample is not None:
        bound = NOT_STATED if sample["bound"] is None else f"{sample['bound']:.2%} of all (95 % confidence)"
        yield f"A random sample of {sample['size']} of {sample['of']} pictures was audited; a leak in at most: {bound}."


def _faces(record: Mapping[str, Any]) -> Iterator[str]:
    kept, back = record["strength"]["detail_kept"], record["inversion"]
    if kept is None:
        yield f"Detail that is left of the faces: {NOT_STATED}."
    else:
        worst, half = max(kept["worst"], 0), max(kept["median"], 0)
        faces = many(record["strength"]["faces"], "face")
        yield f"Detail that is left of {faces}: {half:.0%} median, {worst:.0%} worst."
    if back is None:
        yield f"What an inverse filter brings back: {NOT_STATED}."
    else:
        yield f"An inverse filter was tried on {many(back['faces'], 'face')}; {back['over_three_quarters']} came back."


def _identity(record: Mapping[str, Any]) -> Iterator[str]:
    found = record["identity"]
    if found is None:
        yield f"Whether a face recogniser links the pictures: {NOT_STATED}."
        return
    for name, scene in found.get("linkage", {}).items():
        if (rate := scene["rank1"]) is not None:
            yield (
                f"A face recogniser finds the same person first, {name}: {rate['value']:.0%} of {rate['faces']} faces"
                f" ({rate['low']:.0%} to {rate['high']:.0%}; chance {rate['chance']:.0%})."
            )
