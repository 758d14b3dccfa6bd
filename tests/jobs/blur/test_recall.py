"""Releases made before: which pictures are looked at again, and which of them were public with a clear face."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from p3m_anon.detectors.networks import Boxes, no_boxes
from p3m_anon.detectors.wide_look import Glance
from p3m_anon.files.decisions import Decisions
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.manual_masks import encode_mask
from p3m_anon.files.recall_list import read_listed
from p3m_anon.jobs.blur.recall import Public, clear_boxes, drawn_outlines, read_mask
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import LEDGER, blur_folder
from tests.jobs.conftest import drawn_face

BEFORE = Path(__file__).parent / "release_before"
SECOND = (110.0, 30.0, 140.0, 70.0)


@pytest.fixture
def old(tmp_path: Path) -> BlurRequest:
    """The release of the version before, as it would lie on disk."""
    shutil.copytree(BEFORE / "photos", tmp_path / "photos")
    shutil.copytree(BEFORE / "out", tmp_path / "out")
    shutil.copytree(BEFORE / "private", tmp_path / "out.private")
    script = tmp_path / "out.private/ledger.sql"
    with closing(sqlite3.connect(tmp_path / "out.private" / LEDGER)) as db:
        db.executescript(script.read_text())
    script.unlink()
    return BlurRequest(folder=tmp_path / "photos", out=tmp_path / "out", detector="centerface", workers=1)


def recalled(private: Path) -> dict[str, list[str]]:
    lines = (private / "recall.txt").read_text().splitlines()
    return {fields[0]: fields[1:] for fields in (line.split("\t") for line in lines)}


def test_a_release_of_the_version_before_is_made_again_and_its_clear_faces_are_named(old):
    dry = blur_folder(replace(old, dry_run=True))
    assert (dry.outdated, dry.outdated_released, dry.to_do) == (4, 4, 4)
    begun = []
    summary = blur_folder(old, on_start=lambda now: begun.append((now.outdated, now.done_now)))
    assert begun == [(4, 0)]
    assert (summary.done_now, summary.counts) == (4, {"accepted": 3, "needs_review": 1})
    # the face of 14 px is in a picture of which a person was shown no place: their answer holds, but not for it
    assert summary.reasons == {"no_face_contradicted": 1}
    found = recalled(summary.private)
    assert list(found) == ["bystander", "wall"]
    assert found["bystander"][:2] == ["bystander.jpg", "masked"]
    assert found["wall"][:2] == ["wall.jpg", "waits"]
    for path, width in (("bystander", 18), ("wall", 14)):
        (size,) = found[path][2].split()
        assert 0.5 * width < int(size.split("x")[0]) < 1.5 * width
    assert summary.recalled == 2
    assert summary.recall == summary.private / "recall.txt"
    assert summary.recall.stat().st_mode & 0o077 == 0
    assert not any((summary.private / "recall").iterdir())
    with Ledger.copy_of(summary.private / LEDGER) as ledger:
        query = "SELECT previous FROM events WHERE what = 'run finished' ORDER BY n DESC LIMIT 1"
        recorded = json.loads(ledger.db.execute(query).fetchone()[0])
        assert recorded["looked_for"]["narrowest"] == summary.searched.narrowest == 12.0
        assert recorded["second_look"] == summary.second != "none"
        assert ledger.row("sky.png").facts["status"] == "no_face"  # nobody sees anything there: the answer stands
        assert Decisions(ledger).of("wall.jpg").verdict == "no_face"
    again = blur_folder(old)
    assert (again.outdated, again.done_now, again.recalled) == (0, 0, 0)
    assert recalled(summary.private) == found


@pytest.fixture
def more_eyes(stub, monkeypatch):
    """Both looks see one more face where a test says so, in pictures that show one face at least."""
    seen: list[tuple[float, float, float, float]] = []
    monkeypatch.setattr(
        stub,
        "detect",
        lambda rgb: tuple(map(drawn_face, [(30, 20, 90, 100), *seen])) if rgb[0, 0].any() else (),
    )
    glance = [drawn_face().box]
    monkeypatch.setattr(
        stub,
        "look",
        lambda rgb, coarse=False: (
            Glance(Boxes(np.array(glance + seen, float), np.full(1 + len(seen), 0.9)), no_boxes())
            if rgb[0, 0].any()
            else Glance(no_boxes(), no_boxes())
        ),
    )
    return seen


@pytest.fixture
def released(photos, more_eyes):
    """Three released pictures, and the request that made them; `publish_facemask` makes another digest."""
    for name in ("broken.jpg", "film.webp", "empty.png"):
        (photos / name).unlink()
    request = BlurRequest(folder=photos)
    assert blur_folder(request).counts == {"accepted": 3}
    return replace(request, publish_facemask=True)


def test_nothing_is_named_where_nothing_was_clear(released):
    summary = blur_folder(released)
    assert (summary.done_now, summary.recalled, summary.recall) == (3, 0, None)
    assert not (summary.private / "recall.txt").exists()


def test_a_killed_run_names_the_rest_when_it_is_run_again(released, more_eyes, monkeypatch):
    more_eyes.append(SECOND)
    private = released.folder.with_name("photos-anonymized.private")
    record, left = Ledger.record, [2]

    def dies(self, row, what="blur"):
        if left[0] == 1:  # the new files are there, the row is not
            raise KeyboardInterrupt
        left[0] -= 1
        record(self, row, what)

    monkeypatch.setattr(Ledger, "record", dies)
    with pytest.raises(KeyboardInterrupt):
        blur_folder(released)
    assert len(recalled(private)) == 2  # the event of the second was written before its row
    monkeypatch.setattr(Ledger, "record", record)
    summary = blur_folder(released)
    assert summary.done_now == 2
    assert list(recalled(private)) == ["a", "b", "sub/c"]
    assert {tuple(line[1:]) for line in recalled(private).values()} == {("masked", "30x40")}
    assert not any((private / "recall").iterdir())


def test_what_was_clear_is_not_forgotten_over_a_failure(released, more_eyes, monkeypatch):
    more_eyes.append(SECOND)
    private = released.folder.with_name("photos-anonymized.private")
    with monkeypatch.context() as broken:
        broken.setattr("p3m_anon.jobs.blur.picture.anonymize", _breaks)
        assert blur_folder(released).counts == {"failed": 3}
        assert not (private / "recall.txt").exists()
    assert blur_folder(released).recalled == 3
    assert recalled(private)["a"] == ["a.png", "masked", "30x40"]
    assert not any((private / "recall").iterdir())


def _breaks(*_):
    raise MemoryError


def test_a_picture_that_waits_is_named_whatever_was_clear(released):
    summary = blur_folder(replace(released, alpha_policy="required", alphas=_no_alphas(released.folder)))
    assert summary.counts == {"needs_review": 3}
    assert {tuple(line[1:]) for line in recalled(summary.private).values()} == {("waits", "-")}
    assert blur_folder(released).counts == {"accepted": 3}
    assert {tuple(line[1:]) for line in recalled(summary.private).values()} == {("masked", "-")}


def _no_alphas(photos: Path) -> Path:
    folder = photos.with_name("mattes")
    folder.mkdir()
    Image.fromarray(np.zeros((4, 4), np.uint8)).save(folder / "another.png")
    return folder


def test_another_file_under_the_same_name_was_another_picture(released, more_eyes, picture):
    more_eyes.append(SECOND)
    for path in released.folder.rglob("*.png"):
        Image.fromarray(picture(77)).save(path)
    assert blur_folder(released).recalled == 0


def test_half_of_the_inner_ellipse_decides():
    covered = np.zeros((100, 100), bool)
    box = (20.0, 20.0, 80.0, 80.0)
    assert clear_boxes(covered, [box]) == [box]
    covered[:, 48:] = True
    assert clear_boxes(covered, [box]) == []
    covered[:, :52] = False
    assert clear_boxes(covered, [box]) == [box]
    assert clear_boxes(covered, [(120.0, 0.0, 140.0, 30.0)]) == []


def test_the_recorded_outlines_stand_for_a_mask_that_is_gone(tmp_path):
    public = Public("0" * 64, 40, 30, (((0.0, 0.0), (20.0, 0.0), (20.0, 29.0), (0.0, 29.0)), ((1.0, 1.0),)))
    mask = drawn_outlines(public)
    assert mask.shape == (30, 40)
    assert mask[:29, :20].all()
    assert not mask[:, 21:].any()
    assert read_mask(tmp_path / "none.png") is None
    (tmp_path / "torn.png").write_bytes(encode_mask(mask)[:20])
    assert read_mask(tmp_path / "torn.png") is None
    (tmp_path / "whole.png").write_bytes(encode_mask(mask))
    assert np.array_equal(read_mask(tmp_path / "whole.png"), mask)


def test_names_with_tabs_and_line_ends_survive_the_list(released, more_eyes, picture):
    odd = "a\tb\nc\u2028d\\é.png"
    Image.fromarray(picture(3)).save(released.folder / odd)
    blur_folder(replace(released, publish_facemask=False))
    more_eyes.append(SECOND)
    summary = blur_folder(released)
    lines = [line.strip() for line in (summary.private / "recall.txt").read_text().splitlines()]
    listed = read_listed(lines)
    assert {one.path for one in listed} == {odd, "a.png", "b.png", "sub/c.png"}
    assert {one.id for one in listed} == {odd[:-4], "a", "b", "sub/c"}
    assert read_listed(["x", "y\tz"]) == [("x", "x"), ("y\tz", "y\tz")]
