"""What a picture file says about itself in its first bytes: format, size, depth, frames.

Nothing is decoded here, so a file that declares four gigapixels costs nothing. The decoders see a file only after
these few hundred lines found its declared size bearable.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from p3m_anon.errors import ImageError, UnsupportedImage
from p3m_anon.files import tiff_tags

EXTENSIONS = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "TIFF": ".tif", "BMP": ".bmp"}
"""The formats that we read and write, with the ending that we give them."""

_MAGIC = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"GIF8", "GIF"),
    (b"8BPS", "Photoshop"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"v/1\x01", "OpenEXR"),
)
_HEIF_BRANDS = {b"avif": "AVIF", b"avis": "AVIF"} | dict.fromkeys(
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"), "HEIC"
)
_BMP_HEADERS = (12, 16, 40, 52, 56, 64, 108, 124)
_JPEG_JUNK = 65536  # bytes between markers that we skip before calling it no JPEG
_MAX_CHUNKS = 10_000


@dataclass(frozen=True)
class Header:
    """What a file declares; `width` and `height` are as stored, before any orientation.

    `bits` per channel; `channels` as stored (a palette is 1). `lossless` is False for JPEG and lossy WebP. `tidy` is
    True for a JPEG whose markers follow each other without junk. `orientation_at` is the place of a TIFF's
    orientation value in the file.
    """

    format: str
    width: int
    height: int
    bits: int = 8
    channels: int = 3
    lossless: bool = True
    tidy: bool = True
    orientation: int = 1
    orientation_at: int | None = None


def sniff(head: bytes) -> str | None:
    """Name the picture format that begins with `head` (32 bytes or more), or None. Extensions are not looked at."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _HEIF_BRANDS.get(head[8:12])  # films share this container and are no pictures
    if head[:2] == b"BM" and len(head) >= 18 and struct.unpack_from("<I", head, 14)[0] in _BMP_HEADERS:
        return "BMP"
    return None


def inspect(stream: BinaryIO, name: str) -> Header:
    """Read the header of the picture in `stream`; `name` is for messages only.

    Raises UnsupportedImage for a format, or a kind of file, that we do not write, ImageError for the rest.
    """
    stream.seek(0)
    kind = sniff(stream.read(32))
    if kind is None:
        raise ImageError(f"{name}: not a picture that we know; remove it or save it as JPEG, PNG, WebP, TIFF or BMP")
    if kind not in EXTENSIONS:
        raise unsupported(name, kind)
    readers = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp, "TIFF": _tiff, "BMP": _bmp}
    try:
        header = readers[kind](stream, name)
    except struct.error as error:
        raise ImageError(f"{name}: the {kind} header is cut off; replace the file") from error
    if header.width < 1 or header.height < 1:
        raise ImageError(f"{name}: the {kind} header declares no size; replace the file")
    return header


def unsupported(name: str, what: str) -> UnsupportedImage:
    """The error for a picture that we do not write: `what` names its format or kind."""
    return UnsupportedImage(f"{name}: {what} is not supported; save it as an 8 or 16 bit PNG, TIFF, JPEG, WebP or BMP")


def _jpeg(stream: BinaryIO, name: str) -> Header:
    """Walk the markers up to the first scan; the first frame header is the picture (an MPO's others follow later)."""
    stream.seek(2)
    frame: tuple[int, int, int, int] | None = None
    junk = 0
    while True:
        byte = stream.read(1)
        while byte == b"\xff":  # fill bytes may be repeated
            marker = stream.read(1)
            if marker != b"\xff":
                break
        else:
            junk += 1
            if not byte or junk > _JPEG_JUNK:
                raise ImageError(f"{name}: the JPEG ends before its picture begins; replace the file")
            continue
        code = marker[0] if marker else 0xD9
        if code in (0x00, 0x01) or 0xD0 <= code <= 0xD8:
            junk += code != 0x01
            continue
        if code == 0xD9 or (code == 0xDA and frame is None):
            raise ImageError(f"{name}: the JPEG ends before its picture begins; replace the file")
        if code == 0xDA and frame is not None:
            bits, height, width, channels = frame
            return Header("JPEG", width, height, bits, channels, lossless=False, tidy=junk == 0)
        (length,) = struct.unpack(">H", stream.read(2))
        if 0xC0 <= code <= 0xCF and code not in (0xC4, 0xC8, 0xCC):
            frame = frame or struct.unpack(">BHHB", stream.read(6))
            if frame[0] != 8:
                raise unsupported(name, f"a {frame[0]}-bit JPEG")
            length -= 6
        stream.seek(max(length - 2, 0), 1)


