"""COCO's JSON of instances: one file for many pictures, as CVAT reads and writes it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, NamedTuple, TypeGuard, TypeVar

import numpy as np

from p3m_anon.errors import ImageError
from p3m_anon.faces.patch import Patch, from_mask
from p3m_anon.files.atomic import replacing
from p3m_anon.files.json_parts import BROKEN, Part, check_brackets, elements, loads, members, reason, shown
from p3m_anon.files.probe import file_size, unreadable
from p3m_anon.files.regions import FACE, SUGGESTION, Drawing, Region, check_size, is_suggestion
from p3m_anon.files.segmentation import encode_rle, read_segmentation

MOST_BYTES = 512 << 20
"""A larger file is not read; the masks of fifty thousand pictures fit."""

Size = tuple[int, int]
SizeOf = Callable[[str], tuple[Size, Size | None]]
Answers = Iterator[tuple[str | None, Drawing | ImageError]]
_T = TypeVar("_T")
_CATEGORIES = {FACE: 1, SUGGESTION: 2}
_MOST_ENTRIES = 1_000_000


@dataclass(frozen=True, eq=False)
class CocoPicture:
    """One picture to write: its name as the tool knows it, its size (W, H), upright, and the regions, maybe none."""

    file_name: str
    size: Size
    regions: tuple[Region, ...] = ()
    as_drawn: bool = False


class _Picture(NamedTuple):
    """What a file says of a picture; None for what is missing or of another type."""

    file_name: str | None
    width: int | None
    height: int | None


@dataclass(frozen=True)
class _Index:
    """Where a file has what belongs to a picture; by the picture's id, but for `strays`, the ids of no picture."""

    data: bytes
    pictures: dict[int | str, _Picture]
    annotations: dict[int | str, list[Part]]
    categories: dict[int | str, str]
    strays: Counter[str]


def write_coco(path: Path, pictures: Iterable[CocoPicture], *, private: bool = False) -> None:
    """Write one annotation for each region that has a pixel; `read_coco` gives back exactly the same pixels.

    Pictures are taken one at a time and only their names are kept; the rest waits in a nameless file beside `path`.
    The sections are in the order of CVAT's own files, and none is missing: it refuses a file without licenses. Raises
    as `files.atomic.replacing` does.
    """
    with replacing(path, private=private) as stream, tempfile.TemporaryFile(dir=path.parent) as rest:
        images, count = [], 0
        for number, picture in enumerate(pictures, 1):
            width, height = picture.size
            images.append({"id": number, "file_name": picture.file_name, "width": width, "height": height})
            for region in picture.regions:
                if region.patch.area:
                    count += 1
                    _item(rest, {"id": count, "image_id": number, **_annotation(picture, region)}, first=count == 1)
        categories = [{"id": number, "name": name, "supercategory": ""} for name, number in _CATEGORIES.items()]
        licenses = [{"id": 0, "name": "", "url": ""}]
        head = {"licenses": licenses, "info": {"description": "face masks of p3m-anon"}, "categories": categories}
        stream.write(json.dumps(head)[:-1].encode() + b', "images": [')
        for number, image in enumerate(images):
            _item(stream, image, first=not number)
        stream.write(b'\n], "annotations": [')
        rest.seek(0)
        shutil.copyfileobj(rest, stream)
        stream.write(b"\n]}\n")


def read_coco(path: Path, picture_size: SizeOf) -> Answers:
    """For each picture of the file, in its order: the name, and what was drawn or one error that says why not.

    `picture_size` is asked for (W, H) upright and as stored before anything of a picture is decoded, but not for
    pictures without annotations, which give a blank drawing; an ImageError that it raises becomes the answer. One bad
    annotation spoils its picture, as the face that it was meant for would be missing. What belongs to no picture
    comes last, under the name None. Masks may be run lengths, as text or list, polygons, or upright boxes;
    categories count by their name, as the labels of `read_labelme` do. Raises ImageError, before the first picture,
    for a file that is no COCO file or larger than MOST_BYTES.
    """
    try:
        if file_size(path) > MOST_BYTES:
            raise ImageError(f"{path.name}: more than {MOST_BYTES >> 20} MB; export the pictures in several parts")
        index = _index(path.read_bytes())
    except OSError as error:
        raise unreadable(path, error) from error
    except BROKEN as error:
        raise ImageError(f"{path.name}: not a COCO file ({reason(error)}); export it again as COCO 1.0") from error
    return _answers(index, path.name, picture_size)


def _annotation(picture: CocoPicture, region: Region) -> dict[str, Any]:
    tight = from_mask(region.patch.mask)
    h, w = tight.mask.shape
    return {
        "category_id": _CATEGORIES[region.label],
        "segmentation": encode_rle(region.patch, picture.size),
        "area": region.patch.area,
        "bbox": [region.patch.x + tight.x, region.patch.y + tight.y, w, h],
        "iscrowd": 1,
        "attributes": {"as_drawn": picture.as_drawn},
    }


