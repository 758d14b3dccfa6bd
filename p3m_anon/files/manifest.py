"""`manifest.jsonl`: one JSON line for each released picture, and nothing private in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from p3m_anon.dataset.rows import row_line
from p3m_anon.files.atomic import replacing
from p3m_anon.files.ledger_rows import Row

_IMPLIED = {"no_face": "no_identifiable_face"}  # rows of older versions do not say it


def manifest_row(row: Row) -> dict[str, Any]:
    """What may be said in public of an accepted picture."""
    outputs = {o.role: o for o in row.outputs}
    image, alpha = outputs["image"], outputs.get("alpha")
    facts = row.facts
    viewed = {} if facts.get("viewed") is None else {"viewed": facts["viewed"]}
    return {
        "id": row.id,
        "split": None,
        "status": facts["status"],
        "image": image.file,
        "image_sha256": image.sha256,
        "alpha": alpha.file if alpha else None,
        "alpha_sha256": alpha.sha256 if alpha else None,
        "width": facts["width"],
        "height": facts["height"],
        "faces": facts["faces"],
        "detector": facts["detector"],
        "profile": facts["profile"],
        "fidelity": facts["fidelity"],
        "settings_digest": facts["settings_digest"],
        "release_basis": facts.get("release_basis") or _IMPLIED.get(facts["status"]),
        "license": None,
        "source": None,
        "attribution": None,
        **viewed,
    }


def write_manifest(file: Path, rows: Iterable[Row]) -> None:
    """Write the rows in the order given, atomically."""
    with replacing(file) as stream:
        for row in rows:
            stream.write(row_line(manifest_row(row)).encode() + b"\n")
