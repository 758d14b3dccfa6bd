"""A small dataset of drawn composites, on which a narrow network learns in seconds, and the command to train on it."""

from __future__ import annotations

import csv
import os
import sys
from pathlib import Path

import cv2
import numpy as np

from p3m_anon.dataset import layout

HEIGHT, WIDTH = 96, 128
SIZE = 64
SMALL = (
    *("--width", "8", "--size", str(SIZE), "--crops", "64,96", "--batch-size", "2", "--workers", "0"),
    *("--learning-rate", "1e-3", "--device", "cpu"),
)
"""Options of a run that takes a second or two."""


def composite(number: int) -> tuple[np.ndarray, np.ndarray]:
    """A warm disc with a soft edge before cold noise: BGR uint8 (H, W, 3), alpha uint8 (H, W)."""
    chance = np.random.default_rng(number)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    centre_y, centre_x = chance.uniform(40, 56), chance.uniform(48, 80)
    radius = chance.uniform(24, 34)
    alpha = np.clip((radius - np.hypot(y - centre_y, x - centre_x)) / 8 + 0.5, 0, 1)
    texture = chance.uniform(-30, 30, (HEIGHT, WIDTH, 3))
    warm, cold = np.array([40, 80, 210]), np.array([190, 140, 50])
    colours = alpha[..., None] * warm + (1 - alpha[..., None]) * cold + texture
    return colours.clip(0, 255).astype(np.uint8), np.rint(alpha * 255).astype(np.uint8)


def make_dataset(root: Path, train: int = 8, tests: int = 3) -> Path:
    """ROOT in P3M-10k's form, with a train split and P3M-500-P, without a manifest; no two pictures are alike."""
    for split, numbers in (("train", range(train)), ("P3M-500-P", range(100, 100 + tests))):
        for number in numbers:
            bgr, alpha = composite(number)
            # noise makes pictures of one scene differ; a large patch does for what compares them
            corner = np.random.default_rng(number + 1000)
            for _ in range(6):
                y, x = corner.integers(0, HEIGHT - 24), corner.integers(0, WIDTH - 24)
                bgr[y : y + 24, x : x + 24] = bgr[y : y + 24, x : x + 24] // 2 + corner.integers(0, 2) * 100
            for role, pixels, ending in (("image", bgr, "jpg"), ("alpha", alpha, "png")):
                file = root / layout.folder(split, role) / f"p_{number:03}.{ending}"
                file.parent.mkdir(parents=True, exist_ok=True)
                assert cv2.imwrite(str(file), pixels)
    return root


def command(root: Path, out: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "p3m_anon", "train", str(root), "--out", str(out), *SMALL, *options]


def environment(**more: str) -> dict[str, str]:
    """Of a child process: two threads at most, as more would share the same cores."""
    return {**os.environ, "OMP_NUM_THREADS": "1", **more}


def curve(out: Path, *, timed: bool = False) -> list[dict[str, str]]:
    """The rows of metrics.csv without what a clock has measured."""
    with (out / "metrics.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        for name in ("images_per_second", "wait_share"):
            assert timed or row.pop(name)
    return rows
