"""Picture files in and out: read once, hashed, checked, decoded, turned upright; encoded as they came."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.errors import ImageError
from p3m_anon.files.colours import settle
from p3m_anon.files.decode import channels_of, decode
from p3m_anon.files.encode import check_fit, hide_nothing, write
from p3m_anon.files.gain_maps import gain_map_of
from p3m_anon.files.headers import EXTENSIONS, Header, inspect
from p3m_anon.files.icc import IccWay, fitting_profile
from p3m_anon.files.jpeg import JpegStyle
from p3m_anon.files.orientation import turn_upright
from p3m_anon.files.png_colour import PngColour, read_png_colour
from p3m_anon.files.probe import file_size, unreadable

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, Pixels

MAX_PIXELS = 250_000_000
_OTHER_NAMES = {"JPG": "JPEG", "TIF": "TIFF"}
_ROOM = 64 << 20  # bytes that a file may hold besides its own pixels: metadata, trailing films, other pictures


@dataclass(frozen=True)
class Encoding:
    """How a picture was stored, as far as it is kept when it is written again.

    `format`: JPEG, PNG, WEBP, TIFF or BMP. `icc`: a colour profile that fits the pixels, or None. `jpeg`: tables and
    sampling of a JPEG source. `lossless`: False for JPEG and for WebP with loss. `png`: what a PNG without a profile
    says of its colours.
    """

    format: str
    icc: bytes | None = None
    jpeg: JpegStyle | None = None
    lossless: bool = True
    png: PngColour | None = None

    def profile(self, channels: int) -> bytes | None:
        """An ICC profile for pixels of 1 to 4 `channels`: its own, or one that says the same as the PNG's chunks."""
        profile = fitting_profile(self.icc, channels)
        return self.png.profile(channels) if profile is None and self.png is not None else profile


@dataclass(frozen=True, eq=False)
class Decoded:
    """One picture, upright.

    `pixels`: native, read-only, uint8 or uint16, (H, W), (H, W, 2) grey and alpha, (H, W, 3) RGB or (H, W, 4) RGBA;
    colour under alpha 0 is 0. `orientation`: the EXIF orientation 1..8 that was applied. `stored_size`: (W, H)
    before that. `encoding`: how to write it the same way. `sha256`: hex, of the file's bytes. `source`: these bytes,
    for JPEG only, so that what is not masked can be copied when it is written again; None where the colours were
    converted. `colours`: name of the colour space, `none` where the file does not say. `notes`: what of the file is not
    kept, or may hide something.
    """

    pixels: Pixels
    orientation: int
    stored_size: tuple[int, int]
    encoding: Encoding
    sha256: str
    source: bytes | None = field(default=None, repr=False)
    colours: str = "none"
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """(W, H) of the upright picture."""
        return int(self.pixels.shape[1]), int(self.pixels.shape[0])

    @cached_property
    def rgb(self) -> RGB:
        """uint8 (H, W, 3), read-only, for detectors and reports: grey repeated, alpha left out, 16 bits scaled down."""
        pixels = self.pixels
        if pixels.dtype == np.uint16:
            pixels = (pixels >> 8).astype(np.uint8)
        if pixels.ndim == 2 or pixels.shape[2] == 2:
            grey = pixels if pixels.ndim == 2 else pixels[..., 0]
            pixels = np.repeat(grey[..., None], 3, axis=2).astype(np.uint8, copy=False)
        rgb = np.ascontiguousarray(pixels[..., :3], dtype=np.uint8)
        rgb.flags.writeable = False
        return rgb


