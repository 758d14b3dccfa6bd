"""COCO: what is written is read back to the pixel; what is wrong is named, and the rest still comes."""

from __future__ import annotations

import json
import re
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pycocotools.mask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from p3m_anon.errors import ImageError
from p3m_anon.faces.patch import from_mask
from p3m_anon.files import coco, json_parts
from p3m_anon.files.coco import CocoPicture, read_coco, write_coco
from p3m_anon.files.regions import FACE, SUGGESTION, Drawing, Region

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:pycocotools")

SIZE = (40, 30)
SQUARE = [[8, 5, 20, 5, 20, 12, 8, 12]]
CATEGORIES = [{"id": 1, "name": "face", "supercategory": ""}, {"id": 2, "name": "suggestion", "supercategory": ""}]


def size_of(file_name: str) -> tuple[tuple[int, int], tuple[int, int] | None]:
    return SIZE, (30, 40)


def image(number: Any = 1, name: Any = "a.jpg", **changes: object) -> dict[str, Any]:
    return {"id": number, "file_name": name, "width": 40, "height": 30, "license": 0, "date_captured": 0} | changes


def annotation(**changes: object) -> dict[str, Any]:
    fixed = {"id": 5, "image_id": 1, "category_id": 1, "segmentation": SQUARE, "area": 84.0, "bbox": [8, 5, 12, 7]}
    return {**fixed, "iscrowd": 0, "attributes": {"occluded": False}} | changes


def saved(path: Path, images: Any, annotations: Any, categories: Any = CATEGORIES) -> Path:
    path.write_text(json.dumps({"categories": categories, "images": images, "annotations": annotations}))
    return path


def read(path: Path) -> list[tuple[str | None, Drawing | ImageError]]:
    return list(read_coco(path, size_of))


def only(path: Path) -> Drawing:
    ((_, found),) = read(path)
    assert isinstance(found, Drawing), found
    return found


def mask(patch: Any) -> np.ndarray:
    return patch.full((30, 40))


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(hnp.arrays(np.bool_, (30, 40)), st.sampled_from([FACE, SUGGESTION])), max_size=3), st.booleans()
)
def test_round_trip(regions: list[tuple[np.ndarray, str]], as_drawn: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "deep", "c.json")
        picture = CocoPicture("x/ä.jpg", SIZE, tuple(Region(label, from_mask(m)) for m, label in regions), as_drawn)
        write_coco(path, [CocoPicture("empty.png", (7, 9)), picture])
        (first, blank), (second, found) = read(path)
        assert [entry.name for entry in path.parent.iterdir()] == ["c.json"]
    assert (first, second) == ("empty.png", "x/ä.jpg")
    assert isinstance(blank, Drawing)
    assert blank.is_blank
    assert isinstance(found, Drawing)
    for label, patch in ((FACE, found.drawn), (SUGGESTION, found.suggested)):
        wanted = np.zeros((30, 40), bool)
        for one, its_label in regions:
            wanted |= one & (its_label == label)
        np.testing.assert_array_equal(mask(patch), wanted)
    assert found.as_drawn == (as_drawn and bool(found.drawn.area))


def test_the_file_is_cocos(tmp_path: Path) -> None:
    pixels = np.zeros((30, 40), bool)
    pixels[5:12, 8:20] = True
    pixels[7, 9] = False
    write_coco(
        tmp_path / "c.json",
        (
            CocoPicture(f"{name}.jpg", SIZE, (Region(FACE, from_mask(pixels)), Region(SUGGESTION, from_mask(~pixels))))
            for name in "ab"
        ),
        private=True,
    )
    text = (tmp_path / "c.json").read_text()
    content = json.loads(text)
    assert list(content) == ["licenses", "info", "categories", "images", "annotations"]
    assert [(c["id"], c["name"]) for c in content["categories"]] == [(1, "face"), (2, "suggestion")]
    assert content["images"][1] == {"id": 2, "file_name": "b.jpg", "width": 40, "height": 30}
    assert [(a["id"], a["image_id"], a["category_id"]) for a in content["annotations"]] == [
        (1, 1, 1),
        (2, 1, 2),
        (3, 2, 1),
        (4, 2, 2),
    ]
    one = content["annotations"][0]
    assert (one["bbox"], one["area"], one["iscrowd"]) == ([8, 5, 12, 7], 83, 1)
    assert one["attributes"] == {"as_drawn": False}
    np.testing.assert_array_equal(pycocotools.mask.decode(one["segmentation"]) > 0, pixels)
    assert list(pycocotools.mask.toBbox(one["segmentation"])) == one["bbox"]
    assert stat.S_IMODE((tmp_path / "c.json").stat().st_mode) == 0o600


