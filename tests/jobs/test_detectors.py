"""Which detector looks first and second."""

from pathlib import Path

import pytest

from p3m_anon.errors import UsageError, WeightsError
from p3m_anon.jobs.detectors import choose_looks
from p3m_anon.jobs.request import BlurRequest


def request(tmp_path: Path, **options) -> BlurRequest:
    return BlurRequest(tmp_path, weights_dir=tmp_path, **options)


def test_auto_takes_centerface_where_there_are_no_weights(tmp_path):
    looks, device = choose_looks(request(tmp_path))
    assert (looks.first.name, looks.second.name, device) == ("centerface", "centerface-mirrored", "cpu")
    assert choose_looks(request(tmp_path, second_opinion=False))[0].second is None


def test_missing_weights_are_an_error_when_they_were_asked_for(tmp_path):
    with pytest.raises(WeightsError, match="weights fetch"):
        choose_looks(request(tmp_path, detector="face-alignment"))


def test_landmark_files_need_a_folder_and_centerface_checks_them(tmp_path):
    with pytest.raises(UsageError, match="--landmarks"):
        choose_looks(request(tmp_path, detector="landmark-files"))
    looks, _ = choose_looks(request(tmp_path, detector="landmark-files", landmarks=tmp_path))
    assert (looks.first.name, looks.second.name) == ("landmark-files", "centerface")