def read(path: Path, *, max_pixels: int = MAX_PIXELS, icc: IccWay = "keep") -> Decoded:
    """Read one picture file.

    The file is read once: what is hashed is what is decoded. Palettes become RGB or RGBA; CMYK, Lab and
    RGB of large tables become sRGB, and with `icc` "srgb" every other colour space that we know how to convert too.
    Raises UnsupportedImage for pictures that we do not write, ImageError for everything else that cannot be read
    in full, and for more than `max_pixels` pixels (checked before anything is decoded).
    """
    data = _bytes(path, max_pixels)
    header = _checked(BytesIO(data), path.name, max_pixels, len(data))
    stored = decode(data, header, path.name)
    png = read_png_colour(data) if header.format == "PNG" else None
    colours = settle(stored.pixels, stored.icc, png, icc, path.name)
    pixels = turn_upright(colours.pixels, stored.orientation)
    if channels_of(pixels) in (2, 4):
        pixels = hide_nothing(pixels)
    pixels.flags.writeable = False
    encoding = Encoding(header.format, colours.icc, stored.style, header.lossless, colours.png)
    size = header.width, header.height
    source = data if header.format == "JPEG" and not colours.converted else None
    kind = gain_map_of(data, header.format)
    notes = colours.notes + ((f"its HDR gain map ({kind}) is not kept",) if kind else ())
    digest = hashlib.sha256(data).hexdigest()
    return Decoded(pixels, stored.orientation, size, encoding, digest, source, colours.name, notes)


def _bytes(path: Path, max_pixels: int) -> bytes:
    if file_size(path) > 8 * max_pixels + _ROOM:
        raise ImageError(f"{path.name}: far too large a file for a picture; remove it or raise --max-pixels")
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def _checked(stream: BytesIO, name: str, max_pixels: int, length: int) -> Header:
    header = inspect(stream, name)
    pixels = header.width * header.height
    if pixels > max_pixels:
        raise ImageError(
            f"{name}: {header.width} x {header.height} pixels are more than the limit of {max_pixels};"
            " raise --max-pixels if the picture is genuine"
        )
    if length > 8 * pixels + _ROOM:
        raise ImageError(f"{name}: {length >> 20} MB is far too much for its picture; export it again")
    return header


def target_format(encoding: Encoding, format: str | None) -> str:
    """The name in EXTENSIONS that `format` (any case, "jpg" and "tif" too; None for the source's) asks for."""
    name = encoding.format if format is None else format.upper()
    target = _OTHER_NAMES.get(name, name)
    if target not in EXTENSIONS:
        raise ValueError(f"format must be one of {', '.join(EXTENSIONS)}, got {format!r}")
    return target


def encode(pixels: Pixels, encoding: Encoding, format: str | None = None) -> tuple[bytes, str, str]:
    """Encode uint8 or uint16 (H, W), (H, W, 2) grey and alpha, (H, W, 3) RGB or (H, W, 4) RGBA.

    `format` asks for another format than the source's (any case, "jpg" and "tif" too). Returns the file's bytes, its
    extension, and the fidelity: "exact" if the file decodes to `pixels` again (from WebP, grey comes as three equal
    channels), else "reencoded". Colour under alpha 0 is written as 0. Raises ImageError where the format cannot hold
    such pixels (depth, alpha, size, profile), naming the choices; ValueError for an unknown format or array.
    """
    target = target_format(encoding, format)
    _check_array(pixels)
    channels = channels_of(pixels)
    icc = fitting_profile(encoding.icc, channels)
    png = encoding.png if icc is None else None
    if png is not None and target != "PNG":
        if png.is_beyond_profiles:
            raise ImageError(f"{target} cannot hold the picture's colours ({png.name}); choose --format png")
        icc, png = png.profile(channels), None
    check_fit(pixels, target, icc)
    if channels_of(pixels) in (2, 4):
        pixels = hide_nothing(pixels)
    exact = target in ("PNG", "TIFF", "BMP") or (target == "WEBP" and encoding.lossless)
    data = write(pixels, target, png or icc, encoding.jpeg, encoding.lossless)
    return data, EXTENSIONS[target], "exact" if exact else "reencoded"


def _check_array(pixels: Pixels) -> None:
    flat = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (2, 3, 4))
    if pixels.dtype not in (np.uint8, np.uint16) or not flat or not pixels.size:
        raise ValueError(f"pixels must be uint8 or uint16 (H, W) or (H, W, 2|3|4), got {pixels.dtype} {pixels.shape}")
