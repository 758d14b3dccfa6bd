"""An audit's two files in the private folder: `audit.json` for programs, `audit.html` for readers."""

from __future__ import annotations

import heapq
import json
from pathlib import Path
from typing import TYPE_CHECKING

from p3m_anon.files.atomic import replacing
from p3m_anon.jobs.audit.figures import WORST, FaceFigure
from p3m_anon.jobs.audit.record import RECORD
from p3m_anon.jobs.audit.request import SEVERITIES
from p3m_anon.reports.audit_page import MOST_CROPS, Crop, write_audit_page

if TYPE_CHECKING:
    from p3m_anon.jobs.audit.request import AuditSummary
    from p3m_anon.jobs.audit.result import Result

PAGE = "audit.html"


class Crops:
    """Crops for the page: of the worst findings and of the least hidden faces; all others are dropped as they come."""

    def __init__(self) -> None:
        self._found: list[tuple[float, int, Crop]] = []
        self._least_hidden: list[tuple[float, int, Crop]] = []
        self._number = 0

    def take(self, result: Result) -> None:
        """Keep what is among the worst so far."""
        for crop in result.crops:
            self._number += 1
            mildness = SEVERITIES.index(crop.severity) if crop.severity is not None else len(SEVERITIES)
            _keep(self._found, (-mildness, -self._number, crop), MOST_CROPS)
        for face, jpeg in result.measured:
            self._number += 1
            if face.masked is not False:
                crop = Crop(None, face.image, _words(face), jpeg)
                _keep(self._least_hidden, (face.weakness, -self._number, crop), WORST)

    def found(self) -> list[Crop]:
        """Places that were found fault with, worst first."""
        return [crop for *_, crop in sorted(self._found, key=lambda entry: entry[:2], reverse=True)]

    def least_hidden(self) -> list[Crop]:
        """The WORST least hidden faces, in that order."""
        return [crop for *_, crop in sorted(self._least_hidden, key=lambda entry: entry[:2], reverse=True)]


def write_report(private: Path, summary: AuditSummary, crops: Crops) -> Path:
    """Write both files, readable by their owner only; the page's path."""
    with replacing(private / RECORD, private=True) as stream:
        stream.write((json.dumps(summary.record, indent=1, ensure_ascii=False) + "\n").encode("utf-8", "replace"))
    return write_audit_page(private / PAGE, summary.record, crops.least_hidden(), crops.found())


def _keep(heap: list[tuple[float, int, Crop]], entry: tuple[float, int, Crop], most: int) -> None:
    heapq.heappush(heap, entry)
    if len(heap) > most:
        heapq.heappop(heap)


def _words(face: FaceFigure) -> str:
    """The figures of a face in one line."""
    said = [f"{face.width:.0f} px wide"]
    if face.kept is not None:
        said.append(f"{max(face.kept, 0):.0%} of its detail is left")
    if face.likeness is not None:
        said.append(f"likeness after the inverse filter {face.likeness:.2f}")
    if face.sigma is not None:
        said.append(f"effective sigma {face.sigma:.2f} face widths")
    return ", ".join(said)
