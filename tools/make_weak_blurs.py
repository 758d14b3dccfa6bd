"""Pictures as a tool writes them whose blur is weaker than its setting says, for docs/weak-blurs.md.

    python -m tools.make_weak_blurs PICTURES OUT [SIGMA]

Blurs the box of every face that CenterFace finds, with SIGMA face widths (default 0.035).
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from p3m_anon.detectors.centerface import CenterFace
from p3m_anon.files.folders import find_pictures
from p3m_anon.files.images import read


def main() -> None:
    """Write one PNG for each picture with a face."""
    pictures, out = Path(sys.argv[1]), Path(sys.argv[2])
    sigma = float(sys.argv[3]) if len(sys.argv) > 3 else 0.035
    out.mkdir(parents=True, exist_ok=True)
    detector = CenterFace()
    for path in find_pictures(pictures):
        rgb = np.array(read(path).rgb)
        for face in detector.detect(rgb):
            x0, y0, x1, y1 = (max(round(value), 0) for value in face.box)
            rgb[y0:y1, x0:x1] = cv2.GaussianBlur(rgb, (0, 0), sigma * (x1 - x0))[y0:y1, x0:x1]
        Image.fromarray(rgb).save(out / f"{path.stem}.png")


if __name__ == "__main__":
    main()
