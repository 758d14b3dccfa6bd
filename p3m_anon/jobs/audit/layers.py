"""Layers in a release, which no row lists: are they what `trimap` and `foreground` made?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from p3m_anon.errors import ImageError
from p3m_anon.files.dataset_facts import file_sha256
from p3m_anon.files.images import read
from p3m_anon.files.metadata import extras
from p3m_anon.jobs.foreground.record import LayerRow, LayersRecord
from p3m_anon.jobs.foreground.sets import RECORD

TRIMAP, FOREGROUND, BACKGROUND = "trimap", "fg", "bg"


class ReleaseLayers:
    """Knows a release's layers by the private record of `foreground`; without it only trimaps can be told."""

    def __init__(self, out: Path, private: Path | None) -> None:
        """Nothing is written; a release without layers has no record."""
        self._out = out
        self._record: LayersRecord | None = None
        if private is not None and (private / RECORD).is_file():
            self._record = LayersRecord(private, read_only=True)

    def explain(self, file: str) -> bool:
        """Is this file, relative to the release, a trimap, or a foreground or background as it was written?"""
        folder, _, name = file.partition("/")
        try:
            if folder == TRIMAP:
                return _is_trimap(self._out / file)
            if folder not in (FOREGROUND, BACKGROUND) or self._record is None:
                return False
            row = self._record.get(f"{FOREGROUND}/{Path(name).with_suffix('.png').as_posix()}")
            return row is not None and file_sha256(self._out / file) == _digest(row, file)
        except (OSError, ImageError):
            return False

    def close(self) -> None:
        """Close the record."""
        if self._record is not None:
            self._record.__exit__(None)


def _digest(row: LayerRow, file: str) -> str | None:
    return {row.foreground: row.foreground_sha256, row.background: row.background_sha256}.get(file)


def _is_trimap(path: Path) -> bool:
    """One channel of 8 bits, three values, nothing else in the file: no face fits in there."""
    pixels = read(path).pixels
    return pixels.ndim == 2 and bool(np.isin(pixels, (0, 128, 255)).all()) and not extras(path.read_bytes())
