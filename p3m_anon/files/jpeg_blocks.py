"""Quantized DCT blocks of a JPEG: taken from a file, put into one, turned, and made from pixels.

Blocks are int16 (rows, columns, 8, 8) per component: block row, block column, vertical and horizontal frequency.
"""

from __future__ import annotations

import ctypes
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from p3m_anon.files.jpeg_markers import CannotSplice, Frame, Layout, assemble, parse

if TYPE_CHECKING:
    from p3m_anon.arrays import Mask, Pixels

Blocks = npt.NDArray[np.int16]

_LIBRARY = "turbo210"  # the fastest of the libjpeg builds in the jpeglib wheel
_COLOURS = {"grey": 1, "rgb": 2, "ycc": 3}  # J_COLOR_SPACE of libjpeg
_OPTIMIZE = 1 << 6  # jpeglib's bit for Huffman tables made for this picture
_AT_ONCE = 4096  # units transformed in one go: 25 MB at 16x16 pixels each
_FLIPPED = {1: "", 2: "x", 3: "xy", 4: "y", 5: "", 6: "x", 7: "xy", 8: "y"}  # as in orientation.turn_upright
# JFIF 1.02: full-range Y, Cb, Cr; the shift by 128 is left to the caller, as it cancels for Cb and Cr.
_YCC = ((0.299, 0.587, 0.114), (-0.168735892, -0.331264108, 0.5), (0.5, -0.418687589, -0.081312411))

_U, _X = np.mgrid[:8, :8]
_COSINES = np.where(_U == 0, np.sqrt(1 / 8), 0.5) * np.cos((2 * _X + 1) * _U * np.pi / 16)  # T.81 A.3.3, one direction


def read_blocks(layout: Layout) -> list[Blocks]:
    """All blocks of a file, one array per component. CannotSplice where libjpeg objects.

    libjpeg gets `layout.bare`, never the file itself: jpeglib 1.0.2 closes a file that it has not opened when the
    header is bad, which ends the process. `parse` accepts no such header.
    """
    frame = layout.frame
    blocks = [np.zeros((*frame.grid(c), 8, 8), np.int16) for c in frame.components]
    with _scratch(layout.bare) as path:
        good = _library().read_jpeg_dct(os.fsencode(path), *_pointers(blocks), None, None)
    if not good:
        raise CannotSplice("libjpeg cannot read its coefficients")
    return blocks


def write_blocks(frame: Frame, blocks: list[Blocks], icc: bytes | None) -> bytes:
    """A sequential JPEG file of these blocks, with Huffman tables made for it. CannotSplice where that is impossible.

    No restart markers and one scan, whatever the source had: neither changes a decoded pixel.
    """
    for block, component in zip(blocks, frame.components, strict=True):
        if block.shape != (*frame.grid(component), 8, 8) or block.dtype != np.int16:
            raise ValueError(f"blocks must be int16 {(*frame.grid(component), 8, 8)}, got {block.dtype} {block.shape}")
        if not _in_range(block):
            raise CannotSplice("coefficients out of range")
    blocks = [np.ascontiguousarray(block) for block in blocks]
    sizes = [n for block in blocks for n in block.shape[:2]]
    factors = [n for c in frame.components for n in (c.down, c.across)]
    count = len(blocks)
    with _scratch(b"") as path:
        good = _library().write_jpeg_dct(
            *(None, os.fsencode(path), *_pointers(blocks), _ints([frame.height, frame.width]), _ints(sizes)),
            *(_ints(factors), _COLOURS[frame.colour], count, None, ctypes.c_short(-1), None, 0, None, None, None),
            *(ctypes.c_uint(_OPTIMIZE), ctypes.c_uint(_OPTIMIZE)),
        )
        with open(path, "rb") as file:
            written = file.read()
    if not good:
        raise CannotSplice("libjpeg cannot write its coefficients")
    return assemble(frame, parse(written).coded, icc)


def turn_blocks(frame: Frame, blocks: list[Blocks], orientation: int) -> tuple[Frame, list[Blocks]]:
    """Frame and blocks of the picture shown upright, for EXIF orientation 1..8; no coefficient is lost.

    CannotSplice where a side that is mirrored ends within a block: the rest of that block would become visible.
    """
    if orientation >= 5:
        frame = frame.transposed()
        blocks = [block.transpose(1, 0, 3, 2) for block in blocks]
    down, across = frame.most
    flips = _FLIPPED[orientation]
    if ("x" in flips and frame.width % (8 * across)) or ("y" in flips and frame.height % (8 * down)):
        raise CannotSplice("turned, and no multiple of its blocks")
    signs = np.array([1, -1] * 4, np.int16)  # mirroring negates the odd frequencies
    if "x" in flips:
        blocks = [block[:, ::-1] * signs for block in blocks]
    if "y" in flips:
        blocks = [block[::-1] * signs[:, None] for block in blocks]
    return frame, blocks


def touched_units(frame: Frame, mask: Mask) -> npt.NDArray[np.bool_]:
    """Which units (the MCUs of T.81 A.2: 8 x 8 pixels times the largest factors) hold a pixel of a bool (H, W) mask."""
    down, across = frame.most
    return _pooled(_eighth(mask), down, across)