def _png(stream: BinaryIO, name: str) -> Header:
    """IHDR, then the chunks before the picture data, where an animation announces itself."""
    stream.seek(8)
    length, kind, width, height, bits, color = struct.unpack(">I4sIIBB", stream.read(18))
    if kind != b"IHDR" or length != 13 or color not in (0, 2, 3, 4, 6) or bits not in (1, 2, 4, 8, 16):
        raise ImageError(f"{name}: damaged PNG header; replace the file")
    at = 33
    for _ in range(_MAX_CHUNKS):
        stream.seek(at)
        length, kind = struct.unpack(">I4s", stream.read(8))
        if kind == b"acTL":
            raise unsupported(name, "an animated PNG (APNG)")
        if kind == b"IDAT":
            return Header("PNG", width, height, max(bits, 8), {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color])
        at += 12 + length
    raise ImageError(f"{name}: damaged PNG, too many chunks before the picture; replace the file")


def _webp(stream: BinaryIO, name: str) -> Header:
    """A plain VP8 or VP8L picture, or the extended form with a canvas and one of those two inside."""
    stream.seek(12)
    kind, _, body = struct.unpack("<4sI10s", stream.read(18))
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        return Header("WEBP", width & 0x3FFF, height & 0x3FFF, lossless=False)
    if kind == b"VP8L":
        (packed,) = struct.unpack_from("<I", body, 1)
        return Header("WEBP", (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1, channels=4)
    if kind != b"VP8X":
        raise ImageError(f"{name}: damaged WebP header; replace the file")
    if body[0] & 0x02:
        raise unsupported(name, "an animated WebP")
    width = int.from_bytes(body[4:7], "little") + 1
    height = int.from_bytes(body[7:10], "little") + 1
    at = 30
    for _ in range(_MAX_CHUNKS):
        stream.seek(at)
        kind, length = struct.unpack("<4sI", stream.read(8))
        if kind in (b"VP8 ", b"VP8L"):
            return Header("WEBP", width, height, channels=4, lossless=kind == b"VP8L")
        at += 8 + length + length % 2
    raise ImageError(f"{name}: damaged WebP, too many chunks before the picture; replace the file")


def _bmp(stream: BinaryIO, name: str) -> Header:
    stream.seek(14)
    head = stream.read(24)
    if struct.unpack_from("<I", head)[0] == 12:
        width, height = struct.unpack_from("<HH", head, 4)
    else:
        width, height = struct.unpack_from("<ii", head, 4)
    return Header("BMP", width, abs(height))


def _tiff(stream: BinaryIO, name: str) -> Header:
    """The first full page; thumbnails and transparency masks in further directories are no pages."""
    pages = tiff_tags.pages(stream, name)
    if len(pages) > 1:
        raise unsupported(name, f"a TIFF of {len(pages)} pages")
    page = pages[0]
    bits = set(page.bits)
    if page.sample_format != 1 or len(bits) != 1 or not bits <= {1, 2, 4, 8, 16}:
        raise unsupported(name, "a TIFF with other than 1 to 8 or 16 bit whole numbers")
    if page.channels > 5 or (page.channels == 5 and page.photometric != 5):
        raise unsupported(name, f"a TIFF of {page.channels} channels")
    depth = max(page.bits[0], 8)
    if depth == 16 and (page.photometric, page.channels) not in ((1, 1), (2, 3), (2, 4)):
        raise unsupported(name, "a 16-bit TIFF that is neither grey, RGB nor RGBA")
    if depth == 16 and (page.premultiplied or page.planar):
        raise unsupported(name, "a 16-bit TIFF with separate colour planes or premultiplied alpha")
    return Header(
        "TIFF", page.width, page.height, depth, page.channels, True, True, page.orientation, page.orientation_at
    )
