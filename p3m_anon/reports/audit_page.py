"""`audit.html`: what an audit found, worst first, with crops; private, one file, without any outside link."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from p3m_anon.files.atomic import replacing
from p3m_anon.reports.page import STYLE

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, Box
    from p3m_anon.faces.audit_findings import Severity

MOST_CROPS, MOST_LINES = 200, 2000
SIDE = 160  # pixels of a crop
COLOURS = {"leak": "#a4161a", "warning": "#b8860b", "note": "#5c6570"}


class Line(Protocol):
    """What the page needs of a finding."""

    @property
    def severity(self) -> Severity: ...
    @property
    def check(self) -> str: ...
    @property
    def image(self) -> str: ...
    @property
    def evidence(self) -> str: ...


@dataclass(frozen=True)
class Crop:
    """A place that was found fault with: JPEG bytes of source, output and restored output side by side."""

    severity: Severity
    image: str
    evidence: str
    jpeg: bytes


def crop_strip(said: tuple[Severity, str, str], before: RGB | None, after: RGB, restored: RGB | None, box: Box) -> Crop:
    """The box with half its size around it, in each picture that there is.

    said: severity, image and evidence. before, after, restored: rgb uint8 (H, W, 3) of one size.
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
    return Crop(*said, bytes(data))


def write_audit_page(file: Path, facts: Mapping[str, str], findings: Sequence[Line], crops: Sequence[Crop]) -> Path:
    """Write the page, readable by its owner only.

    facts: what is said of the run, label -> text. findings and crops: worst first; MOST_LINES and MOST_CROPS are shown.
    """
    with replacing(file, private=True) as stream:
        for part in _parts(facts, findings, crops):
            stream.write(part.encode("utf-8", "replace"))
    return file


def _parts(facts: Mapping[str, str], findings: Sequence[Line], crops: Sequence[Crop]) -> Iterator[str]:
    leaks = sum(1 for finding in findings if finding.severity == "leak")
    verdict = f"{leaks} leak{'s' if leaks != 1 else ''} found" if leaks else "The audit found no leak"
    yield (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>"
        f"<title>p3m-anon: audit</title><style>{STYLE}</style>"
        "<div class=banner>Private: this page contains unblurred faces. Do not publish it.</div>"
        f"<header><h1>p3m-anon audit: {verdict}</h1>"
    )
    yield from (f"<p class=dim>{_text(label)}: {_text(value)}</p>" for label, value in facts.items())
    yield "<p class=dim>An audit finds what it looks for. That it found no leak does not make a picture anonymous.</p>"
    yield "</header><main>"
    if crops:
        yield "<h2>Places, worst first</h2><p class=dim>From left to right: the source if it was there, the output, "
        yield "the output after an inverse filter if it was run.</p><div class=grid>"
        yield from map(_card, crops[:MOST_CROPS])
        yield "</div>"
    yield "<h2>All findings</h2><table>"
    for one in findings[:MOST_LINES]:
        yield f"<tr><td>{_badge(one.severity)}<td>{_text(one.check)}<td>{_text(one.image)}<td>{_text(one.evidence)}"
    yield "</table>"
    if len(findings) > MOST_LINES:
        yield f"<p class=dim>{len(findings) - MOST_LINES} more; <code>--json</code> has all.</p>"
    yield "</main></html>"


def _card(crop: Crop) -> str:
    data = base64.b64encode(crop.jpeg).decode()
    return (
        f"<figure><img loading=lazy alt='' src='data:image/jpeg;base64,{data}'><figcaption>{_badge(crop.severity)} "
        f"{_text(crop.image)}<br><span class=dim>{_text(crop.evidence)}</span></figcaption></figure>"
    )


def _badge(severity: str) -> str:
    return f"<b style='color:{COLOURS[severity]}'>{_text(severity)}</b>"


def _text(value: str) -> str:
    return html.escape(value)
