"""A clear face that is put into a good release afterwards is found, from 20 px, apart from what the digests say."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib.cbook import get_sample_data
from PIL import Image
from skimage import data

from p3m_anon.jobs.audit.request import AuditFinding, AuditRequest
from p3m_anon.jobs.audit.run import audit_folder
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder

FACE, WIDTH = (138, 25, 312, 210), 88.0  # of the astronaut's head with surroundings, and the width of her face in it
WHERE = (400, 80)  # x, y of the corner of what is pasted into the other portrait
SMALL, LARGE = 12, 20  # px


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    photos = tmp_path_factory.mktemp("planted") / "photos"
    photos.mkdir()
    shutil.copy(str(get_sample_data("grace_hopper.jpg", asfileobj=False)), photos / "hopper.jpg")
    out = photos.parent / "release"
    summary = blur_folder(BlurRequest(photos, out=out, detector="centerface", alphas=False, format="png"))
    assert summary.counts == {"accepted": 1}
    return out


def planted(release: Path, into: Path, width: int) -> Path:
    """A copy with the astronaut's face in the released picture, and digests that fit."""
    out = into / "release"
    shutil.copytree(release, out)
    shutil.copytree(release.with_name("release.private"), into / "release.private")
    image = out / "blurred_image" / "hopper.png"
    rgb = np.asarray(Image.open(image).convert("RGB")).copy()
    x0, y0, x1, y1 = FACE
    size = round((x1 - x0) * width / WIDTH), round((y1 - y0) * width / WIDTH)
    rgb[WHERE[1] : WHERE[1] + size[1], WHERE[0] : WHERE[0] + size[0]] = cv2.resize(
        data.astronaut()[y0:y1, x0:x1], size, interpolation=cv2.INTER_AREA
    )
    Image.fromarray(rgb).save(image)
    (row,) = [json.loads(line) for line in (out / "manifest.jsonl").read_text().splitlines()]
    row["image_sha256"] = hashlib.sha256(image.read_bytes()).hexdigest()
    (out / "manifest.jsonl").write_text(json.dumps(row) + "\n")
    return out


def clear(release: Path, *, alone: bool = False) -> list[AuditFinding]:
    """What the audit says of faces where the astronaut's was pasted."""
    if alone:
        shutil.rmtree(release.with_name("release.private"))
    summary = audit_folder(AuditRequest(out=release))
    assert any(name.startswith("look: small faces") for name in summary.checks)
    assert not any(one.check == "files" for one in summary.findings if alone)
    found = [one for one in summary.findings if one.check == "clear face"]
    return [one for one in found if one.box and np.abs(np.array(one.box[:2]) - WHERE).max() < 25]


@pytest.mark.parametrize("alone", [False, True])
def test_a_clear_face_of_20_px_is_a_leak(release: Path, tmp_path: Path, alone: bool) -> None:
    found = clear(planted(release, tmp_path, LARGE), alone=alone)
    assert [one.severity for one in found] == ["leak"]
    assert found[0].box is not None
    assert found[0].box[2] - found[0].box[0] == pytest.approx(LARGE, rel=0.25)


def test_a_clear_face_of_12_px_is_a_note(release: Path, tmp_path: Path) -> None:
    assert "leak" not in [one.severity for one in clear(planted(release, tmp_path, SMALL))]
