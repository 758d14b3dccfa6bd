"""Which detector looks first and second."""

from pathlib import Path

import pytest

from p3m_anon.errors import UsageError, WeightsError
from p3m_anon.jobs.blur.detectors import build_looks, plan_looks
from p3m_anon.jobs.blur.request import BlurRequest


def request(tmp_path: Path, **options) -> BlurRequest:
    return BlurRequest(tmp_path, weights_dir=tmp_path, **options)


def looks_of(plan) -> tuple[str, ...]:
    """What the plan says without loading anything, to be compared with what was loaded."""
    return tuple(plan.versions[key] for key in ("detector", "model_sha256", "second", "second_sha256"))


def test_auto_takes_centerface_where_there_are_no_weights(tmp_path):
    plan = plan_looks(request(tmp_path))
    looks = build_looks(request(tmp_path), plan)
    assert (plan.detector, plan.device) == ("centerface", "cpu")
    assert looks_of(plan) == (looks.first.name, looks.first.model_sha256, looks.second.name, looks.second.model_sha256)
    alone = request(tmp_path, second_opinion=False)
    assert build_looks(alone, plan_looks(alone)).second is None
    assert plan_looks(alone).versions["second"] == "none"


def test_missing_weights_are_an_error_when_they_were_asked_for(tmp_path):
    with pytest.raises(WeightsError, match="weights fetch"):
        plan_looks(request(tmp_path, detector="face-alignment"))


def test_landmark_files_need_a_folder_and_centerface_checks_them(tmp_path):
    with pytest.raises(UsageError, match="go together"):
        plan_looks(request(tmp_path, detector="landmark-files"))
    with pytest.raises(UsageError, match="go together"):
        plan_looks(request(tmp_path, detector="centerface", landmarks=tmp_path))
    with pytest.raises(UsageError, match="leave it on"):
        plan_looks(request(tmp_path, landmarks=tmp_path, second_opinion=False))
    own = request(tmp_path, landmarks=tmp_path)
    looks = build_looks(own, plan_looks(own))
    assert looks_of(plan_looks(own)) == ("landmark-files", "", "centerface", looks.second.model_sha256)
    assert looks.first.name == "landmark-files"
