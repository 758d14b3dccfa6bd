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
from p3m_anon.files.headers import inspect
from p3m_anon.files.images import MAX_PIXELS, read
from p3m_anon.files.probe import unreadable
from p3m_anon.training.samples import Sample, Window, finish, place

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.files.headers import Header
    from p3m_anon.training.draws import Draw
    from p3m_anon.training.rows import TrainRow
    from p3m_anon.training.samples import Grey
    from p3m_anon.training.settings import SampleSettings

_REDUCED = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
_GREY, _COLOUR = b"\0", b"\2"  # colour types of PNG
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
    data = _bytes(path)
    alpha = _decoded(data, cv2.IMREAD_UNCHANGED) if _is_plain_png(data, path.name, _GREY) else None
    if alpha is not None:
        return alpha
    stored = read_alpha(path).pixels
    if stored.dtype == np.uint16:
        stored = ((stored.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return stored  # type: ignore[return-value]


def read_window(path: Path, shape: tuple[int, ...], window: Window) -> RGB:
    """What a window holds of a picture that has to be of this (H, W): uint8 RGB, reduced by the window's step."""
    data = _bytes(path)
    if _is_plain_jpeg(data, path.name):
        crop = _from_jpeg(path, data, shape, window)
        if crop is not None:
            return crop
    rgb = _decoded(data, cv2.IMREAD_COLOR_RGB) if _is_plain_png(data, path.name, _COLOUR) else None
    if rgb is None:
        rgb = read(path).rgb
    _check_size(path, rgb.shape[:2], shape)
    side = window.side // window.step
    return reduced(window.of(rgb), (side, side))


def _from_jpeg(path: Path, data: bytes, shape: tuple[int, ...], window: Window) -> RGB | None:
    bgr = _decoded(data, _REDUCED.get(window.step, cv2.IMREAD_COLOR))
    if bgr is None:
        return None
    header = inspect(BytesIO(data), path.name)
    _check_size(path, (header.height, header.width), shape)
    if jpeg.ends_in_missing_rows(bgr):
        raise ImageError(f"{path.name}: a damaged JPEG, its lower rows are missing; replace the file")
    crop = Window(*(one // window.step for one in window[:3])).of(bgr)
    return cv2.cvtColor(crop, cv2.COLOR_BGR2RGB)  # type: ignore[return-value]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def _is_plain_jpeg(data: bytes, name: str) -> bool:
    """In colour, and nothing about it is odd: OpenCV decodes it as `files.images.read` does."""
    if not data.startswith(b"\xff\xd8\xff") or not jpeg.is_whole(data) or b"Exif\0\0" in data[:_METADATA]:
        return False
    header = inspect(BytesIO(data), name)
    return header.channels == 3 and header.tidy and _is_bearable(header) and not jpeg.has_too_many_scans(data)


def _is_plain_png(data: bytes, name: str, colour_type: bytes) -> bool:
    """Of 8 bits, neither turned nor see-through."""
    if data[:8] != b"\x89PNG\r\n\x1a\n" or data[24:26] != b"\x08" + colour_type:
        return False
    return b"eXIf" not in data and b"tRNS" not in data and _is_bearable(inspect(BytesIO(data), name))


def _is_bearable(header: Header) -> bool:
    return header.width * header.height <= MAX_PIXELS


def _decoded(data: bytes, how: int) -> RGB | None:
    """None where OpenCV objects; the reader that comes next says why."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(0)  # a damaged file is named by our error, not by lines on the terminal
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), how | cv2.IMREAD_IGNORE_ORIENTATION)  # type: ignore[return-value]
    except cv2.error:
        return None
    finally:
        cv2.utils.logging.setLogLevel(level)


def _check_size(path: Path, size: tuple[int, ...], shape: tuple[int, ...]) -> None:
    if tuple(size) != tuple(shape):
        raise ImageError(
            f"{path.name}: it is {size[1]} x {size[0]}, its alpha {shape[1]} x {shape[0]}; make them equal"
        )
