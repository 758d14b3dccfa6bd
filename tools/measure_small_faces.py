"""How many pasted bystanders of a known width leave a picture clear, and does the picture wait?

    python -m tools.measure_small_faces FACES BACKGROUNDS [--widths 16 20 24] [--per-width 200] [--seed 1]

FACES and BACKGROUNDS: folders of pictures, the same or others. Faces are cut out around the boxes of the first look and
pasted into backgrounds with blended edges, plain, dim, grey, tilted by 30 degrees and at JPEG quality 60 in turn
(`--kinds`: others), several of one width into a picture. Then every picture is looked at and judged as `blur` would,
without an alpha. A face is clear if at least half of the inner ellipse of its box is in no mask. Bounds are Clopper and
Pearson's, 95 %, one-sided.
"""

from __future__ import annotations

import argparse
import functools
import multiprocessing
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import cv2
import numpy as np
from scipy.stats import beta

from p3m_anon.detectors.looks import Looks
from p3m_anon.faces.judge import judge
from p3m_anon.faces.outline import ELLIPSE_CORE, ellipse
from p3m_anon.faces.pairing import same_face
from p3m_anon.faces.patch import union
from p3m_anon.faces.raster import rasterize
from p3m_anon.faces.settings import BlurSettings
from p3m_anon.jobs.blur.detectors import build_looks, plan_looks
from p3m_anon.jobs.blur.request import BlurRequest
from tools.paste_faces import (
    COVERED,
    KINDS,
    RGB,
    USUAL,
    Box,
    Head,
    Pasted,
    cut_head,
    free_corner,
    paste,
    read_pictures,
    side_of,
)

WIDTHS = (12, 16, 20, 24, 28, 32, 40, 56)
CLEAR = 0.5  # share of the inner ellipse outside every mask
LEAST_HEAD = 60  # px: width of a face that is cut out
LEAST_SCORE = 0.7
LEAST_BACKGROUND = 400_000  # pixels


