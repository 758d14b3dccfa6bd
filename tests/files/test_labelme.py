"""LabelMe: what is written is read back to the pixel, and suggestions stay suggestions."""

from __future__ import annotations

import base64
import json
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from p3m_anon.errors import ImageError
from p3m_anon.faces.patch import from_mask
from p3m_anon.files.labelme import labelme_json, read_labelme
from p3m_anon.files.regions import FACE, SUGGESTION, Drawing, Region

SIZE = (40, 30)
MASKS = hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=16))


def reread(data: bytes, size: tuple[int, int]) -> Drawing:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.json")
        path.write_bytes(data)
        return read_labelme(path, size)


def saved(path: Path, shapes: Any, **changes: object) -> Path:
    path.write_text(json.dumps({"imageWidth": 40, "imageHeight": 30, "shapes": shapes, "flags": {}} | changes))
    return path


def mask_shape(mask: np.ndarray, points: Any, label: str = "face") -> dict[str, Any]:
    """As LabelMe writes one: 8-bit grey, 0 and 1."""
    stream = BytesIO()
    Image.fromarray(mask.astype(np.uint8) if mask.dtype == bool else mask).save(stream, "PNG")
    text = base64.b64encode(stream.getvalue()).decode()
    return {"label": label, "shape_type": "mask", "points": points, "mask": text, "flags": {}, "group_id": None}


def some_mask() -> np.ndarray:
    mask = np.ones((5, 7), bool)
    mask[1:3, 2:4] = mask[0, 0] = False
    return mask


def placed(mask: np.ndarray, y: int, x: int) -> np.ndarray:
    canvas = np.zeros((30 + 40, 40 + 40), bool)
    canvas[20 + y : 20 + y + mask.shape[0], 20 + x : 20 + x + mask.shape[1]] = mask
    return canvas[20:50, 20:60]


@settings(max_examples=150)
@given(MASKS, st.data())
def test_round_trip(mask: np.ndarray, data: st.DataObject) -> None:
    h, w = mask.shape
    suggestion = data.draw(hnp.arrays(np.bool_, (h, w)))
    regions = [Region(SUGGESTION, from_mask(suggestion)), Region(FACE, from_mask(mask))]
    found = reread(labelme_json(regions, (w, h), "a.jpg", as_drawn=bool(mask[0, 0])), (w, h))
    np.testing.assert_array_equal(found.drawn.full((h, w)), mask)
    np.testing.assert_array_equal(found.suggested.full((h, w)), suggestion)
    assert found.as_drawn == bool(mask[0, 0])
    assert found.is_blank == (not mask.any() and not suggestion.any())


def test_the_file_is_labelmes() -> None:
    mask = np.zeros((30, 40), bool)
    mask[2:9, 3:12] = True
    mask[20:25, 20:27] = some_mask()
    content = json.loads(labelme_json([Region(FACE, from_mask(mask))], SIZE, "../photos/ä.jpg"))
    assert {name: type(value) for name, value in content.items()} == {
        "version": str,
        "flags": dict,
        "shapes": list,
        "imagePath": str,
        "imageData": type(None),
        "imageHeight": int,
        "imageWidth": int,
    }
    assert (content["imageWidth"], content["imageHeight"], content["imagePath"]) == (40, 30, "../photos/ä.jpg")
    polygon, holed = content["shapes"]
    assert (polygon["shape_type"], polygon["mask"], polygon["group_id"]) == ("polygon", None, holed["group_id"])
    assert sorted(polygon["points"]) == [[3.5, 2.5], [3.5, 8.5], [11.5, 2.5], [11.5, 8.5]]
    assert holed["points"] == [[20.0, 20.0], [26.0, 24.0]]  # the last pixel is in
    inside = np.asarray(Image.open(BytesIO(base64.b64decode(holed["mask"])))).astype(bool)
    np.testing.assert_array_equal(inside, some_mask())


def test_a_ragged_region_is_one_mask() -> None:
    dots = np.zeros((30, 40), bool)
    dots[::2, ::2] = True
    data = labelme_json([Region(FACE, from_mask(dots))], SIZE, "a.jpg")
    (shape,) = json.loads(data)["shapes"]
    assert shape["shape_type"] == "mask"
    np.testing.assert_array_equal(reread(data, SIZE).drawn.full((30, 40)), dots)


def test_no_regions_are_a_blank_drawing() -> None:
    assert reread(labelme_json([], SIZE, "a.jpg"), SIZE).is_blank
    with pytest.raises(ValueError, match="label"):
        Region("hair", from_mask(np.ones((2, 2), bool)))


@pytest.mark.parametrize(
    ("points", "y", "x"),
    [
        ([[8, 5], [14, 9]], 5, 8),
        ([[14, 9], [8, 5]], 5, 8),
        ([[7.6, 5.4], [13.6, 9.4]], 5, 8),  # moved by hand
        ([[8.5, 5.5], [14.5, 9.5]], 6, 8),  # halves go to the even pixel, as LabelMe rounds
        ([[-3, -2], [3, 2]], -2, -3),
        ([[36, 28], [42, 32]], 28, 36),
    ],
)
@pytest.mark.parametrize("levels", ["one", "white", "bits"])
def test_masks_of_labelme(tmp_path: Path, points: Any, y: int, x: int, levels: str) -> None:
    pixels = {"one": some_mask().astype(np.uint8), "white": some_mask().astype(np.uint8) * 255, "bits": some_mask()}
    shape = mask_shape(pixels[levels], points)
    if levels == "bits":
        stream = BytesIO()
        Image.fromarray(some_mask()).save(stream, "PNG")
        shape["mask"] = base64.b64encode(stream.getvalue()).decode()
    found = read_labelme(saved(tmp_path / "a.json", [shape]), SIZE)
    np.testing.assert_array_equal(found.drawn.full((30, 40)), placed(some_mask(), y, x))


