"""ICC profiles: which may stay with the pixels, and the way of CMYK and Lab pictures to sRGB."""

from __future__ import annotations

import struct
from io import BytesIO

from PIL import Image, ImageCms

_SPACES = {"CMYK": b"CMYK", "LAB": b"Lab "}


def fitting_profile(icc: bytes | None, channels: int) -> bytes | None:
    """The profile without anything behind its declared end, or None when it does not describe such pixels.

    `channels` is 1 or 2 for grey, 3 or 4 for RGB. Viewers ignore or misread a profile of another colour space.
    """
    profile = _checked(icc)
    return profile if profile is not None and profile[16:20] == (b"GRAY" if channels <= 2 else b"RGB ") else None


def to_srgb(picture: Image.Image, icc: bytes | None) -> Image.Image:
    """A CMYK or Lab picture as sRGB, through its own profile where that is usable.

    Without one, Lab goes by its definition (D50) and CMYK by the naive formula, which is all that is known about it.
    """
    profile = _checked(icc)
    if profile is not None and profile[16:20] == _SPACES[picture.mode]:
        try:
            return _convert(picture, ImageCms.ImageCmsProfile(BytesIO(profile)))
        except (ImageCms.PyCMSError, OSError):
            pass  # a profile that the colour engine refuses says nothing: go on as without one
    if picture.mode == "LAB":
        return _convert(picture, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    return picture.convert("RGB")


def _convert(picture: Image.Image, source: ImageCms.ImageCmsProfile) -> Image.Image:
    transform = ImageCms.buildTransform(
        source,
        ImageCms.createProfile("sRGB"),
        picture.mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return ImageCms.applyTransform(picture, transform) or picture


def _checked(icc: bytes | None) -> bytes | None:
    """The bytes of a profile up to its declared size, or None when they are no profile."""
    if not icc or len(icc) < 132 or icc[36:40] != b"acsp":
        return None
    (size,) = struct.unpack_from(">I", icc)
    return icc[:size] if 132 <= size <= len(icc) else None
