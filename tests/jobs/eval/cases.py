"""A tiny split with mattes to score, drawn; and a predictor that a test looks into."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from p3m_anon.dataset import layout
from p3m_anon.evaluation.rows import METRICS, EvalRow, read_csv
from p3m_anon.files.dataset_rows import read_rows, write_rows
from p3m_anon.jobs.eval.request import EvalRequest
from p3m_anon.jobs.eval.run import evaluate

HEIGHT, WIDTH = 40, 56
SPLIT = "validation/P3M-500-P"


def disc(number: int, shift: float = 0.0) -> np.ndarray:
    """A disc with a soft edge, float64 (H, W) in [0, 1]."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.clip((12 + number % 5 - np.hypot(y - 20, x - 28 - shift)) / 6, 0, 1)


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return path


def eight(matte: np.ndarray) -> np.ndarray:
    return np.rint(matte * 255).astype(np.uint8)


def trimap_of(alpha: np.ndarray) -> np.ndarray:
    """Unknown wherever the alpha is neither 0 nor 255, and two pixels around it."""
    between = cv2.dilate(((alpha > 0) & (alpha < 255)).astype(np.uint8), np.ones((5, 5), np.uint8))
    return np.where(between == 1, 128, np.where(alpha > 127, 255, 0)).astype(np.uint8)


def make_split(root: Path, count: int = 6, split: str = "P3M-500-P", *, trimaps: bool = True) -> Path:
    """Pictures p_0, p_1 ... of one split, without a manifest."""
    for number in range(count):
        alpha = eight(disc(number))
        rgb = np.random.default_rng(number).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        save(root / layout.folder(split, "image") / f"p_{number}.jpg", rgb)
        save(root / layout.folder(split, "alpha") / f"p_{number}.png", alpha)
        if trimaps:
            save(root / layout.folder(split, "trimap") / f"p_{number}.png", trimap_of(alpha))
    return root


def make_mattes(folder: Path, count: int = 6) -> Path:
    """A matte for each, somewhat off."""
    for number in range(count):
        save(folder / f"p_{number}.png", eight(disc(number, 1.5) * 0.9))
    return folder


def run(root: Path, mattes: Path, out: str = "run", on_result=lambda _: None, **options):
    request = EvalRequest(root, "P3M-500-P", pred=mattes, out=root.parent / out, **options)
    summary = evaluate(request, on_result=on_result)
    return summary, {row.id: row for row in read_csv(root.parent / out / "rows.csv")}


def figures(row: EvalRow) -> list[float]:
    return [getattr(row, name) for name in METRICS]


def worked_on(summary) -> int:
    return summary.pictures - summary.kept


def change_rows(root: Path, **changes: object) -> None:
    """In all rows of the manifest."""
    rows = [row | changes for row in read_rows(root / "manifest.jsonl")]
    write_rows(root / "manifest.jsonl", rows)


class StubPredictor:
    """Gives back the mean of the colours, or what `answer` says; counts what it was asked."""

    def __init__(self, digest: str = "stub 1", answer=None) -> None:
        self.digest = digest
        self.answer = answer or (lambda rgb, trimap: rgb.mean(2).astype(np.float32) / 255)
        self.asked: list[tuple[np.ndarray, np.ndarray | None]] = []

    def predict(self, rgb: np.ndarray, trimap: np.ndarray | None) -> np.ndarray:
        self.asked.append((rgb, trimap))
        return self.answer(rgb, trimap)


def run_method(root: Path, predictor: StubPredictor, out: str = "run", split="P3M-500-P", **options):
    request = EvalRequest(root, split, **{"method": "p3mnet"} | options, out=root.parent / out)
    summary = evaluate(request, predictor)
    return summary, {row.id: row for row in read_csv(root.parent / out / "rows.csv")}
