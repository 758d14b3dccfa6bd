"""The CSV of a study, against rows.csv by csv and statistics alone."""

from __future__ import annotations

import csv
import io
import math
import statistics
from dataclasses import replace
from pathlib import Path

import pytest

from p3m_anon.evaluation.rows import read_csv
from p3m_anon.studies.gaps import gaps
from p3m_anon.studies.layout import paper_layout, plain_layout
from p3m_anon.studies.long_table import COLUMNS, GAP_COLUMNS, gap_table, table
from p3m_anon.studies.study import Study
from tests.studies.report_cases import ODD, P_B, all_of, changed, done, slow_mean, study


def read(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("wanted", [study(seeds=(0, 1, 2)), study(table=None, seeds=(0, 1, 2))])
def test_every_number_equals_the_slow_one_to_the_last_digit(wanted: Study, tmp_path: Path) -> None:
    found = all_of(wanted, tmp_path, pictures=7)
    lines = read(table(paper_layout(wanted, found) if wanted.table else plain_layout(wanted, found)))
    assert tuple(lines[0]) == COLUMNS
    ours = [line for line in lines if line["ours"]]
    assert len(ours) == 2 * 4 * (3 if wanted.table else 10)
    for line in ours:
        folders = line["runs"].split(" | ")
        slow = [slow_mean(tmp_path / folder / "rows.csv", line["metric"]) for folder in folders]
        assert math.isclose(float(line["ours"]), statistics.mean(slow), rel_tol=1e-14)
        assert math.isclose(float(line["spread"]), statistics.stdev(slow), rel_tol=1e-9)
        assert (line["seeds"], line["pictures"], line["scored"], line["state"]) == ("3", "7", "7", "done")
        if line["paper"]:
            assert float(line["difference"]) == float(line["ours"]) - float(line["paper"])


def test_what_is_not_there_is_empty_and_says_why(tmp_path: Path) -> None:
    found = [done(tmp_path, ODD, "X", P_B, None)]
    lines = read(table(paper_layout(study(methods=("gfm",)), found)))
    absent = [line for line in lines if line["method"] == "gfm"]
    assert {(line["ours"], line["runs"], line["state"]) for line in absent} == {("", "", "not in this study")}
    assert [line["paper"] for line in absent][:2] == ["13.20", "0.0050"]  # with its zeros
    assert {line["title"] for line in lines if line["runs"]} == {ODD}
    assert {line["trained_on"] for line in lines if line["runs"]} == {"X"}


def test_only_the_runs_of_a_number_stand_beside_it(tmp_path: Path) -> None:
    wanted = study(methods=("gfm",), seeds=(0, 1, 2), trained_on=("B",), tested_on=(P_B,))
    found = all_of(wanted, tmp_path)
    found[1] = replace(found[1], state="failed", note="it broke", means={}, ids={})
    ours = [line for line in read(table(paper_layout(wanted, found))) if line["ours"]]
    assert {line["runs"] for line in ours} == {f"{found[0].run} | {found[2].run}"}
    assert {(line["seeds"], line["state"], line["note"]) for line in ours} == {("2", "done | failed", "it broke")}


def test_each_metric_has_its_own_count(tmp_path: Path) -> None:
    """The smallest of the seeds."""
    wanted = study(methods=("gfm",), seeds=(0, 1), trained_on=("B",), tested_on=(P_B,))
    whole, part = all_of(wanted, tmp_path)
    rows = list(read_csv(tmp_path / part.run / "rows.csv"))
    part = changed(tmp_path, part, [replace(rows[0], mse=math.nan), *rows[1:]])
    ours = {line["metric"]: line for line in read(table(paper_layout(wanted, [whole, part]))) if line["ours"]}
    assert {name: line["scored"] for name, line in ours.items()} == {"sad": "3", "mse": "2", "mad": "3"}
    assert {line["note"] for line in ours.values()} == {"undefined in some pictures: MSE over 2"}
    part = changed(tmp_path, part, [replace(one, mse=math.nan) for one in rows])
    ours = {line["metric"]: line for line in read(table(paper_layout(wanted, [whole, part]))) if line["ours"]}
    assert (ours["mse"]["runs"], ours["mse"]["seeds"]) == (whole.run, "1")
    assert ours["sad"]["runs"] == f"{whole.run} | {part.run}"


def test_no_spreadsheet_runs_a_name(tmp_path: Path) -> None:
    found = [done(tmp_path, "=1+1", "X", P_B, None)]
    lines = read(table(plain_layout(study(table=None, methods=()), found)))
    assert {line["method"] for line in lines} == {"'=1+1"}
    assert not lines[0]["difference"].startswith("'")


def test_gaps_have_their_run_folders(tmp_path: Path) -> None:
    wanted = study(methods=("gfm",), seeds=(0, 1))
    layout = paper_layout(wanted, all_of(wanted, tmp_path))
    lines = [line for line in read(gap_table(gaps(layout), layout)) if line["method"] == "gfm"]
    assert tuple(lines[0]) == GAP_COLUMNS
    assert len(lines) == 2 * 3
    for line in lines:
        means = [slow_mean(tmp_path / folder / "rows.csv", line["metric"]) for folder in line["runs"].split(" | ")]
        slow = [means[0] - means[1], means[2] - means[3]]
        assert float(line["ours"]) == pytest.approx(statistics.mean(slow), rel=1e-12)
        assert float(line["difference"]) == float(line["ours"]) - float(line["paper"])
