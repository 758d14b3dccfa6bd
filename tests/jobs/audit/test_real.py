"""The audit's calibration on real portraits: our own good output gives no leak, weak or missing blurs do."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from p3m_anon.faces.settings import BlurSettings
from p3m_anon.jobs.audit.request import AuditRequest
from p3m_anon.jobs.audit.run import audit_folder
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder

pytestmark = pytest.mark.shared

PORTRAITS = ("guido.jpg", "hopper.jpg", "two_people.jpg", "maher_rot180.jpg")


@pytest.fixture(scope="module")
def portraits(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real") / "photos"
    folder.mkdir()
    for name in PORTRAITS:
        shutil.copy(shared_data / "portraits" / name, folder)
    return folder


def test_portraits_as_jpeg(portraits: Path, tmp_path: Path) -> None:
    blur_folder(BlurRequest(portraits, out=tmp_path / "out", detector="centerface"))
    summary = audit_folder(AuditRequest(out=tmp_path / "out"))
    assert summary.pictures >= 3
    assert summary.count("leak") == 0, summary.findings
    for name in PORTRAITS[:2]:
        shutil.copy(portraits / name, tmp_path / "out" / "blurred_image" / name)
    spoilt = audit_folder(AuditRequest(out=tmp_path / "out", quick=True))
    clear = {f.image for f in spoilt.findings if (f.severity, f.check) == ("leak", "clear face")}
    assert clear == {f"blurred_image/{name}" for name in PORTRAITS[:2]}


@pytest.mark.parametrize("format", ["png", "jpeg"])
def test_published_pictures_with_their_alphas(shared_data: Path, tmp_path: Path, format: str) -> None:
    """Blurred once already, heads from the side among them, with hair and contours kept. Most wait for a person."""
    samples = shared_data / "p3m_samples"
    settings = BlurSettings(side_views="ellipse")
    folders = {"folder": samples / "image", "alphas": samples / "alpha", "out": tmp_path / "out"}
    blur_folder(BlurRequest(**folders, settings=settings, format=format, detector="centerface"))
    summary = audit_folder(AuditRequest(out=tmp_path / "out", quick=format == "jpeg"))
    assert summary.pictures >= 1
    assert summary.checks["alpha"] == summary.pictures
    assert summary.count("leak") == 0, summary.findings
