"""Bytes of a picture -> its native pixels, as stored (not turned), and what is needed to write it the same way."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageFile
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from p3m_anon.errors import ImageError
from p3m_anon.files import icc, jpeg
from p3m_anon.files.headers import Header, unsupported

if TYPE_CHECKING:
    from p3m_anon.arrays import Pixels

# Pillow warns about every oddity of EXIF data, without a file name. We use one number of them and drop the rest.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# The classes are used directly, not through Image.open: no other format's decoder ever sees the file, only the first
# picture of a multi-picture JPEG is looked at, and the size limit is ours.
_OPENERS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "TIFF": TiffImageFile,
    "BMP": BmpImageFile,
}
_GREY = {"1", "L", "I;16", "I;16L", "I;16B", "I;16N"}


@dataclass(frozen=True)
class Stored:
    """Pixels as stored: uint8 or uint16, (H, W), (H, W, 2) grey and alpha, (H, W, 3) or (H, W, 4).

    icc: the file's profile as it is, None where the pixels were converted to sRGB.
    """

    pixels: Pixels
    orientation: int
    icc: bytes | None
    style: jpeg.JpegStyle | None


def decode(data: bytes, header: Header, name: str) -> Stored:
    """Decode the whole file or raise ImageError; `header` must be that of `data`, `name` is for messages.

    A truncated or damaged picture is an error: half of it would be grey, and a grey face counts as blurred.
    """
    if header.format == "JPEG" and jpeg.has_too_many_scans(data):
        raise ImageError(f"{name}: a JPEG of hundreds of scans, made to keep programs busy; replace the file")
    if header.orientation_at is not None:
        data = _without_orientation(data, header.orientation_at)
    try:
        picture = _OPENERS[header.format](BytesIO(data))
        pixels, converted = _pixels(picture, data, header, name)
        orientation = _orientation(picture, header)
        style = jpeg.style_of(picture, orientation) if isinstance(picture, JpegImageFile) else None
    except (ImageError, AttributeError, NameError):  # the last two would be our own mistakes
        raise
    except Exception as error:  # a decoder that meets hostile bytes raises almost anything
        raise damaged(name, header, str(error)) from error
    if pixels.shape[:2] != (header.height, header.width):
        raise damaged(name, header, "its parts disagree about the size")
    profile = None if converted else picture.info.get("icc_profile") or None
    return Stored(pixels, orientation, profile, style)


def damaged(name: str, header: Header, why: str) -> ImageError:
    """The error for a file that is cut off or broken inside."""
    why = why.splitlines()[0][:80] if why else "no reason given by the decoder"
    return ImageError(f"{name}: damaged or cut off {header.format} ({why}); replace the file or export it again")


def channels_of(pixels: Pixels) -> int:
    """1 to 4."""
    return 1 if pixels.ndim == 2 else int(pixels.shape[2])


def _pixels(picture: ImageFile.ImageFile, data: bytes, header: Header, name: str) -> tuple[Pixels, bool]:
    """Native pixels, and whether they were converted to sRGB (a profile of the file then no longer fits)."""
    if header.bits == 16:
        if header.format == "PNG":
            picture.load()  # checks every chunk, and finds EXIF data that come after the picture
        return _deep_pixels(data, header, name), False
    if header.format == "JPEG":
        pixels, converted = _jpeg_pixels(picture, data, header)
        if jpeg.ends_in_missing_rows(pixels):
            raise damaged(name, header, "its lower rows are missing")
        return pixels, converted
    picture.load()
    return _from_pillow(picture, name)


def _jpeg_pixels(picture: ImageFile.ImageFile, data: bytes, header: Header) -> tuple[Pixels, bool]:
    """Colour goes through the fast decoder if nothing about the file is odd; Pillow judges all others."""
    if header.channels == 3 and header.tidy and jpeg.is_whole(data):
        pixels = jpeg.decode_fast(data)
        if pixels is not None:
            return pixels, False
    picture.load()
    return _from_pillow(picture, "")


def _deep_pixels(data: bytes, header: Header, name: str) -> Pixels:
    """16-bit PNG and TIFF, which Pillow would cut down to 8 bits."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(0)  # a damaged file is named by our error, not by lines on the terminal
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    finally:
        cv2.utils.logging.setLogLevel(level)
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim not in (2, 3):
        raise damaged(name, header, "its 16-bit data cannot be decoded")
    if pixels.ndim == 2:
        return np.asarray(pixels, dtype=np.uint16)
    if header.channels <= 2 and (pixels[..., 0] == pixels[..., 1]).all():  # grey with alpha comes as four channels
        pixels = pixels[..., [0, 3]] if pixels.shape[2] == 4 else pixels[..., 0]
    elif pixels.shape[2] == 4:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA)
    else:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)
    return np.ascontiguousarray(pixels, dtype=np.uint16)


def _from_pillow(picture: Image.Image, name: str) -> tuple[Pixels, bool]:
    """An array of a decoded Pillow picture of any mode that a photo can have."""
    mode = picture.mode
    if mode in ("CMYK", "LAB"):
        return np.asarray(icc.to_srgb(picture, picture.info.get("icc_profile"))), True
    if mode in ("I", "F"):
        raise unsupported(name, "a picture of 32 bits per channel")
    if "transparency" in picture.info and mode in ("1", "L", "RGB", "P"):
        # one colour, or palette entries, declared see-through
        picture = picture.convert("LA" if mode in ("1", "L") else "RGBA")
    elif mode in ("La", "RGBa"):
        picture = picture.convert("LA" if mode == "La" else "RGBA")
    elif mode == "1":
        picture = picture.convert("L")
    elif mode in ("PA",):
        picture = picture.convert("RGBA")
    elif mode not in ("L", "LA", "RGB", "RGBA") and mode not in _GREY:
        picture = picture.convert("RGB")
    array = np.asarray(picture)
    return array.astype(np.uint16) if mode.startswith("I;16") else array, False


def _orientation(picture: ImageFile.ImageFile, header: Header) -> int:
    """1..8 from EXIF (or XMP); 1 where there is none or it cannot be read."""
    if header.format == "TIFF":
        return header.orientation
    try:
        value = picture.getexif().get(0x0112, 1)
    except Exception:  # broken EXIF of a sound picture: viewers show it as stored, and so do we
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _without_orientation(data: bytes, at: int) -> bytes:
    """The TIFF with its orientation set to 1: decoders differ in whether they turn the picture themselves."""
    one = b"\1\0" if data[:2] == b"II" else b"\0\1"
    return data[:at] + one + data[at + 2 :]
