"""Pictures and pages for people."""

import base64

import numpy as np
import pytest
import skimage.data

from p3m_anon.detectors import shape_prior
from p3m_anon.faces.face import Face
from p3m_anon.faces.masks import face_masks
from p3m_anon.faces.settings import BlurSettings
from p3m_anon.files.ledger_rows import Row
from p3m_anon.reports.page import MOST_ROWS, write_report
from p3m_anon.reports.panels import figure_panels
from p3m_anon.reports.thumbnails import ALONE, BLUE, SIDE, before_after


@pytest.fixture(scope="module")
def masks():
    box = (170.0, 60.0, 275.0, 200.0)
    return face_masks((512, 512), (Face(shape_prior.mean_in_box(box), box, 0.9, "drawn"),), None, BlurSettings())


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
