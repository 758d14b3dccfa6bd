"""What a release promises beside privacy: outside the mask the picture is the source, and the alpha is the alpha."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.errors import ImageError
from p3m_anon.faces.audit_findings import outside_findings
from p3m_anon.faces.matte import LEAST_SHARE, SHOWN, hidden_values, likeness, middle_of, scale_of, soft
from p3m_anon.faces.outside import close_outside, coding_blocks, equal_outside, jpeg_limit
from p3m_anon.faces.patch import Patch
from p3m_anon.files.alphas import orient_alpha, read_alpha
from p3m_anon.jobs.audit.request import AuditFinding

if TYPE_CHECKING:
    from p3m_anon.arrays import AlphaPixels, Box, Mask, Pixels
    from p3m_anon.faces.outside import Outside
    from p3m_anon.files.images import Decoded
    from p3m_anon.jobs.audit.items import Item
    from p3m_anon.jobs.audit.result import Result

TURNED = 4  # levels: decoders round rows after columns, so a JPEG that was turned without loss may differ by as much
FLAT_BOUNDS = {"lo": 5, "hi": 250}  # of a matte of which no row says so
WEBP_LIMIT = 8.0
"""RMS in grey levels that a block may differ by after lossy WebP at our quality of 95. WebP states no bound;
the worst block of 23 portraits had 5.0."""


def outside_check(item: Item, source: Decoded | None, output: Decoded, mask: Mask | None, result: Result) -> None:
    """Compare all that lies outside the mask, by the file's own promise."""
    if source is None or mask is None or item.fidelity is None:
        missing = "no source" if source is None else "no mask" if mask is None else "no fidelity is stated"
        result.skipped.append(f"outside the mask equal to the source: {missing}")
        return
    for outside in _compared(item, source, output, mask):
        result.findings += [
            AuditFinding(f.severity, f.check, result.name, f.evidence, f.box)
            for f in outside_findings(outside, item.fidelity)
        ]
    result.checks.append(f"outside the mask ({item.fidelity})")


def _compared(item: Item, source: Decoded, output: Decoded, mask: Mask) -> list[Outside]:
    fidelity = item.fidelity
    before, after = source.pixels, output.pixels
    if before.shape != after.shape or before.dtype != after.dtype:
        before, after = source.rgb, output.rgb  # grey written as WebP comes back as colour
    if before.ndim == 3 and before.shape[2] in (2, 4) and before.shape == after.shape:
        before = _own_alpha_flattened(before, after, item)
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


def alpha_findings(item: Item, source: Decoded | None, mask: Mask | None, boxes: Sequence[Box], result: Result) -> None:
    """The released alpha must be the source's, turned like its picture, and hide nothing inside the masks."""
    if item.alpha is None or item.alpha_name is None:
        return
    if not item.alpha.is_file():
        return  # its absence has been said
    if mask is not None:
        _nothing_hidden(item, source, mask, result)
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
    elif wrong := int(np.count_nonzero((released != expected) & ~_flattened(expected, released, item))):
        result.say("leak", "alpha", f"not the source's alpha: {wrong} pixels differ", item.alpha_name)


def _flattened(before: AlphaPixels, after: AlphaPixels, item: Item) -> Mask:
    """Pixels that may differ: nearly full ones that became full, and nearly empty ones that became 0."""
    if item.flat is None:
        return np.zeros(before.shape, bool)
    scale, full = scale_of(before), np.iinfo(before.dtype).max
    high = (before >= item.flat["hi"] * scale) & (after == full)
    return np.asarray(high | ((before <= item.flat["lo"] * scale) & (after == 0)), np.bool_)


def _nothing_hidden(item: Item, source: Decoded | None, mask: Mask, result: Result) -> None:
    """Inside the masks a matte is full, 0 or soft; and where soft values are masked, they do not show the face."""
    assert item.alpha is not None
    try:
        alpha = read_alpha(item.alpha).pixels
    except ImageError as error:
        result.say("leak", "alpha", f"not an alpha matte of one channel: {error}", item.alpha_name)
        return
    if alpha.shape != mask.shape:
        return  # said where it is compared with the source's
    bounds = item.flat or FLAT_BOUNDS
    result.checks.append("hidden values of the matte")
    if hidden := hidden_values(alpha, mask, bounds["lo"], bounds["hi"]):
        text = f"{hidden} pixels inside the face mask are neither full, nor 0, nor a soft edge"
        if item.flat is None:
            result.say("warning", "alpha", f"{text}; an older version wrote it, run blur again", item.alpha_name)
        else:
            result.say("leak", "alpha", f"{text}: such values can hold a picture", item.alpha_name)
    soft_pixels = soft(alpha, Patch(0, 0, mask), bounds["lo"], bounds["hi"])
    if source is None or not soft_pixels.any():
        return
    for fact in item.faces:
        x0, y0, x1, y1 = (float(value) for value in fact["box"])
        middle = middle_of(Patch(0, 0, mask), ((x0, y0, x1, y1),), mask.shape)
        region = middle.replaced(middle.mask & soft_pixels[middle.slices])
        if region.area < LEAST_SHARE * max(middle.area, 1):
            continue
        if (shown := likeness(alpha, source.rgb, region, x1 - x0)) >= SHOWN:
            text = f"the matte itself shows the face (correlation {shown:.2f})"
            result.findings.append(AuditFinding("leak", "alpha", item.alpha_name or "", text, (x0, y0, x1, y1)))


def _own_alpha_flattened(before: Pixels, after: Pixels, item: Item) -> Pixels:
    """The source, with its own transparency as `blur` writes it: flat inside the masks, no colour under 0."""
    expected = before.copy()
    allowed = _flattened(before[..., -1], after[..., -1], replace(item, flat=item.flat or FLAT_BOUNDS))
    expected[allowed, -1] = after[allowed, -1]
    expected[expected[..., -1] == 0] = 0
    return expected
