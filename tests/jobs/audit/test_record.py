"""audit.json: valid by its schema, without paths, and true to what was run."""

from __future__ import annotations

import json
import shutil

import pytest
from jsonschema import Draft202012Validator
from PIL import Image
from skimage import data

from p3m_anon.files.dataset_schema import schema, schema_problems
from p3m_anon.jobs.audit.request import AuditFinding, AuditRequest
from p3m_anon.jobs.audit.run import audit_folder
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder
from tests.jobs.audit.record_cases import record_of, summary_of

LEAK = AuditFinding("leak", "clear face", "a.jpg", "a face", (0, 0, 9, 9))
HIDDEN = AuditFinding("leak", "metadata", "a.jpg", "EXIF data")


def valid(record):
    text = json.loads(json.dumps(record))
    Draft202012Validator(schema("audit")).validate(text)
    assert schema_problems("audit", text) == []
    return text


@pytest.fixture(scope="module")
def release(tmp_path_factory):
    photos = tmp_path_factory.mktemp("record") / "anna"
    photos.mkdir()
    for number in range(3):
        Image.fromarray(data.astronaut()[:, 10 * number :]).save(photos / f"{number}.png")
    return blur_folder(BlurRequest(photos, out=photos.parent / "release", detector="centerface")).out


def test_a_release_gives_a_valid_record_and_both_files(release):
    summary = audit_folder(AuditRequest(out=release, quick=True, who="Ben"))
    private = release.with_name("release.private")
    record = valid(json.loads((private / "audit.json").read_text()))
    assert (private / "audit.json").stat().st_mode & 0o777 == 0o600
    assert not (release / "audit.json").exists()
    assert record["who"] == "Ben"
    assert len(record["scope"]["files"]) == record["scope"]["pictures"] == 3
    assert len(record["scope"]["manifest_sha256"]) == 64
    assert record["human"]["sample"] is None
    assert record["strength"]["faces"] == 3
    assert len(record["strength"]["worst"]) == 3
    assert "anna" not in json.dumps(record)
    assert str(release.parent) not in json.dumps(record)
    assert valid(json.loads(summary.to_json()))["report"] == str(private / "audit.html")
    states = {one["name"]: one["state"] for one in record["threats"]}
    assert states == {
        "no knowledge": "part",
        "known kernel": "not run",
        "learned inversion": "not run",
        "gallery of other pictures": "not run",
        "acquaintance": "not run",
    }
    page = (private / "audit.html").read_text()
    for said in ("Attackers", "Residual risk", "ISO/IEC 27559:2022", "claims no conformity", "Not run", "--quick"):
        assert said in page, said


def test_a_sample_says_what_it_bounds(release, tmp_path):
    summary = audit_folder(AuditRequest(out=release, quick=True, sample=2))
    sample = valid(summary.record)["scope"]["sample"]
    assert (summary.pictures, sample["size"], sample["of"], sample["with_leak"], sample["bound"]) == (2, 2, 3, 0, 1.0)
    assert len(summary.record["scope"]["files"]) == 3
    assert "1 of 3 pictures: --sample" in summary.skipped
    assert audit_folder(AuditRequest(out=release, quick=True, sample=9)).record["scope"]["sample"] is None
    shutil.copytree(release / "blurred_image", tmp_path / "plain")
    plain = audit_folder(AuditRequest(images=tmp_path / "plain", quick=True, sample=1))
    assert valid(plain.record)["scope"]["kind"] == "folder"
    assert plain.pictures == 1


def test_what_was_found_is_in_the_words():
    clean, bad = valid(record_of(summary_of())), valid(record_of(summary_of(LEAK, HIDDEN)))
    assert clean["exit_code"] == 0
    assert "No leak was found" in clean["residual_risk"]["maximum"]
    assert "keeps 10%" in clean["residual_risk"]["maximum"]
    assert "not bounded" in clean["residual_risk"]["average"]
    assert bad["exit_code"] == 1
    assert "2 leaks" in bad["residual_risk"]["maximum"]
    assert {one["check"]: one["found"]["leak"] for one in bad["files"]} == {"metadata": 1}
    assert next(one for one in bad["threats"] if one["name"] == "known kernel")["state"] == "run"


def test_a_bound_by_people_is_taken_over():
    sample = {"size": 300, "answered": 300, "missed": 0, "population": 900, "date": "2026-01-01", "bound": 0.01}
    sheets = {"sheets": 0, "failed_controls": 0}
    human = {"sample": sample, "answers": {}, "sheets": sheets, "recalled": 0, "searched": None, "missed_by_both": None}
    record = valid(record_of(summary_of(), human=human))
    assert "At most 1.00% of the pictures" in record["residual_risk"]["average"]


@pytest.mark.parametrize(
    "change", [{"date": "today"}, {"exit_code": 2}, {"counts": {}}, {"extra": 1}, {"seconds": "1"}]
)
def test_the_schema_refuses(change):
    broken = json.loads(json.dumps(record_of(summary_of()) | change))
    assert not Draft202012Validator(schema("audit")).is_valid(broken)
    assert schema_problems("audit", broken)
