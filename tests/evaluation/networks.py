"""Small networks, and doubles of a network's passes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from p3m_anon.evaluation.passes import Passes
from p3m_anon.methods.p3mnet.network import P3MNet

WIDTH = 8


def narrow_network(seed: int = 0) -> P3MNet:
    """A small P3M-Net with random weights, in eval mode, whose segmentation has all three classes.

    As in trained networks its residual blocks add little to what goes around them, and alphas are not all 0 or 1.
    """
    torch.manual_seed(seed)
    network = P3MNet(width=WIDTH).eval()
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.constant_(module.weight, 0.25 if name.endswith("second.bn") else 1)
            torch.nn.init.normal_(module.bias, std=0.1)
            torch.nn.init.normal_(module.running_mean, std=0.1)
    return network


def narrow_passes(seed: int = 0, precision: str = "float32") -> Passes:
    return Passes(narrow_network(seed), torch.device("cpu"), precision)


def narrow_checkpoint(file: Path, seed: int = 0) -> Path:
    """As training writes it."""
    note = json.dumps({"method": "p3mnet", "width": WIDTH})
    torch.save({"state_dict": narrow_network(seed).state_dict(), "p3m_anon": note}, file)
    return file


class PlainPasses:
    """A network whose matte is the picture's own green, and whose segmentation is what its red says.

    sides: of every pass, (name, height, width).
    """

    def __init__(self) -> None:
        self.sides: list[tuple[str, int, int]] = []

    def classes(self, pixels: np.ndarray) -> np.ndarray:
        self._note("classes", pixels)
        red = pixels[..., 0]
        return np.where(red < 64, 0, np.where(red > 192, 2, 1)).astype(np.uint8)

    def local(self, pixels: np.ndarray) -> np.ndarray:
        self._note("local", pixels)
        return pixels[..., 1] / 255

    def alpha(self, pixels: np.ndarray) -> np.ndarray:
        self._note("alpha", pixels)
        classes = self.classes(pixels)
        return np.where(classes == 1, self.local(pixels), classes / 2).astype(np.float32)

    def _note(self, name: str, pixels: np.ndarray) -> None:
        assert pixels.dtype == np.float32
        assert pixels.shape[1] % 32 == pixels.shape[2] % 32 == 0
        self.sides.append((name, *pixels.shape[1:3]))


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    """Smooth colours with some grain, uint8 (height, width, 3)."""
    from p3m_anon.evaluation.resize import resized

    rng = np.random.default_rng(seed)
    smooth = resized(rng.random((max(2, height // 24), max(2, width // 24), 3)), (height, width))
    return np.clip(255 * (1.4 * smooth - 0.2) + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)
