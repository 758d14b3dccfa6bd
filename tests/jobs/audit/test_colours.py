"""Profiles in a release: ours are quiet, what hides in others is a leak, converted pictures are compared as such."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from p3m_anon.files.icc_known import known_spaces
from p3m_anon.jobs.audit.request import AuditRequest
from p3m_anon.jobs.audit.run import audit_folder
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder
from tests.files.profiles import planted


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    head = np.ascontiguousarray(data.astronaut()[:256, 96:352])
    Image.fromarray(head).save(folder / "a.jpg", quality=92, icc_profile=known_spaces()[1].profile)
    Image.fromarray(head).save(folder / "b.png", icc_profile=planted()["private tag"])
    return folder


@pytest.mark.parametrize("icc", ["keep", "srgb"])
def test_our_own_release_is_quiet(photos: Path, icc: str) -> None:
    out = photos.parent / "release"
    summary = blur_folder(BlurRequest(photos, out=out, detector="centerface", icc=icc))  # type: ignore[arg-type]
    assert summary.counts == {"accepted": 2}
    held = {p.name: Image.open(p).info.get("icc_profile") for p in (out / "blurred_image").iterdir()}
    if icc == "keep":
        assert held == {"a.jpg": known_spaces()[1].profile, "b.png": known_spaces()[0].profile}
    else:
        assert held == {"a.jpg": None, "b.png": known_spaces()[0].profile}
    audited = audit_folder(AuditRequest(out=out, quick=True))
    assert audited.count("leak") == 0, audited.findings
    assert any(check.startswith("outside the mask") for check in audited.checks)


def test_what_hides_in_the_profiles_of_others_is_a_leak(photos: Path) -> None:
    audited = audit_folder(AuditRequest(images=photos, quick=True))
    said = [f for f in audited.findings if (f.severity, f.image) == ("leak", "b.png") and f.check == "metadata"]
    assert "private tag 'priv'" in said[0].evidence
    assert not [f for f in audited.findings if f.image == "a.jpg" and "profile" in f.evidence]