def touched_blocks(frame: Frame, mask: Mask) -> list[npt.NDArray[np.bool_]]:
    """Per component, bool (rows, columns): the blocks whose own pixels meet the mask, bool (H, W)."""
    down, across = frame.most
    small = _eighth(mask)
    return [_pooled(small, down // c.down, across // c.across) for c in frame.components]


def recode(frame: Frame, blocks: list[Blocks], pixels: Pixels, mask: Mask) -> None:
    """Replace, in place, every block that the mask touches by the transform of `pixels`, and of them alone.

    pixels: uint8 (H, W) or (H, W, 3) RGB, upright like frame and blocks; mask: bool (H, W). T.81 A.3.3 and A.3.4;
    reduced components are means over the pixels of a sample; beyond the picture its last row and column repeat.
    """
    down, across = frame.most
    rows, columns = np.nonzero(touched_units(frame, mask))
    touched = touched_blocks(frame, mask)
    for start in range(0, len(rows), _AT_ONCE):
        top, left = rows[start : start + _AT_ONCE], columns[start : start + _AT_ONCE]
        planes = _planes(frame, _units(pixels, top * 8 * down, left * 8 * across, (8 * down, 8 * across)))
        for k, c in enumerate(frame.components):
            samples = _reduced(planes[k], down // c.down, across // c.across)
            for y in range(c.down):
                for x in range(c.across):
                    at = top * c.down + y, left * c.across + x
                    inside = (at[0] < touched[k].shape[0]) & (at[1] < touched[k].shape[1])
                    inside[inside] = touched[k][at[0][inside], at[1][inside]]
                    new = _quantized(samples[inside, 8 * y : 8 * y + 8, 8 * x : 8 * x + 8], c.steps)
                    blocks[k][at[0][inside], at[1][inside]] = new


def _in_range(block: Blocks) -> bool:
    """Whether a sequential file of 8 bits can hold them (T.81 F.1.2); hostile files have more."""
    if block.max() > 1023 or block.min() < -1024:
        return False
    return bool(block.min() > -1024 or (block.reshape(-1, 64)[:, 1:] > -1024).all())


def _eighth(mask: Mask) -> npt.NDArray[np.bool_]:
    """Whether each square of 8x8 pixels holds a True; the last ones may stand over."""
    return _pooled(np.packbits(mask, axis=1) != 0, 8, 1)


def _pooled(mask: Mask, height: int, width: int) -> npt.NDArray[np.bool_]:
    """The same for rectangles of any size."""
    rows = np.logical_or.reduceat(mask, np.arange(0, mask.shape[0], height), axis=0)
    pooled: npt.NDArray[np.bool_] = np.logical_or.reduceat(rows, np.arange(0, mask.shape[1], width), axis=1)
    return pooled


def _units(pixels: Pixels, top: Any, left: Any, size: tuple[int, int]) -> npt.NDArray[np.float64]:
    """(n, h, w, C) of rectangles at these rows and columns; outside the picture its edge repeats."""
    y = np.minimum(top[:, None] + np.arange(size[0]), pixels.shape[0] - 1)
    x = np.minimum(left[:, None] + np.arange(size[1]), pixels.shape[1] - 1)
    units = pixels[y[:, :, None], x[:, None, :]].astype(np.float64)
    return units if units.ndim == 4 else units[..., None]


def _planes(frame: Frame, units: npt.NDArray[np.float64]) -> list[npt.NDArray[np.float64]]:
    """The components' values, shifted to lie around 0 (T.81 A.3.1)."""
    if frame.colour != "ycc":
        return [units[..., k] - 128 for k in range(units.shape[-1])]
    red, green, blue = (units[..., k] for k in range(3))
    y, cb, cr = (r * red + g * green + b * blue for r, g, b in _YCC)
    return [y - 128, cb, cr]


def _reduced(plane: npt.NDArray[np.float64], down: int, across: int) -> npt.NDArray[np.float64]:
    """(n, h, w) -> (n, h / down, w / across) by means."""
    count, height, width = plane.shape
    means: npt.NDArray[np.float64] = plane.reshape(count, height // down, down, width // across, across).mean((2, 4))
    return means


def _quantized(samples: npt.NDArray[np.float64], steps: tuple[int, ...]) -> Blocks:
    """(n, 8, 8) samples around 0 -> their quantized coefficients."""
    # einsum without its optimizer runs on this thread alone; a matrix product would wake a pool of threads for it.
    rows = np.einsum("vy,nyx->nvx", _COSINES, samples)
    coefficients = np.rint(np.einsum("nvx,ux->nvu", rows, _COSINES) / np.array(steps, np.float64).reshape(8, 8))
    return np.clip(coefficients, -1023, 1023).astype(np.int16)


@cache
def _library() -> Any:
    """jpeglib's own binding of one libjpeg build.

    Its public functions are not used: they keep markers in global variables (two threads at once mix them up) and
    leave copies of the picture in the common temporary folder when they fail. The two functions that move
    coefficients have no state of their own, and ctypes lets other threads run meanwhile.
    """
    from jpeglib._bind import CJpegLib

    return CJpegLib._bind_lib(_LIBRARY)


def _pointers(blocks: list[Blocks]) -> list[Any]:
    """Four addresses, as the library wants them; it checks no sizes, so the arrays must fit the frame."""
    found: list[Any] = [block.ctypes.data_as(ctypes.c_void_p) for block in blocks]
    return found + [None] * (4 - len(found))


def _ints(values: list[int]) -> Any:
    return (ctypes.c_int * len(values))(*values)


@contextmanager
def _scratch(content: bytes) -> Iterator[str]:
    """The path of a file with this content that nobody else can open, gone afterwards.

    On Linux it lies in memory and has no name in any folder, so even a killed process leaves nothing behind.
    """
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        handle = os.memfd_create("p3m-anon")
        try:
            with open(handle, "wb", closefd=False) as file:
                file.write(content)
            yield f"/proc/self/fd/{handle}"
        finally:
            os.close(handle)
        return
    with tempfile.TemporaryDirectory(prefix="p3m-anon-") as folder:  # mode 0700
        path = os.path.join(folder, "picture")
        with open(path, "wb") as file:
            file.write(content)
        yield path
