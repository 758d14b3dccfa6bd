"""Payloads put into every place of the five formats that decoders pass over: (name, file) of each."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from tests.files.drawn import photo

PAYLOAD = bytes(np.random.default_rng(11).integers(1, 255, 96, dtype=np.uint8))
TABLE = bytes(1 + b % 250 for b in PAYLOAD[:64])


def saved(format: str, channels: int = 3, **options: object) -> bytes:
    """A small picture by Pillow."""
    out = io.BytesIO()
    Image.fromarray(photo(48, 64, channels)).save(out, format, **options)
    return out.getvalue()


def segment(code: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, code, len(body) + 2) + body


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def jpegs() -> Iterator[tuple[str, bytes]]:
    plain = saved("JPEG")
    scan = plain.index(b"\xff\xda")
    for code in [*range(0xE0, 0xF0), 0xFE, 0xDC, 0xDE, 0xDF, 0xCC, *range(0xF0, 0xFE)]:
        yield f"segment {code:02X}", plain[:2] + segment(code, PAYLOAD) + plain[2:]
        yield f"segment {code:02X} before the scan", plain[:scan] + segment(code, PAYLOAD) + plain[scan:]
    yield "spare DQT", plain[:scan] + segment(0xDB, b"\3" + TABLE) + plain[scan:]
    symbols = bytes(sorted(set(PAYLOAD)))[:60]
    counts = bytes(15) + bytes([len(symbols)])
    yield "spare DHT", plain[:scan] + segment(0xC4, b"\x13" + counts + symbols) + plain[scan:]
    yield "a table behind the tables", plain[:scan] + segment(0xDB, b"\0" + TABLE + PAYLOAD[:20]) + plain[scan:]
    yield "long DRI", plain[:scan] + segment(0xDD, b"\0\0" + PAYLOAD) + plain[scan:]
    frame = next(i for i in range(len(plain)) if plain[i : i + 2] == b"\xff\xc0")
    yield (
        "second frame",
        plain[:scan] + plain[frame:][: 2 + int.from_bytes(plain[frame + 2 : frame + 4], "big")] + plain[scan:],
    )
    for name, options in (("", {}), (" progressive", {"progressive": True}), (" grey", {"channels": 1})):
        data = saved("JPEG", **options)
        yield f"scan's tail{name}", data[:-2] + PAYLOAD + b"\xff\xd9"
        yield f"RST's tail{name}", data[:-2] + b"\xff\xd0" + PAYLOAD + b"\xff\xd9"
        last = data.rindex(b"\xff\xda")
        yield f"second scan{name}", data[:-2] + data[last:-2] + b"\xff\xd9"
    restarted = saved("JPEG", restart_marker_blocks=2)
    first = restarted.index(b"\xff\xd0", scan)
    yield "before RST", restarted[:first] + PAYLOAD + restarted[first:]
    yield "behind EOI", plain + PAYLOAD
    yield "second picture", plain + plain
    yield "between segments", plain[:scan] + PAYLOAD + plain[scan:]
    yield "SOI inside", plain[:scan] + b"\xff\xd8" + plain[scan:]


def pngs() -> Iterator[tuple[str, bytes]]:
    plain = saved("PNG")
    end = plain.index(b"IDAT") - 4
    head, raw = plain[:33], zlib.decompress(plain[end + 8 : -16])
    tail = chunk(b"IEND", b"")
    for kind in (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME", b"prVt", b"caBX", b"hIST", b"sPLT", b"PLTE", b"tRNS"):
        yield f"chunk {kind.decode()}", head + chunk(kind, PAYLOAD) + chunk(b"IDAT", zlib.compress(raw)) + tail
    for kind in (b"gAMA", b"cHRM", b"sRGB", b"sBIT", b"pHYs", b"bKGD", b"cICP"):
        yield f"long chunk {kind.decode()}", head + chunk(kind, PAYLOAD) + chunk(b"IDAT", zlib.compress(raw)) + tail
    yield "in the stream", head + chunk(b"IDAT", zlib.compress(raw + PAYLOAD)) + tail
    yield "behind the stream", head + chunk(b"IDAT", zlib.compress(raw) + PAYLOAD) + tail
    yield "an IDAT of its own", head + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IDAT", PAYLOAD) + tail
    yield "in IEND", head + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", PAYLOAD)
    yield "behind IEND", plain + PAYLOAD


def webps() -> Iterator[tuple[str, bytes]]:
    for name, options, kind in (("VP8", {}, b"VP8 "), ("VP8L", {"lossless": True}, b"VP8L")):
        for channels in (3, 4):
            plain = saved("WEBP", channels, **options)
            parts, at = [], 12
            while at < len(plain):
                found, size = struct.unpack_from("<4sI", plain, at)
                parts.append((found, plain[at + 8 : at + 8 + size]))
                at += 8 + size + size % 2
            for number, (found, body) in enumerate(parts):
                if found != b"VP8X":
                    longer = [*parts[:number], (found, body + PAYLOAD), *parts[number + 1 :]]
                    yield f"tail of {found.decode().strip()} in {name}, {channels} channels", riff(longer)
            if channels == 3:
                for extra in (b"EXIF", b"XMP ", b"JUNK"):
                    yield f"chunk {extra.decode()} in {name}", riff([*parts, (extra, PAYLOAD)])
                yield (
                    f"ALPH of no use in {name}",
                    riff([(b"ALPH", PAYLOAD), *parts, *([] if kind == b"VP8L" else [(b"ALPH", PAYLOAD)])]),
                )
                yield f"behind {name}", plain + PAYLOAD
                body = parts[0][1]
                if kind == b"VP8 ":
                    tag = int.from_bytes(body[:3], "little")
                    split = 10 + (tag >> 5)
                    tag += len(PAYLOAD) << 5
                    longer = tag.to_bytes(3, "little") + body[3:split] + PAYLOAD + body[split:]
                    yield "first partition's tail", riff([(kind, longer)])


def riff(parts: list[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(kind + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2) for kind, part in parts)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def tiffs() -> Iterator[tuple[str, bytes]]:
    rows = photo().tobytes()
    for name, packing, packed in (("raw", 1, rows), ("deflate", 8, zlib.compress(rows))):
        yield f"{name} strip's tail", tiff(packed + PAYLOAD, packing)
    yield "in the deflate stream", tiff(zlib.compress(rows + PAYLOAD), 8)
    lzw, packbits = saved("TIFF", compression="tiff_lzw"), saved("TIFF", compression="packbits")
    for name, data, packing in (("LZW", lzw, 5), ("PackBits", packbits, 32773)):
        with Image.open(io.BytesIO(data)) as picture:
            tags = picture.tag_v2
            strips = [data[a : a + n] for a, n in zip(tags[273], tags[279], strict=True)]
        if len(strips) == 1:
            yield f"{name} strip's tail", tiff(strips[0] + PAYLOAD, packing)
    for tag in (270, 305, 315, 320, 330, 347, 700, 33723, 34665, 34853, 37724, 50000, 254, 262, 258, 282):
        yield f"tag {tag}", tiff(rows, 1, (tag, 1, PAYLOAD))
    yield "bytes of nothing", tiff(rows, 1) + PAYLOAD


def tiff(strip: bytes, packing: int, more: tuple[int, int, bytes] | None = None) -> bytes:
    """A little-endian RGB picture of one strip and, where given, a tag, its type, its content."""
    tags = {256: (4, 64), 257: (4, 48), 259: (3, packing), 262: (3, 2), 273: (4, 8), 277: (3, 3), 278: (4, 48)}
    tags |= {279: (4, len(strip))}
    strip += b"\0" * (len(strip) % 2)
    entries = {number: struct.pack("<HHII", number, kind, 1, value) for number, (kind, value) in tags.items()}
    at = 8 + len(strip)
    count = len(entries) + 1 + (more is not None and more[0] not in entries)
    values = at + 2 + 12 * count + 4
    entries[258] = struct.pack("<HHII", 258, 3, 3, values)
    body = struct.pack("<3H", 8, 8, 8)
    if more is not None:
        entries[more[0]] = struct.pack("<HHII", more[0], more[1], len(more[2]), values + 6)
        body = body + more[2]
    directory = struct.pack("<H", len(entries)) + b"".join(entries[k] for k in sorted(entries)) + b"\0\0\0\0"
    return b"II*\0" + struct.pack("<I", at) + strip + directory + body


def bmps() -> Iterator[tuple[str, bytes]]:
    out = io.BytesIO()
    Image.fromarray(photo(48, 61)).save(out, "BMP")
    plain = out.getvalue()
    moved = bytearray(plain)
    struct.pack_into("<I", moved, 10, 54 + len(PAYLOAD))
    yield "gap", bytes(moved[:54]) + PAYLOAD + plain[54:]
    rows = np.frombuffer(plain, np.uint8, offset=54).reshape(48, 184).copy()
    rows[:, 183] = np.resize(np.frombuffer(PAYLOAD, np.uint8), 48)
    yield "ends of rows", plain[:54] + rows.tobytes()
    yield "reserved", plain[:6] + PAYLOAD[:4] + plain[10:]
    yield "behind the end", plain + PAYLOAD
    wide = bytearray(plain[:54])
    struct.pack_into("<i", wide, 18, 64)
    struct.pack_into("<HII", wide, 28, 32, 0, 64 * 48 * 4)
    spare = np.dstack([photo(48, 64), photo(48, 64, 1)[::-1]])
    yield "fourth bytes", bytes(wide) + spare.tobytes()
    used = bytearray(plain[:54])
    struct.pack_into("<I", used, 46, 24)
    struct.pack_into("<I", used, 10, 54 + 96)
    yield "a palette of no use", bytes(used) + PAYLOAD + plain[54:]


ALL = {"JPEG": jpegs, "PNG": pngs, "WEBP": webps, "TIFF": tiffs, "BMP": bmps}
