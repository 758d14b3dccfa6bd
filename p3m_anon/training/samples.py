"""A picture and its draw into a sample; deterministic, arrays in and arrays out.

`recipe="paper"`, our reading of section 5.1, and `recipe="official"`, the published code's, differ in this:

- The crop. Paper: any square of the picture, or one around a pixel of the transition, moved into the picture. Official:
  its top left corner is any pixel, or one that the trimap of the whole picture calls unknown, and never reaches the
  last places to the right and below.
- A crop that the picture does not hold. Paper: the largest square that it does. Official: the smallest crop, also
  where the shorter side equals the crop; pictures smaller than that, which fail there, as above.
- Resizing. Paper: by area averages, and the trimap by its nearest pixel, so that it keeps its three values. Official:
  bilinear, of every second or third pixel where that makes it much smaller; trimaps get values in between.
- In both the trimap is that of the whole picture: it is made of the crop and a margin as wide as the kernel reaches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from p3m_anon.arrays import check_rgb, reduced
from p3m_anon.matting.ellipse import quick_trimap
from p3m_anon.matting.foreground import estimate_layers
from p3m_anon.matting.trimap import UNKNOWN

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB
    from p3m_anon.training.draws import Draw
    from p3m_anon.training.settings import SampleSettings

    Grey = npt.NDArray[np.uint8]  # (H, W)

LOW, HIGH = 5, 250  # of 255: mattes carry noise beyond them, which is no place for a crop
_STEPS = (8, 4, 2)  # that a JPEG can be reduced by while it is decoded


class Sample(NamedTuple):
    """One sample, S the side that was asked for.

    image, foreground, background: uint8 (S, S, 3) RGB. alpha, trimap: uint8 (S, S), 0..255. Layers or None.
    """

    image: RGB
    alpha: Grey
    trimap: Grey
    foreground: RGB | None = None
    background: RGB | None = None


class Window(NamedTuple):
    """The square that is cut out: left column, top row and side, in pixels.

    step: the square and its place are multiples of it, so that a picture reduced by it has the same pixels.
    """

    x: int
    y: int
    side: int
    step: int = 1

    def of(self, array: RGB) -> RGB:
        """The part of an array (H, W) or (H, W, 3)."""
        return array[self.y : self.y + self.side, self.x : self.x + self.side]


def apply(
    draw: Draw,
    image: RGB,
    alpha: Grey,
    foreground: RGB | None,
    background: RGB | None,
    settings: SampleSettings,
) -> Sample:
    """Crop, resize and flip all of a picture alike.

    image, foreground, background: uint8 (H, W, 3), alpha: uint8 (H, W), of any size from 1 x 1 on; not changed, and
    nothing of them is shared with the sample. Without settings.composition the sample has no layers; with it, those
    given or, where they are None, estimated from the finished crop. Raises ValueError for arrays that do not fit.
    """
    if (foreground is None) != (background is None):
        raise ValueError("foreground and background must be given together, or neither of them")
    for name, colours in (("image", image), ("foreground", foreground), ("background", background)):
        if colours is not None and check_rgb(colours, name).shape[:2] != alpha.shape:
            raise ValueError(f"{name} must be as large as alpha {alpha.shape}, got {colours.shape[:2]}")
    window = place(draw, alpha, settings)
    f, b = (None if one is None else window.of(one) for one in (foreground, background))
    return finish(draw, window, alpha, (window.of(image), f, b), settings)


def place(draw: Draw, alpha: Grey, settings: SampleSettings) -> Window:
    """Where the crop lies; alpha: uint8 (H, W) of the whole picture."""
    if alpha.ndim != 2 or alpha.dtype != np.uint8 or not alpha.size:
        raise ValueError(f"alpha must be uint8 (H, W), got {alpha.dtype} {alpha.shape}")
    if settings.recipe == "official":
        return _official_place(draw, alpha, settings)
    side = min(draw.crop, *alpha.shape)
    step = next((one for one in _STEPS if side % one == 0 and side >= one * settings.size), 1)
    rooms = alpha.shape[1] - side, alpha.shape[0] - side
    anchor = _pixel(_transition(alpha), draw.anchor) if draw.on_transition else None
    if anchor is None:
        x, y = (_spread(share, room, step) for share, room in zip((draw.x, draw.y), rooms, strict=True))
    else:
        x, y = (_around(middle, side, room, step) for middle, room in zip(anchor, rooms, strict=True))
    return Window(x, y, side, step if x % step == 0 and y % step == 0 else 1)


def finish(
    draw: Draw, window: Window, alpha: Grey, colours: tuple[RGB, RGB | None, RGB | None], settings: SampleSettings
) -> Sample:
    """The sample of a placed crop.

    alpha: of the whole picture. colours: image, foreground and background of the window, whole or reduced by its step.
    """
    image, small = _resized(colours[0], settings), _resized(window.of(alpha), settings)
    parts = [image, small, _trimap(draw, window, alpha, settings)]
    if settings.composition:
        given = [_resized(one, settings) for one in colours[1:] if one is not None]
        parts += given or estimate_layers(image, small)
    return Sample(*(cv2.flip(one, 1) if draw.flip else one for one in parts))  # type: ignore[arg-type]


def _resized(crop: RGB, settings: SampleSettings) -> RGB:
    size = settings.size
    if crop.shape[0] == size:
        return crop.copy()
    if settings.recipe == "official" or crop.shape[0] < size:
        return cv2.resize(crop, (size, size), interpolation=cv2.INTER_LINEAR)  # type: ignore[return-value]
    return reduced(crop, (size, size))


def _trimap(draw: Draw, window: Window, alpha: Grey, settings: SampleSettings) -> Grey:
    """Of the window, from as much around it as the kernel reaches; then resized."""
    reach = draw.kernel // 2
    y, x = max(window.y - reach, 0), max(window.x - reach, 0)
    near = alpha[y : window.y + window.side + reach, x : window.x + window.side + reach]
    trimap = Window(window.x - x, window.y - y, window.side).of(quick_trimap(near, draw.kernel))
    how = cv2.INTER_LINEAR if settings.recipe == "official" else cv2.INTER_NEAREST_EXACT
    return cv2.resize(trimap, (settings.size, settings.size), interpolation=how)  # type: ignore[return-value]


def _spread(share: float, room: int, step: int) -> int:
    """One of the places 0, step, 2 step, ... and `room`, each as often."""
    return min(int(share * (-(-room // step) + 1)) * step, room)


def _around(middle: int, side: int, room: int, step: int) -> int:
    """Where a square starts that has a pixel at its middle, or near it; inside the picture."""
    start = min(max(middle - side // 2, 0), room)
    return start if start == room else start - start % step


def _transition(alpha: Grey) -> Grey:
    """255 where a pixel and its eight neighbours have foreground and background, soft or hard, and 0 elsewhere."""
    near = np.ones((3, 3), np.uint8)
    some, lacking = cv2.dilate(alpha, near), cv2.erode(alpha, near)
    return np.asarray(cv2.bitwise_and(cv2.inRange(some, LOW + 1, 255), cv2.inRange(lacking, 0, HIGH - 1)), np.uint8)


def _pixel(mask: Grey, share: float) -> tuple[int, int] | None:
    """(x, y) of one pixel of a mask (H, W) of 0 and 255: in raster order, share in [0, 1) of the way through them."""
    if not mask.size:
        return None
    ends = np.cumsum(cv2.reduce(mask, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[:, 0] // 255)
    if not ends[-1]:
        return None
    number = min(int(share * int(ends[-1])), int(ends[-1]) - 1)
    y = int(np.searchsorted(ends, number, "right"))
    before = int(ends[y - 1]) if y else 0
    return int(np.flatnonzero(mask[y])[number - before]), y


def _official_place(draw: Draw, alpha: Grey, settings: SampleSettings) -> Window:
    shorter = min(alpha.shape)
    side = min(draw.crop if draw.crop < shorter else min(settings.crops), shorter)
    width, height = alpha.shape[1] - side, alpha.shape[0] - side
    corner = None
    if draw.on_transition:
        unknown = quick_trimap(alpha, draw.kernel)[:height, :width] == UNKNOWN
        corner = _pixel(np.multiply(unknown, 255, dtype=np.uint8), draw.anchor)
    return Window(*(corner or (int(draw.x * width), int(draw.y * height))), side)
