"""The strength of a blur is read from the pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from skimage import data

from p3m_anon.faces.blur import blurred
from p3m_anon.faces.outline import ellipse
from p3m_anon.faces.patch import Patch
from p3m_anon.faces.raster import rasterize
from p3m_anon.faces.strength import effective_sigma

SOURCE = np.ascontiguousarray(data.astronaut()[:256, 96:352])
BOX, WIDTH = (87.0, 68.0, 172.0, 180.0), 85.0
REGION = rasterize(ellipse(BOX, 0.7), SOURCE.shape[:2])
WHOLE = rasterize(ellipse(BOX, 1.1), SOURCE.shape[:2])


def hidden(sigma: float, quality: int | None = None, scale: int = 1) -> tuple[np.ndarray, np.ndarray, Patch, float]:
    """Output, source, region and face width, enlarged `scale` times."""
    source = SOURCE if scale == 1 else cv2.resize(SOURCE, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    box = tuple(scale * value for value in BOX)
    region, whole = (rasterize(ellipse(box, share), source.shape[:2]) for share in (0.7, 1.1))
    out = source.copy()
    out[whole.slices][whole.mask] = blurred(source, whole, sigma * WIDTH * scale)[whole.mask]
    if quality is not None:
        out = cv2.imdecode(cv2.imencode(".jpg", out, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)
    return out, source, region, WIDTH * scale


@pytest.mark.parametrize("quality", [None, 95, 75])
@pytest.mark.parametrize("sigma", [0.03, 0.05, 0.1, 0.2, 0.3, 0.5])
def test_it_is_within_a_fifth(sigma: float, quality: int | None) -> None:
    assert effective_sigma(*hidden(sigma, quality)) == pytest.approx(sigma, rel=0.2)


def test_a_large_face_is_the_same() -> None:
    assert effective_sigma(*hidden(0.1, scale=4)) == pytest.approx(0.1, rel=0.2)


def test_a_copy_has_none() -> None:
    assert effective_sigma(SOURCE, SOURCE, REGION, WIDTH) == 0


def test_what_is_no_blur_has_no_strength() -> None:
    filled = SOURCE.copy()
    filled[WHOLE.slices][WHOLE.mask] = (20, 200, 20)
    assert effective_sigma(filled, SOURCE, REGION, WIDTH) is None
    assert effective_sigma(SOURCE, SOURCE, Patch(0, 0, np.zeros((0, 0), bool)), WIDTH) is None
