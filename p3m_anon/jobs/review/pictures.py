"""Pictures as the review shows them: decoded once, cut into windows, masked by the code that `blur` uses."""

from __future__ import annotations

import base64
import threading
from collections import OrderedDict
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np

from p3m_anon.arrays import reduced
from p3m_anon.errors import ImageError
from p3m_anon.faces.anonymize import anonymize
from p3m_anon.faces.drawn import lost_regions, manual_masks, uncovered
from p3m_anon.faces.patch import union
from p3m_anon.faces.shapes import Shape, draw
from p3m_anon.files.alphas import orient_alpha, read_alpha
from p3m_anon.files.images import read
from p3m_anon.files.manual_masks import ManualMask
from p3m_anon.jobs.review.sightings import Sighting, seen_of, sightings_of
from p3m_anon.matting.transition import default_radius, transition

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from p3m_anon.arrays import RGB, AlphaPixels, Box, Mask
    from p3m_anon.faces.masks import FaceMask
    from p3m_anon.faces.pairing import Seen
    from p3m_anon.faces.settings import BlurSettings
    from p3m_anon.files.images import Decoded
    from p3m_anon.files.ledger_rows import Row

Window = tuple[int, int, int, int]
KEPT_PIXELS = 120_000_000  # decoded pictures that are kept: one of 24 MP is about 150 MB with its alpha
QUALITY = 88
TINT = (255, 64, 200, 150)  # RGBA of the transition region
BACKGROUND = (255, 140, 0, 120)  # of the background that is blurred


class Drawn(NamedTuple):
    """Shapes as pixels.

    mask: bool (H, W) as drawn. masks: what will be blurred. covered: box -> share that will be blurred, of each place
    of which that is too little. lost: shares of regions that the transition region takes. area: share of the picture
    that is blurred, 0 to 1.
    """

    mask: Mask
    masks: tuple[FaceMask, ...]
    covered: dict[Box, float]
    lost: tuple[float, ...]
    area: float


@dataclass(eq=False)
class Opened:
    """A decoded input with its alpha and what the detectors saw in it."""

    decoded: Decoded
    alpha: AlphaPixels | None
    alpha_sha256: str | None
    seen: tuple[Seen, ...]
    sightings: tuple[Sighting, ...]
    settings: BlurSettings

    @property
    def rgb(self) -> RGB:
        """uint8 (H, W, 3)."""
        return self.decoded.rgb

    def draw(self, shapes: Sequence[Shape], as_drawn: bool) -> Drawn:
        """What shapes would mask, and which places they would leave clear."""
        mask = draw(shapes, self.decoded.size)
        masks = manual_masks(ManualMask(mask, as_drawn), self.alpha, self.seen, self.settings)
        left = uncovered(mask.shape, masks, self.seen, self.settings)
        lost = lost_regions(masks, self.seen, self.settings)
        area = sum(one.adjusted.area for one in masks) / mask.size
        return Drawn(mask, masks, dict(left), tuple(lost), area)

    def masked(self, drawn: Drawn) -> RGB:
        """The picture as `blur` would release it, uint8 (H, W, 3)."""
        pixels = anonymize(self.decoded.pixels, drawn.masks, self.settings)
        return replace(self.decoded, pixels=pixels).rgb

    def background(self, drawn: Drawn, window: Window, width: int) -> tuple[float, bytes] | None:
        """What of the background will be blurred; None without a matte.

        Its share of the picture, and a window of it as PNG, at most `width` pixels across, tinted where it is.
        """
        if self.alpha is None:
            return None
        size = self.alpha.shape[0], self.alpha.shape[1]
        lo = self.settings.transition_lo * (1 if self.alpha.dtype == np.uint8 else 257)
        region = union([one.adjusted for one in drawn.masks], size) & (self.alpha <= lo)
        x, y, w, h = window
        part = region[max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)]
        if not part.size:
            raise ValueError("the window lies outside the picture")
        return np.count_nonzero(region) / region.size, _tinted(part, BACKGROUND, width)

    def transition(self, width: int) -> bytes:
        """The transition region as a PNG of at most `width` pixels across, tinted where it is."""
        size = self.decoded.size
        if self.alpha is None:
            region = np.zeros((size[1], size[0]), np.bool_)
        else:
            radius = self.settings.transition_radius
            radius = default_radius((size[1], size[0])) if radius is None else radius
            lo, hi = self.settings.transition_lo, self.settings.transition_hi
            region = transition(self.alpha, radius, lo=lo, hi=hi)
        return _tinted(region, TINT, width)


