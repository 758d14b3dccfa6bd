"""What a person left clear is a note with the name, and nothing else of the picture is excused."""

from __future__ import annotations

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.cbook import get_sample_data

from p3m_anon.faces.audit_findings import BY_A_PERSON
from p3m_anon.files.decisions import Decision, Decisions
from p3m_anon.files.ledger import Ledger
from p3m_anon.jobs.audit.request import AuditRequest
from p3m_anon.jobs.audit.run import audit_folder
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder


@pytest.mark.parametrize("dismissed", [True, False])
def test_a_face_that_may_stay_is_a_note_with_the_name(tmp_path: Path, dismissed: bool) -> None:
    photo = tmp_path / "photos" / "hopper.jpg"
    photo.parent.mkdir()
    shutil.copy(str(get_sample_data("grace_hopper.jpg", asfileobj=False)), photo)
    request = BlurRequest(photo.parent, detector="centerface", out=tmp_path / "out")
    summary = blur_folder(request)
    with Ledger(summary.private / "ledger.sqlite") as ledger:
        row = ledger.row("hopper.jpg")
        assert row is not None
        boxes = [one["box"] for one in row.faces]
        sha256 = hashlib.sha256(photo.read_bytes()).hexdigest()
        places = tuple((b[0], b[1], b[2], b[3]) for b in boxes)
        decision = Decision("hopper.jpg", sha256, "normal", dismissed=places, basis="consent", reference="form 7")
        Decisions(ledger).record(decision, "Mei", 0)
    assert blur_folder(request).counts == {"accepted": 1}
    if not dismissed:
        with Ledger(summary.private / "ledger.sqlite") as ledger:
            row = ledger.row("hopper.jpg")
            assert row is not None
            ledger.record(replace(row, facts={**row.facts, "dismissed": []}))
    found = audit_folder(AuditRequest(out=tmp_path / "out", quick=True)).findings
    clear = [one for one in found if one.check in ("clear face", BY_A_PERSON)]
    assert clear
    if dismissed:
        assert {(one.severity, one.check) for one in clear} == {("note", BY_A_PERSON)}
        assert all("consent, decided by Mei" in one.evidence for one in clear)
    else:
        assert "leak" in [one.severity for one in clear]
