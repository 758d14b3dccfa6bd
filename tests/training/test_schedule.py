"""The learning rate of every step."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p3m_anon.training.run_settings import RunSettings
from p3m_anon.training.schedule import learning_rate

PAPER = RunSettings()


def test_the_papers_is_fixed() -> None:
    assert {learning_rate(step, 100, PAPER) for step in range(100)} == {1e-5}


def test_it_grows_in_a_straight_line() -> None:
    settings = replace(PAPER, learning_rate=1.0, warmup=4)
    assert [learning_rate(step, 9, settings) for step in range(6)] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]


def test_the_cosine_falls_from_all_of_it_to_almost_nothing() -> None:
    settings = replace(PAPER, learning_rate=1.0, schedule="cosine", warmup=10)
    rates = [learning_rate(step, 110, settings) for step in range(10, 110)]
    assert rates[0] == 1.0
    assert rates[50] == pytest.approx(0.5)
    assert 0 < rates[-1] < 1e-3
    assert rates == sorted(rates, reverse=True)