def _item(stream: IO[bytes], item: dict[str, Any], *, first: bool) -> None:
    stream.write((b"\n" if first else b",\n") + json.dumps(item).encode())


def _index(data: bytes) -> _Index:
    if data.startswith(b"PK"):
        raise ValueError("a ZIP archive: unpack it, the file is annotations/instances_default.json")
    check_brackets(data)
    sections = dict(members(data))
    missing = [name for name in ("images", "annotations", "categories") if name not in sections]
    if missing:
        raise ValueError(f"{' and '.join(missing)} missing")
    index = _Index(data, {}, {}, {}, Counter())
    for part in _limited(elements(data, sections["images"])):
        image = loads(data, part)
        number = _number(image["id"])
        if number in index.pictures:
            raise ValueError(f"two images have the id {number!r}")
        index.pictures[number] = _Picture(
            _of_type(image.get("file_name"), str), _of_type(image.get("width"), int), _of_type(image.get("height"), int)
        )
    for part in _limited(elements(data, sections["categories"])):
        category = loads(data, part)
        number, name = _number(category["id"]), category["name"]
        if not isinstance(name, str) or index.categories.setdefault(number, name) != name:
            raise ValueError(f"category {number!r} has no name, or two")
    for part in _limited(elements(data, sections["annotations"])):
        place = dict(members(data, part)).get("image_id")
        owner = loads(data, place) if place else None
        if _is_id(owner) and owner in index.pictures:
            index.annotations.setdefault(owner, []).append(part)
        else:
            index.strays[shown(repr(owner))] += 1
    return index


def _limited(parts: Iterator[Part]) -> Iterator[Part]:
    for count, part in enumerate(parts):
        if count == _MOST_ENTRIES:
            raise ValueError(f"more than {_MOST_ENTRIES} entries")
        yield part


def _number(value: object) -> int | str:
    if not _is_id(value):
        raise ValueError("an id is neither a number nor a name")
    return value


def _is_id(value: object) -> TypeGuard[int | str]:
    return isinstance(value, (int, str)) and not isinstance(value, bool)  # true would pass for 1


def _answers(index: _Index, name: str, picture_size: SizeOf) -> Answers:
    times = Counter(picture.file_name for picture in index.pictures.values())
    for number, picture in index.pictures.items():
        file_name = picture.file_name
        if not file_name:
            yield None, ImageError(f"{name}: image {shown(number)} has no file_name; export it again as COCO 1.0")
            continue
        where = f"{name}: {shown(file_name)}"
        if times[file_name] > 1:
            yield file_name, ImageError(f"{where} is listed {times[file_name]} times; keep one of them")
            continue
        try:
            yield file_name, _drawing(index, number, where, picture_size)
        except ImageError as error:
            yield file_name, error
    if index.strays:
        what = f"{index.strays.total()} annotations are of images that the file does not list"
        some = ", ".join(list(index.strays)[:3])
        yield None, ImageError(f"{name}: {what} ({some}); export it again as COCO 1.0")


def _drawing(index: _Index, number: int | str, where: str, picture_size: SizeOf) -> Drawing:
    picture, parts = index.pictures[number], index.annotations.get(number, [])
    blank = Patch(0, 0, np.zeros((0, 0), bool))
    if not parts:
        return Drawing(blank, blank)
    size, stored_size = picture_size(picture.file_name or "")
    if picture.width is None or picture.height is None:
        raise ImageError(f"{where}: width and height are missing; export it again as COCO 1.0")
    check_size((picture.width, picture.height), size, stored_size, where)
    canvas = {wanted: np.zeros((0, 0), bool) for wanted in (False, True)}
    as_drawn = False
    for part in parts:
        try:
            annotation = loads(index.data, part)
            suggested = is_suggestion(index.categories[_number(annotation["category_id"])])
            patch = read_segmentation(annotation, size)
        except BROKEN as error:
            what = f"{where}: annotation {_id_of(index.data, part)} is not a mask ({reason(error)})"
            raise ImageError(f"{what}; draw it again as a mask or a polygon") from error
        if not canvas[suggested].size:
            canvas[suggested] = np.zeros((size[1], size[0]), bool)
        canvas[suggested][patch.slices] |= patch.mask
        as_drawn |= not suggested and _is_as_drawn(annotation)
    return Drawing(from_mask(canvas[False]), from_mask(canvas[True]), as_drawn)


def _is_as_drawn(annotation: dict[str, Any]) -> bool:
    """The attribute of one annotation; a tool that knows it as text or as a box to tick writes it either way."""
    attributes = annotation.get("attributes")
    value = attributes.get("as_drawn") if isinstance(attributes, dict) else None
    return value is True or (isinstance(value, str) and value.strip().casefold() == "true")


def _of_type(value: object, kind: type[_T]) -> _T | None:
    return value if isinstance(value, kind) and not isinstance(value, bool) else None


def _id_of(data: bytes, annotation: Part) -> str:
    place = dict(members(data, annotation)).get("id")
    return shown(data[place.start : place.end].decode("ascii", "replace")) if place else "without an id"
