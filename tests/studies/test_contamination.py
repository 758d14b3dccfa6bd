"""Which names are flagged on which split, and that the list says where it has that from."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest

from p3m_anon.studies.contamination import contaminations

MODELS = json.loads(files("p3m_anon.manifests").joinpath("contaminated.json").read_bytes())["models"]


@pytest.mark.parametrize(
    "name",
    [
        "BiRefNet-portrait",
        "birefnet portrait",
        "BIREFNET_PORTRAIT",
        "BiRefNet/portrait",
        "ZhengPeng7/BiRefNet-portrait",
    ],
)
def test_spelling_does_not_hide_a_model(name):
    (flag,) = contaminations(name, "P3M-500-NP")
    assert flag.startswith("trained on pictures of P3M-500-NP: ")
    assert flag.endswith("(https://huggingface.co/ZhengPeng7/BiRefNet-portrait)")


def test_the_flag_is_for_the_split_that_was_trained_on():
    assert not contaminations("BiRefNet-portrait", "P3M-500-P")
    assert contaminations("BiRefNet-matting", "P3M-500-P")
    assert not contaminations("BiRefNet-matting", "P3M-500-NP")
    assert contaminations("BiRefNet", "P3M-500-P")
    assert contaminations("BiRefNet", "P3M-500-NP")


@pytest.mark.parametrize(
    "name", ["BiRefNet-legacy", "BiRefNet-DIS5K", "p3mnet", "RefNet", "", "---", "/", "BiRefNet/legacy"]
)
def test_others_are_not_flagged(name):
    """BiRefNet-legacy was trained without portraits, by its card."""
    assert not contaminations(name, "P3M-500-P")


def test_every_entry_says_where_it_has_that_from_and_names_one_model():
    names = [_bare(name) for model in MODELS for name in model["names"]]
    assert len(set(names)) == len(names)
    for model in MODELS:
        assert model["source"].startswith("https://")
        assert len(model["fact"]) > 20
        assert {"P3M-500-P", "P3M-500-NP"}.issuperset(model["trained_on"])
        assert model["trained_on"]


def _bare(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))
