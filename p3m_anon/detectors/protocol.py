"""What every detector offers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.faces.face import Face


class Detector(Protocol):
    """Finds faces and their 68 landmarks.

    name: as written into ledger and manifest.
    model_sha256: hex digest over all weights used; part of what makes a result repeatable.
    """

    name: str
    model_sha256: str

    def detect(self, rgb: RGB) -> tuple[Face, ...]:
        """Faces of one picture, rgb uint8 (H, W, 3), best score first; () when there is none."""
        ...

    def detect_batch(self, images: Sequence[RGB]) -> list[tuple[Face, ...]]:
        """Faces of several pictures of any sizes, in their order; the same as `detect` on each."""
        ...
