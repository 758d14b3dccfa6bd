"""Gaps between protocols, against the same by hand."""

from __future__ import annotations

import statistics
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from p3m_anon.studies.gaps import gaps, gaps_grid
from p3m_anon.studies.layout import paper_layout, plain_layout
from tests.studies.report_cases import NP_N, P_B, all_of, done, study


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
    assert [cell.text for cell in grid.lines[1]] == ["", "", "", "paper", "+2.35", "+0.0017", "+0.0017"]


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