def test_no_pictures_are_a_file_too(tmp_path: Path) -> None:
    write_coco(tmp_path / "c.json", [])
    assert json.loads((tmp_path / "c.json").read_text())["annotations"] == []
    assert read(tmp_path / "c.json") == []


def test_nothing_remains_of_a_file_that_was_not_finished(tmp_path: Path) -> None:
    def pictures() -> Iterator[CocoPicture]:
        yield CocoPicture("a.jpg", SIZE, (Region(FACE, from_mask(np.ones((30, 40), bool))),))
        raise ImageError("b.jpg: gone")

    with pytest.raises(ImageError, match="gone"):
        write_coco(tmp_path / "c.json", pictures())
    assert not list(tmp_path.iterdir())


def test_a_file_as_cvat_saves_it(tmp_path: Path) -> None:
    """Rows in its order, masks as lists, boxes without polygons, attributes, ids and categories of its own."""
    categories = [
        {"id": 1, "name": "suggestion", "supercategory": ""},
        {"id": 2, "name": "glasses", "supercategory": ""},
        {"id": 3, "name": "face", "supercategory": ""},
    ]
    images = [image(1, "train/x/a.jpg"), image(2, "nothing.png"), image(3, "b.jpg", width=0)]
    runs = {"counts": [35, 5, 25, 5, 1130], "size": [30, 40]}
    annotations = [
        annotation(category_id=1, segmentation=[[30.0, 2.0, 38.0, 2.0, 38.0, 9.0]]),
        annotation(category_id=3, segmentation=runs, iscrowd=1, attributes={"occluded": False, "as_drawn": True}),
        annotation(category_id=2, segmentation=[], bbox=[20.5, 20.5, 6.0, 4.0], attributes={"rotation": 0.0}),
        annotation(category_id=3, segmentation=[[2.5, 12.0, 8.0, 12.0, 5.0, 19.5], [9, 22, 14, 22, 14, 27]]),
    ]
    content = {
        "licenses": [{"name": "", "id": 0, "url": ""}],
        "info": {"contributor": "", "date_created": "", "year": ""},
        "categories": categories,
        "images": images,
        "annotations": annotations,
    }
    (tmp_path / "c.json").write_text(json.dumps(content))
    (name, found), (empty, blank), (last, also_blank) = read(tmp_path / "c.json")
    assert (name, empty, last) == ("train/x/a.jpg", "nothing.png", "b.jpg")
    assert isinstance(found, Drawing)
    assert found.as_drawn
    drawn, suggested = mask(found.drawn), mask(found.suggested)
    assert drawn[5:10, 1:3].all()
    assert drawn[20:25, 20:27].all()
    assert drawn[14, 5]
    assert drawn[24, 13]
    assert suggested[4, 36]
    assert not drawn[0:10, 28:40].any()
    assert isinstance(blank, Drawing)
    assert blank.is_blank
    assert isinstance(also_blank, Drawing)


@pytest.mark.parametrize("label", ["suggestion", "Suggestion", " suggestion "])
def test_a_suggestion_is_no_drawing_whatever_its_id(tmp_path: Path, label: str) -> None:
    path = saved(tmp_path / "c.json", [image()], [annotation()], [{"id": 1, "name": label}, {"id": 2, "name": "face"}])
    found = only(path)
    assert not found.drawn.area
    assert found.suggested.area


