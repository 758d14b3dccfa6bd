"""Manual masks: what was drawn is what is blurred, and doubt is an error."""

from __future__ import annotations

import json
import tempfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp
from PIL import Image

from p3m_anon.errors import ImageError
from p3m_anon.faces.patch import Patch, from_mask
from p3m_anon.files.labelme import labelme_json
from p3m_anon.files.manual_masks import encode_mask, manual_mask, read_manual_mask
from p3m_anon.files.regions import FACE, SUGGESTION, Drawing, Region
from tests.files.drawn import photo, saved

SIZE = (40, 30)


def drawing() -> np.ndarray:
    mask = np.zeros((30, 40), np.uint8)
    mask[5:12, 8:20] = 255
    return mask


def labelme(path: Path, shapes: list[dict[str, object]], **changes: object) -> Path:
    path.write_text(json.dumps({"imageWidth": 40, "imageHeight": 30, "shapes": shapes, "flags": {}} | changes))
    return path


def shape(kind: str, points: list[list[float]]) -> dict[str, object]:
    return {"label": "face", "shape_type": kind, "points": points}


def test_png(tmp_path: Path) -> None:
    plain = read_manual_mask(saved(tmp_path / "a.png", drawing()), SIZE)
    assert plain.mask.dtype == bool
    assert not plain.as_drawn
    np.testing.assert_array_equal(plain.mask, drawing() > 0)
    assert read_manual_mask(saved(tmp_path / "a.as_drawn.png", drawing()), SIZE).as_drawn
    soft = np.where(drawing() > 0, 128, 127).astype(np.uint8)
    np.testing.assert_array_equal(read_manual_mask(saved(tmp_path / "b.png", soft), SIZE).mask, drawing() > 0)
    rgba = np.dstack([np.full((30, 40, 3), 255, np.uint8), drawing()])
    np.testing.assert_array_equal(read_manual_mask(saved(tmp_path / "c.png", rgba), SIZE).mask, drawing() > 0)


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (np.zeros((30, 40), np.uint8), "empty"),
        (drawing().T.copy(), "stored"),
        (drawing()[:20], "full size"),
        (photo(30, 40), "colour"),
    ],
)
def test_png_errors(tmp_path: Path, pixels: np.ndarray, words: str) -> None:
    with pytest.raises(ImageError, match=words):
        read_manual_mask(saved(tmp_path / "a.png", pixels), SIZE, (30, 40))


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="only"):
        read_manual_mask(saved(tmp_path / "a.jpg", drawing()), SIZE)
    with pytest.raises(ImageError, match="JPEG with a PNG's name"):
        read_manual_mask(saved(tmp_path / "a.png", drawing(), format="JPEG"), SIZE)


def test_labelme_shapes(tmp_path: Path) -> None:
    rectangle = read_manual_mask(labelme(tmp_path / "a.json", [shape("rectangle", [[20, 12], [8, 5]])]), SIZE).mask
    polygon = [[8, 5], [20, 5], [20, 12], [8, 12]]
    np.testing.assert_array_equal(
        rectangle, read_manual_mask(labelme(tmp_path / "b.json", [shape("polygon", polygon)]), SIZE).mask
    )
    assert rectangle[5:12, 8:20].all()
    assert rectangle.sum() <= 9 * 14
    circle = read_manual_mask(labelme(tmp_path / "c.json", [shape("circle", [[20, 15], [26, 15]])]), SIZE).mask
    y, x = np.mgrid[:30, :40] + 0.5
    assert circle[np.hypot(x - 20, y - 15) <= 6].all()
    assert not circle[np.hypot(x - 20, y - 15) > 8].any()
    both = [shape("polygon", polygon), shape("circle", [[20, 15], [26, 15]])]
    np.testing.assert_array_equal(read_manual_mask(labelme(tmp_path / "d.json", both), SIZE).mask, rectangle | circle)
    assert read_manual_mask(labelme(tmp_path / "e.json", both, flags={"as_drawn": True}), SIZE).as_drawn


