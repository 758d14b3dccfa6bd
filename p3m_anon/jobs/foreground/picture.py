"""One picture and its alpha into two layers; runs in a child process."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from p3m_anon.errors import ImageError, Stopped
from p3m_anon.files.alphas import read_alpha
from p3m_anon.files.atomic import write_bytes
from p3m_anon.files.images import Encoding, encode, read
from p3m_anon.files.jpeg import decode_fast
from p3m_anon.files.private import join_run
from p3m_anon.jobs.foreground.inputs import MANIFEST, Pair
from p3m_anon.jobs.foreground.record import LayerRow
from p3m_anon.matting.foreground import Layers, estimate_layers, reconstruction_error

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.files.alphas import Alpha
    from p3m_anon.files.images import Decoded

VERSION = 1  # of what is computed; rows of another one are done again
COMPILED = "compiled.lock"
BackgroundFormat = Literal["jpeg", "png"]
ENDINGS: dict[BackgroundFormat, str] = {"jpeg": ".jpg", "png": ".png"}


@dataclass(frozen=True)
class LayerTask:
    """A picture to be worked on, and where its layers go."""

    root: Path
    pair: Pair
    format: BackgroundFormat

    @property
    def foreground(self) -> str:
        """Relative to the dataset."""
        return self.pair.foreground

    @property
    def background(self) -> str:
        """Relative to the dataset."""
        return self.pair.one.label(f"bg/{self.pair.id}{ENDINGS[self.format]}")


@dataclass(frozen=True)
class LayerResult:
    """`row` of a finished picture, else what kept it from being finished."""

    task: LayerTask
    row: LayerRow | None
    problem: str = ""


def start_worker(private: Path) -> Callable[[LayerTask], LayerResult]:
    """What a child process does first: join the run, keep to one thread, and load the estimator.

    Where numba has not compiled the estimator yet, that takes half a minute and is kept in its cache: the first
    child of a run loads it alone, so that the others find it compiled.
    """
    import cv2

    join_run(private)
    cv2.setNumThreads(1)
    os.environ["NUMBA_NUM_THREADS"] = "1"
    with (private / COMPILED).open("a+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.seek(0)
        if not lock.read():
            _load_estimator()
            lock.write(b"1")
    _load_estimator()
    return make_layers


def _load_estimator() -> None:
    try:
        import pymatting  # noqa: F401
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        raise Stopped("numba has no folder to keep what it compiles; name one in NUMBA_CACHE_DIR") from error


def make_layers(task: LayerTask) -> LayerResult:
    """Read, estimate, write both layers, measure what was written; what concerns this picture only is its problem."""
    try:
        return LayerResult(task, _made(task))
    except ImageError as error:
        return LayerResult(task, None, str(error).removeprefix(f"{task.pair.image.name}: "))
    except MemoryError:
        return LayerResult(task, None, "not enough memory for it; close other programs, or use fewer --workers")


def _made(task: LayerTask) -> LayerRow:
    pair = task.pair
    decoded, alpha = _inputs(pair)
    layers = estimate_layers(decoded.rgb, alpha.pixels)
    icc = decoded.encoding.profile(3)
    foreground = encode(layers.foreground, Encoding("PNG", icc))[0]
    write_bytes(task.root / task.foreground, foreground)
    background = encode(layers.background, Encoding(task.format.upper(), icc))[0]
    write_bytes(task.root / task.background, background)
    if task.format == "jpeg":
        layers = Layers(layers.foreground, _again(background))
    error = reconstruction_error(decoded.rgb, alpha.pixels, layers)
    return LayerRow(
        foreground=task.foreground,
        background=task.background,
        image=pair.label,
        image_sha256=decoded.sha256,
        alpha_sha256=alpha.sha256,
        foreground_size=len(foreground),
        foreground_sha256=hashlib.sha256(foreground).hexdigest(),
        background_size=len(background),
        background_sha256=hashlib.sha256(background).hexdigest(),
        error_mean=round(error.mean, 4),
        error_max=round(error.max, 2),
        version=VERSION,
    )


def _inputs(pair: Pair) -> tuple[Decoded, Alpha]:
    """Picture and alpha; ImageError where they are not what the manifest lists, or do not lie on each other."""
    decoded = read(pair.image)
    try:
        alpha = read_alpha(pair.alpha)
    except ImageError as error:
        raise ImageError(f"its alpha {error}") from error
    for what, listed, sha256 in (
        ("picture", pair.listed.image, decoded.sha256),
        ("alpha", pair.listed.alpha, alpha.sha256),
    ):
        if listed is not None and sha256 != listed:
            raise ImageError(f"the {what} is not the file that {MANIFEST} lists; run audit, or blur again")
    if decoded.orientation != 1:
        raise ImageError(f"{pair.image.name}: turned by EXIF, which training code ignores; blur writes it upright")
    if alpha.pixels.shape != decoded.pixels.shape[:2]:
        height, width = alpha.pixels.shape
        sizes = f"{decoded.size[0]} x {decoded.size[1]}, its alpha {width} x {height}"
        raise ImageError(f"{pair.image.name}: the picture is {sizes}; make them equal")
    return decoded, alpha


def _again(jpeg: bytes) -> RGB:
    """The JPEG as it will be read."""
    decoded = decode_fast(jpeg)
    if decoded is None:
        raise ImageError("the background could not be read back; try --format png")
    return np.ascontiguousarray(decoded)
