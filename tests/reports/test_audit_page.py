"""The audit's page: private, self-contained, and every name escaped."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from p3m_anon.jobs.audit.request import AuditFinding
from p3m_anon.reports.audit_page import crop_strip, write_audit_page

EVIL = "<img src=x onerror=alert(1)>.jpg"


def test_the_page(tmp_path: Path) -> None:
    rgb = np.full((50, 60, 3), 90, np.uint8)
    crop = crop_strip(("leak", EVIL, "a & b"), rgb, rgb, None, (10, 10, 30, 30))
    findings = [AuditFinding("leak", "clear face", EVIL, "a & b"), AuditFinding("note", "detector", "b.jpg", "fires")]
    page = write_audit_page(tmp_path / "audit.html", {"Audited": EVIL}, findings, [crop])
    text = page.read_text("utf-8")
    assert page.stat().st_mode & 0o777 == 0o600
    assert "contains unblurred faces" in text
    assert "<img src=x" not in text
    assert "&lt;img src=x" in text
    assert "a &amp; b" in text
    assert "http" not in text
    assert "1 leak found" in text
    assert text.count("data:image/jpeg") == 1


def test_no_leak_in_words(tmp_path: Path) -> None:
    text = write_audit_page(tmp_path / "audit.html", {}, [], []).read_text("utf-8")
    assert "The audit found no leak" in text


def test_a_box_outside_the_picture() -> None:
    rgb = np.full((50, 60, 3), 90, np.uint8)
    for box in ((-40.0, -40.0, -20.0, -20.0), (55.0, 45.0, 90.0, 90.0), (10.0, 10.0, 10.0, 10.0)):
        assert crop_strip(("note", "a", "b"), None, rgb, rgb, box).jpeg.startswith(b"\xff\xd8")
