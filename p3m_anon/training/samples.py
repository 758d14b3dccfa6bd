"""A picture and its draw into a sample; deterministic, arrays in and arrays out."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from p3m_anon.arrays import RGB
    from p3m_anon.training.draws import Draw
    from p3m_anon.training.settings import SampleSettings

    Grey = npt.NDArray[np.uint8]  # (H, W)


class Sample(NamedTuple):
    """One sample, S the side that was asked for.

    image, foreground, background: uint8 (S, S, 3) RGB. alpha, trimap: uint8 (S, S), 0..255. Layers or None.
    """

    image: RGB
    alpha: Grey
    trimap: Grey
    foreground: RGB | None = None
    background: RGB | None = None


def apply(
    draw: Draw,
    image: RGB,
    alpha: Grey,
    foreground: RGB | None,
    background: RGB | None,
    settings: SampleSettings,
) -> Sample:
    """Crop, resize and flip all of a picture alike; the trimap is made of the alpha at the crop."""
    raise NotImplementedError
