"""Encode a picture of which only masked pixels changed: as much of its file as possible stays as it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from p3m_anon.files.headers import EXTENSIONS
from p3m_anon.files.icc import fitting_profile
from p3m_anon.files.images import Decoded, encode, target_format
from p3m_anon.files.jpeg_exact import splice
from p3m_anon.files.jpeg_markers import CannotSplice

if TYPE_CHECKING:
    from p3m_anon.arrays import Mask, Pixels

JpegWay = Literal["exact", "reencode"]


@dataclass(frozen=True)
class Written:
    """A file to be: its bytes, its extension and what was kept.

    `fidelity`: "exact" (decodes to the pixels again), "mcu" (JPEG of which only the blocks under the mask are new) or
    "reencoded". `note`: for the record, in JSON types: of "mcu" how much was re-coded and by how many levels pixels
    beside the mask moved, of a re-encoded JPEG why its blocks were not copied.
    """

    data: bytes
    extension: str
    fidelity: str
    note: dict[str, Any]


def encode_masked(
    decoded: Decoded, pixels: Pixels, changed: Mask, format: str | None = None, jpeg: JpegWay = "exact"
) -> Written:
    """Encode `pixels`, which equal `decoded.pixels` but where `changed`, bool (H, W), is True.

    JPEG to JPEG copies the coding blocks outside the mask, unless `jpeg` is "reencode" or the file does not allow it.
    For the rest, arguments, promises and errors are those of `images.encode`.
    """
    reason = ""
    if decoded.source is not None and target_format(decoded.encoding, format) == "JPEG" and jpeg == "exact":
        icc = fitting_profile(decoded.encoding.icc, 1 if pixels.ndim == 2 else 3)
        try:
            made = splice(decoded.source, pixels, changed, decoded.orientation, icc)
        except CannotSplice as error:
            reason = str(error)
        else:
            note = {
                "recoded_units": made.units,
                "all_units": made.all_units,
                "edge_max": made.edge_max,
                "edge_mean": round(made.edge_mean, 3),
                "rest_max": made.rest_max,
            }
            return Written(made.data, EXTENSIONS["JPEG"], "mcu", note)
    elif decoded.encoding.format == "JPEG" and decoded.colours == "sRGB" and decoded.source is None:
        reason = "converted to sRGB"
    data, extension, fidelity = encode(pixels, decoded.encoding, format)
    return Written(data, extension, fidelity, {"reencoded_because": reason} if reason else {})
