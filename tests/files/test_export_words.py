"""What is said in words follows the settings."""

from __future__ import annotations

import pytest

from p3m_anon.faces.settings import BlurSettings
from p3m_anon.files.dataset_facts import DatasetFacts
from p3m_anon.files.export_words import blur_words, one_line, processing_words, title


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (BlurSettings(), ("between cheeks, chin and eyebrows is blurred", "0.3 face widths", "between 5 and 250")),
        (BlurSettings(region="full-face", sigma=0.5), ("with the forehead is blurred", "0.5 face widths")),
        (BlurSettings(blur_profile="strict"), ("with the forehead is replaced", "nothing of it is kept")),
    ],
)
def test_settings_in_words(settings, words):
    from dataclasses import asdict

    said = blur_words(asdict(settings))
    assert all(one in said for one in words)


def test_what_is_not_known_says_so():
    assert "not stated" in blur_words(None)
    assert processing_words(DatasetFacts()) == ["Blur settings: not stated."]
    assert title(DatasetFacts()) == "Portrait matting dataset (name not stated)"
    assert title(DatasetFacts("x", "1")) == "x 1"


def test_text_from_outside_is_one_line():
    assert one_line("a\n# b | <script>") == "a # b \\| &lt;script>"
