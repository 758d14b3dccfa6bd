"""Which second look beside CenterFace catches what the first misses, and what does it cost?

    python tools/measure_second_look.py FOLDER --counts COUNTS.csv

COUNTS.csv: two columns, picture (file name in FOLDER) and faces (visible faces counted by eye). CenterFace misses next
to nothing on ordinary pictures, so the pictures are also spoilt in several ways, for both looks alike, and the faces
found in the clean picture (the best `faces` of them) say what is there.
"""

from __future__ import annotations

import argparse
import csv
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from p3m_anon.detectors.centerface import CenterFace
from p3m_anon.detectors.second_look import LbpCascade
from p3m_anon.faces.verdict import unmatched

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB, Box

    Boxes: TypeAlias = list[Box]
THRESHOLDS = (0.10, 0.15, 0.20, 0.25, 0.30, 0.40)
LOOKS = [(size, mirrored) for size in (640, 1024, 480, 416, 320) for mirrored in (False, True)]
FIRST = 0.3
TILT, TILT_SCALE = 50.0, 0.8  # degrees


@dataclass
class Tally:
    """Counts of one candidate over pictures.

    caught: faces that the first look missed and this one saw. saved: pictures in which the first look missed a face
    and this one sees something new. for_nothing: the same where no face had been missed; portraits: those of them with
    one face. silent: pictures in which it misses a face that the first look saw.
    """

    caught: int = 0
    saved: int = 0
    for_nothing: int = 0
    portraits: int = 0
    silent: int = 0
    cpu_s: list[float] = field(default_factory=list)

    def add(self, boxes: Boxes, sight: Sight, cpu_s: float) -> None:
        new, unseen = unmatched(boxes, sight.seen)
        self.caught += len(sight.missed) - len(unmatched(sight.missed, new)[0])
        self.saved += bool(new) and bool(sight.missed)
        self.for_nothing += bool(new) and not sight.missed
        self.portraits += bool(new) and not sight.missed and sight.faces == 1
        self.silent += bool(unseen)
        self.cpu_s.append(cpu_s)


@dataclass(frozen=True)
class Sight:
    """One picture: the faces there are, what the first look saw, and the faces it missed."""

    faces: int
    seen: Boxes
    missed: Boxes


def _noisy(rgb: RGB) -> RGB:
    noise = np.random.default_rng(7).normal(0, 60, rgb.shape)
    return (rgb + noise).clip(0, 255).astype(np.uint8)


def _blurred(rgb: RGB) -> RGB:
    return np.asarray(cv2.GaussianBlur(rgb, (0, 0), max(rgb.shape[:2]) / 110), np.uint8)


def _dark(rgb: RGB) -> RGB:
    return (rgb // 24).astype(np.uint8)


def _jpeg(rgb: RGB) -> RGB:
    small = cv2.resize(rgb, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    coded = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 4])[1]
    decoded = cv2.imdecode(coded, cv2.IMREAD_COLOR)
    if decoded is None:
        raise RuntimeError("OpenCV cannot read its own JPEG")
    return np.asarray(cv2.resize(decoded, rgb.shape[1::-1]), np.uint8)


def tilt(shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    """The affine map (2, 3) of the tilted pictures."""
    turn = cv2.getRotationMatrix2D((shape[1] / 2, shape[0] / 2), TILT, TILT_SCALE)
    return np.asarray(turn, np.float64)


def _tilted(rgb: RGB) -> RGB:
    return np.asarray(cv2.warpAffine(rgb, tilt(rgb.shape), rgb.shape[1::-1]), np.uint8)


def _covered(rgb: RGB, boxes: Boxes, top: float, bottom: float) -> RGB:
    """A grey bar over each face, from `top` to `bottom` of its height."""
    out = rgb.copy()
    for x0, y0, x1, y1 in boxes:
        low, high = y0 + top * (y1 - y0), y0 + bottom * (y1 - y0)
        out[max(0, round(low)) : max(0, round(high)), max(0, round(x0)) : max(0, round(x1))] = 128
    return out


SPOILT: dict[str, Callable[[RGB, Boxes], RGB]] = {
    "clean": lambda rgb, boxes: rgb,
    "noise": lambda rgb, boxes: _noisy(rgb),
    "blur": lambda rgb, boxes: _blurred(rgb),
    "dark": lambda rgb, boxes: _dark(rgb),
    "jpeg": lambda rgb, boxes: _jpeg(rgb),
    "tilted": lambda rgb, boxes: _tilted(rgb),
    "mouth covered": lambda rgb, boxes: _covered(rgb, boxes, 0.55, 1.05),
    "eyes covered": lambda rgb, boxes: _covered(rgb, boxes, 0.15, 0.55),
}


def read_pictures(folder: Path, counts: Path) -> Iterator[tuple[str, RGB, int]]:
    with counts.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            picture = ImageOps.exif_transpose(Image.open(folder / row["picture"]))
            yield row["picture"], np.asarray(picture.convert("RGB")), int(row["faces"])


def as_boxes(array: npt.NDArray[np.float64]) -> Boxes:
    """Rows x0 y0 x1 y1 as tuples."""
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in array.tolist()]


