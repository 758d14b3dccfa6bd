"""Portraits that show nobody: a soft-edged figure on a patterned ground, with its true matte."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np


def draw_portrait(number: int, size: tuple[int, int] = (320, 240)) -> tuple[np.ndarray, np.ndarray]:
    """A picture uint8 (H, W, 3) RGB and its alpha uint8 (H, W); no two numbers look alike."""
    chance = np.random.default_rng(number)
    height, width = size
    coarse = chance.integers(0, 255, (6, 5, 3), np.uint8)
    ground = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC).astype(np.float64)
    centre = int(width * chance.uniform(0.35, 0.65)), int(height * chance.uniform(0.3, 0.4))
    head = int(height * chance.uniform(0.13, 0.2))
    alpha = np.zeros(size, np.uint8)
    for angle in chance.uniform(-np.pi, 0, 60):  # hair
        tip = centre[0] + 1.5 * head * np.cos(angle), centre[1] + 1.7 * head * np.sin(angle)
        cv2.line(alpha, centre, (int(tip[0]), int(tip[1])), 200, 1, cv2.LINE_AA)
    cv2.ellipse(alpha, centre, (head, int(1.25 * head)), 0, 0, 360, 255, -1)
    cv2.ellipse(alpha, (centre[0], height), (2 * head, height - centre[1] - head), 0, 0, 360, 255, -1)
    alpha = cv2.GaussianBlur(alpha, (0, 0), 1.2)
    figure = np.full((height, width, 3), chance.integers(0, 255, 3), np.float64)
    figure[: centre[1] + head] = chance.integers(0, 255, 3)
    share = alpha[..., None] / 255
    picture = share * figure + (1 - share) * ground + chance.normal(0, 3, figure.shape)
    return picture.clip(0, 255).astype(np.uint8), alpha


def write_portraits(count: int, photos: Path, alphas: Path) -> list[str]:
    """`drawn0.png` and so on into two folders; returns their names without the ending."""
    names = [f"drawn{number}" for number in range(count)]
    for number, name in enumerate(names):
        picture, alpha = draw_portrait(number)
        cv2.imwrite(str(photos / f"{name}.png"), picture[..., ::-1])
        cv2.imwrite(str(alphas / f"{name}.png"), alpha)
    return names
