"""A feature that was made clear again in a good release is a leak, however little it is of the face."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from p3m_anon.faces.face import Face
from p3m_anon.faces.features import BROWS, regions
from p3m_anon.files.ledger import Ledger
from p3m_anon.jobs.audit.request import AuditFinding, AuditRequest
from p3m_anon.jobs.audit.run import audit_folder
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    photos = tmp_path_factory.mktemp("features") / "photos"
    photos.mkdir()
    Image.fromarray(data.astronaut()).save(photos / "astronaut.png")
    out = photos.parent / "release"
    summary = blur_folder(BlurRequest(photos, out=out, detector="centerface", alphas=False))
    assert summary.counts == {"accepted": 1}
    return out


@pytest.fixture
def spoilt(release: Path, tmp_path: Path) -> Path:
    shutil.copytree(release, tmp_path / "release")
    shutil.copytree(release.with_name("release.private"), tmp_path / "release.private")
    return tmp_path / "release"


def face_of(release: Path) -> Face:
    with Ledger.copy_of(release.with_name("release.private") / "ledger.sqlite") as ledger:
        (known,) = ledger.row("astronaut.png").faces  # type: ignore[union-attr]
    return Face(np.array(known["landmarks"]), tuple(known["box"]), known["score"], "stub", view=known["view"])


def found(release: Path) -> list[AuditFinding]:
    summary = audit_folder(AuditRequest(out=release, quick=True))
    return [one for one in summary.findings if one.check in ("feature", "clear face")]


def put(release: Path, rgb: np.ndarray) -> None:
    Image.fromarray(rgb).save(release / "blurred_image" / "astronaut.png")


def output(release: Path) -> np.ndarray:
    return np.asarray(Image.open(release / "blurred_image" / "astronaut.png")).copy()


def test_the_release_itself_has_none(release: Path) -> None:
    assert found(release) == []


@pytest.mark.parametrize("names", [("left eye", "right eye"), ("left eye",), ("mouth",), ("nose",), BROWS])
def test_clear_features_are_a_leak(spoilt: Path, names: tuple[str, ...]) -> None:
    face, rgb, source = face_of(spoilt), output(spoilt), data.astronaut()
    for name in names:
        patch = regions(face, source.shape[:2], face.box[2] - face.box[0])[name]  # type: ignore[index]
        rgb[patch.slices][patch.mask] = source[patch.slices][patch.mask]
    put(spoilt, rgb)
    leaks = [one for one in found(spoilt) if one.severity == "leak"]
    assert leaks
    assert all(one.box is not None for one in leaks)
    assert any(all(name in one.evidence for name in names) or one.check == "clear face" for one in leaks)


def test_one_brow_is_a_warning(spoilt: Path) -> None:
    face, rgb, source = face_of(spoilt), output(spoilt), data.astronaut()
    parts = regions(face, source.shape[:2], face.box[2] - face.box[0])
    patch = parts["left brow"]
    brow = patch.mask & ~parts["left eye"].within(patch)
    rgb[patch.slices][brow] = source[patch.slices][brow]
    put(spoilt, rgb)
    assert "warning" in {one.severity for one in found(spoilt)}
    assert "leak" not in {one.severity for one in found(spoilt)}


def test_half_a_blend_and_clear_colours_are_leaks(spoilt: Path) -> None:
    good, source = output(spoilt), data.astronaut()
    put(spoilt, (good.astype(np.float32) / 2 + source.astype(np.float32) / 2).astype(np.uint8))
    assert "leak" in {one.severity for one in found(spoilt)}
    mixed, clear = (cv2.cvtColor(one, cv2.COLOR_RGB2YCrCb) for one in (good, source))
    mixed[..., 1:] = clear[..., 1:]
    put(spoilt, cv2.cvtColor(mixed, cv2.COLOR_YCrCb2RGB))
    assert any("in the colours" in one.evidence for one in found(spoilt) if one.severity == "leak")


def test_a_face_in_the_low_bits_is_a_leak(spoilt: Path) -> None:
    put(spoilt, (output(spoilt) & 0xFC) | (data.astronaut() >> 6))
    assert any("lowest" in one.evidence for one in found(spoilt) if one.severity == "leak")


def test_a_blur_that_is_weaker_than_its_settings_is_a_warning(spoilt: Path) -> None:
    rgb, face = output(spoilt), face_of(spoilt)
    mask = np.asarray(Image.open(spoilt.with_name("release.private") / "facemask" / "astronaut.png"))
    weak = cv2.GaussianBlur(data.astronaut(), (0, 0), 0.12 * (face.box[2] - face.box[0]))
    put(spoilt, np.where(mask[..., None], weak, rgb).astype(np.uint8))
    summary = audit_folder(AuditRequest(out=spoilt, quick=True))
    (one,) = [finding for finding in summary.findings if finding.check == "strength"]
    assert one.severity == "warning"
    assert "its settings ask for 0.30" in one.evidence
