"""Rows against rows and files: what differs is said, and how bad it is."""

from __future__ import annotations

import pytest

from p3m_anon.dataset.integrity import (
    file_discrepancies,
    row_discrepancies,
    row_form,
    rows_discrepancies,
    stray_discrepancy,
)

ROW = {
    "id": "a",
    "status": "anonymized",
    "image": "blurred_image/a.png",
    "image_sha256": "0" * 64,
    "alpha": "mask/a.png",
    "alpha_sha256": "1" * 64,
    "faces": 1,
}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"image": "../a.png"}, "leads out"),
        ({"image": "/etc/a.png"}, "leads out"),
        ({"alpha": "mask/../../a.png"}, "leads out"),
        ({"image": "a\\..\\b.png"}, "leads out"),
        ({"image_sha256": "zz"}, "no sha256"),
        ({"alpha_sha256": 5}, "no sha256"),
        ({"id": None}, "id is missing"),
        ({"status": 3}, "status is missing"),
    ],
)
def test_rows_that_cannot_be_used(change, why):
    assert why in (row_form({**ROW, **change}) or "")


def test_good_rows_and_what_is_none():
    assert row_form(ROW) is None
    assert row_form({**ROW, "alpha": None, "alpha_sha256": None}) is None
    for wrong in ([], "a", None, 5):
        assert row_form(wrong) == "not a JSON object"
    assert row_discrepancies(ROW) == []
    assert rows_discrepancies(ROW, dict(ROW)) == []


def test_what_a_row_must_not_say():
    (found,) = row_discrepancies({**ROW, "gps": 1, "camera": 2})
    assert (found.severity, found.evidence) == ("leak", "unknown field camera, gps: is it public?")
    assert row_discrepancies({**ROW, "status": "odd"})[0].severity == "warning"
    assert row_discrepancies({**ROW, "status": "normal"})[0].severity == "leak"
    assert row_discrepancies({**ROW, "status": "no_face", "release_basis": "no_identifiable_face"}) == []


def test_manifest_against_ledger():
    assert rows_discrepancies(ROW, None)[0].severity == "leak"
    assert rows_discrepancies(None, ROW)[0].severity == "warning"
    assert rows_discrepancies(ROW, {**ROW, "image_sha256": "2" * 64})[0].severity == "leak"
    assert rows_discrepancies(ROW, {**ROW, "faces": 2})[0].severity == "warning"
    with pytest.raises(ValueError, match="at least one"):
        rows_discrepancies(None, None)


def test_files():
    assert file_discrepancies("a", "0", "0") == file_discrepancies("a", None, "0") == []
    assert file_discrepancies("a", "0", "1")[0].severity == "leak"
    assert file_discrepancies("a", "0", None)[0].severity == "leak"
    assert stray_discrepancy("a").severity == stray_discrepancy("a", link=True).severity == "leak"
