"""What exactly an audit was of: the release by its digests, its settings, and the weights that looked at it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p3m_anon.errors import WeightsError
from p3m_anon.files.dataset_facts import SEAL, file_sha256
from p3m_anon.files.release_index import MANIFEST, ledger_view
from p3m_anon.files.weights import find_weight, select_weights
from p3m_anon.jobs.blur.detectors import FACE_ALIGNMENT, SECOND_WEIGHTS

if TYPE_CHECKING:
    from p3m_anon.files.release_index import ReleaseIndex


@dataclass
class Census:
    """All pictures of the audited folder, also those that a sample leaves out.

    files: sha256 of every picture and matte that a row lists. settings: digests that rows name.
    """

    pictures: int = 0
    files: set[str] = field(default_factory=set)
    settings: set[str] = field(default_factory=set)

    @classmethod
    def of_release(cls, index: ReleaseIndex) -> Census:
        """By the rows of manifest and ledger."""
        census = cls(len(index))
        for listed in index.pairs():
            view = ledger_view(listed.ledger) if listed.ledger is not None else None
            row = listed.manifest or view or {}
            census.files.update(str(row[key]) for key in ("image_sha256", "alpha_sha256") if row.get(key))
            census.settings.update(str(row[key]) for key in ("settings_digest",) if row.get(key))
        return census


def scope(folder: Path, census: Census, *, is_release: bool) -> dict[str, Any]:
    """Identity of what was audited; no path gets in.

    release_id: sha256 of checksums.txt, None where there is none. manifest_sha256: of the manifest, which names the
    digest of every picture. files: as in Census, sorted.
    """
    return {
        "kind": "release" if is_release else "folder",
        "release_id": _digest(folder / SEAL) if is_release else None,
        "manifest_sha256": _digest(folder / MANIFEST) if is_release else None,
        "pictures": census.pictures,
        "settings_digests": sorted(census.settings),
        "files": sorted(census.files),
    }


def weight_digests(detectors: Iterable[str], weights_dir: Path | None) -> dict[str, str]:
    """Name of a weights file -> its sha256, of the detectors that have files in the table of weights."""
    names = {"centerface": ("centerface",), "face-alignment": FACE_ALIGNMENT[:1], **SECOND_WEIGHTS}
    found = {}
    for name in (file for detector in detectors for file in names.get(detector, ())):
        with contextlib.suppress(WeightsError, OSError):
            path = find_weight(select_weights([name], weights_dir)[0], weights_dir)
            if path is not None:
                found[name] = file_sha256(path.resolve())
    return found


def _digest(file: Path) -> str | None:
    return file_sha256(file) if file.is_file() and not file.is_symlink() else None
