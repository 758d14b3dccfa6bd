"""Folders of the P3M-10k form, there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p3m_anon.dataset.layout import ROLES, Place, folder, place, split_folder, stem
from p3m_anon.dataset.rows import SPLITS

NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=("Cs",)), min_size=1).filter(
    lambda name: name not in (".", "..")
)


@pytest.mark.parametrize(
    ("split", "role", "expected"),
    [
        ("train", "image", "train/blurred_image"),
        ("train", "foreground", "train/fg"),
        ("P3M-500-P", "image", "validation/P3M-500-P/blurred_image"),
        ("P3M-500-NP", "image", "validation/P3M-500-NP/original_image"),
        ("P3M-500-NP", "alpha", "validation/P3M-500-NP/mask"),
    ],
)
def test_the_folders_are_those_of_the_download(split, role, expected):
    assert folder(split, role) == expected
    assert folder(split, role, validation=False) == expected.removeprefix("validation/")


@given(st.sampled_from(SPLITS), st.sampled_from(ROLES), st.booleans(), NAMES, st.sampled_from([".jpg", ".PNG", ".tif"]))
def test_place_is_the_inverse_of_folder(split, role, validation, name, ending):
    assert place(f"{folder(split, role, validation=validation)}/{name}{ending}") == Place(split, role, name)


def test_stems_keep_folders_and_foreign_endings():
    assert place("train/mask/a/b.c.png") == Place("train", "alpha", "a/b.c")
    assert stem("holiday.2020") == "holiday.2020"
    assert stem("a/.png") == "a/.png"
    assert stem(".png") == ".png"


@pytest.mark.parametrize(
    "path",
    [
        "train/original_image/a.jpg",
        "validation/P3M-500-P/original_image/a.jpg",
        "P3M-500-NP/blurred_image/a.jpg",
        "validation/train/mask/a.png",
        "validation/validation/P3M-500-P/mask/a.png",
        "train/mask",
        "train/a.jpg",
        "a.jpg",
        "",
        "train//a.png",
        "train/mask/../../a.png",
        "/train/mask/a.png",
        "./train/mask/a.png",
        "TRAIN/mask/a.png",
    ],
)
def test_what_has_no_place(path):
    assert place(path) is None


def test_unknown_words_are_refused():
    with pytest.raises(ValueError, match="split must be"):
        split_folder("test")
    with pytest.raises(ValueError, match="role must be"):
        folder("train", "mask")
