"""The page of a study: self-contained, escaped, linked, and honest about clear faces."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from p3m_anon.evaluation.grids import Grid, GridCell
from p3m_anon.reports.study_page import Plot, SourceLine, StudyPage, Worst, write_study_page
from p3m_anon.reports.study_strips import Tile

EVIL = "<img src=x onerror=alert(1)>'\""
HEADS = ((GridCell(""), GridCell("B:B", 2)), (GridCell("Method"), GridCell("SAD"), GridCell("MSE")))
LINES = (
    (GridCell(EVIL), GridCell("1.00", notes=(1,), kind="ours", source=EVIL), GridCell("2", kind="ours", source=EVIL)),
    (GridCell("gone"), GridCell("not run", 2, kind="state")),
)
GRID = Grid("table", EVIL, 1, HEADS, LINES, (EVIL,))
CELLS = (EVIL, "B:B", "P3M-500-P", "0", "done", "3 of 3", EVIL)
PAGE = StudyPage(
    title=EVIL,
    said=[EVIL],
    table=GRID,
    gaps=GRID,
    no_gaps="",
    others=[GRID],
    plots=[Plot("p", EVIL, b"png")],
    missing=[EVIL],
    worst=[Worst(EVIL, EVIL, [Tile(EVIL, EVIL, b"jpeg"), Tile("b", "no score", b"")])],
    worst_said=EVIL,
    source_titles=["Method", "Protocol", "Test set", "Seed", "State", "Pictures", "Run folder", "Remarks"],
    sources=[SourceLine(EVIL, CELLS, "../../runs/a b/eval.html", EVIL), SourceLine("other", CELLS, "", "")],
    shows_clear_faces=False,
)


def written(folder: Path, page: StudyPage) -> str:
    return write_study_page(folder / "report.html", page).read_text("utf-8")


def test_names_are_escaped_and_nothing_comes_from_outside(tmp_path: Path) -> None:
    text = written(tmp_path, PAGE)
    assert "<img src=x" not in text
    assert text.count("&lt;img src=x") >= 20
    assert "http" not in text
    assert text.count("data:image/jpeg") == 1
    assert text.count("data:image/png") == 1
    assert "no picture" in text


def test_a_number_leads_to_its_line_and_that_to_the_run_folder(tmp_path: Path) -> None:
    text = written(tmp_path, PAGE)
    anchors = set(re.findall(r"<td class='ours[^']*'><a href='#(\w+)'>1.00", text))
    assert anchors == {"s1"}
    assert "<tr id=s1>" in text
    assert text.count(" id=s1") == 1
    assert "href='../../runs/a%20b/eval.html'" in text


def test_seeds_share_one_anchor(tmp_path: Path) -> None:
    line = PAGE.sources[0]
    text = written(tmp_path, replace(PAGE, sources=[line, line, line]))
    assert text.count(" id=s1") == 1


def test_what_covers_several_columns_does_so(tmp_path: Path) -> None:
    text = written(tmp_path, replace(PAGE, gaps=None, no_gaps="None.", others=[]))
    assert "<th colspan=2 class='edge'>B:B" in text
    assert "<td colspan=2 class='state edge'>not run" in text
    assert "<p class=dim>None.</p>" in text


def test_clear_faces_are_said_and_for_the_owner_only(tmp_path: Path) -> None:
    assert "unblurred" not in written(tmp_path, PAGE)
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o644
    assert "contains unblurred faces" in written(tmp_path, replace(PAGE, shows_clear_faces=True))
    assert (tmp_path / "report.html").stat().st_mode & 0o777 == 0o600
