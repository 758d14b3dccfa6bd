"""What must hold of one row, whatever lies on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from p3m_anon.dataset.integrity import UNBLURRED
from p3m_anon.dataset.layout import BLURRED, ORIGINAL, place, stem
from p3m_anon.dataset.rows import FILE_KEYS
from p3m_anon.files.dataset_rows import MANIFEST
from p3m_anon.files.dataset_schema import schema_problems
from p3m_anon.jobs.manifest.findings import Finding

RELEASE_FOLDERS = {"image": (BLURRED, ORIGINAL), "alpha": ("mask",)}
"""Where the files of a release that is not split lie."""


def row_findings(row: Mapping[str, Any], number: int) -> Iterator[Finding]:
    """Schema, folders, and that nothing unblurred lies where it may not; the row has passed `row_form`."""
    name, basis = f"{MANIFEST}, line {number}", row.get("release_basis")
    for problem in schema_problems("row", row):
        if basis is not None or not problem.startswith("release_basis"):  # that it is missing is said below
            yield Finding("row", name, problem.strip())
    if row["status"] in UNBLURRED and not basis:
        yield Finding("basis", row["image"], f"status {row['status']} without a release basis")
    yield from _unblurred(row)
    yield from _misplaced(row, name)


def _unblurred(row: Mapping[str, Any]) -> Iterator[Finding]:
    """Only NP, and `normal` pictures of a release that is not split, lie in original_image."""
    image, split, status = row["image"], row.get("split"), row["status"]
    in_original = ORIGINAL in image.split("/")[:-1]
    if in_original and (split not in (None, "P3M-500-NP") or status not in UNBLURRED):
        yield Finding("unblurred", image, f"lies in {ORIGINAL}, but its row says {split or 'no split'} and {status}")
    elif status == "normal" and not in_original:
        yield Finding("unblurred", image, f"status normal, but it lies outside of {ORIGINAL}")


def _misplaced(row: Mapping[str, Any], name: str) -> Iterator[Finding]:
    split, stems = row.get("split"), set()
    for key in FILE_KEYS:
        file = row.get(key)
        if file is None:
            continue
        found = place(file)
        if split is not None and (found is None or (found.split, found.role) != (split, key)):
            yield Finding("row", name, f"{key} {file} does not lie where {split} has it")
            continue
        if split is None and key in RELEASE_FOLDERS and file.partition("/")[0] not in RELEASE_FOLDERS[key]:
            yield Finding("row", name, f"{key} {file} lies in no folder of a release")
        stems.add(found.stem if found else stem(file.partition("/")[2]))
    if len(stems) > 1:
        yield Finding("row", name, f"names files of several pictures: {', '.join(sorted(stems))}")
