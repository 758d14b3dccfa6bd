"""Native pixels -> the bytes of a picture file that holds nothing but them and a fitting colour profile."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from PIL import Image

from p3m_anon.errors import ImageError
from p3m_anon.files import lossless
from p3m_anon.files.decode import channels_of
from p3m_anon.files.jpeg import JpegStyle
from p3m_anon.files.png_colour import PngColour

if TYPE_CHECKING:
    from p3m_anon.arrays import Pixels

_LONGEST = {"JPEG": 65500, "WEBP": 16383}
_JPEG_QUALITY = 95  # for pictures that were no JPEG; colour is then not reduced either
_WEBP_QUALITY = 95


def write(
    pixels: Pixels, format: str, colours: bytes | PngColour | None, style: JpegStyle | None, lossless_webp: bool
) -> bytes:
    """The bytes of a `format` file; `pixels` must fit it (see `check_fit`), `colours` must fit the pixels.

    colours: a profile, or what chunks of a PNG say in its place.
    """
    if isinstance(colours, PngColour):
        return lossless.png(pixels, colour=colours.chunks())
    icc = colours
    channels = channels_of(pixels)
    if format == "PNG":
        return lossless.png(pixels, icc)
    if format == "TIFF":
        return lossless.tiff(pixels, icc)
    if format == "BMP":
        return _bmp(pixels, channels)
    if format == "WEBP":
        return _webp(pixels, channels, icc, lossless_webp)
    return _pillow(pixels, "JPEG", icc, _jpeg_options(style, channels))


def hide_nothing(pixels: Pixels) -> Pixels:
    """`pixels` with alpha in the last channel, with all else 0 wherever alpha is 0; the argument if that holds."""
    clear = pixels[..., -1] == 0
    if not (pixels[clear] != 0).any():
        return pixels
    scrubbed = pixels.copy()
    scrubbed[clear] = 0
    return scrubbed


def check_fit(pixels: Pixels, format: str, icc: bytes | None) -> None:
    """ImageError, naming the choices, where `format` would silently lose depth, transparency or the profile."""
    channels = channels_of(pixels)
    if pixels.dtype == np.uint16 and format not in ("PNG", "TIFF"):
        raise ImageError(f"{format} cannot hold 16 bits per channel; choose --format png or tiff")
    if pixels.dtype == np.uint16 and channels == 2 and format == "TIFF":
        raise ImageError("a 16-bit TIFF of grey with transparency is read by few programs; choose --format png")
    if channels in (2, 4) and format == "JPEG":
        raise ImageError("JPEG cannot hold transparency; choose --format png, webp or tiff")
    if channels == 2 and format == "BMP":
        raise ImageError("BMP cannot hold grey with transparency; choose --format png or tiff")
    if format == "BMP" and icc is not None:
        raise ImageError("BMP cannot hold the picture's colour profile; choose --format png or tiff")
    if max(pixels.shape[:2]) > _LONGEST.get(format, 1 << 31):
        raise ImageError(f"{format} holds at most {_LONGEST[format]} pixels a side; choose --format png or tiff")


def _jpeg_options(style: JpegStyle | None, channels: int) -> dict[str, Any]:
    if style is None:
        return {"quality": _JPEG_QUALITY, "subsampling": 0}
    options: dict[str, Any] = {
        "qtables": [list(table) for table in style.tables[:channels]],
        "progressive": style.progressive,
    }
    if channels == 3:
        # What Pillow cannot express (4:4:0 and the like) keeps all colour rather than losing more of it.
        options["subsampling"] = {(2, 1): 1, (2, 2): 2}.get(style.sampling, 0)
        options["keep_rgb"] = style.coded_rgb
    return options


def _pillow(pixels: Pixels, format: str, icc: bytes | None, options: dict[str, Any]) -> bytes:
    """Written from a bare array, so there is no metadata that could be carried along."""
    out = BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, format, icc_profile=icc, **options)
    return out.getvalue()


def _webp(pixels: Pixels, channels: int, icc: bytes | None, lossless_webp: bool) -> bytes:
    """WebP knows colour only, so grey is repeated; then a grey profile does not fit any more."""
    if channels <= 2:
        grey = pixels if channels == 1 else pixels[..., 0]
        planes = [grey, grey, grey] if channels == 1 else [grey, grey, grey, pixels[..., 1]]
        pixels = np.stack(planes, axis=-1).astype(np.uint8, copy=False)
        icc = None
    # `exact` keeps the zeros that were put under alpha 0 from being replaced by neighbouring colours.
    options = {"lossless": lossless_webp, "exact": True, "quality": 75 if lossless_webp else _WEBP_QUALITY, "method": 4}
    return _pillow(pixels, "WEBP", icc or b"", options)


def _bmp(pixels: Pixels, channels: int) -> bytes:
    """Pillow writes BMP without, OpenCV with transparency."""
    if channels < 4:
        return _pillow(pixels, "BMP", None, {})
    return bytes(cv2.imencode(".bmp", cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA))[1])
