"""Alpha mattes: read as one channel, oriented like their picture, judged, written without anything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from p3m_anon.errors import ImageError
from p3m_anon.files import lossless
from p3m_anon.files.images import read
from p3m_anon.files.orientation import turn_upright

if TYPE_CHECKING:
    from p3m_anon.arrays import AlphaPixels, Box, Pixels

NEARLY = 0.005
"""Share of the picture below which foreground, or background, counts as hardly there."""

FOREGROUND = 13 / 255  # matting networks leave a haze of a few grey levels on the background
SOLID = 250 / 255
NOISE = 5 / 255
GREY = 0.5  # share of transition pixels that no matte has, but nearly every photo
MOSTLY_GREY = "mostly grey, like a photo"
BINARY = 0.5  # transition pixels per outline pixel; a plain antialiased edge has about 1, hair many
_DECIDES = 0.25  # by how much one way of turning must fit the faces better than the other
_ENOUGH = 0.25  # and how well it must fit at all


class AlphaMismatch(ImageError):
    """The alpha does not belong to its picture, or is none; `reason` is the review reason."""

    reason: ClassVar[str] = "alpha_mismatch"


@dataclass(frozen=True, eq=False)
class Alpha:
    """`pixels`: uint8 or uint16 (H, W), 0..255 or 0..65535, upright by its own EXIF. `sha256`: hex, of the file."""

    pixels: AlphaPixels
    sha256: str


def read_alpha(path: Path) -> Alpha:
    """Read an alpha from any picture format that we read.

    Of RGBA, grey with alpha and see-through palettes, the alpha channel counts and the colours are dropped at once:
    a cut-out's colours are the face itself. An alpha channel that is opaque everywhere says nothing, so then, as for
    RGB, the colours are the matte if all channels are equal. Raises AlphaMismatch if they are not, ImageError as
    `images.read` does.
    """
    decoded = read(path)
    pixels = _one_channel(decoded.pixels, path.name).copy()  # the colours are let go of, not hidden behind a view
    pixels.flags.writeable = False
    return Alpha(pixels, decoded.sha256)


def _one_channel(pixels: Pixels, name: str) -> AlphaPixels:
    if pixels.ndim == 2:
        return pixels
    opaque = np.iinfo(pixels.dtype).max
    if pixels.shape[2] in (2, 4) and (pixels[..., -1] != opaque).any():
        channel: AlphaPixels = pixels[..., -1]
        return channel
    colors = pixels[..., :3] if pixels.shape[2] >= 3 else pixels[..., :1]
    if (colors[..., :1] != colors[..., 1:]).any():
        raise AlphaMismatch(f"{name}: a colour picture, not an alpha matte; save the matte as one grey channel")
    grey: AlphaPixels = colors[..., 0]
    return grey


def orient_alpha(
    alpha: AlphaPixels,
    decoded_size: tuple[int, int],
    stored_size: tuple[int, int],
    orientation: int,
    face_boxes: Sequence[Box],
) -> AlphaPixels | None:
    """Turn an alpha (H, W) so that it lies on its upright picture, or None if it does not fit or nobody can tell how.

    Sizes are (W, H), upright and as stored; `orientation` is what turned the picture upright; `face_boxes` are on the
    upright picture. A size that fits only one of the two decides. Where both fit (square pictures, 180 degrees,
    mirror images), the way that puts the faces into foreground with background around them is taken, if it does so
    clearly better than the other.
    """
    size = (alpha.shape[1], alpha.shape[0])
    upright, stored = size == decoded_size, size == stored_size
    if orientation == 1 or not stored:
        return alpha if upright else None
    turned: AlphaPixels = turn_upright(alpha, orientation)
    if not upright:
        return turned
    if np.array_equal(alpha, turned):
        return alpha
    fits = [_fit(one, face_boxes) for one in (alpha, turned)]
    best = int(fits[1] > fits[0])
    if fits[best] < _ENOUGH or fits[best] - fits[1 - best] < _DECIDES:
        return None
    return turned if best else alpha


def _fit(alpha: AlphaPixels, face_boxes: Sequence[Box]) -> float:
    """How much more foreground the faces hold than what is above and beside them: -1..1, 0 without faces.

    The inside alone would not do: in an upside-down portrait the chest lies where the face should be.
    """
    opaque = float(np.iinfo(alpha.dtype).max)
    total = weight = 0.0
    for x0, y0, x1, y1 in face_boxes:
        wide, high = x1 - x0, y1 - y0
        inside = _part(alpha, (x0, y0, x1, y1))
        around = _part(alpha, (x0 - wide, y0 - 0.75 * high, x1 + wide, y1))
        if inside.size and around.size > inside.size:
            ring = (around.sum(dtype=float) - inside.sum(dtype=float)) / (around.size - inside.size)
            total += (float(inside.mean()) - ring) / opaque * inside.size
            weight += inside.size
    return total / weight if weight else 0.0


def _part(alpha: AlphaPixels, box: Box) -> AlphaPixels:
    height, width = alpha.shape
    x0, y0, x1, y1 = box
    rows = slice(int(np.clip(y0, 0, height)), int(np.clip(y1, 0, height)))
    return alpha[rows, int(np.clip(x0, 0, width)) : int(np.clip(x1, 0, width))]


def alpha_findings(alpha: AlphaPixels) -> tuple[str, ...]:
    """What is odd about an alpha (H, W), uint8 or uint16: "nearly empty", "nearly full", "nearly binary", MOSTLY_GREY.

    Nearly empty: less than 0.5 % of the picture above 13/255. Nearly full: less than 0.5 % under 250/255. Nearly
    binary: an outline with less than half as many transition pixels (between 5/255 and 250/255) as it is long.
    """
    opaque = int(np.iinfo(alpha.dtype).max)
    found = []
    if np.count_nonzero(alpha > FOREGROUND * opaque) < NEARLY * alpha.size:
        found.append("nearly empty")
    if np.count_nonzero(alpha < SOLID * opaque) < NEARLY * alpha.size:
        found.append("nearly full")
    transition = np.count_nonzero((alpha > NOISE * opaque) & (alpha < SOLID * opaque))
    if transition > GREY * alpha.size:
        found.append(MOSTLY_GREY)
    solid = alpha > opaque // 2
    edge = np.count_nonzero(solid[:, 1:] != solid[:, :-1]) + np.count_nonzero(solid[1:] != solid[:-1])
    if edge and transition < BINARY * edge:
        found.append("nearly binary")
    return tuple(found)


def encode_alpha(alpha: AlphaPixels) -> bytes:
    """A PNG of one channel, 8 or 16 bit as `alpha` (H, W) is: IHDR, IDAT, IEND and nothing else."""
    if alpha.ndim != 2 or alpha.dtype not in (np.uint8, np.uint16) or not alpha.size:
        raise ValueError(f"alpha must be uint8 or uint16 (H, W), got {alpha.dtype} {alpha.shape}")
    return lossless.png(alpha, smooth=True)