@pytest.mark.parametrize(
    ("attributes", "as_drawn"),
    [
        ({"as_drawn": True}, True),
        ({"as_drawn": "true"}, True),
        ({"as_drawn": "True"}, True),
        ({"as_drawn": "no"}, False),
        ({"as_drawn": 1}, False),
        ({"as_drawn": False}, False),
        ([], False),
        (None, False),
    ],
)
def test_as_drawn(tmp_path: Path, attributes: Any, as_drawn: bool) -> None:
    path = saved(tmp_path / "c.json", [image()], [annotation(), annotation(attributes=attributes)])
    assert only(path).as_drawn == as_drawn
    of_suggestion = saved(
        tmp_path / "c.json", [image()], [annotation(), annotation(category_id=2, attributes=attributes)]
    )
    assert not only(of_suggestion).as_drawn


def test_only_annotated_pictures_are_asked_for(tmp_path: Path) -> None:
    asked = []

    def sizes(name: str) -> tuple[tuple[int, int], None]:
        asked.append(name)
        raise ImageError(f"{name}: no such picture")

    path = saved(tmp_path / "c.json", [image(), image(2, "b.jpg")], [annotation()])
    (_, error), (_, blank) = read_coco(path, sizes)
    assert str(error) == "a.jpg: no such picture"
    assert isinstance(blank, Drawing)
    assert asked == ["a.jpg"]


RLE = {"size": [30, 40], "counts": [600, 600]}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"segmentation": {**RLE, "size": [40, 30]}}, "of the size"),
        ({"segmentation": {**RLE, "size": [10**9, 10**9]}}, "of the size"),
        ({"segmentation": {**RLE, "counts": [600, 700]}}, "add up"),
        ({"segmentation": {**RLE, "counts": "zz"}}, "damaged"),
        ({"segmentation": {**RLE, "counts": [0] * 3}}, "add up"),
        ({"segmentation": {}}, "of the size None"),
        ({"segmentation": "text"}, "list of polygons"),
        ({"segmentation": [[1, 1, 5, 5, 10**400, 2]]}, "not a mask"),
        ({"segmentation": None, "bbox": [1, 1, 10**400, 2]}, "not a mask"),
        ({"segmentation": None, "bbox": None}, "not a mask"),
        ({"category_id": 9}, "9 is missing"),
        ({"category_id": 0}, "0 is missing"),
        ({"category_id": None}, "neither"),
        ({"category_id": True}, "neither"),
        ({"category_id": [1]}, "neither"),
        ({"id": "two\nlines"}, "not a mask|annotation"),
    ],
)
def test_a_bad_annotation_spoils_its_picture_only(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    bad = annotation(**({"segmentation": [[1]]} | changes))
    path = saved(tmp_path / "c.json", [image(), image(2, "b.jpg")], [annotation(), bad, annotation(image_id=2)])
    (name, error), (other, found) = read(path)
    assert (name, other) == ("a.jpg", "b.jpg")
    assert isinstance(error, ImageError)
    assert re.search(words, str(error))
    assert str(error).startswith("c.json: a.jpg: annotation ")
    assert len(str(error).splitlines()) == 1
    assert isinstance(found, Drawing)
    assert found.drawn.area


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"width": 30, "height": 40}, "stored"),
        ({"width": 41}, "full size"),
        ({"width": 10**12, "height": 10**12}, "full size"),
        ({"width": None}, "missing"),
        ({"height": "30"}, "missing"),
        ({"width": True}, "missing"),
        ({"file_name": None}, "no file_name"),
        ({"file_name": ""}, "no file_name"),
        ({"file_name": ["x"]}, "no file_name"),
        ({"file_name": "b.jpg"}, "2 times"),
        ({"file_name": "x\n\ud800" * 99, "width": 3}, "full size"),
    ],
)
def test_a_bad_picture_spoils_itself_only(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    images = [
        image(1, **changes) if "file_name" not in changes else image(1) | changes,
        image(2, "c.jpg"),
        image(3, "b.jpg"),
    ]
    path = saved(tmp_path / "c.json", images, [annotation(), annotation(image_id=2)])
    answers = read(path)
    assert isinstance(answers[0][1], ImageError)
    assert re.search(words, str(answers[0][1]))
    assert len(str(answers[0][1]).splitlines()) == 1
    assert answers[1][0] == "c.jpg"
    assert isinstance(answers[1][1], Drawing)


def test_annotations_of_no_picture_come_last(tmp_path: Path) -> None:
    strays = [annotation(image_id=number) for number in (7, "a", None, True, 1.5, [1])]
    without = annotation()
    del without["image_id"]
    (_, found), (name, error) = read(saved(tmp_path / "c.json", [image()], [*strays, annotation(), without]))
    assert isinstance(found, Drawing)
    assert name is None
    assert "7 annotations are of images that the file does not list (7, 'a', None)" in str(error)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "object is missing"),
        ("[]", "object is missing"),
        ("{}", "images and annotations and categories missing"),
        ('{"images": [], "annotations": [], "categories": []', "cut off"),
        ('{"images": [], "annotations": [', "cut off"),
        ('{"images": {}, "annotations": [], "categories": []}', "list is missing"),
        ('{"images": [7], "annotations": [], "categories": []}', "not a COCO file"),
        ('{"images": [{"id": 1}, {"id": 1}], "annotations": [], "categories": []}', "two images have the id 1"),
        ('{"images": [{"id": true}], "annotations": [], "categories": []}', "neither"),
        ('{"images": [{"file_name": "x"}], "annotations": [], "categories": []}', "'id' is missing"),
        ('{"images": [], "annotations": [7], "categories": []}', "object is missing"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1}]}', "'name' is missing"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1, "name": 7}]}', "no name"),
        ('{"images": [], "annotations": [], "categories": [{"id": 1, "name": "a"}, {"id": 1, "name": "b"}]}', "or two"),
        ('{"images": [' + "[" * 200_000 + "]" * 200_000 + '], "annotations": [], "categories": []}', "not a COCO file"),
        ("PK\x03\x04", "unpack it"),
    ],
)
def test_no_coco_file(tmp_path: Path, content: str, words: str) -> None:
    (tmp_path / "c.json").write_text(content)
    with pytest.raises(ImageError, match=words) as caught:
        read_coco(tmp_path / "c.json", size_of)
    assert str(caught.value).startswith("c.json: ")
    assert len(str(caught.value).splitlines()) == 1