def tilted_boxes(boxes: Boxes, shape: tuple[int, ...]) -> Boxes:
    """Boxes of the clean picture in the tilted one: of the same size, about their turned centres."""
    turn = tilt(shape)
    moved = []
    for x0, y0, x1, y1 in boxes:
        x, y = turn[:, :2] @ ((x0 + x1) / 2, (y0 + y1) / 2) + turn[:, 2]
        w, h = TILT_SCALE * (x1 - x0) / 2, TILT_SCALE * (y1 - y0) / 2
        moved.append((x - w, y - h, x + w, y + h))
    return moved


def measure(pictures: list[tuple[str, RGB, int]]) -> None:
    """Run everything; print a table for the clean pictures and one over all kinds."""
    first, lbp = CenterFace(threshold=FIRST), LbpCascade()
    truths = [as_boxes(first.look(rgb).boxes[:faces]) for _, rgb, faces in pictures]
    print(f"{len(pictures)} pictures, {sum(n for _, _, n in pictures)} faces, {sum(map(len, truths))} found when clean")
    total: dict[str, Tally] = {}
    missed_faces = missed_pictures = 0
    for kind, spoil in SPOILT.items():
        sights = []
        for (_, clean, faces), found in zip(pictures, truths, strict=True):
            rgb = spoil(clean, found)
            truth = tilted_boxes(found, rgb.shape) if kind == "tilted" else found
            seen = as_boxes(first.look(rgb).boxes)
            sights.append(Sight(faces, seen, unmatched(truth, seen)[0]))
            for name, boxes, cpu_s in candidates(first, lbp, rgb):
                total.setdefault(name, Tally()).add(boxes, sights[-1], cpu_s)
        faces_missed = sum(len(sight.missed) for sight in sights)
        pictures_missed = sum(bool(sight.missed) for sight in sights)
        print(f"{kind}: the first look misses {faces_missed} faces in {pictures_missed} pictures")
        missed_faces, missed_pictures = missed_faces + faces_missed, missed_pictures + pictures_missed
        if kind == "clean":
            print_table(total)
    looked = len(SPOILT) * len(pictures)
    print(f"\nall kinds: {looked} pictures; the first look misses {missed_faces} faces in {missed_pictures} of them")
    print_table(total)


def print_table(tallies: dict[str, Tally]) -> None:
    print("second look                           caught  saved  for nothing  (portraits)  silent  CPU ms")
    for name, t in tallies.items():
        counts = f"{t.caught:6d}  {t.saved:5d}  {t.for_nothing:11d}  {t.portraits:11d}  {t.silent:6d}"
        print(f"{name:<36}  {counts}  {1000 * float(np.median(t.cpu_s)):6.1f}")


def candidates(first: CenterFace, lbp: LbpCascade, rgb: RGB) -> Iterator[tuple[str, Boxes, float]]:
    """Name, boxes and CPU seconds of every candidate on one picture."""
    low: dict[float, Boxes] = {}
    for size, mirrored in LOOKS:
        start = time.process_time()
        found = first.look(rgb, long_side=size, threshold=min(THRESHOLDS), mirrored=mirrored)
        cpu_s = time.process_time() - start
        for threshold in THRESHOLDS:
            kept = as_boxes(found.boxes[found.scores > threshold])
            yield f"{size}{' mirrored' if mirrored else ''} > {threshold:.2f}", kept, cpu_s
            if (size, mirrored) == (first.long_side, False):
                low[threshold] = kept  # what the first pass saw already: costs nothing
            elif mirrored and threshold in (0.2, 0.25, 0.3):
                yield f"first > 0.20 + {size} mirrored > {threshold:.2f}", low.get(0.2, []) + kept, cpu_s
    start = time.process_time()
    boxes = [box for box, _ in lbp.boxes(rgb)]
    yield "LBP cascade", boxes, time.process_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--counts", type=Path, required=True)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    measure(list(read_pictures(arguments.folder, arguments.counts)))


if __name__ == "__main__":
    main()
