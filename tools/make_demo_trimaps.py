"""Draw the demo's trimaps: python tools/make_demo_trimaps.py [FOLDER].

Each trimap is a contour that a person clicked around the subject, in pixels of the picture, with a band of unknown
pixels along it: narrow at clothes, wide at hair. Stored at half size (a trimap needs no more) as 0, 128, 255.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Points = tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Subject:
    """size: width and height of the picture. band: width of the unknown band. wide: (line, width) where it is wider."""

    size: tuple[int, int]
    contour: Points
    band: int
    wide: tuple[tuple[Points, int], ...] = ()


# fmt: off
SUBJECTS = {
    "astronaut": Subject((512, 512), (
        (36, 520), (28, 470), (25, 430), (20, 400), (25, 350), (37, 300), (48, 270), (60, 245), (75, 232), (95, 215),
        (112, 205), (115, 190), (120, 180), (127, 165), (142, 154), (160, 149), (183, 148), (181, 135), (175, 131),
        (170, 120), (160, 113), (155, 98), (153, 80), (153, 65), (157, 50), (168, 45), (185, 38), (195, 28), (210, 20),
        (230, 16), (250, 20), (268, 30), (283, 42), (293, 55), (299, 75), (301, 90), (297, 105), (290, 118), (278, 128),
        (272, 136), (264, 137), (260, 150), (256, 172), (265, 180), (285, 198), (298, 218), (304, 236), (312, 237),
        (325, 245), (340, 260), (347, 275), (352, 295), (358, 315), (361, 340), (363, 347), (400, 344), (420, 347),
        (445, 358), (470, 385), (485, 410), (495, 445), (501, 455), (507, 465), (508, 490), (508, 520)), 8, (
            (((168, 122), (158, 110), (153, 80), (156, 52), (185, 38), (210, 20), (230, 16), (250, 20), (283, 42),
              (299, 75), (297, 105), (276, 130)), 16),)),
    "grace_hopper": Subject((512, 600), (
        (10, 610), (15, 560), (18, 523), (25, 442), (38, 406), (51, 384), (102, 363), (152, 348), (178, 333),
        (196, 315), (201, 305), (196, 295), (173, 284), (163, 269), (160, 254), (163, 244), (160, 229), (154, 203),
        (154, 190), (157, 178), (154, 168), (152, 147), (152, 107), (163, 92), (175, 84), (180, 66), (196, 48),
        (218, 40), (229, 28), (251, 23), (279, 24), (300, 35), (325, 46), (343, 61), (353, 84), (363, 87), (370, 107),
        (372, 142), (369, 178), (375, 190), (371, 218), (363, 246), (365, 269), (358, 292), (338, 307), (331, 312),
        (338, 320), (363, 340), (406, 358), (457, 373), (490, 391), (500, 416), (512, 447), (520, 610)), 8, (
            (((196, 298), (173, 284), (163, 269), (160, 252)), 14),
            (((370, 165), (376, 180), (380, 192)), 18),
            (((366, 255), (365, 269), (358, 292), (340, 305)), 14))),
    "chelsea": Subject((451, 300), (
        (-8, 308), (-8, 140), (20, 118), (32, 95), (31, 60), (35, 30), (40, -8), (400, -8), (395, 4), (376, 35),
        (358, 70), (354, 90), (360, 125), (361, 145), (350, 170), (335, 195), (320, 225), (316, 255), (302, 280),
        (298, 308)), 16),
    "rocket": Subject((640, 427), (
        (313, 406), (312, 330), (311, 270), (310, 180), (311, 150), (313, 137), (323, 127), (331, 135), (334, 150),
        (335, 175), (335, 340), (334, 406)), 6),
}
# fmt: on


def draw_trimap(subject: Subject) -> npt.NDArray[np.uint8]:
    """uint8 (H / 2, W / 2): 0 background, 128 unknown, 255 the subject."""
    width, height = subject.size
    trimap = np.zeros((height, width), np.uint8)
    contour = np.array(subject.contour, np.int32)
    cv2.fillPoly(trimap, [contour], 255)
    cv2.polylines(trimap, [contour], True, 128, subject.band)
    for line, wide in subject.wide:
        cv2.polylines(trimap, [np.array(line, np.int32)], False, 128, wide)
    return np.ascontiguousarray(trimap[::2, ::2])


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, subject in SUBJECTS.items():
        path = folder / f"{name}.png"
        cv2.imwrite(str(path), draw_trimap(subject), [cv2.IMWRITE_PNG_COMPRESSION, 9])
        print(f"{path}  {path.stat().st_size} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1] / "manifests" / "demo")
