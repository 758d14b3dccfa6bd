"""ICC profiles: what goes out is built here, of the numbers that a profile's colours need; and the ways to sRGB."""

from __future__ import annotations

from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from PIL import Image, ImageCms

from p3m_anon.files.icc_build import grey_profile, matrix_profile
from p3m_anon.files.icc_known import encoded, known_spaces, shape_of, space_of
from p3m_anon.files.icc_parts import Curve, Tag, curve_of, describes_colour, matrix_of, tags_of, whole
from p3m_anon.files.icc_tables import LARGEST, TABLES, table_profile

if TYPE_CHECKING:
    from p3m_anon.arrays import Pixels

IccWay = Literal["keep", "srgb"]

_SPACES = {"CMYK": b"CMYK", "LAB": b"Lab "}
_ROWS = 256  # converted at a time, so that memory stays near the picture's own


class Cleaned(NamedTuple):
    """What becomes of a profile.

    profile: our own bytes, None for none. name: what it is, `none` without one. note: what was lost or may hide
    something, empty if nothing. convert: its pixels must become sRGB by `pixels_to_srgb`, as it is not kept.
    """

    profile: bytes | None
    name: str
    note: str = ""
    convert: bool = False


@lru_cache(maxsize=32)
def clean(icc: bytes | None, channels: int) -> Cleaned:
    """Our own profile of the same colours for pixels of `channels`: 1 or 2 for grey, 3 or 4 for RGB.

    Known colour spaces become our copy of them; primaries and curves are written anew; tables are kept up to
    `icc_tables.LARGEST` bytes. A profile of another colour space, or one that no program can use, is left out.
    """
    if not icc:
        return Cleaned(None, "none")
    profile = whole(icc)
    tags = tags_of(profile) if profile is not None and describes_colour(profile) else None
    if profile is None or tags is None:
        return _left_out("cannot be used")
    if profile[16:20] != (b"GRAY" if channels <= 2 else b"RGB "):
        return _left_out("is not for such pixels")
    if channels <= 2:
        return _grey(profile, tags)
    if any(name in tags for name in TABLES):
        return _tables(profile, tags)
    matrix = matrix_of(tags)
    curves = [curve_of(tags[name].data) for name in (b"rTRC", b"gTRC", b"bTRC") if name in tags]
    curves = [curve for curve in curves if curve is not None]
    if matrix is None or len(curves) < 3 or profile[20:24] != b"XYZ ":
        return _left_out("cannot be used")
    shapes = [shape_of(curve) for curve in curves if curve is not None]
    space = space_of(matrix, shapes)
    if space is not None:
        return Cleaned(space.profile, space.name)
    return Cleaned(matrix_profile("RGB", matrix, [shape.tag for shape in shapes]), "RGB of its own primaries")


def fitting_profile(icc: bytes | None, channels: int) -> bytes | None:
    """The profile that is written with such pixels, None for none; see `clean`."""
    return clean(icc, channels).profile


def _left_out(why: str) -> Cleaned:
    return Cleaned(None, "none", f"its colour profile {why} and was left out")


def _grey(profile: bytes, tags: dict[bytes, Tag]) -> Cleaned:
    curve = curve_of(tags[b"kTRC"].data) if b"kTRC" in tags else None
    if curve is None:
        return _left_out("cannot be used")
    shape = shape_of(_from_lightness(curve) if profile[20:24] == b"Lab " else curve)
    return Cleaned(grey_profile(f"grey, {shape.name}", shape.tag), f"grey, {shape.name}")


def _from_lightness(curve: Curve) -> Curve:
    """Light of a curve that gives L* (0 to 1 for 0 to 100), as grey profiles with Lab connection have it."""
    lightness = 100 * curve
    return np.where(lightness > 8, ((lightness + 16) / 116) ** 3, lightness / 903.2963)


def _tables(profile: bytes, tags: dict[bytes, Tag]) -> Cleaned:
    """Kept where small and where the copy gives the same colours as the profile; else its pixels become sRGB."""
    grid = _grid()
    try:
        before = [_convert(grid, _opened(profile), intent) for intent in _INTENTS]
    except (ImageCms.PyCMSError, OSError):
        return _left_out("cannot be used")
    size = len(profile)
    copy = table_profile(profile, tags)
    if copy is not None and len(copy) <= LARGEST and _is_same(copy, before):
        return Cleaned(copy, f"tables of {len(copy)} bytes", f"its colour profile is tables of {len(copy)} bytes")
    return Cleaned(None, "sRGB", f"its colours were converted to sRGB, as its profile has tables ({size} bytes)", True)


