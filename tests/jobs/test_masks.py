"""Masks out to annotation tools and back into decisions."""

from __future__ import annotations

import json
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from p3m_anon.detectors.networks import no_boxes
from p3m_anon.detectors.wide_look import Glance
from p3m_anon.errors import UsageError
from p3m_anon.files.decisions import Decisions
from p3m_anon.files.ledger import Ledger
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder
from p3m_anon.jobs.masks import export_masks, import_masks
from p3m_anon.jobs.review.desk import ReviewDesk
from tests.jobs.review.test_desk import CORNER, FACE, answer

FORMATS = ("labelme", "coco", "png")
SHAPES = [
    FACE,
    {"kind": "ellipse", "points": [[110.5, 20], [150, 80.25]]},
    {"kind": "brush", "points": [[5, 5], [12, 100], [60, 118]], "width": 7},
    {"kind": "erase", "points": [[60, 60]], "width": 20},  # a hole
]


@pytest.fixture
def out(photos, stub):
    return blur_folder(BlurRequest(folder=photos)).out


def drawn_masks(out):
    private = out.with_name(out.name + ".private")
    with Ledger.copy_of(private / "ledger.sqlite") as ledger:
        found = [Decisions(ledger).of(row.path) for row in ledger.rows()]
    drawn = [one for one in found if one is not None and one.mask and one.is_binding]
    return {one.path: (one.read_mask(private, (160, 120)), one.as_drawn) for one in drawn}


def take_back(out):
    with closing(ReviewDesk(out)) as desk:
        for row in desk.queue("decided", None, 100)["rows"]:
            answer(desk, row["path"], "open")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("as_drawn", [False, True])
def test_drawn_masks_come_back_to_the_pixel(out, tmp_path, format, as_drawn):
    with closing(ReviewDesk(out)) as desk:
        answer(desk, "empty.png", "mask", shapes=SHAPES, as_drawn=as_drawn)
        answer(desk, "sub/c.png", "mask", shapes=[FACE], as_drawn=as_drawn)
    before = drawn_masks(out)
    assert export_masks(out, None, tmp_path / "to", format).done == 2
    assert import_masks(out, None, tmp_path / "to", format, "bert").left == {"have this very mask already": 2}
    take_back(out)
    assert drawn_masks(out) == {}
    summary = import_masks(out, None, tmp_path / "to", format, "bert")
    assert (summary.done, summary.problems) == (2, [])
    after = drawn_masks(out)
    assert after.keys() == before.keys()
    for path, (mask, marked) in before.items():
        assert np.array_equal(after[path][0], mask)
        assert after[path][1] == marked == as_drawn


@pytest.mark.parametrize("format", ["labelme", "coco"])
def test_a_suggestion_is_never_taken_for_a_drawing(photos, stub, tmp_path, monkeypatch, format):
    monkeypatch.setattr(stub, "look", lambda rgb, coarse=False: Glance(no_boxes(), no_boxes()))  # all wait
    out = blur_folder(BlurRequest(folder=photos)).out
    assert export_masks(out, None, tmp_path / "to", format).done == 4
    summary = import_masks(out, None, tmp_path / "to", format, "bert")
    assert (summary.done, len(summary.problems)) == (0, 3)
    assert all("suggestion" in line for line in summary.problems)
    assert drawn_masks(out) == {}
    for file in (tmp_path / "to").rglob("*.json"):  # somebody accepts them
        file.write_text(
            file.read_text()
            .replace('"label": "suggestion"', '"label": "face"')
            .replace('"name": "suggestion"', '"name": "face"')
        )
    assert import_masks(out, None, tmp_path / "to", format, "bert").done == 3
    assert blur_folder(BlurRequest(folder=photos)).counts["accepted"] == 3


def test_only_drawn_masks_go_out_as_png(out, tmp_path):
    summary = export_masks(out, None, tmp_path / "to", "png")
    assert (summary.done, summary.left) == (0, {"have no drawn mask": 1})


def test_labelme_files_point_to_their_picture(out, photos, tmp_path):
    with closing(ReviewDesk(out)) as desk:
        answer(desk, "sub/c.png", "mask", shapes=[FACE])
    export_masks(out, None, tmp_path / "to", "labelme")
    file = tmp_path / "to/sub/c.json"
    content = json.loads(file.read_text())
    assert (file.parent / content["imagePath"]).resolve() == (photos / "sub/c.png").resolve()
    assert content["imageData"] is None


