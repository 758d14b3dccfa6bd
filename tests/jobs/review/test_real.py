"""The whole loop on real portraits: blur, review, blur, audit."""

from __future__ import annotations

import shutil
from contextlib import closing

import pytest

from p3m_anon.faces.settings import BlurSettings
from p3m_anon.jobs.audit.request import AuditRequest
from p3m_anon.jobs.audit.run import audit_folder
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder
from p3m_anon.jobs.review.desk import ReviewDesk

pytestmark = pytest.mark.shared


def test_every_portrait_is_released_or_left_out_and_none_leaks(shared_data, tmp_path):
    photos, out = tmp_path / "photos", tmp_path / "out"
    shutil.copytree(shared_data / "portraits", photos)
    settings = BlurSettings(on_disagreement="review", side_views="review")  # with the defaults hardly any picture waits
    request = BlurRequest(folder=photos, out=out, alpha_policy="none", settings=settings)
    assert blur_folder(request).counts["needs_review"] >= 5
    with closing(ReviewDesk(out, who="anna")) as desk:
        for row in desk.queue("todo", None, 100)["rows"]:
            path = row["path"]
            shown = desk.picture(path, "todo")
            asked = {"path": path, "sha256": shown["sha256"], "version": shown["version"]}
            if path == "noface_landscape.jpg":
                desk.decide({**asked, "verdict": "no_face"})
            elif path.endswith(".alpha.png"):
                desk.decide({**asked, "verdict": "exclude"})
            else:  # every suggestion covers the place that it was made for, so nothing has to be confirmed
                desk.decide({**asked, "verdict": "mask", "shapes": shown["suggestions"]})
        assert desk.state()["progress"]["decided"] == desk.state()["progress"]["total"]
    summary = blur_folder(request)
    assert set(summary.counts) == {"accepted", "excluded"}
    assert summary.exit_code == 0
    found = audit_folder(AuditRequest(out=out))
    assert found.pictures == summary.counts["accepted"]
    assert [one for one in found.findings if one.severity == "leak"] == []