_INTENTS = (ImageCms.Intent.PERCEPTUAL, ImageCms.Intent.RELATIVE_COLORIMETRIC)


def _grid() -> Image.Image:
    """A picture of 17^3 colours."""
    steps = np.linspace(0, 255, 17).round().astype(np.uint8)
    return Image.fromarray(np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), -1).reshape(-1, 17, 3))


def _is_same(copy: bytes, before: list[Image.Image]) -> bool:
    try:
        after = [_convert(_grid(), _opened(copy), intent) for intent in _INTENTS]
    except (ImageCms.PyCMSError, OSError):
        return False
    pairs = zip(before, after, strict=True)
    return all(int(np.abs(np.asarray(a, np.int16) - np.asarray(b, np.int16)).max()) <= 1 for a, b in pairs)


def is_srgb(profile: bytes | None) -> bool:
    """A profile that `clean` gave says no more than none does: sRGB, or grey by its curve."""
    if profile is None or profile == known_spaces()[0].profile:
        return True
    return profile == grey_profile("grey, sRGB curve", known_spaces()[0].shape.tag)


def pixels_to_srgb(pixels: Pixels, icc: bytes) -> Pixels | None:
    """`pixels` (see `encode`) of a usable profile as sRGB of the same shape and depth, alpha untouched.

    Colours outside sRGB are clipped. None for 16 bits of a profile of tables, for which we have no exact way.
    """
    profile = whole(icc)
    tags = tags_of(profile) if profile is not None else None
    assert profile is not None
    assert tags is not None
    colours = pixels if pixels.ndim == 2 else pixels[..., : 1 if pixels.shape[2] == 2 else 3]
    if not any(name in tags for name in TABLES):
        changed = _by_numbers(colours, profile, tags)
    elif pixels.dtype == np.uint8:
        rgb = Image.fromarray(np.ascontiguousarray(colours))
        changed = np.asarray(_convert(rgb, _opened(profile)))
    else:
        return None
    return changed if colours.shape == pixels.shape else np.concatenate([changed, pixels[..., -1:]], axis=2)


def _by_numbers(colours: Pixels, profile: bytes, tags: dict[bytes, Tag]) -> Pixels:
    """Curves and primaries of a profile that `clean` gave; colours: (H, W), (H, W, 1) or (H, W, 3)."""
    names = (b"kTRC",) if profile[16:20] == b"GRAY" else (b"rTRC", b"gTRC", b"bTRC")
    curves = [curve_of(tags[name].data) for name in names]
    matrix = matrix_of(tags)
    most = np.iinfo(colours.dtype).max
    x = np.linspace(0, 1, most + 1)
    light = [np.interp(x, np.linspace(0, 1, 256), curve) for curve in curves if curve is not None]
    if len(names) == 1:
        out = np.empty_like(colours)
        out[...] = np.round(encoded(light[0]) * most)[colours]
        return out
    assert matrix is not None
    change = (np.linalg.inv(known_spaces()[0].matrix) @ matrix).astype(np.float32)
    tables = [table.astype(np.float32) for table in light]
    out = np.empty_like(colours)
    for start in range(0, colours.shape[0], _ROWS):
        rows = colours[start : start + _ROWS]
        linear = np.stack([table[rows[..., place]] for place, table in enumerate(tables)], -1) @ change.T
        out[start : start + _ROWS] = np.round(encoded(np.clip(linear, 0, 1)) * most)
    return out


def to_srgb(picture: Image.Image, icc: bytes | None) -> Image.Image:
    """A CMYK or Lab picture as sRGB, through its own profile where that is usable.

    Without one, Lab goes by its definition (D50) and CMYK by the naive formula, which is all that is known about it.
    """
    profile = whole(icc)
    if profile is not None and profile[16:20] == _SPACES[picture.mode]:
        try:
            return _convert(picture, _opened(profile))
        except (ImageCms.PyCMSError, OSError):
            pass  # a profile that the colour engine refuses says nothing: go on as without one
    if picture.mode == "LAB":
        return _convert(picture, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    return picture.convert("RGB")


def _opened(profile: bytes) -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(BytesIO(profile))


def _convert(
    picture: Image.Image,
    source: ImageCms.ImageCmsProfile,
    intent: ImageCms.Intent = ImageCms.Intent.RELATIVE_COLORIMETRIC,
) -> Image.Image:
    transform = ImageCms.buildTransform(
        source,
        ImageCms.createProfile("sRGB"),
        picture.mode,
        "RGB",
        intent,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    return ImageCms.applyTransform(picture, transform) or picture
