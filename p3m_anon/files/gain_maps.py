"""HDR gain maps: a second picture in a JPEG or PNG that brightens the first on bright screens. We do not keep them."""

from __future__ import annotations

_SIGNS = (
    (b"urn:iso:std:iso:ts:21496:-1", "ISO 21496-1"),
    (b"ns.adobe.com/hdr-gain-map/1.0", "Ultra HDR"),
    (b"urn:com:apple:photo:2020:aux:hdrgainmap", "Apple"),
)


def gain_map_of(data: bytes, format: str) -> str | None:
    """The kind of gain map that a file has, None without one; `format` as in `headers.EXTENSIONS`."""
    if format == "PNG":
        return "PNG" if b"gMAP" in data[: data.find(b"IDAT")] else None
    if format != "JPEG":
        return None
    return next((name for sign, name in _SIGNS if sign in data), None)
