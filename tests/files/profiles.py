"""ICC profiles for tests: drawn ones of any curve and primaries, ordinary and with something hidden in them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from p3m_anon.files.icc_build import gamma_tag, grey_profile, matrix_profile, profile, table_tag
from p3m_anon.files.icc_known import D65, known_spaces, primaries

NAME = "Erika Mustermann"


def builtin_srgb() -> bytes:
    """LittleCMS's own."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def hidden_jpeg() -> bytes:
    """A small JPEG."""
    stream = BytesIO()
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (16, 16, 3), dtype=np.uint8)).save(stream, "JPEG")
    return stream.getvalue()


def with_tag(icc: bytes, name: bytes, data: bytes) -> bytes:
    """`icc` with a tag of its own, or another in the place of one that it has, at the end of the file."""
    (count,) = struct.unpack_from(">I", icc, 128)
    entries = [struct.unpack_from(">4sII", icc, 132 + 12 * place) for place in range(count)]
    entries = [entry for entry in entries if entry[0] != name]
    replaced = [struct.unpack_from(">II", icc, 136 + 12 * place) for place in range(count)]
    replaced = [span for place, span in enumerate(replaced) if icc[132 + 12 * place :][:4] == name]
    for start, size in replaced:
        if start not in [entry[1] for entry in entries]:
            icc = icc[:start] + bytes(size) + icc[start + size :]
    body = icc[132 + 12 * count :]
    moved = 132 + 12 * (len(entries) + 1) - (132 + 12 * count)
    entries = [(tag, start + moved, size) for tag, start, size in entries]
    at = 132 + 12 * (len(entries) + 1) + len(body)
    body += bytes(-at % 4)
    entries.append((name, at + -at % 4, len(data)))
    table = struct.pack(">I", len(entries)) + b"".join(struct.pack(">4sII", *entry) for entry in entries)
    whole = icc[:128] + table + body + data
    return struct.pack(">I", len(whole)) + whole[4:]


def tag(icc: bytes, name: bytes) -> bytes:
    """The bytes of a tag."""
    at = 132
    while icc[at : at + 4] != name:
        at += 12
    start, size = struct.unpack_from(">II", icc, at + 4)
    return icc[start : start + size]


def desc(text: str) -> bytes:
    """A description of version 2."""
    plain = text.encode() + b"\0"
    return b"desc\0\0\0\0" + struct.pack(">I", len(plain)) + plain + bytes(78)


def gap(icc: bytes, hidden: bytes) -> bytes:
    """`icc` with bytes in it that no tag points to."""
    whole = icc + hidden
    return struct.pack(">I", len(whole)) + whole[4:]


def planted() -> dict[str, bytes]:
    """sRGB profiles that carry a picture or a name, by the place."""
    icc, jpeg = builtin_srgb(), hidden_jpeg()
    values = np.frombuffer(jpeg[: len(jpeg) // 2 * 2], ">u2") / 65535
    return {
        "private tag": with_tag(icc, b"priv", b"data\0\0\0\0" + jpeg),
        "name in desc": with_tag(icc, b"desc", desc(f"{NAME}, calibrated display")),
        "picture in desc": with_tag(icc, b"desc", b"desc\0\0\0\0" + struct.pack(">I", len(jpeg)) + jpeg),
        "tail of a curve": with_tag(icc, b"rTRC", tag(icc, b"rTRC") + jpeg),
        "gap": gap(icc, jpeg),
        "curve": with_tag(icc, b"rTRC", table_tag(values)),
        "copyright": with_tag(icc, b"cprt", b"text\0\0\0\0" + NAME.encode() + b"\0"),
        "reserved header": icc[:100] + jpeg[:28] + icc[128:],
    }


def fuzzed(seed: int) -> bytes:
    """A matrix profile of random sane primaries and curves."""
    rng = np.random.default_rng(seed)
    points = np.array([(0.64, 0.33), (0.3, 0.6), (0.15, 0.06)]) + rng.uniform(-0.05, 0.05, (3, 2))
    matrix = primaries(*(tuple(point) for point in points), D65)
    assert matrix is not None
    x = np.linspace(0, 1, int(rng.choice([256, 1024, 4096])))
    curves: list[Callable[[], bytes]] = [
        lambda: gamma_tag(float(rng.uniform(1, 2.8))),
        lambda: table_tag(x ** rng.uniform(1.2, 2.6) * 0.9 + 0.1 * x ** rng.uniform(1, 3)),
    ]
    return matrix_profile(NAME, matrix, [curves[int(rng.integers(2))]() for _ in range(3)])


def tables(size: int, curve: float = 1.0, kind: str = "mft2") -> bytes:
    """An RGB profile of a grid of size^3: sRGB's colours, bent by `curve`. kind: mft1, mft2 or mAB."""
    steps = np.linspace(0, 1, size) ** curve
    rgb = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 3)
    light = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    if kind == "mft1":
        return _bytewise(light @ known_spaces()[0].matrix.T, size)
    xyz = np.clip(light @ known_spaces()[0].matrix.T * 32768, 0, 65535).round().astype(">u2")
    if kind == "mAB":
        curves = (gamma_tag(1.0) + bytes(2)) * 3
        grid = bytes([size] * 3).ljust(16, b"\0") + bytes([2, 0, 0, 0]) + xyz.tobytes()
        grid += bytes(-len(grid) % 4)
        starts = struct.pack(">5I", 32, 0, 0, 32 + len(curves), 32 + len(curves) + len(grid))
        table = b"mAB \0\0\0\0\3\3\0\0" + starts + curves + grid + curves
        return profile(NAME, b"RGB ", b"XYZ ", {b"A2B0": table})
    straight = np.linspace(0, 65535, 2).astype(">u2").tobytes() * 3
    unit = struct.pack(">9i", *(65536 * (place % 4 == 0) for place in range(9)))
    table = b"mft2" + bytes(4) + bytes([3, 3, size, 0]) + unit + struct.pack(">HH", 2, 2)
    return profile(NAME, b"RGB ", b"XYZ ", {b"A2B0": table + straight + xyz.tobytes() + straight}, 2)


def _bytewise(xyz: npt.NDArray[np.float64], size: int) -> bytes:
    """A table of bytes, which needs Lab."""
    ratio = xyz / (0.9642, 1, 0.8249)
    f = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    lab = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)
    values = np.clip(lab * (2.55, 1, 1) + (0, 128, 128), 0, 255).round().astype(np.uint8)
    unit = struct.pack(">9i", *(65536 * (place % 4 == 0) for place in range(9)))
    straight = bytes(range(256)) * 3
    table = b"mft1" + bytes(4) + bytes([3, 3, size, 0]) + unit + straight + values.tobytes() + straight
    return profile(NAME, b"RGB ", b"Lab ", {b"A2B0": table}, 2)


def grey(gamma: float) -> bytes:
    """A grey profile of a pure power."""
    return grey_profile(NAME, gamma_tag(gamma))
