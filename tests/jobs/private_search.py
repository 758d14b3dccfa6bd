"""Search for secrets in everything that an export wrote: bytes, names, archives, tables, pictures."""

from __future__ import annotations

import base64
import io
import json
import struct
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp")
HARMLESS = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi", "icc_profile", "progressive", "progression"}
ENOUGH = 0.5
"""Share of the masked pixels that must be those of the original for a leak; what is seen without one is tested too."""


@dataclass
class Secrets:
    """texts: kind -> words, in any case. data: kind -> bytes. faces: (original, masked pixels)."""

    texts: dict[str, list[str]] = field(default_factory=dict)
    data: dict[str, list[bytes]] = field(default_factory=dict)
    faces: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def add_text(self, kind: str, *words: str) -> None:
        self.texts.setdefault(kind, []).extend(words)

    def add_bytes(self, kind: str, raw: bytes) -> None:
        """As they are, and as hexadecimal and base64 text."""
        self.data.setdefault(kind, []).append(raw)
        self.add_text(kind, raw.hex(), base64.b64encode(raw).decode().rstrip("="))

    def add_point(self, kind: str, x: float, y: float) -> None:
        """A pair of coordinates: as text in some spellings, and as two floats."""
        self.add_text(kind, *(f"{x}{between}{y}" for between in (", ", ",", " ", "\t", ";")))
        for form in ("<2f", "<2d", ">2f", ">2d"):
            self.data.setdefault(kind, []).append(struct.pack(form, x, y))

    def needles(self) -> Iterator[tuple[str, bytes, bool]]:
        """(kind, what, in any case)."""
        for kind, words in self.texts.items():
            for word in words:
                for code in ("utf-8", "utf-16-le", "utf-16-be"):
                    yield kind, word.lower().encode(code), True
        for kind, raws in self.data.items():
            yield from ((kind, raw, False) for raw in raws)


class Search:
    """What was found: (kind, where)."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets, self._needles = secrets, list(secrets.needles())
        self.found: set[tuple[str, str]] = set()
        self.looked_at = {"files": 0, "members": 0, "tables": 0, "pictures": 0, "faces": 0}
        self.nearest = 0.0

    @property
    def kinds(self) -> set[str]:
        return {kind for kind, _ in self.found}

    def folder(self, root: Path) -> Search:
        """Everything below `root`, or that file."""
        for path in [root] if root.is_file() else sorted(root.rglob("*")):
            self._bytes(path.name.encode(), str(path))
            if path.is_file():
                self.looked_at["files"] += 1
                self.blob(path.name, path.read_bytes(), str(path))
        return self

    def blob(self, name: str, data: bytes, where: str) -> None:
        """A file's bytes, and what is packed in them."""
        self._bytes(data, where)
        lower = name.lower()
        if lower.endswith(".tar"):
            self._tar(data, where)
        elif zipfile.is_zipfile(io.BytesIO(data)):
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for member in archive.namelist():
                    self.blob(member, archive.read(member), f"{where}:{member}")
        elif data[:4] == b"PAR1":
            self._parquet(data, where)
        elif lower.endswith(PICTURES):
            self._picture(data, where)

    def _bytes(self, data: bytes, where: str) -> None:
        lower = data.lower()
        self.found |= {(kind, where) for kind, what, any_case in self._needles if what in (lower if any_case else data)}

    def _tar(self, data: bytes, where: str) -> None:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive.getmembers():
                self.looked_at["members"] += 1
                inside = f"{where}:{member.name}"
                self._bytes(json.dumps([member.name, member.linkname, member.pax_headers]).encode(), inside)
                if (member.uid, member.gid, member.uname, member.gname, member.mtime) != (0, 0, "", "", 0):
                    self.found.add(("machine", inside))
                if member.isreg():
                    self.blob(member.name, archive.extractfile(member).read(), inside)

    def _parquet(self, data: bytes, where: str) -> None:
        import pyarrow.parquet as parquet

        self.looked_at["tables"] += 1
        table = parquet.read_table(io.BytesIO(data))
        self._bytes(json.dumps(table.to_pylist(), ensure_ascii=False).encode(), where)
        for key, value in (table.schema.metadata or {}).items():
            self._bytes(key + b" " + value, where)

    def _picture(self, data: bytes, where: str) -> None:
        self.looked_at["pictures"] += 1
        try:
            picture = Image.open(io.BytesIO(data))
            picture.load()
        except (OSError, SyntaxError):
            self.found.add(("unreadable", where))
            return
        with picture:
            if set(picture.info) - HARMLESS or len(picture.getexif()):
                self.found.add(("metadata", where))
            texts = [str(value) for value in picture.info.values() if isinstance(value, (str, bytes))]
            self._bytes("\n".join(texts).encode("utf-8", "replace"), where)
            bands = [np.asarray(band) for band in picture.split()]
        for original, masked in self._secrets.faces:
            if bands[0].shape == masked.shape:
                self.looked_at["faces"] += 1
                self._face(bands, original, masked, where)

    def _face(self, bands: list[np.ndarray], original: np.ndarray, masked: np.ndarray, where: str) -> None:
        """No band may be one of the original's, or its grey, within the mask."""
        grey = np.asarray(Image.fromarray(original).convert("L"))
        known = [*(original[..., band] for band in range(3)), grey]
        for band in bands:
            here = band[masked].astype(int) >> (8 if band.dtype == np.uint16 else 0)
            shares = [float((np.abs(here - one[masked]) <= 1).mean()) for one in known]
            self.nearest = max(self.nearest, *shares)
            if max(shares) > ENOUGH:
                self.found.add(("pixels", where))