@pytest.mark.parametrize(
    ("shapes", "changes", "words"),
    [
        ([], {}, "empty"),
        ([shape("polygon", [[90, 90], [95, 90], [95, 95]])], {}, "empty"),
        ([shape("line", [[1, 1], [5, 5]])], {}, "use polygons"),
        ([shape("polygon", [[1, 1], [5, 5]])], {}, "use polygons"),
        ([shape("polygon", [[1, 1], [5, 5], [float("nan"), 2]])], {}, "proper points"),
        ([shape("polygon", [[1, 1], [5, 5], [1e300, 2]])], {}, "proper points"),
        ([shape("polygon", [[1, 1], [5, 5], ["a", 2]])], {}, "not a LabelMe mask"),
        ([{}], {}, "not a LabelMe mask"),
        (["x"], {}, "not a LabelMe mask"),
        (None, {}, "not a LabelMe mask"),
        ([], {"imageWidth": 30, "imageHeight": 40}, "stored"),
        ([], {"imageWidth": 31}, "full size"),
        ([], {"imageWidth": None}, "missing"),
    ],
)
def test_labelme_errors(
    tmp_path: Path, shapes: list[dict[str, object]], changes: dict[str, object], words: str
) -> None:
    with pytest.raises(ImageError, match=words):
        read_manual_mask(labelme(tmp_path / "a.json", shapes, **changes), SIZE, (30, 40))


@pytest.mark.parametrize("text", ["", "[", "[]", "7", '{"shapes": 3}', "[" * 100_000])
def test_labelme_rubbish(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(ImageError, match="not a LabelMe mask"):
        read_manual_mask(tmp_path / "a.json", SIZE)
    with pytest.raises(ImageError, match="cannot be read"):
        read_manual_mask(tmp_path / "none.json", SIZE)


@given(hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=20)))
def test_a_mask_that_is_written_is_read_again(mask: np.ndarray) -> None:
    data = encode_mask(mask)
    assert Image.open(BytesIO(data)).mode == "1"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.as_drawn.png")
        path.write_bytes(data)
        if not mask.any():
            with pytest.raises(ImageError, match="empty"):
                read_manual_mask(path, (mask.shape[1], mask.shape[0]))
            return
        found = read_manual_mask(path, (mask.shape[1], mask.shape[0]))
    np.testing.assert_array_equal(found.mask, mask)
    assert found.as_drawn


def test_suggestions_are_no_mask_until_they_are_renamed(tmp_path: Path) -> None:
    path, patch = tmp_path / "a.json", from_mask(drawing() > 0)
    path.write_bytes(labelme_json([Region(SUGGESTION, patch)], SIZE, "a.jpg"))
    with pytest.raises(ImageError, match="nothing but suggestions; change their label from suggestion to face"):
        read_manual_mask(path, SIZE)
    path.write_text(path.read_text().replace(f'"label": "{SUGGESTION}"', f'"label": "{FACE}"'))
    np.testing.assert_array_equal(read_manual_mask(path, SIZE).mask, drawing() > 0)
    other = from_mask(np.eye(30, 40, dtype=bool))
    path.write_bytes(labelme_json([Region(SUGGESTION, other), Region(FACE, patch)], SIZE, "a.jpg", as_drawn=True))
    both = read_manual_mask(path, SIZE)
    np.testing.assert_array_equal(both.mask, drawing() > 0)
    assert both.as_drawn


def test_a_drawing_is_a_mask_only_if_a_person_drew() -> None:
    blank, patch = Patch(0, 0, np.zeros((0, 0), bool)), from_mask(drawing() > 0)
    found = manual_mask(Drawing(patch, blank, as_drawn=True), SIZE, "a.jpg")
    np.testing.assert_array_equal(found.mask, drawing() > 0)
    assert found.as_drawn
    with pytest.raises(ImageError, match=r"a.jpg: nothing but suggestions"):
        manual_mask(Drawing(blank, patch), SIZE, "a.jpg")
    with pytest.raises(ImageError, match=r"a.jpg: the mask is empty"):
        manual_mask(Drawing(blank, blank), SIZE, "a.jpg")
