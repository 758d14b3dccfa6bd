"""The whole of `blur` on real photos, with the detector that is always there."""

from __future__ import annotations

import json
import shutil
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

THREE_QUARTER = {  # x0, y0, x1, y1, read off the picture, which is 1024 x 1280
    "far brow": (336, 378, 390, 400),
    "far eye": (348, 411, 393, 448),
    "near brow": (424, 346, 541, 388),
    "near eye": (456, 396, 520, 432),
    "nose": (382, 440, 452, 518),
    "mouth": (390, 544, 480, 596),
}


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


def steps(rgb: np.ndarray, mask: np.ndarray) -> float:
    """How much neighbours differ inside a mask, on average."""
    return float(np.abs(np.diff(rgb.astype(float), axis=1))[mask[:, 1:] & mask[:, :-1]].mean())


def test_nothing_unmasked_is_in_the_release_folder(portraits, shared_data):
    released = [p for p in (portraits.out / "blurred_image").rglob("*") if p.is_file()]
    assert len(released) == portraits.counts["accepted"] > 15
    for path in released:
        (source,) = (p for p in (shared_data / "portraits").iterdir() if p.stem == path.stem)
        mask = pixels(portraits.private / "facemask" / f"{path.stem}.png").astype(bool)
        before, after = (steps(pixels(p)[..., :3], mask) for p in (source, path))
        assert mask.sum() > 300
        assert after < 0.5 * before, path.name


def test_an_upside_down_portrait_is_masked_or_waits(portraits):
    row = rows(portraits)["maher_rot180"]
    assert row.status == "needs_review" or row.facts["faces"] == 1


@pytest.fixture(scope="module")
def samples(shared_data, tmp_path_factory) -> Summary:
    """The paper's samples with their alphas; nine of ten show heads from the side or from behind."""
    out = tmp_path_factory.mktemp("samples") / "out"
    return blur_folder(
        BlurRequest(shared_data / "p3m_samples", out=out, format="png", detector="centerface", figures=True)
    )


def test_transition_pixels_of_the_paper_samples_stay_as_they_are(samples, shared_data):
    folder = shared_data / "p3m_samples"
    released = {p.stem: pixels(p) for p in (samples.out / "blurred_image").iterdir()}
    assert "p_07141906" in released
    assert not {"p_a09f6d7a", "p_bc5cfad1", "p_bd6af989"} & released.keys()
    for name, after in released.items():
        before, alpha = pixels(folder / "image" / f"{name}.jpg"), pixels(folder / "alpha" / f"{name}.png")
        mask = pixels(samples.private / "facemask" / f"{name}.png").astype(bool)
        assert not (mask & transition(alpha, 0)).any()
        kept_close = sum(face["kept_close"] for face in rows(samples)[name].faces)
        assert np.count_nonzero(mask & transition(alpha, default_radius(alpha.shape))) <= kept_close
        assert np.array_equal(before[~mask], after[~mask])
        assert (samples.private / "figures" / f"{name}.jpg").is_file()


def test_a_main_face_from_the_side_that_one_look_alone_saw_waits(samples):
    found = rows(samples)
    for name in ("p_015cd10e", "p_22fc0130", "p_818e689d"):
        row = found[name]
        assert row.status == "needs_review" or row.facts["seen_by"]["both"]
    assert found["p_015cd10e"].status == "needs_review"


def test_heads_from_the_side_that_both_looks_saw_get_an_ellipse(portraits, shared_data, tmp_path):
    row = rows(portraits)["jumping"]
    assert row.status == "accepted"
    assert [face["decision"] for face in row.faces[:4]] == ["ellipse"] * 4
    folder = tmp_path / "jumping"
    folder.mkdir()
    shutil.copy(shared_data / "portraits" / "jumping.jpg", folder)
    asked = BlurRequest(folder, alpha_policy="none", detector="centerface", settings=BlurSettings(side_views="review"))
    assert rows(blur_folder(asked))["jumping"].reason == "profile"


def test_a_head_in_three_quarter_view_is_covered_to_its_far_side_or_waits(shared_data, tmp_path):
    """An outline that follows from a frontal face leaves the far brow and the corner of the far eye clear."""
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(shared_data / "cases" / "threequarter.jpg", folder)
    summary = blur_folder(BlurRequest(folder, alpha_policy="none", detector="centerface"))
    row = rows(summary)["threequarter"]
    if row.status == "needs_review":
        return
    mask = pixels(summary.private / "facemask" / "threequarter.png").astype(bool)
    for name, (x0, y0, x1, y1) in THREE_QUARTER.items():
        assert mask[y0:y1, x0:x1].mean() > 0.99, name  # a corner of a box lies on the wall


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
