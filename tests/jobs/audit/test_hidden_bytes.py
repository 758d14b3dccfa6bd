"""What lies hidden in a file of a release is a leak with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from p3m_anon.jobs.audit.picture import _file_checks
from p3m_anon.jobs.audit.result import Result
from tests.files.planted import ALL, saved


@pytest.mark.parametrize(
    ("format", "name", "evidence"),
    [
        ("JPEG", "scan's tail", "behind the last coded unit"),
        ("JPEG", "spare DQT", "a quantization table that no scan uses"),
        ("PNG", "in the stream", "behind the last row inside the compressed stream"),
        ("WEBP", "tail of VP8 in VP8, 3 channels", "at the end of a part of VP8"),
        ("TIFF", "raw strip's tail", "bytes of a strip behind its pixels"),
        ("BMP", "fourth bytes", "bits of the pixels that belong to no channel"),
    ],
)
def test_hidden_bytes_are_a_leak_with_their_place(tmp_path: Path, format: str, name: str, evidence: str) -> None:
    path, result = tmp_path / "picture", Result("picture")
    path.write_bytes(dict(ALL[format]())[name])
    assert _file_checks("picture", path, None, result)
    leaks = [finding.evidence for finding in result.findings if finding.severity == "leak"]
    assert len(leaks) == 1
    assert evidence in leaks[0]
    assert "at offset" in leaks[0]


def test_a_sound_file_has_no_finding(tmp_path: Path) -> None:
    path, result = tmp_path / "picture", Result("picture")
    path.write_bytes(saved("JPEG"))
    assert _file_checks("picture", path, None, result)
    assert not result.findings
