"""A study whose dataset does not stay as it was planned."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import pytest

from p3m_anon.jobs.manifest.build import BuildRequest, build_manifest
from p3m_anon.jobs.study import group as study_group
from p3m_anon.jobs.study import run as study_run
from p3m_anon.jobs.study.run import run_study
from tests.jobs.study.cases import make_data, plan, request, write_study


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # of the children


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_data(tmp_path / "data")


def test_what_changed_between_plan_and_run_is_filed_under_no_address(data: Path, tmp_path: Path, monkeypatch) -> None:
    """Else its numbers would stay for good as those of the pictures that were planned."""
    study = write_study(tmp_path, "mine", ("closed_form", "p3mnet"), tested_on=("P3M-500-NP:N",))
    asked = request(study, data, tmp_path / "studies")
    before = [one.id for one in plan(asked)]

    def later(text: str, tick) -> None:
        for file in (*data.rglob("p_102.*"), *data.rglob("p_001.*")):
            file.unlink()
        study_group.run_group(text, tick)

    monkeypatch.setattr(study_run, "run_group", later)
    summary = run_study(asked)
    assert [one.standing for one in summary.cells] == ["failed", "failed", "absent"]
    assert all("run it again" in line for line in summary.named("failed"))
    monkeypatch.setattr(study_run, "run_group", study_group.run_group)
    assert run_study(asked).exit_code == 0
    assert not set(before) & {one.id for one in plan(asked)}


def test_a_training_on_other_bytes_than_the_manifest_lists_fails(data: Path, tmp_path: Path) -> None:
    build_manifest(BuildRequest(data))
    asked = request(write_study(tmp_path, "mine", ("p3mnet",)), data, tmp_path / "studies")
    planned, _ = plan(asked)
    picture = data / "train/blurred_image/p_001.jpg"
    cv2.imwrite(str(picture), 255 - cv2.imread(str(picture)))
    assert plan(asked)[0].id == planned.id
    (line,) = run_study(asked).named("failed")
    assert "manifest verify" in line


def test_a_picture_that_is_no_image_is_planned_and_trained_alike(data: Path, tmp_path: Path) -> None:
    (data / "train/blurred_image/p_001.jpg").write_bytes(b"no image")
    study = write_study(tmp_path, "mine", ("p3mnet",), steps=2)
    study.write_text(study.read_text().replace("[training]", "[training]\nskip_bad = true"))
    summary = run_study(request(study, data, tmp_path / "studies"))
    assert [one.standing for one in summary.cells] == ["done", "done"]


def test_a_face_that_the_manifest_says_is_clear_makes_another_test(data: Path, tmp_path: Path) -> None:
    build_manifest(BuildRequest(data))
    asked = request(write_study(tmp_path, "mine", ("closed_form",)), data, tmp_path / "studies")
    before = plan(asked)[0].id
    lines = [json.loads(line) for line in (data / "manifest.jsonl").read_text().splitlines()]
    for line in lines:
        line["status"] = "normal" if line["id"] == "p_101" else "anonymized"
    (data / "manifest.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    assert plan(asked)[0].id != before


def test_a_changed_trimap_makes_another_test(data: Path, tmp_path: Path) -> None:
    asked = request(write_study(tmp_path, "mine", ("closed_form",)), data, tmp_path / "studies")
    ids = [plan(asked)[0].id]
    trimap = data / "validation/P3M-500-P/trimap/p_101.png"
    trimap.parent.mkdir()
    for content in (b"one", b"other"):
        trimap.write_bytes(content)
        ids.append(plan(asked)[0].id)
    assert len(set(ids)) == 3
