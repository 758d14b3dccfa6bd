"""The composition loss is on for all pictures, or off and the user is told."""

from __future__ import annotations

import pytest

from p3m_anon.errors import UsageError
from p3m_anon.training.rows import Composed, TrainRow, composition_of

WITH = TrainRow("a", "a.jpg", "a.png", "fg.png", "bg.jpg")
WITHOUT = TrainRow("b", "b.jpg", "b.png")


@pytest.mark.parametrize("asked", ["auto", "on"])
def test_on_without_a_word_if_all_have_layers(asked):
    assert composition_of([WITH, WITH], asked) == Composed(True, None)


@pytest.mark.parametrize("rows", [[WITH], [WITHOUT], [WITH, WITHOUT]])
def test_off_is_off(rows):
    assert composition_of(rows, "off") == Composed(False, None)


def test_auto_is_off_if_any_lacks_them():
    on, notice = composition_of([WITH, WITHOUT, WITHOUT], "auto")
    assert not on
    assert notice.startswith("composition loss is off: 2 of 3 pictures have no layers (fg, bg)")
    assert "p3m-anon foreground" in notice


def test_on_estimates_those_that_lack_them():
    on, notice = composition_of([WITHOUT], "on")
    assert on
    assert notice.startswith("no picture has layers on disk: they are estimated")


def test_anything_else_is_a_mistake():
    with pytest.raises(UsageError, match="composition is auto, on or off"):
        composition_of([WITH], "yes")
