"""One picture of `matte`: read, sent through the network, written. Its errors become its result."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

import numpy as np

from p3m_anon.engines.local import Early
from p3m_anon.errors import ImageError, TooLarge, WeightsError
from p3m_anon.files.alphas import encode_alpha, read_alpha
from p3m_anon.files.atomic import write_bytes
from p3m_anon.files.images import Encoding, encode, read
from p3m_anon.files.weights import digest
from p3m_anon.jobs.matte.record import MatteRow
from p3m_anon.matting.foreground import estimate_layers
from p3m_anon.matting.pairs import check_trimap

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB, AlphaPixels
    from p3m_anon.matting.trimap import Trimap

Depth = Literal[8, 16]
_ESTIMATOR = threading.Lock()  # it spreads one picture over the cores by itself, and may be entered only once


class Predictor(Protocol):
    """What `evaluation.predict.load_predictor` gives; predict_batch: of pictures and, where it needs them, trimaps."""

    @property
    def digest(self) -> str: ...

    @property
    def predict_batch(self) -> Callable[..., list[npt.NDArray[np.float32]]]: ...


class MatteItem(NamedTuple):
    """A picture, and where what is made of it goes; cutout: None where none is asked for.

    row: what is known of it, None where nothing was written yet. trimap: its file, for a method that needs one.
    """

    label: str
    picture: Path
    file: str
    alpha: Path
    cutout: Path | None
    row: MatteRow | None
    trimap: Path | None = None


class MatteResult(NamedTuple):
    """row: of a picture whose matte is there. kept: it was there already. problem: why there is none."""

    label: str
    file: str
    row: MatteRow | None = None
    kept: bool = False
    problem: str = ""


class Loaded(NamedTuple):
    """A picture in memory, upright. icc: its colour profile. trimap: uint8 (H, W), for a method that needs it."""

    item: MatteItem
    rgb: RGB
    icc: bytes | None
    sha256: str
    trimap: Trimap | None = None
    trimap_sha256: str = ""


class Seen(NamedTuple):
    """A picture after the network: alpha float32 (H, W) in [0, 1], or why there is none."""

    loaded: Loaded
    alpha: npt.NDArray[np.float32] | None
    problem: str = ""


@dataclass(frozen=True)
class MatteJob:
    """The stages. digest: of all that decides a matte but its picture and its trimap."""

    predictor: Predictor
    digest: str
    depth: Depth

    def load(self, item: MatteItem) -> Loaded | Early[MatteResult]:
        """Read it, unless its matte is there and right."""
        try:
            if self.is_done(item):
                return Early(MatteResult(item.label, item.file, item.row, kept=True))
            decoded = read(item.picture)
            loaded = Loaded(item, decoded.rgb, decoded.encoding.profile(3), decoded.sha256)
            return loaded if item.trimap is None else _with_trimap(loaded, item.trimap)
        except (ImageError, MemoryError) as error:
            return Early(_failed(item, error))

    def look(self, batch: list[Loaded]) -> list[Seen]:
        """All of one size in one pass; where that needs too much memory, one by one."""
        by_size = groupby(sorted(batch, key=_size), key=_size)
        return [seen for _, group in by_size for seen in self._seen(list(group))]

    def finish(self, seen: Seen) -> MatteResult:
        """Write it, the alpha last."""
        item = seen.loaded.item
        if seen.alpha is None:
            return MatteResult(item.label, item.file, problem=seen.problem)
        try:
            alpha = levels(seen.alpha, self.depth)
            size = 0
            if item.cutout is not None:
                data = cut_out(seen.loaded.rgb, alpha, seen.loaded.icc)
                write_bytes(item.cutout, data, private=True)
                size = len(data)
            data = encode_alpha(alpha)
            write_bytes(item.alpha, data)
        except (ImageError, MemoryError) as error:
            return _failed(item, error)
        row = MatteRow(item.file, seen.loaded.sha256, self._digest(seen.loaded.trimap_sha256), len(data), size)
        return MatteResult(item.label, item.file, row)

    def is_done(self, item: MatteItem) -> bool:
        """The files are there as they were written, made of this very picture in this very way."""
        row = item.row
        if row is None or size_of(item.alpha) != row.alpha_size:
            return False
        if item.cutout is not None and (row.cutout_size <= 0 or size_of(item.cutout) != row.cutout_size):
            return False
        try:
            trimap = digest(item.trimap) if item.trimap is not None else ""
            return row.digest == self._digest(trimap) and digest(item.picture) == row.image_sha256
        except OSError:
            return False

    def _digest(self, trimap: str) -> str:
        """Of all that decides a matte but its picture. trimap: sha256 of its file, "" without one."""
        return hashlib.sha256(f"{self.digest} {trimap}".encode()).hexdigest() if trimap else self.digest

    def _seen(self, group: list[Loaded]) -> list[Seen]:
        trimaps = [one.trimap for one in group if one.trimap is not None]
        try:
            alphas = self.predictor.predict_batch([one.rgb for one in group], *([trimaps] if trimaps else []))
        except (TooLarge, WeightsError, MemoryError, ValueError) as error:
            if isinstance(error, ValueError) and not trimaps:
                raise  # with one, there may be no solution
            if len(group) > 1:
                return [seen for one in group for seen in self._seen([one])]
            return [Seen(group[0], None, _why(group[0].item, error))]
        return [Seen(loaded, alpha) for loaded, alpha in zip(group, alphas, strict=True)]


def _with_trimap(loaded: Loaded, file: Path) -> Loaded:
    """Raises ImageError for a file that is no trimap of this picture."""
    try:
        found = read_alpha(file)
    except ImageError as error:
        raise ImageError(f"trimap {error}") from error
    if found.pixels.dtype != np.uint8:
        raise ImageError("the trimap has 16 bits; a trimap has the values 0, 128 and 255")
    trimap, size = found.pixels.astype(np.uint8, copy=False), loaded.rgb.shape[:2]
    if trimap.shape != size:
        sizes = (" x ".join(map(str, one[::-1])) for one in (trimap.shape, size))
        raise ImageError("the trimap has {} pixels, the picture {}; nothing is resized here".format(*sizes))
    try:
        check_trimap(trimap, size)
    except ValueError as error:
        raise ImageError(str(error)) from error
    return loaded._replace(trimap=trimap, trimap_sha256=found.sha256)


def levels(alpha: npt.NDArray[np.float32], depth: Depth) -> AlphaPixels:
    """Alpha in [0, 1] as uint8 or uint16 of full scale, rounded."""
    full = (1 << depth) - 1
    return np.rint(alpha * np.float32(full)).astype(np.uint8 if depth == 8 else np.uint16)


def cut_out(rgb: RGB, alpha: AlphaPixels, icc: bytes | None) -> bytes:
    """An RGBA PNG as deep as `alpha` (H, W); rgb: uint8 (H, W, 3).

    Its colours are the estimated foreground: the picture's own colours carry the old background at every soft edge,
    and would show it as a fringe on a new one. Where alpha is 0 they are black.
    """
    with _ESTIMATOR:
        colours = estimate_layers(rgb, alpha).foreground
    pixels = np.dstack((colours.astype(alpha.dtype) * (np.iinfo(alpha.dtype).max // 255), alpha))
    return encode(pixels, Encoding("PNG", icc))[0]


def size_of(path: Path) -> int:
    """Bytes of a file; -1 without one."""
    try:
        return path.stat().st_size
    except OSError:
        return -1


def _size(loaded: Loaded) -> tuple[int, ...]:
    return loaded.rgb.shape


def _failed(item: MatteItem, error: Exception) -> MatteResult:
    return MatteResult(item.label, item.file, problem=_why(item, error))


def _why(item: MatteItem, error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "not enough memory for it; close other programs, or use fewer --workers"
    return str(error).removeprefix(f"{item.picture.name}: ")