def test_a_reason_limits_what_goes_out(out, tmp_path):
    assert export_masks(out, None, tmp_path / "x", "labelme", "profile").done == 0
    assert export_masks(out, None, tmp_path / "y", "labelme", "no_face").done == 1


def test_nobodys_work_is_overwritten_and_nothing_goes_into_a_release(out, tmp_path):
    (tmp_path / "to").mkdir()
    (tmp_path / "to/a.json").write_text("{}")
    with pytest.raises(UsageError, match="not empty"):
        export_masks(out, None, tmp_path / "to", "labelme")
    with pytest.raises(UsageError, match="release folder"):
        export_masks(out, None, out / "masks", "labelme")


def test_an_answer_that_is_there_stays_unless_it_is_to_be_replaced(out, tmp_path):
    with closing(ReviewDesk(out)) as desk:
        answer(desk, "empty.png", "mask", shapes=[FACE])
        export_masks(out, None, tmp_path / "to", "png")
        answer(desk, "empty.png", "mask", shapes=[CORNER])
    kept = drawn_masks(out)["empty.png"][0]
    assert import_masks(out, None, tmp_path / "to", "png", "bert").done == 0
    assert np.array_equal(drawn_masks(out)["empty.png"][0], kept)
    assert import_masks(out, None, tmp_path / "to", "png", "bert", replace=True).done == 1
    assert not np.array_equal(drawn_masks(out)["empty.png"][0], kept)


def test_a_mask_is_never_taken_for_one_of_a_picture_that_nobody_saw(out, photos, tmp_path, picture):
    """Exported, then replaced by another picture of the same size, then blurred, then imported."""
    with closing(ReviewDesk(out)) as desk:
        answer(desk, "empty.png", "mask", shapes=[FACE])
    export_masks(out, None, tmp_path / "to", "png")
    take_back(out)
    Image.fromarray(picture(60, face=False)).save(photos / "empty.png")
    blur_folder(BlurRequest(folder=photos))
    summary = import_masks(out, None, tmp_path / "to", "png", "bert")
    assert summary.done == 0
    assert "since it was exported" in summary.problems[0]


def test_a_mask_that_is_older_than_its_picture_is_refused(out, photos, tmp_path):
    import os

    (tmp_path / "drawn").mkdir()
    file = tmp_path / "drawn/empty.png"
    Image.fromarray(np.full((120, 160), 255, np.uint8)).save(file)
    os.utime(file, (1, 1))
    assert "newer than its mask" in import_masks(out, None, tmp_path / "drawn", "png", "bert").problems[0]


def test_bad_files_are_named_and_the_others_come_in(out, photos, tmp_path, picture):
    folder = tmp_path / "drawn"
    folder.mkdir()
    white = np.full((120, 160), 255, np.uint8)
    Image.fromarray(white).save(folder / "empty.png")
    Image.fromarray(white).save(folder / "nowhere.png")
    Image.fromarray(white[:50]).save(folder / "a.png")
    Image.fromarray(white).save(folder / "film.png")
    (folder / "b.png").write_bytes(b"no picture")
    (folder / "sub").mkdir()
    Image.fromarray(white).save(folder / "sub/c.png")
    Image.fromarray(picture(4)).save(photos / "sub/c.png")
    summary = import_masks(out, None, folder, "png", "bert")
    assert summary.done == 1
    assert sorted(line.partition(":")[0] for line in summary.problems) == [
        "a.png",
        "b.png",
        "film.webp",
        "nowhere",
        "sub/c.png",
    ]
    assert summary.exit_code == 1
    with pytest.raises(UsageError):
        import_masks(out, None, folder / "b.png", "png", "bert")
    with pytest.raises(UsageError, match=r"holds no \.json"):
        import_masks(out, None, folder, "labelme", "bert")


def test_an_imported_drawing_can_be_changed_on_the_page(out, tmp_path):
    white = np.zeros((120, 160), np.uint8)
    white[20:90, 30:100] = 255
    white[40:50, 50:60] = 0
    (tmp_path / "drawn").mkdir()
    Image.fromarray(white).save(tmp_path / "drawn/empty.png")
    assert import_masks(out, None, tmp_path / "drawn", "png", "bert").done == 1
    assert np.array_equal(drawn_masks(out)["empty.png"][0], white > 0)
    with closing(ReviewDesk(out)) as desk:
        shapes = desk.picture("empty.png", "todo")["decision"]["shapes"]
    assert [one["kind"] for one in shapes] == ["polygon"]
