"""Settings that make no sample are refused, each with its own words."""

from __future__ import annotations

import pytest

from p3m_anon.training.settings import SampleSettings


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"seed": -1}, "seed must not be negative"),
        ({"size": 31}, "size must be at least 32"),
        ({"crops": ()}, "crops must be sides"),
        ({"crops": (512, 0)}, "crops must be sides"),
        ({"kernels": (30, 15)}, "kernels must be smallest and largest"),
        ({"kernels": (0, 15)}, "kernels must be smallest and largest"),
        ({"recipe": "mine"}, "recipe must be one of paper, official"),
    ],
)
def test_refused(wrong, said):
    with pytest.raises(ValueError, match=said):
        SampleSettings(**wrong)


def test_the_defaults_are_those_of_the_paper():
    settings = SampleSettings()
    assert (settings.crops, settings.size, settings.kernels) == ((512, 768, 1024), 512, (15, 30))
