"""The inputs of the golden losses, drawn again from their seeds."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from p3m_anon.methods.losses import Targets
from p3m_anon.methods.p3mnet.network import P3MOutput

MEAN = np.float32([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1)
STD = np.float32([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1)


@dataclass(frozen=True)
class Case:
    """How one case is drawn: trimap values in blocks of `block` pixels."""

    seed: int
    batch: int
    height: int
    width: int
    values: tuple[int, ...]
    block: int


CASES = {
    "L1": Case(201, 2, 96, 128, (0, 128, 255), 4),
    "L2": Case(202, 1, 64, 96, (0, 1, 2, 60, 127, 128, 129, 200, 254, 255), 2),
    "L3": Case(203, 1, 32, 32, (0, 255), 4),
}


@cache
def golden() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).parents[1] / "golden" / "losses.npz") as file:
        return {name: file[name] for name in file}


def number(key: str) -> float:
    return float(golden()[key])


def drawn(case: Case) -> dict[str, np.ndarray]:
    """float32 arrays under the golden file's names; alpha and trimap in 0..255."""
    rng = np.random.default_rng(case.seed)
    one, three = (case.batch, 1, case.height, case.width), (case.batch, 3, case.height, case.width)
    values = np.array(case.values)
    out: dict[str, np.ndarray] = {"pred_local": rng.random(one), "pred_fusion": rng.random(one)}
    out["alpha"] = rng.integers(0, 256, one)
    blocks = (case.batch, 1, case.height // case.block, case.width // case.block)
    out["trimap"] = values[rng.integers(0, len(values), blocks)].repeat(case.block, 2).repeat(case.block, 3)
    for name in ("img", "fg", "bg"):
        out[name] = (rng.random(three).astype(np.float32) - MEAN) / STD
    for name in ("main", "side2", "side1", "side0"):
        out[name] = 2 * rng.standard_normal(three)
    return {name: array.astype(np.float32) for name, array in out.items()}


def tensors(name: str, dtype: torch.dtype = torch.float32) -> dict[str, Tensor]:
    return {key: torch.from_numpy(array).to(dtype) for key, array in drawn(CASES[name]).items()}


def output_of(found: dict[str, Tensor]) -> P3MOutput:
    names = ("main", "pred_local", "pred_fusion", "side2", "side1", "side0")
    return P3MOutput(*(found[name] for name in names))


def targets_of(found: dict[str, Tensor]) -> Targets:
    return Targets(found["alpha"] / 255, found["trimap"], found["img"], found["fg"], found["bg"])
