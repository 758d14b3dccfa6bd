"""The whole of `blur` on real photos, with the detector that is always there."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from p3m_anon.faces.settings import BlurSettings
from p3m_anon.files.ledger import Ledger
from p3m_anon.jobs.blur.request import BlurRequest, Summary
from p3m_anon.jobs.blur.run import blur_folder
from p3m_anon.matting.transition import default_radius, transition

pytestmark = pytest.mark.shared

# Upright pictures of one face; counted by eye.
SINGLE = (
    *("astronaut", "guido", "hand_mouth", "hands_on_head", "hopper", "ivan", "maher", "man_glasses", "obama"),
    *("obama_partial2", "ophoper_1", "ophoper_4", "redhead", "u2_unsplash_man", "vlado5"),
)
FACES = {"lab_selfie": 6, "two_people": 2, "meeting": 5, "group4": 5, "jumping": 4, "solvay1927": 29}


def rows(summary: Summary) -> dict[str, object]:
    with Ledger.copy_of(summary.private / "ledger.sqlite") as ledger:
        return {row.id: row for row in ledger.rows()}


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.fixture(scope="module")
def portraits(shared_data, tmp_path_factory) -> Summary:
    out = tmp_path_factory.mktemp("portraits") / "out"
    request = BlurRequest(shared_data / "portraits", out=out, alpha_policy="none", detector="centerface")
    return blur_folder(request)


def test_every_picture_with_faces_is_masked_on_each_or_waits(portraits):
    found = rows(portraits)
    for name in SINGLE:
        assert found[name].status == "needs_review" or found[name].facts["faces"] >= 1
    for name, count in FACES.items():
        assert found[name].status == "needs_review" or found[name].facts["faces"] >= count
    assert found["noface_landscape"].reason == "no_face"


def test_most_single_portraits_need_no_person(portraits):
    found = rows(portraits)
    accepted = [name for name in SINGLE if found[name].status == "accepted"]
    assert len(accepted) >= 0.8 * len(SINGLE)


def test_nothing_unmasked_is_in_the_release_folder(portraits, shared_data):
    released = [p for p in (portraits.out / "blurred_image").rglob("*") if p.is_file()]
    assert len(released) == portraits.counts["accepted"] > 15
    for path in released:
        (source,) = (p for p in (shared_data / "portraits").iterdir() if p.stem == path.stem)
        mask = pixels(portraits.private / "facemask" / f"{path.stem}.png").astype(bool)
        before, after = (pixels(p)[..., :3][mask].astype(float) for p in (source, path))
        assert mask.sum() > 300
        assert after.std(0).mean() < 0.6 * before.std(0).mean(), path.name


def test_an_upside_down_portrait_is_masked_or_waits(portraits):
    row = rows(portraits)["maher_rot180"]
    assert row.status == "needs_review" or row.facts["faces"] == 1


def test_transition_pixels_of_the_paper_samples_stay_as_they_are(shared_data, tmp_path):
    samples = shared_data / "p3m_samples"
    settings = BlurSettings(side_views="ellipse")
    request = BlurRequest(
        samples, out=tmp_path / "out", format="png", settings=settings, detector="centerface", figures=True
    )
    summary = blur_folder(request)
    released = {p.stem: pixels(p) for p in (summary.out / "blurred_image").iterdir()}
    assert {"p_07141906", "p_818e689d"} <= released.keys()
    assert not {"p_a09f6d7a", "p_bc5cfad1", "p_bd6af989"} & released.keys()
    for name, after in released.items():
        before, alpha = pixels(samples / "image" / f"{name}.jpg"), pixels(samples / "alpha" / f"{name}.png")
        between = transition(alpha, default_radius(alpha.shape))
        mask = pixels(summary.private / "facemask" / f"{name}.png").astype(bool)
        assert not (mask & between).any()
        assert np.array_equal(before[~mask], after[~mask])
        assert (summary.private / "figures" / f"{name}.jpg").is_file()


def test_heads_seen_from_the_side_wait_unless_asked_otherwise(shared_data, tmp_path):
    summary = blur_folder(BlurRequest(shared_data / "p3m_samples", out=tmp_path / "out", detector="centerface"))
    found = rows(summary)
    assert found["p_07141906"].status == "accepted"
    assert found["p_818e689d"].reason == "profile"


def test_a_folder_of_hostile_files_is_worked_through(shared_data, tmp_path):
    folder = shared_data / "bad"
    summary = blur_folder(BlurRequest(folder, out=tmp_path / "out", detector="centerface", alpha_policy="none"))
    found = rows(summary)
    assert summary.inputs == len(list(folder.iterdir())) == len(found)
    assert not [row.path for row in found.values() if row.status == "pending"]
    named = [row for row in found.values() if row.status in ("failed", "unsupported")]
    assert all(row.detail and "\n" not in row.detail and "unexpected" not in row.detail for row in named)
    assert found["hopper_orientation_8"].status == "accepted"
    manifest = [json.loads(line) for line in (summary.out / "manifest.jsonl").read_text().splitlines()]
    assert {row["id"] for row in manifest} == {name for name, row in found.items() if row.status == "accepted"}
