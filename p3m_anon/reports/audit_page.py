"""`audit.html`: the record of an audit for readers, with crops; private, one file, without any outside link."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from p3m_anon.files.atomic import replacing
from p3m_anon.reports import audit_sections as sections
from p3m_anon.reports.page import STYLE

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, Box
    from p3m_anon.faces.audit_findings import Severity

MOST_CROPS, MOST_LINES = 200, 2000
SIDE = 160  # pixels of a crop
MORE_STYLE = """
th { padding: 6px 12px; text-align: left; vertical-align: top; font-size: 14px; min-width: 90px; }
td { vertical-align: top; } main > table { margin: 8px 0; }
.short { flex: 1 1 300px; padding: 4px 16px 8px; } .short h2 { margin: 8px 0; }
.short ul { margin: 0; padding-left: 18px; }
"""
COLOURS = {"leak": "#a4161a", "warning": "#b8860b", "note": "#5c6570"}


@dataclass(frozen=True)
class Crop:
    """A place in a picture: JPEG bytes of source, output and restored output side by side.

    severity: of the worst finding about it, None if the place is shown for another reason.
    """

    severity: Severity | None
    image: str
    evidence: str
    jpeg: bytes


def crop_strip(before: RGB | None, after: RGB, restored: RGB | None, box: Box) -> bytes:
    """The box with half its size around it, in each picture that there is, side by side: JPEG bytes.

    before, after, restored: rgb uint8 (H, W, 3) of one size.
    """
    import cv2
    import numpy as np

    x0, y0, x1, y1 = box
    reach = 0.5 * max(x1 - x0, y1 - y0)
    height, width = after.shape[:2]
    top, bottom = max(int(y0 - reach), 0), min(int(y1 + reach) + 1, height)
    left, right = max(int(x0 - reach), 0), min(int(x1 + reach) + 1, width)
    parts = [picture[top:bottom, left:right] for picture in (before, after, restored) if picture is not None]
    if not parts[0].size:
        parts = [np.zeros((1, 1, 3), np.uint8)]
    scale = SIDE / max(parts[0].shape[:2])
    size = (max(1, round(parts[0].shape[1] * scale)), max(1, round(parts[0].shape[0] * scale)))
    strip = np.hstack([cv2.resize(part, size, interpolation=cv2.INTER_AREA) for part in parts])
    data = cv2.imencode(".jpg", cv2.cvtColor(strip, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    return bytes(data)


def write_audit_page(file: Path, record: Mapping[str, Any], worst: Sequence[Crop], crops: Sequence[Crop]) -> Path:
    """Write the page, readable by its owner only.

    record: by `manifests/schema/audit.schema.json`, findings worst first; MOST_LINES of them are shown. worst: the
    least hidden faces, whatever was found. crops: places that were found fault with; MOST_CROPS are shown.
    """
    with replacing(file, private=True) as stream:
        for part in _parts(record, worst, crops):
            stream.write(part.encode("utf-8", "replace"))
    return file


def _parts(record: Mapping[str, Any], worst: Sequence[Crop], crops: Sequence[Crop]) -> Iterator[str]:
    counts = record["counts"]
    leaks = counts["leak"]
    verdict = f"{leaks} leak{'s' if leaks != 1 else ''} found" if leaks else "The audit found no leak"
    yield (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>p3m-anon: audit</title><style>{STYLE}{MORE_STYLE}</style>"
        "<div class=banner>Private: this page contains unblurred faces. Do not publish it.</div>"
        f"<header><h1>p3m-anon audit: {verdict}</h1>"
        f"<p>{counts['leak']} leaks (do not publish as it is), {counts['warning']} warnings (a person has to look), "
        f"{counts['note']} notes (to be known). People's faces in these pictures were to be blurred before "
        "publication; this report says what a program found when it read the pictures again and attacked them.</p>"
        "<p class=dim>An audit finds what it looks for. That it found no leak does not make a picture anonymous.</p>"
    )
    yield from sections.in_short(record)
    yield "</header><main>"
    for section in (sections.scope, sections.threat_models, sections.detection, sections.human, sections.strength):
        yield from section(record)
    if worst:
        yield f"<h3>The {len(worst)} least hidden faces</h3>"
        yield from _crops(worst)
    for section in (sections.inversion, sections.identity, sections.files, sections.utility, sections.residual):
        yield from section(record)
    yield from sections.skipped(record)
    yield from sections.clauses(record)
    if crops:
        yield "<h2>Places that were found fault with, worst first</h2>"
        yield from _crops(crops[:MOST_CROPS])
    yield from _findings(record["findings"])
    yield "</main></html>"


def _crops(crops: Sequence[Crop]) -> Iterator[str]:
    yield "<p class=dim>From left to right: the source if it was there, the output, the output after an inverse filter "
    yield "if it was run.</p><div class=grid>"
    yield from map(_card, crops)
    yield "</div>"


def _findings(findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "<h2>All findings</h2><table><tr><th>severity<th>check<th>file<th>evidence"
    for line in findings[:MOST_LINES]:
        cells = "".join(f"<td>{sections.text(line[key])}" for key in ("check", "image", "evidence"))
        yield f"<tr><td>{_badge(line['severity'])}{cells}"
    yield "</table>"
    if len(findings) > MOST_LINES:
        yield f"<p class=dim>{len(findings) - MOST_LINES} more; <code>audit.json</code> has all.</p>"


def _card(crop: Crop) -> str:
    data = base64.b64encode(crop.jpeg).decode()
    badge = "" if crop.severity is None else f"{_badge(crop.severity)} "
    return (
        f"<figure><img loading=lazy alt='' src='data:image/jpeg;base64,{data}'><figcaption>{badge}"
        f"{sections.text(crop.image)}<br><span class=dim>{sections.text(crop.evidence)}</span></figcaption></figure>"
    )


def _badge(severity: str) -> str:
    return f"<b style='color:{COLOURS[severity]}'>{sections.text(severity)}</b>"
