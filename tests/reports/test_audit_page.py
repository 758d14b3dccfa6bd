"""The audit's page: private, self-contained, every name escaped, and every part says whether it was run."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np

from p3m_anon.faces.linkage import Linkage, Rate, ToOriginal
from p3m_anon.jobs.audit.request import AuditFinding
from p3m_anon.reports.audit_page import Crop, crop_strip, write_audit_page
from tests.jobs.audit.record_cases import record_of, summary_of

EVIL = "<img src=x onerror=alert(1)>.jpg"


def test_the_page(tmp_path: Path) -> None:
    rgb = np.full((50, 60, 3), 90, np.uint8)
    strip = crop_strip(rgb, rgb, None, (10, 10, 30, 30))
    findings = (AuditFinding("leak", "clear face", EVIL, "a & b"), AuditFinding("note", "detector", "b.jpg", "fires"))
    record = record_of(summary_of(*findings)) | {"who": EVIL}
    crops = [Crop("leak", EVIL, "a & b", strip)]
    page = write_audit_page(tmp_path / "audit.html", record, [Crop(None, EVIL, "weak", strip)], crops)
    text = page.read_text("utf-8")
    assert page.stat().st_mode & 0o777 == 0o600
    assert "contains unblurred faces" in text
    assert "<img src=x" not in text
    assert text.count("&lt;img src=x") == 4
    assert "a &amp; b" in text
    assert "http" not in text
    assert "<script" not in text
    assert "1 leak found" in text
    assert text.count("data:image/jpeg") == 2


def test_parts_that_were_not_run_say_so(tmp_path: Path) -> None:
    text = write_audit_page(tmp_path / "audit.html", record_of(summary_of()), [], []).read_text("utf-8")
    assert "The audit found no leak" in text
    for said in ("Effective sigma was not estimated", "No face recogniser", "no record of a review", "no study"):
        assert said in text, said
    assert "<td>17 of 200<td>12.5%" in text
    assert "privacy@example.org" in text


def test_identity_in_a_table(tmp_path: Path) -> None:
    rate = Rate(0.72, 0.5, 0.9, 0.13, 25, 8)
    figures = {"embedder": "sface", "pictures": 25, "faces": 25, "left_out": 1, "persons": 8}
    figures["originals"] = {"blurred": asdict(ToOriginal({"0.5": 0.1}, rate, 0.04))}
    figures["linkage"] = {"blurred to blurred": asdict(Linkage(rate, None))}
    text = write_audit_page(tmp_path / "a.html", record_of(summary_of()) | {"identity": figures}, [], []).read_text()
    assert "<td>blurred to blurred<td>72% (50% to 90%); 13%<td>too few faces<td>25" in text


def test_a_box_outside_the_picture() -> None:
    rgb = np.full((50, 60, 3), 90, np.uint8)
    for box in ((-40.0, -40.0, -20.0, -20.0), (55.0, 45.0, 90.0, 90.0), (10.0, 10.0, 10.0, 10.0)):
        assert crop_strip(None, rgb, rgb, box).startswith(b"\xff\xd8")