class Cabinet:
    """The pictures that were looked at last, decoded; used from several threads."""

    def __init__(self, settings: BlurSettings, max_pixels: int) -> None:
        """`settings` and `max_pixels` as the last run had them."""
        self._settings, self._max_pixels = settings, max_pixels
        self._lock = threading.Lock()
        self._opened: OrderedDict[Hashable, Future[Opened]] = OrderedDict()

    def open(self, row: Row, path: Path) -> Opened:
        """The picture of a ledger row; raises ImageError where it cannot be shown."""
        alpha = next((Path(one.file) for one in row.sources if one.role == "alpha"), None)
        seen = (row.digest, str(alpha), _stamp(alpha) if alpha is not None else None)
        return self._kept(path, seen, lambda: self._open(row, path, alpha))

    def window(self, path: Path, window: Window, width: int) -> bytes:
        """A window of any picture file as JPEG."""
        opened = self._kept(path, None, lambda: self._plain(path))
        return jpeg(opened.rgb, window, width)

    def _kept(self, path: Path, seen: object, make: Callable[[], Opened]) -> Opened:
        """What was made of a file, unless it or what was seen in it has changed."""
        stamp = _stamp(path)
        if stamp is None:
            raise ImageError(f"{path.name}: the file is not there any more")
        key = str(path), stamp, seen
        with self._lock:
            future = self._opened.get(key)
            mine = future is None
            if future is None:
                future = self._opened[key] = Future()
            self._opened.move_to_end(key)
        if mine:
            try:
                future.set_result(make())
            except BaseException as error:
                with self._lock:
                    self._opened.pop(key, None)
                future.set_exception(error)
            self._forget()
        return future.result()

    def _forget(self) -> None:
        """Let the oldest pictures go when they are too many; the newest always stays."""
        with self._lock:
            done = [(key, f.result()) for key, f in self._opened.items() if f.done()]
            pixels = sum(one.decoded.size[0] * one.decoded.size[1] for _, one in done)
            for key, one in done[:-1]:
                if pixels <= KEPT_PIXELS:
                    break
                pixels -= one.decoded.size[0] * one.decoded.size[1]
                del self._opened[key]

    def _open(self, row: Row, path: Path, alpha: Path | None) -> Opened:
        decoded = read(path, max_pixels=self._max_pixels)
        seen = seen_of(row)
        matte, digest = None, None
        if alpha is not None:
            try:
                found = read_alpha(alpha)
                boxes, digest = [one.face.box for one in seen if one.face is not None], found.sha256
                matte = orient_alpha(found.pixels, decoded.size, decoded.stored_size, decoded.orientation, boxes)
            except ImageError:
                matte = None  # the picture waits for it; `blur` says why
        return Opened(decoded, matte, digest, seen, sightings_of(row), self._settings)

    def _plain(self, path: Path) -> Opened:
        return Opened(read(path, max_pixels=self._max_pixels), None, None, (), (), self._settings)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def jpeg(rgb: RGB, window: Window, width: int) -> bytes:
    """A window (x, y, w, h) of uint8 (H, W, 3) as JPEG, `width` pixels across or less."""
    x, y, w, h = window
    part = rgb[max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)]
    if not part.size:
        raise ValueError("the window lies outside the picture")
    if width < part.shape[1]:
        part = reduced(part, (width, max(1, round(part.shape[0] * width / part.shape[1]))))
    return _encoded(".jpg", cv2.cvtColor(part, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def _tinted(region: Mask, tint: tuple[int, int, int, int], width: int) -> bytes:
    """A region, bool (H, W), as PNG of at most `width` pixels across: tinted where it is, else clear."""
    small = region.astype(np.uint8) * np.uint8(tint[3])
    if width < region.shape[1]:
        shrunk = width, max(1, round(region.shape[0] * width / region.shape[1]))
        small = np.asarray(cv2.resize(small, shrunk, interpolation=cv2.INTER_AREA), np.uint8)
    red, green, blue, _ = tint
    bgra = np.empty((*small.shape, 4), np.uint8)
    bgra[:] = (blue, green, red, 0)
    bgra[..., 3] = small
    return _encoded(".png", bgra, [cv2.IMWRITE_PNG_COMPRESSION, 3])


def data_url(data: bytes, kind: str = "jpeg") -> str:
    """A picture file as text."""
    return f"data:image/{kind};base64," + base64.b64encode(data).decode()


def _encoded(ending: str, pixels: object, how: list[int]) -> bytes:
    ok, data = cv2.imencode(ending, np.asarray(pixels), how)
    if not ok:
        raise ValueError(f"the picture could not be encoded as {ending}")
    return data.tobytes()
