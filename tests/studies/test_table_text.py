"""What is printed where: numbers, reasons in their place, and the notes below."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from p3m_anon.evaluation.grids import Grid
from p3m_anon.studies.layout import Figure, paper_layout, plain_layout
from p3m_anon.studies.results import Result
from p3m_anon.studies.study import Study, read_study
from p3m_anon.studies.table_text import printed, table_grid
from tests.studies.report_cases import P_B, P_N, all_of, done, study

STUDIES = [study(), study(seeds=(0, 1)), *(read_study(f"table{n}") for n in range(1, 6)), study(table=None)]


def grid(wanted: Study, found: list[Result]) -> Grid:
    return table_grid(paper_layout(wanted, found) if wanted.table else plain_layout(wanted, found))


def line(grid: Grid, title: str, below: int = 0) -> list[str]:
    """Texts of the line that begins with this title, or so many below it."""
    at = next(n for n, cells in enumerate(grid.lines) if cells[0].text == title)
    return [cell.text for cell in grid.lines[at + below]]


@pytest.mark.parametrize("wanted", STUDIES, ids=lambda one: f"table {one.table}, seeds {len(one.seeds)}")
@pytest.mark.parametrize("some", [False, True])
def test_all_lines_are_as_wide_as_the_heads(wanted: Study, some: bool, tmp_path: Path) -> None:
    found = all_of(wanted, tmp_path, pictures=1)
    table = grid(wanted, found[::2] if some else found)
    assert {sum(cell.span for cell in cells) for cells in (*table.heads, *table.lines)} == {table.width}
    numbers = {number for cells in table.lines for cell in cells for number in cell.notes}
    assert numbers <= set(range(1, len(table.notes) + 1))
    assert len(set(table.notes)) == len(table.notes)


def test_numbers_are_rounded_where_they_are_printed_and_not_before() -> None:
    assert printed(Figure((8.73499,), None), 2) == "8.73"
    assert printed(Figure((8.0, 9.0), None), 2) == "8.50 ± 0.71"
    assert printed(Figure((), None), 2) == "undefined"


def test_ours_the_papers_and_the_difference_are_one_below_the_other(tmp_path: Path) -> None:
    wanted = study(methods=("gfm",), trained_on=("B",), tested_on=(P_B,))
    found = all_of(wanted, tmp_path)
    exact = dict(zip(("sad", "mse", "mad"), (13.20499, 0.00449, 0.00851), strict=True))
    found = [replace(found[0], means=dict(found[0].means) | exact)]
    table = grid(wanted, found)
    assert line(table, "GFM")[1:5] == ["ours", "13.20", "0.0045", "0.0085"]
    assert line(table, "GFM", 1)[1:5] == ["paper", "13.20", "0.0050", "0.0080"]
    assert line(table, "GFM", 2)[1:5] == ["difference", "+0.00", "-0.0005", "+0.0005"]
    assert line(table, "GFM")[5:] == ["not in this study"] * 3
    assert line(table, "P3M-Net")[2:] == ["not in this study"] * 4
    assert line(table, "P3M-Net", 1)[2:5] == ["8.73", "0.0026", "0.0051"]


def test_why_there_is_no_number(tmp_path: Path) -> None:
    wanted = study(methods=("gfm",))
    bb, bn, nb, nn = all_of(wanted, tmp_path)
    found = [
        replace(bb, state="failed", note="loss is not finite; log: runs/x.log", means={}),
        replace(bn, state="absent", note="", means={}),
        replace(nb, state="running", note="step 3 of 9", means={}),
        replace(nn, state="impossible", note="needs originals", means={}),
    ]
    table = grid(wanted, found)
    assert line(table, "GFM")[2:] == ["failed", "not run", "running", "impossible"]
    assert table.notes == (
        "GFM B:B P3M-500-P: failed: loss is not finite; log: runs/x.log",
        "GFM N:B P3M-500-P: running: step 3 of 9",
        "impossible: needs originals",
    )
    cells = next(cells for cells in table.lines if cells[0].text == "GFM")
    assert [cell.notes for cell in cells[2:]] == [(1,), (), (2,), (3,)]
    assert [cell.source for cell in cells] == [""] * 6


def test_how_many_seeds_is_said(tmp_path: Path) -> None:
    wanted = study(methods=("gfm",), seeds=(0, 1, 2), trained_on=("B",), tested_on=(P_B,))
    found = all_of(wanted, tmp_path)
    assert line(grid(wanted, found), "GFM")[1] == "ours, 3 seeds"
    found[1] = replace(found[1], state="failed", note="no room", means={})
    table = grid(wanted, found)
    assert line(table, "GFM")[1] == "ours, 2 seeds"
    assert table.notes == ("GFM B:B P3M-500-P, seed 1: failed: no room", "GFM B:B P3M-500-P: over 2 of 3 seeds")


def test_a_mean_over_fewer_pictures_than_there_are_is_marked(tmp_path: Path) -> None:
    wanted = study(methods=("gfm",), trained_on=("B",), tested_on=(P_B,))
    found = [replace(all_of(wanted, tmp_path)[0], scored=2)]
    assert grid(wanted, found).notes == ("GFM B:B P3M-500-P: the mean is over 2 of 3 pictures",)


def test_a_metric_that_is_not_defined_everywhere_is_marked(tmp_path: Path) -> None:
    wanted = study(methods=("gfm",), trained_on=("B",), tested_on=(P_B,))
    (found,) = all_of(wanted, tmp_path)
    notes = grid(wanted, [replace(found, counts={"mse": 2})]).notes
    assert "GFM B:B P3M-500-P: undefined in some pictures: MSE over 2" in notes
    added = replace(found, added=True, scored=2, note="over other pictures")
    said = [note for note in grid(wanted, [added]).notes if note.startswith("GFM")]
    assert said == [
        "GFM B:B P3M-500-P: over other pictures",
        "GFM B:B P3M-500-P: the mean is over 2 of 3 pictures",
    ]


@pytest.mark.parametrize("table", [1, 2, 3, 4, 5, None])
def test_contamination_is_said_at_the_name_and_below(table: int | None, tmp_path: Path) -> None:
    flagged = replace(done(tmp_path, "birefnet", "X", P_B, None), flags=("trained on the test pictures: its card",))
    text = grid(study(table=table, methods=("p3mnet",)), [flagged])
    assert any("birefnet: contaminated: trained on the test pictures: its card" in note for note in text.notes)
    cells = [cell for cells in (*text.heads, *text.lines) for cell in cells if cell.text == "birefnet, contaminated"]
    assert len(cells) == 1
    assert cells[0].notes


def test_table_1_has_methods_across_with_four_places(tmp_path: Path) -> None:
    found = [replace(done(tmp_path, "closed_form", "", test, None)) for test in (P_B, P_N)]
    table = grid(study(table=1, methods=("closed_form",)), found)
    heads = [cell.text for cell in table.heads[0]]
    assert heads[3:] == ["Closed", "IFM", "KNN", "Compre", "Robust", "Learning", "Global", "Shared"]
    assert [cells[0].text for cells in table.lines] == ["B", *[""] * 8, "N", *[""] * 8]
    assert [cells[1].text for cells in table.lines][::3] == ["SAD-T", "MSE-T", "MAD-T"] * 2
    assert [cell.text for cell in table.lines[0]][2:5] == [
        "ours",
        f"{found[0].means['sad_t']:.4f}",
        "not in this study",
    ]
    assert table.lines[10][3].text == "9.4812"


def test_unknown_and_no_training_are_said(tmp_path: Path) -> None:
    unknown, solved = done(tmp_path, "theirs", "X", P_B, None), done(tmp_path, "closed_form", "", P_B, None)
    notes = grid(study(), [unknown, solved]).notes
    assert notes == (
        "on what it was trained is not known; it stands beside training on blurred pictures",
        "not trained: the same under every training",
    )
    assert "on what it was trained is not known" in grid(study(table=1), [unknown, solved]).notes
    assert "not trained: the same under every training" not in grid(study(table=1), [unknown, solved]).notes


def test_what_is_odd_in_the_papers_own_numbers_is_said_below() -> None:
    below = {number: " ".join(grid(read_study(f"table{number}"), []).notes) for number in range(1, 6)}
    assert [number for number in below if "0.00066 is as printed" in below[number]] == [5]
    assert [number for number in below if "count the transition area only" in below[number]] == [1, 2]
    assert [number for number in below if "do not name the training pictures" in below[number]] == [4, 5]


def test_table_5_ticks_the_modules() -> None:
    table = grid(read_study("table5"), [])
    ticks = [[cell.text for cell in cells[1:4]] for cells in table.lines if cells[0].text]
    assert ticks == [["", "", ""], ["✓", "", ""], ["✓", "✓", ""], ["✓", "", "✓"], ["✓", "✓", "✓"]]
    assert [cell.text for cell in table.heads[0] if cell.span == 3] == ["P3M-500-P", "P3M-500-NP"]
