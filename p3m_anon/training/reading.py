"""Files of a row into a sample: only what the crop needs is decoded, as far as the format allows.

A JPEG whose crop is made half as large or smaller is decoded at 1/2, 1/4 or 1/8 of its size, by shorter cosine
transforms. That is another average than that of pixels: on ten pictures of P3M it differs by 0.4 levels of 255 in the
mean, 2 in the worst sample. Everything else gives the pixels that `files.images.read` gives.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from p3m_anon.arrays import reduced
from p3m_anon.errors import ImageError
from p3m_anon.files import jpeg
from p3m_anon.files.alphas import read_alpha
from p3m_anon.files.decode import damaged
from p3m_anon.files.headers import inspect
from p3m_anon.files.images import MAX_PIXELS, read
from p3m_anon.files.probe import unreadable
from p3m_anon.training.samples import Sample, Window, finish, place

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.training.draws import Draw
    from p3m_anon.training.rows import TrainRow
    from p3m_anon.training.samples import Grey
    from p3m_anon.training.settings import SampleSettings

_REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
_METADATA = 1 << 16  # bytes from the start in which EXIF data would lie


def read_sample(row: TrainRow, draw: Draw, settings: SampleSettings) -> Sample:
    """The sample of a row. Raises ImageError for a file that cannot be read, or does not fit the row's alpha."""
    alpha = read_grey(Path(row.alpha))
    window = place(draw, alpha, settings)
    files = (row.image, row.foreground, row.background) if settings.composition else (row.image, None, None)
    image, foreground, background = (
        None if file is None else read_window(Path(file), alpha.shape, window) for file in files
    )
    assert image is not None
    return finish(draw, window, alpha, (image, foreground, background), settings)


def read_grey(path: Path) -> Grey:
    """An alpha as uint8 (H, W); 16 bits are rounded to 8."""
    alpha = read_alpha(path).pixels
    if alpha.dtype == np.uint16:
        alpha = ((alpha.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return alpha  # type: ignore[return-value]


def read_window(path: Path, shape: tuple[int, ...], window: Window) -> RGB:
    """What a window holds of a picture that has to be of this (H, W): uint8 RGB, reduced by the window's step."""
    rgb = _quickly(path, shape, window)
    if rgb is not None:
        return rgb
    rgb = read(path).rgb
    _check_size(path, rgb.shape[:2], shape)
    crop = window.of(rgb)
    if window.step == 1:
        return crop
    return reduced(crop, (window.side // window.step, window.side // window.step))


def _quickly(path: Path, shape: tuple[int, ...], window: Window) -> RGB | None:
    """Of a colour JPEG about which nothing is odd; None for all others."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    header = inspect(BytesIO(data), path.name)
    if header.channels != 3 or not header.tidy or not jpeg.is_whole(data) or b"Exif\0\0" in data[:_METADATA]:
        return None
    if header.width * header.height > MAX_PIXELS or jpeg.has_too_many_scans(data):
        return None
    _check_size(path, (header.height, header.width), shape)
    pixels = jpeg.decode_fast(data) if window.step == 1 else _reduced(data, window.step)
    if pixels is None:
        return None
    if jpeg.ends_in_missing_rows(pixels):
        raise damaged(path.name, header, "its lower rows are missing")
    return Window(window.x // window.step, window.y // window.step, window.side // window.step).of(pixels)


def _reduced(data: bytes, step: int) -> RGB | None:
    try:
        bgr = cv2.imdecode(np.frombuffer(data, np.uint8), _REDUCED[step] | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error:
        return None
    return None if bgr is None else cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]


def _check_size(path: Path, size: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if tuple(size) != tuple(shape):
        raise ImageError(
            f"{path.name}: it is {size[1]} x {size[0]}, its alpha {shape[1]} x {shape[0]}; make them equal"
        )
