"""Two small drawn portraits, and how well a network learns them by heart."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from p3m_anon.methods.losses import Targets
from p3m_anon.training.batch import normalised
from tests.drawn_portraits import draw_portrait

SIDE = 64


def targets() -> Targets:
    """Of both, with layers that the pictures are made of, and a trimap of three pixels around what is mixed."""
    pictures, alphas = zip(*(draw_portrait(number, (SIDE, SIDE)) for number in (0, 1)), strict=True)
    image = normalised(torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2))
    alpha = torch.from_numpy(np.stack(alphas))[:, None] / 255
    trimap = torch.from_numpy(np.stack([_trimap(one) for one in alphas]))[:, None]
    shift = 0.5 * torch.ones_like(image)
    foreground, background = image + (1 - alpha) * shift, image - alpha * shift
    return Targets(alpha, trimap, image, foreground, background)


def learnt(
    network: nn.Module, forward: Callable[[], Any], loss: Callable[[Any, Targets], Any], region: Tensor
) -> tuple[float, float]:
    """SAD inside a region, (after 40 steps, of the best constant matte); before them it is larger than either."""
    wanted = targets()
    steps = torch.optim.Adam(network.parameters(), 2e-3)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    for _ in range(40):
        steps.zero_grad()
        loss(forward(), wanted).total.backward()
        steps.step()
    network.eval()
    with torch.no_grad():
        fused = forward().fused
    torch.set_num_threads(threads)
    alpha = wanted.alpha[region]
    return float((fused[region] - alpha).abs().sum()), float((alpha - alpha.median()).abs().sum())


def _trimap(alpha: np.ndarray) -> np.ndarray:
    kernel = np.ones((7, 7), np.uint8)
    inside = cv2.erode((alpha == 255).astype(np.uint8), kernel)
    outside = cv2.erode((alpha == 0).astype(np.uint8), kernel)
    return np.where(inside, 255, np.where(outside, 0, 128)).astype(np.uint8)
