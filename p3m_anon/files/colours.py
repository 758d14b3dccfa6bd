"""What a picture's values mean: the profile or PNG chunks that go on with them, or their conversion to sRGB."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from p3m_anon.errors import ImageError
from p3m_anon.files.icc import IccWay, clean, is_srgb, pixels_to_srgb

if TYPE_CHECKING:
    from p3m_anon.arrays import Pixels
    from p3m_anon.files.png_colour import PngColour


class Colours(NamedTuple):
    """Pixels with what says what they mean.

    icc: our own profile for them, None for none. png: what chunks of a PNG say where there is no profile. name: of the
    colour space, for the record; `none` where nothing was said. notes: what was lost, or may hide something. converted:
    the pixels are not those of the file.
    """

    pixels: Pixels
    icc: bytes | None
    png: PngColour | None
    name: str
    notes: tuple[str, ...] = ()
    converted: bool = False


def settle(pixels: Pixels, icc: bytes | None, png: PngColour | None, way: IccWay, file: str) -> Colours:
    """Clean the profile of `pixels` (see `images.Decoded`), or convert them where `way` or their profile asks for it.

    Raises ImageError, with `file` in the message, for 16-bit pixels that cannot be converted.
    """
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    cleaned = clean(icc, channels)
    if icc:
        png = None
    profile, name = cleaned.profile, cleaned.name if png is None else png.name
    notes: tuple[str, ...] = (cleaned.note,) if cleaned.note else ()
    if png is not None and way == "srgb":
        profile = png.profile(channels)
        if png.is_beyond_profiles:
            notes += (f"its colours ({png.name}) have no way to sRGB here and were kept",)
    if not cleaned.convert and (way == "keep" or is_srgb(profile)):
        return Colours(pixels, cleaned.profile, png, name, notes)
    source = icc if cleaned.convert else profile
    assert source is not None
    converted = pixels_to_srgb(pixels, source)
    if converted is None:
        raise ImageError(
            f"{file}: a 16-bit picture whose colour profile has tables cannot be converted here without loss;"
            " convert it to sRGB and run again"
        )
    if not cleaned.convert:
        notes = (f"its colours were converted from {name} to sRGB",)
    return Colours(converted, None, None, "sRGB", notes, True)
