"""Alpha mattes by methods that are solved from a picture and its trimap: no weights, no strategy, no device."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from p3m_anon.errors import Stopped
from p3m_anon.methods.registry import Method, Solve

if TYPE_CHECKING:
    from p3m_anon.arrays import RGB
    from p3m_anon.matting.trimap import Trimap


@dataclass(frozen=True)
class Solver:
    """A method that is ready to run. digest: hex, of all that its mattes depend on but picture and trimap."""

    name: str
    digest: str
    solve: Solve

    def predict(self, rgb: RGB, trimap: Trimap | None = None) -> npt.NDArray[np.float32]:
        """Alpha, float32 (H, W) in [0, 1], of rgb, uint8 (H, W, 3), under trimap, uint8 (H, W) of 0, 128, 255.

        Known pixels are exactly 0 or 1. Raises ValueError for other arrays, without a trimap, and where there is no
        solution.
        """
        if trimap is None:
            raise ValueError(f"{self.name} needs a trimap for each picture")
        alpha: npt.NDArray[np.float32] = self.solve(rgb, trimap)
        return alpha

    def predict_batch(self, images: list[RGB], trimaps: list[Trimap] | None = None) -> list[npt.NDArray[np.float32]]:
        """`predict` of each, one after the other."""
        if trimaps is None:
            raise ValueError(f"{self.name} needs a trimap for each picture")
        return [self.predict(*pair) for pair in zip(images, trimaps, strict=True)]


def pymatting_version() -> str:
    """The version of pymatting, on which the figures of solved methods hang."""
    return version("pymatting")


def load_solver(method: Method) -> Solver:
    """A method that has `solve`; loads pymatting, which takes half a minute where numba has not compiled it before.

    Raises Stopped where numba has no folder for what it compiles.
    """
    assert method.solve is not None
    try:
        import pymatting  # noqa: F401
    except RuntimeError as error:
        if "no locator available" not in str(error):
            raise
        raise Stopped("numba has no folder to keep what it compiles; name one in NUMBA_CACHE_DIR") from error
    parts = [method.name, method.version, pymatting_version()]
    return Solver(method.name, hashlib.sha256(json.dumps(parts).encode()).hexdigest(), method.solve)
