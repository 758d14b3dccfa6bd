"""Two looks, and quarter turns where nothing is found upright."""

import numpy as np
import pytest

from p3m_anon.detectors import shape_prior
from p3m_anon.detectors.looks import DetectorBoxes, Looks
from p3m_anon.faces.face import Face


class CornerDetector:
    """Sees a face only in pictures whose upper left pixel is white."""

    name, model_sha256 = "corner", "f" * 64

    def detect(self, rgb):
        box = (4.0, 2.0, 14.0, 12.0)
        return (Face(shape_prior.mean_in_box(box), box, 0.9, "corner"),) if rgb[0, 0, 0] == 255 else ()

    def detect_batch(self, images):
        return [self.detect(rgb) for rgb in images]


def marked(turns):
    """A picture that shows the white corner when it is turned `turns` times."""
    upright = np.zeros((30, 40, 3), np.uint8)
    upright[0, 0] = 255
    return np.ascontiguousarray(np.rot90(upright, -turns))


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_faces_of_a_turned_picture_come_back_in_its_own_pixels(turns):
    detector = CornerDetector()
    (sight,) = Looks(detector, DetectorBoxes(detector)).see([marked(turns)])
    assert sight.turns == turns
    assert len(sight.faces) == len(sight.second) == 1
    assert sight.faces[0].box == sight.second[0]
    x, y = sight.faces[0].landmarks.mean(0)
    height, width = marked(turns).shape[:2]
    white_y, white_x = np.argwhere(marked(turns)[..., 0] == 255)[0]
    assert 0 <= x < width
    assert 0 <= y < height
    assert np.hypot(x - white_x, y - white_y) < 16  # the face lies near the white corner, wherever that is


def test_without_a_second_look_there_are_no_second_boxes():
    sights = Looks(CornerDetector(), None).see([marked(0), np.zeros((30, 40, 3), np.uint8)])
    assert [len(s.faces) for s in sights] == [1, 0]
    assert [s.second for s in sights] == [None, None]


def test_nothing_anywhere_is_nothing():
    detector = CornerDetector()
    (sight,) = Looks(detector, DetectorBoxes(detector)).see([np.zeros((30, 40, 3), np.uint8)])
    assert (sight.faces, sight.second, sight.turns) == ((), (), 0)
