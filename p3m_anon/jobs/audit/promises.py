"""What a release promises beside privacy: outside the mask the picture is the source, and the alpha is the alpha."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.errors import ImageError
from p3m_anon.faces.audit_findings import outside_findings
from p3m_anon.faces.outside import close_outside, coding_blocks, equal_outside, jpeg_limit
from p3m_anon.files.alphas import orient_alpha, read_alpha
from p3m_anon.jobs.audit.request import AuditFinding

if TYPE_CHECKING:
    from p3m_anon.arrays import Box, Mask
    from p3m_anon.faces.outside import Outside
    from p3m_anon.files.images import Decoded
    from p3m_anon.jobs.audit.items import Item
    from p3m_anon.jobs.audit.result import Result

TURNED = 4  # levels: decoders round rows after columns, so a JPEG that was turned without loss may differ by as much
WEBP_LIMIT = 8.0
"""RMS in grey levels that a block may differ by after lossy WebP at our quality of 95. WebP states no bound;
the worst block of 23 portraits had 5.0."""


def outside_check(item: Item, source: Decoded | None, output: Decoded, mask: Mask | None, result: Result) -> None:
    """Compare all that lies outside the mask, by the file's own promise."""
    if source is None or mask is None or item.fidelity is None:
        missing = "no source" if source is None else "no mask" if mask is None else "no fidelity is stated"
        result.skipped.append(f"outside the mask equal to the source: {missing}")
        return
    for outside in _compared(item.fidelity, source, output, mask):
        result.findings += [
            AuditFinding(f.severity, f.check, result.name, f.evidence, f.box)
            for f in outside_findings(outside, item.fidelity)
        ]
    result.checks.append(f"outside the mask ({item.fidelity})")


def _compared(fidelity: str, source: Decoded, output: Decoded, mask: Mask) -> list[Outside]:
    before, after = source.pixels, output.pixels
    if before.shape != after.shape or before.dtype != after.dtype:
        before, after = source.rgb, output.rgb  # grey written as WebP comes back as colour
    if fidelity == "exact":
        return [equal_outside(before, after, mask)]
    style = output.encoding.jpeg
    tables = () if style is None else style.tables if style.coded_rgb else style.tables[:1]
    limit = max((jpeg_limit(table) for table in tables), default=WEBP_LIMIT)
    found = [close_outside(source.rgb, output.rgb, mask, limit)]
    if fidelity == "mcu" and style is not None:
        touched = coding_blocks(mask, *style.sampling)
        found.append(equal_outside(before, after, touched, TURNED if source.orientation > 1 else 0))
    return found


def alpha_findings(item: Item, source: Decoded | None, boxes: Sequence[Box], result: Result) -> None:
    """The released alpha must be the source's alpha channel, turned like its picture."""
    if item.alpha is None or item.alpha_name is None:
        return
    if not item.alpha.is_file():
        return  # its absence has been said
    if source is None or item.source_alpha is None or not item.source_alpha.is_file():
        result.skipped.append("alpha equal to the source's: not known or not there")
        return
    try:
        released = read_alpha(item.alpha).pixels
    except ImageError as error:
        result.say("leak", "alpha", f"no alpha matte of one channel: {error}", item.alpha_name)
        return
    try:
        own = read_alpha(item.source_alpha)
    except ImageError as error:
        result.skipped.append(f"alpha equal to the source's: {error}")
        return
    if item.source_alpha_sha256 is not None and own.sha256 != item.source_alpha_sha256:
        result.skipped.append("alpha equal to the source's: it has changed since")
        return
    expected = orient_alpha(own.pixels, source.size, source.stored_size, source.orientation, boxes)
    if expected is None:
        result.skipped.append("alpha equal to the source's: nobody can tell how it lies on the picture")
        return
    result.checks.append("alpha")
    if released.shape != expected.shape or released.dtype != expected.dtype:
        result.say("leak", "alpha", "not the source's alpha: size or depth differ", item.alpha_name)
    elif (released != expected).any():
        wrong = int(np.count_nonzero(released != expected))
        result.say("leak", "alpha", f"not the source's alpha: {wrong} pixels differ", item.alpha_name)