def test_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "c.json", [image(), image(2, "b.jpg")], [annotation()])
    with pytest.raises(ImageError, match="cannot be read"):
        read_coco(tmp_path / "none.json", size_of)
    monkeypatch.setattr(coco, "_MOST_ENTRIES", 1)
    with pytest.raises(ImageError, match="more than 1 entries"):
        read_coco(path, size_of)
    monkeypatch.setattr(coco, "MOST_BYTES", 10)
    with pytest.raises(ImageError, match="several parts"):
        read_coco(path, size_of)


def test_brackets_cannot_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "c.json", [image()], [annotation(segmentation=[[]] * 2000)])
    monkeypatch.setattr(json_parts, "MOST_VALUES", 1000)
    ((_, error),) = read(path)
    assert "too many values" in str(error)
    monkeypatch.setattr(json_parts, "MOST_BRACKETS", 1000)
    with pytest.raises(ImageError, match="too many brackets"):
        read_coco(path, size_of)


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
        lambda s: st.lists(s, max_size=4) | st.dictionaries(st.sampled_from(["size", "counts", "as_drawn"]), s),
        max_leaves=8,
    ),
    st.sampled_from(["segmentation", "bbox", "attributes", "category_id", "id"]),
)
def test_anything_in_a_field_is_a_drawing_or_one_line(value: Any, field: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        one = annotation(**{"segmentation": None} if field == "bbox" else {}) | {field: value}
        ((_, found),) = read(saved(Path(folder, "c.json"), [image()], [one]))
    assert isinstance(found, Drawing) or len(str(found).splitlines()) == 1