@dataclass
class Tally:
    """Of one width.

    faces: pasted; clear: left clear; released: of those, in pictures that leave; missed, of: clear by kind and view.
    """

    faces: int = 0
    pictures: int = 0
    waiting: int = 0
    first: int = 0
    second: int = 0
    clear: int = 0
    released: int = 0
    without_estimate: int = 0
    missed: Counter[str] = field(default_factory=Counter)
    of: Counter[str] = field(default_factory=Counter)

    def add(self, other: Tally) -> None:
        for name in ("faces", "pictures", "waiting", "first", "second", "clear", "released", "without_estimate"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.missed.update(other.missed)
        self.of.update(other.of)


@functools.cache
def looks(weights_dir: Path | None, smallest: float | None) -> Looks:
    """As `blur` builds them, once a process."""
    cv2.setNumThreads(1)
    request = BlurRequest(Path(), weights_dir=weights_dir, smallest_face=smallest, detector="centerface")
    return build_looks(request, plan_looks(request))


def measure(task: tuple[RGB, list[tuple[Box, str]], str, Path | None, float | None, float]) -> Tally:
    """One picture with its pasted boxes and the views of their heads."""
    rgb, boxes, kind, weights_dir, smallest, max_unseen = task
    (sight,) = looks(weights_dir, smallest).see([rgb])
    size = (rgb.shape[0], rgb.shape[1])
    judged = judge(size, sight, None, BlurSettings(max_unseen=max_unseen))
    mask = union([one.adjusted for one in judged.masks], size)
    tally = Tally(len(boxes), 1, int(bool(judged.findings)))
    other = [one for one in judged.findings if "seen by neither" not in one.detail]
    for box, view in boxes:
        tally.first += any(same_face(box, face.box) for face in sight.faces)
        tally.second += any(same_face(box, seen) for seen in sight.second_boxes)
        inner = rasterize(ellipse(box, ELLIPSE_CORE), size)
        is_clear = bool(np.count_nonzero(mask[inner.slices] & inner.mask) < CLEAR * inner.area)
        tally.clear += is_clear
        tally.released += is_clear and not judged.findings
        tally.without_estimate += is_clear and not other
        for name in (kind, f"{view} heads"):
            tally.of[name] += 1
            tally.missed[name] += int(is_clear)
    return tally


@dataclass(frozen=True)
class Draw:
    """What is pasted: `wanted` faces of a width, `each` into a picture, the kinds in turn."""

    wanted: int
    each: int = 4
    kinds: Sequence[str] = USUAL


def tasks(
    rng: np.random.Generator, heads: list[Head], backgrounds: list[tuple[RGB, list[Box]]], width: float, draw: Draw
) -> list[tuple[RGB, list[tuple[Box, str]], str]]:
    """Pictures with their pasted boxes, the views of these heads, and the kind."""
    made: list[tuple[RGB, list[tuple[Box, str]], str]] = []
    count = 0
    while count < draw.wanted:
        kind = draw.kinds[len(made) % len(draw.kinds)]
        rgb, taken = backgrounds[int(rng.integers(len(backgrounds)))]
        boxes: list[tuple[Box, str]] = []
        for _ in range(min(draw.each, draw.wanted - count)):
            head = heads[int(rng.integers(len(heads)))]
            corner = free_corner(
                rng, (rgb.shape[0], rgb.shape[1]), side_of(head, width), [*taken, *(box for box, _ in boxes)]
            )
            if corner is None:
                continue
            pasted = _paste_unspoilt(rgb, head, width, corner, kind)
            rgb = pasted.rgb
            boxes.append((pasted.box, head.view))
        if boxes:
            made.append((KINDS[kind](rgb), boxes, kind))
            count += len(boxes)
    return made


def _paste_unspoilt(rgb: RGB, head: Head, width: float, corner: tuple[int, int], kind: str) -> Pasted:
    """The picture as a whole is spoilt once, when all its faces are there."""
    return paste(rgb, head, width, corner, kind if kind in ("tilted", *COVERED) else "plain")


def bound(missed: int, of: int) -> float:
    """Upper end of the one-sided 95 % interval of a share."""
    return float(beta.ppf(0.95, missed + 1, of - missed)) if missed < of else 1.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", type=Path)
    parser.add_argument("backgrounds", type=Path)
    parser.add_argument("--widths", type=float, nargs="+", default=WIDTHS)
    parser.add_argument("--per-width", type=int, default=200)
    parser.add_argument("--each", type=int, default=4, help="faces in a picture")
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=USUAL)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--smallest-face", type=float)
    parser.add_argument("--max-unseen", type=float, default=BlurSettings.max_unseen)
    parser.add_argument("--skip", nargs="*", default=["maher_rot180.jpg"], help="pictures that lie upside down")
    options = parser.parse_args()
    detector = looks(options.weights_dir, options.smallest_face).first
    found = {}
    for folder in {options.faces, options.backgrounds}:
        for name, rgb in read_pictures(folder).items():
            if name not in options.skip:
                found[folder, name] = rgb, [face for face in detector.detect(rgb) if face.score > LEAST_SCORE]
    heads = [
        head
        for (folder, name), (rgb, faces) in found.items()
        for face in faces
        if folder == options.faces
        and face.box[2] - face.box[0] >= LEAST_HEAD
        and (head := cut_head(rgb, face.box, name, face.view))
    ]
    backgrounds = [
        (rgb, [face.box for face in faces])
        for (folder, _), (rgb, faces) in found.items()
        if folder == options.backgrounds and rgb.shape[0] * rgb.shape[1] >= LEAST_BACKGROUND
    ]
    rng = np.random.default_rng(options.seed)
    second = looks(options.weights_dir, options.smallest_face).second
    print(
        f"{len(heads)} faces, {len(backgrounds)} backgrounds, seed {options.seed}; second look {second and second.name}"
    )
    print("width  faces  first  second  clear  released clear (95 % bound)  without estimate  pictures that wait")
    everything = Tally()
    draw = Draw(options.per_width, options.each, options.kinds)
    with multiprocessing.get_context("spawn").Pool(len(os.sched_getaffinity(0))) as pool:
        for width in options.widths:
            made = tasks(rng, heads, backgrounds, width, draw)
            rest = options.weights_dir, options.smallest_face, options.max_unseen
            total = Tally()
            for tally in pool.imap(measure, [(*one, *rest) for one in made]):
                total.add(tally)
            said = f"{total.released} ({bound(total.released, total.faces):.1%})"
            everything.add(total)
            print(
                f"{width:5g}  {total.faces:5d}  {total.first:5d}  {total.second:6d}  {total.clear:5d}  {said:>27}"
                f"  {total.without_estimate:16d}  {total.waiting:6d} of {total.pictures}",
                flush=True,
            )
    print("left clear: " + ", ".join(f"{name} {everything.missed[name]} of {n}" for name, n in everything.of.items()))


if __name__ == "__main__":
    main()
