"""Markdown that shows names as they are."""

from __future__ import annotations

import html
import re

import pytest

from p3m_anon.evaluation.grids import Grid, GridCell
from p3m_anon.studies.markdown import escaped, source_table, table
from p3m_anon.studies.sources import Source
from tests.studies.report_cases import ODD


def shown(text: str) -> str:
    """What a reader sees of escaped text."""
    return html.unescape(re.sub(r"\\([\\`*_{}\[\]|~#$])", r"\1", text))


@pytest.mark.parametrize("text", [ODD, "a*b*", "`x`", "[a](b)", "back\\slash", "~~no~~", "# head", "&amp;", "$x$"])
def test_names_are_shown_as_they_are(text: str) -> None:
    assert shown(escaped(text)) == text
    assert not re.search(r"(?<!\\)[|`*_\[\]~]|<|>", escaped(text))


def test_a_table_has_as_many_cells_in_every_line() -> None:
    heads = ((GridCell(""), GridCell("B:B", 2)), (GridCell("Method"), GridCell("SAD"), GridCell("MSE")))
    lines = ((GridCell(ODD), GridCell("1.00", notes=(1, 2)), GridCell("2")), (GridCell("b"), GridCell("not run", 2)))
    text = table(Grid("t", "T", 1, heads, lines, ("first\nnote", ODD))).splitlines()
    assert text[0] == "| Method | B:B SAD | B:B MSE |"
    assert text[1] == "| :-- | --: | --: |"
    assert text[2] == r"| a\_b &amp; &lt;x&gt;\|y | 1.00 <sup>1, 2</sup> | 2 |"
    assert text[3] == "| b | not run |  |"
    assert text[5:] == ["1. first note", r"2. a\_b &amp; &lt;x&gt;\|y"]


def test_sources_lead_to_the_run_folders() -> None:
    cells = (ODD, "B:B", "P3M-500-P", "0", "done", "3 of 3", "")
    text = source_table([Source("x", cells, "runs/a b"), Source("y", cells, "")], "../../").splitlines()
    assert "| [runs/a b](../../runs/a%20b/) |" in text[2]
    assert len(re.split(r"(?<!\\)\|", text[2])) == len(re.split(r"(?<!\\)\|", text[0]))
    assert "| - |" in text[3]