def test_a_file_as_people_save_it(tmp_path: Path) -> None:
    """Picture inside, several types and labels, fields of newer versions, a suggestion accepted and one not."""
    shapes = [
        {"label": "Face", "points": [[2.4, 3.1], [9.9, 3.0], [6.0, 11.2]], "group_id": None, "shape_type": "polygon"},
        {"label": "left eye", "points": [[20, 12], [14, 5]], "shape_type": "rectangle", "flags": {}, "description": ""},
        {"label": "face", "points": [[30, 20], [34, 20]], "shape_type": "circle", "mask": None, "score": 0.5},
        {"label": "face", "points": [[20, 20], [24, 22], [22, 26], [18, 24]], "shape_type": "oriented_rectangle"},
        mask_shape(some_mask(), [[0, 24], [6, 28]]),
        {"label": "suggestion", "points": [[30, 2], [38, 2], [38, 9], [30, 9]], "shape_type": "polygon"},
    ]
    picture = base64.b64encode(bytes(3000)).decode()
    path = saved(tmp_path / "a.json", shapes, version="5.8.1", imagePath="..\\a.jpg", imageData=picture)
    found = read_labelme(path, SIZE)
    drawn, suggested = found.drawn.full((30, 40)), found.suggested.full((30, 40))
    for y, x in ((5, 6), (8, 17), (20, 32), (23, 21), (24, 3)):
        assert drawn[y, x]
    assert suggested[2:9, 30:38].all()
    assert not drawn[2:9, 30:38].any()
    assert not drawn[24, 0]


@pytest.mark.parametrize("label", ["suggestion", "Suggestion", " SUGGESTION "])
def test_a_suggestion_is_no_drawing(tmp_path: Path, label: str) -> None:
    square = {"label": label, "points": [[3, 3], [9, 3], [9, 9]], "shape_type": "polygon"}
    found = read_labelme(saved(tmp_path / "a.json", [square]), SIZE)
    assert not found.drawn.area
    assert found.suggested.area
    assert not found.is_blank


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ({"shape_type": "line", "points": [[1, 1], [5, 5]]}, "use polygons"),
        ({"shape_type": "linestrip", "points": [[1, 1], [5, 5], [9, 1]]}, "use polygons"),
        ({"shape_type": "point", "points": [[1, 1]]}, "use polygons"),
        ({"shape_type": "points", "points": [[1, 1], [5, 5], [9, 1]]}, "use polygons"),
        ({"shape_type": "oriented_rectangle", "points": [[1, 1], [5, 5], [9, 1]]}, "use polygons"),
        ({"shape_type": ["x"], "points": [[1, 1], [5, 5], [9, 1]]}, "use polygons"),
        ({"points": [[1, 1], [5, 5], [10**400, 1]]}, "not a LabelMe mask"),
        ({"points": [[1, 1], [5, 5], [1]]}, "not a LabelMe mask"),
        ({"points": [[50, 50], [55, 50], [55, 55]]}, "outside the picture"),
        ({"label": None, "points": [[1, 1], [5, 5], [9, 1]]}, "label"),
        ({"shape_type": "mask", "points": [[1, 1]], "mask": ""}, "2 corners"),
        ({"shape_type": "mask", "points": [[1, 1], [5, 5]]}, "mask"),
        ({"shape_type": "mask", "points": [[1, 1], [5, 5]], "mask": None}, "not a LabelMe mask"),
        ({"shape_type": "mask", "points": [[1, 1], [5, 5]], "mask": "???"}, "not a LabelMe mask"),
        ({"shape_type": "mask", "points": [[1, 1], [5, 5]], "mask": "AAAA"}, "not a picture"),
        (mask_shape(some_mask(), [[1, 1], [20, 20]]), "7 x 5 in a box of 20 x 20"),
        (mask_shape(np.ones((31, 3), bool), [[1, 0], [3, 30]]), "3 x 31"),
        (mask_shape(np.zeros((5, 7), bool), [[8, 5], [14, 9]]), "empty"),
        (mask_shape(np.zeros((5, 7, 3), np.uint8), [[8, 5], [14, 9]]), "grey"),
    ],
)
def test_shapes_that_are_refused(tmp_path: Path, shape: dict[str, Any], words: str) -> None:
    path = saved(tmp_path / "a.json", [{"label": "face"} | shape])
    with pytest.raises(ImageError, match=words) as caught:
        read_labelme(path, SIZE)
    assert str(caught.value).startswith("a.json: ")
    assert len(str(caught.value).splitlines()) == 1


def test_a_huge_mask_is_not_decoded(tmp_path: Path) -> None:
    """A PNG may say in a few bytes that it is a hundred gigapixels, or have them behind good compression."""
    shape = mask_shape(np.zeros((3000, 4000), bool), [[0, 0], [3999, 2999]])
    with pytest.raises(ImageError, match="4000 x 3000"):
        read_labelme(saved(tmp_path / "a.json", [shape]), SIZE)
    cut = base64.b64encode(base64.b64decode(mask_shape(some_mask(), None)["mask"])[:-30]).decode()
    broken = {"label": "face", "shape_type": "mask", "points": [[8, 5], [14, 9]], "mask": cut}
    with pytest.raises(ImageError, match="damaged or cut off"):
        read_labelme(saved(tmp_path / "a.json", [broken]), SIZE)


def test_brackets_that_would_fill_the_memory(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b'{"shapes": [' + b"[]," * 6_000_000 + b"[]]}")
    with pytest.raises(ImageError, match="too many values"):
        read_labelme(tmp_path / "a.json", SIZE)
