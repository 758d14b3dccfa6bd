"""Gaps between protocols, against the same by hand."""

from __future__ import annotations

import csv
import io
import math
import statistics
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from p3m_anon.evaluation.rows import METRICS, read_csv
from p3m_anon.studies import markdown
from p3m_anon.studies.gaps import gaps, gaps_grid
from p3m_anon.studies.layout import paper_layout, plain_layout
from p3m_anon.studies.long_table import gap_table
from tests.studies.report_cases import NP_N, P_B, P_N, all_of, changed, done, study


def test_gaps_are_paired_by_seed_and_the_papers_are_of_its_numbers(tmp_path: Path) -> None:
    wanted = study(methods=("shm",), seeds=(0, 1, 2))
    found = all_of(wanted, tmp_path)
    means = {(one.trained_on, one.test.pictures, one.seed): one.means["sad"] for one in found}
    found = [one for one in found if (one.trained_on, one.test.pictures, one.seed) != ("N", "N", 1)]
    normal, blurred = (gap for gap in gaps(paper_layout(wanted, found)) if gap.entry.method == "shm")
    assert (normal.pair.title, blurred.pair.title) == ("B:N - N:N", "N:B - B:B")
    by_hand = [means["B", "N", seed] - means["N", "N", seed] for seed in (0, 2)]
    assert normal.figures["sad"].values == tuple(by_hand)
    assert normal.figures["sad"].mean == pytest.approx(statistics.mean(by_hand), rel=1e-12)
    assert normal.figures["sad"].spread == pytest.approx(statistics.stdev(by_hand), rel=1e-12)
    assert blurred.figures["sad"].values == tuple(means["N", "B", s] - means["B", "B", s] for s in (0, 1, 2))
    assert normal.figures["sad"].paper == Decimal("7.20")  # 24.33 - 17.13
    assert blurred.figures["mse"].paper == Decimal("0.0015")  # 0.0115 - 0.0100
    assert len(normal.runs) == 4
    assert normal.sources == ("shm B:N P3M-500-P", "shm N:N P3M-500-P")


def test_a_gap_that_lacks_a_protocol_says_which(tmp_path: Path) -> None:
    wanted = study(methods=("gfm",))
    found = all_of(wanted, tmp_path)
    found = [replace(one, state="failed", means={}) if one.trained_on == "N" else one for one in found]
    layout = paper_layout(wanted, found)
    ours = [gap for gap in gaps(layout) if gap.entry.method == "gfm"]
    assert [gap.why for gap in ours] == ["N:N failed", "N:B failed"]
    grid = gaps_grid(layout, ours)
    assert {sum(cell.span for cell in cells) for cells in (*grid.heads, *grid.lines)} == {grid.width}
    assert [cell.text for cell in grid.lines[1]] == ["", "", "", "", "paper", "+2.35", "+0.0017", "+0.0017"]


def test_a_method_that_is_not_here_says_so_once(tmp_path: Path) -> None:
    wanted = study(methods=("gfm",))
    layout = paper_layout(wanted, all_of(wanted, tmp_path))
    other = [gap for gap in gaps(layout) if gap.entry.title == "SHM"]
    assert [gap.why for gap in other] == ["not in this study"] * 2
    text = markdown.table(gaps_grid(layout, other))
    assert text.count("not in this study") == 2


def test_gaps_on_two_splits_are_told_apart(tmp_path: Path) -> None:
    wanted = study(table=None, methods=("gfm",), tested_on=(P_N, NP_N))
    layout = plain_layout(wanted, all_of(wanted, tmp_path))
    grid = gaps_grid(layout, gaps(layout))
    assert [cell.text for cell in grid.heads[0]][:5] == ["Method", "Gap", "", "Test set", ""]
    ours = [[cell.text for cell in line][:4] for line in grid.lines if line[0].text]
    assert ours == [["GFM", "B:N", "- N:N", "P3M-500-P"], ["GFM", "B:N", "- N:N", "P3M-500-NP"]]


def test_what_is_not_trained_has_no_gap_of_the_papers_numbers(tmp_path: Path) -> None:
    """The paper prints them under no training; in a study without a table they once stood under every one."""
    wanted = study(table=None, methods=("dim", "closed_form"), tested_on=(P_B, P_N))
    solved = [done(tmp_path, "closed_form", "", test, None) for test in (P_B, P_N)]
    layout = plain_layout(wanted, [*all_of(replace(wanted, methods=("dim",)), tmp_path), *solved])
    assert {gap.entry.method for gap in gaps(layout)} == {"dim"}


def test_means_over_different_pictures_are_marked(tmp_path: Path) -> None:
    wanted = study(methods=("gfm",))
    found = all_of(wanted, tmp_path)
    blurred = next(one for one in found if (one.trained_on, one.test) == ("B", P_N))
    rows = list(read_csv(tmp_path / blurred.run / "rows.csv"))
    fewer = changed(
        tmp_path, blurred, [replace(rows[0], error="no matte", **dict.fromkeys(METRICS, math.nan)), *rows[1:]]
    )
    layout = paper_layout(wanted, [fewer if one is blurred else one for one in found])
    normal, other = (gap for gap in gaps(layout) if gap.entry.method == "gfm")
    assert normal.notes == ("the two means are over different pictures: 2 and 3, 2 of them the same",)
    assert other.notes == ()
    grid = gaps_grid(layout, [normal, other])
    assert grid.notes == (f"GFM B:N - N:N P3M-500-P: {normal.notes[0]}",)
    assert [cell.notes for cell in grid.lines[0]][5:] == [(1,), (), ()]
    lines = list(csv.DictReader(io.StringIO(gap_table([normal], layout), newline="")))
    assert {line["note"] for line in lines} == {normal.notes[0]}


def test_seeds_that_are_left_out_are_named(tmp_path: Path) -> None:
    wanted = study(methods=("gfm",), seeds=(0, 1, 2))
    found = [one for one in all_of(wanted, tmp_path) if (one.trained_on, one.seed) not in (("N", 1), ("B", 2))]
    normal, _ = (gap for gap in gaps(paper_layout(wanted, found)) if gap.entry.method == "gfm")
    assert normal.notes == ("without seed 1, which only B:N has", "without seed 2, which only N:N has")


def test_seeds_that_do_not_meet_make_no_gap(tmp_path: Path) -> None:
    wanted = study(methods=("gfm",), seeds=(0, 1))
    found = [one for one in all_of(wanted, tmp_path) if one.seed == (0 if one.trained_on == "B" else 1)]
    assert {gap.why for gap in gaps(paper_layout(wanted, found)) if gap.entry.method == "gfm"} == {"no seed under both"}


def test_what_is_not_trained_or_tested_once_has_no_gap(tmp_path: Path) -> None:
    solved = [done(tmp_path, "closed_form", "", P_B, None)]
    assert not [gap for gap in gaps(paper_layout(study(methods=()), solved)) if gap.entry.method == "closed_form"]
    one_training = study(table=None, trained_on=("B",), tested_on=(P_B, NP_N))
    assert gaps(plain_layout(one_training, all_of(one_training, tmp_path))) == []


def test_a_contaminated_method_is_marked_here_too(tmp_path: Path) -> None:
    wanted = study(methods=("gfm",))
    found = [replace(one, flags=("knows them",)) for one in all_of(wanted, tmp_path)]
    layout = paper_layout(wanted, found)
    assert "GFM, contaminated" in [cells[0].text for cells in gaps_grid(layout, gaps(layout)).lines]
