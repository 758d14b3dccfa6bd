"""What an audit says of the profiles of others."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from p3m_anon.files.icc import clean
from p3m_anon.files.icc_findings import ordinary, profile_remarks
from p3m_anon.files.icc_known import known_spaces
from tests.files.profiles import builtin_srgb, desc, fuzzed, planted, tables, with_tag


def severities(icc: bytes) -> list[str]:
    return [remark.severity for remark in profile_remarks(icc)]


@pytest.mark.parametrize("place", planted())
def test_every_planted_byte_is_a_leak_with_its_place(place: str) -> None:
    said = [remark.what for remark in profile_remarks(planted()[place]) if remark.severity == "leak"]
    assert said
    assert "at byte" in said[0]


def test_ours_say_nothing_and_ordinary_ones_are_a_note() -> None:
    for space in known_spaces():
        assert severities(space.profile) == []
    ours = clean(fuzzed(0), 3).profile
    assert ours is not None
    assert severities(ours) == []
    assert severities(builtin_srgb()) == ["note"]


def test_tables_are_opaque() -> None:
    ours = clean(tables(9), 3).profile
    assert ours is not None
    assert severities(ours) == ["note"]
    assert severities(tables(9)) == ["note", "leak"]  # its description is a person's name


@pytest.mark.shared
def test_profiles_of_real_files_are_ordinary(shared_data: Path) -> None:
    for name in ("hopper.iccprofile.tif", "sharp_16-bit-grey-alpha.png"):
        icc = Image.open(shared_data / "bad" / name).info["icc_profile"]
        assert severities(icc) == ["note"], list(profile_remarks(icc))


def test_words() -> None:
    assert ordinary("sRGB IEC61966-2.1")
    assert ordinary("Copyright (c) 1998 Hewlett-Packard Company")
    assert ordinary("Copyright 1999 Adobe Systems Incorporated")
    assert ordinary("Copyright Apple Inc., 2022")
    assert ordinary("Display P3")
    assert ordinary("Generic Gray Gamma 2.2 Profile")
    assert not ordinary("sRGB " + "0123456789" * 3)
    assert not ordinary("sRGB \x01\x02")
    assert not ordinary("Erika Mustermann, calibrated display")
    assert severities(with_tag(builtin_srgb(), b"desc", desc("sRGB IEC61966-2.1"))) == ["note"]


@pytest.mark.parametrize("icc", [b"", b"junk" * 100, builtin_srgb()[:200]])
def test_what_no_program_can_read(icc: bytes) -> None:
    assert severities(icc) == ["leak"]
