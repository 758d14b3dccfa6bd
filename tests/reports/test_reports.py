"""Pictures and pages for people."""

import base64

import numpy as np
import pytest
import skimage.data

from p3m_anon.detectors import shape_prior
from p3m_anon.faces.face import Face
from p3m_anon.faces.masks import face_masks
from p3m_anon.faces.pairing import seen_faces
from p3m_anon.faces.settings import BlurSettings
from p3m_anon.faces.sight import Sight
from p3m_anon.files.ledger_rows import Row
from p3m_anon.reports.page import MOST_ROWS, is_union, write_report
from p3m_anon.reports.panels import figure_panels
from p3m_anon.reports.thumbnails import ALONE, BLUE, SIDE, before_after


@pytest.fixture(scope="module")
def masks():
    box = (170.0, 60.0, 275.0, 200.0)
    seen = seen_faces(Sight((Face(shape_prior.mean_in_box(box), box, 0.9, "drawn"),), None))
    return face_masks((512, 512), seen, None, BlurSettings())


def test_thumbnails_show_both_pictures_and_the_second_look(masks):
    picture = skimage.data.astronaut()
    sheet = before_after(picture, 255 - picture, masks, masks, [(20, 20, 480, 480)])
    assert sheet.shape == (SIDE, 2 * SIDE + 4, 3)
    assert (sheet == BLUE).all(2).any()
    assert before_after(picture, None, masks, masks, []).shape == (ALONE, ALONE, 3)


def test_the_six_panels_say_what_they_are(masks):
    picture = skimage.data.astronaut()
    alpha = np.zeros((512, 512), np.uint8)
    alpha[:, 100:] = 128
    with_alpha = figure_panels(picture, picture, masks, masks, alpha, BlurSettings())
    without = figure_panels(picture, None, masks, masks, None, BlurSettings())
    assert with_alpha.shape == without.shape
    assert with_alpha.dtype == np.uint8
    assert not np.array_equal(with_alpha, without)


def test_a_page_escapes_names_and_needs_nothing_from_outside(tmp_path):
    (tmp_path / "thumbnails").mkdir()
    (tmp_path / "thumbnails" / "a.jpg").write_bytes(b"jpeg")
    evil = "<script>alert(1)</script>.jpg"
    rows = {
        "needs_review": [Row(evil, "a", "needs_review", "profile", "x")],
        "failed": [Row("b.jpg", "b", "failed", detail="<b>")],
    }
    page = write_report(tmp_path / "r.html", tmp_path, {"Inputs": "<i>"}, rows).read_text()
    assert "<script" not in page
    assert "<b>" not in page.replace("<b>profile</b>", "")
    assert "&lt;script&gt;" in page
    assert "unblurred faces" in page
    assert base64.b64encode(b"jpeg").decode() in page
    assert "http://" not in page
    assert "https://" not in page
    assert (tmp_path / "r.html").stat().st_mode & 0o077 == 0


def test_a_page_stops_at_its_bound_with_those_that_wait_first(tmp_path):
    waiting = [Row(f"{n}.jpg", f"{n}", "needs_review", "no_face") for n in range(MOST_ROWS - 10)]
    accepted = [Row(f"ok{n}.jpg", f"ok{n}", "accepted") for n in range(100)]
    page = write_report(tmp_path / "r.html", tmp_path, {}, {"accepted": accepted, "needs_review": waiting}).read_text()
    assert page.count("<figure>") == MOST_ROWS
    assert page.count("ok") >= 10
    assert "More rows are in the ledger" in page


def test_masks_by_one_look_alone_have_a_section_of_their_own(tmp_path):
    both, weak = {"masked_by": "both"}, {"masked_by": "union"}
    by_second = {"status": "anonymized", "seen_by": {"both": 1, "first": 0, "second": 1}}
    rows = [
        Row("plain.jpg", "plain", "accepted", facts={"status": "anonymized"}, faces=[both]),
        Row("weak.jpg", "weak", "accepted", facts={"status": "anonymized"}, faces=[both, weak]),
        Row("second.jpg", "second", "accepted", facts=by_second, faces=[both]),
        Row("drawn.jpg", "drawn", "accepted", facts={"status": "anonymized_manual"}, faces=[weak]),
        Row("waits.jpg", "waits", "needs_review", facts={"status": "anonymized"}, faces=[weak]),
        Row("older.jpg", "older", "accepted", facts={"status": "anonymized"}, faces=[{}]),
    ]
    assert [row.id for row in rows if is_union(row)] == ["weak", "second"]
    page = write_report(tmp_path / "r.html", tmp_path, {}, {"union": rows[1:3], "accepted": rows[:1]}).read_text()
    union, _, rest = page.partition("Masked though only one look saw a face")[2].partition("<h2>Released")
    assert all(name in union for name in ("weak.jpg", "second.jpg"))
    assert "plain.jpg" in rest
    assert "weak.jpg" not in rest
