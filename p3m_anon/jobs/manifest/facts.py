"""What publishers say of a dataset that we only read: `manifests/p3m-10k.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, cast

from p3m_anon.dataset.layout import Role
from p3m_anon.dataset.rows import SPLITS, Split

KNOWN = ("p3m-10k",)


@dataclass(frozen=True)
class Published:
    """counts: pictures of each split. rows: what a row of each split says that has no provenance. endings: by role."""

    name: str
    citation: str
    license: str | None
    counts: dict[Split, int]
    rows: dict[Split, dict[str, Any]]
    endings: dict[Role, tuple[str, ...]]


PLAIN: dict[Split, dict[str, Any]] = {
    split: {"status": "normal" if split == "P3M-500-NP" else "anonymized"} for split in SPLITS
}
"""What the folder alone says of a picture: nobody here blurred it, or looked at it."""


def read_published(name: str) -> Published:
    """The facts of one of KNOWN."""
    if name not in KNOWN:
        raise ValueError(f"facts must be one of {', '.join(KNOWN)}, got {name!r}")
    data = json.loads(files("p3m_anon.manifests").joinpath(f"{name}.json").read_bytes())
    rows = {}
    for split, said in data["splits"].items():
        source = data["name"] + (f": {said['basis_statement']}" if "basis_statement" in said else "")
        rows[split] = {"status": said["status"], "release_basis": said["release_basis"], "source": source}
    counts = {split: said["pictures"] for split, said in data["splits"].items()}
    endings = {cast("Role", role): tuple(said) for role, said in data["endings"].items()}
    return Published(data["name"], data["citation"], data["license"], counts, rows, endings)
