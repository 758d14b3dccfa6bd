"""Each result and each of the paper's numbers stands where the paper has it."""

from __future__ import annotations

import json
import math
import statistics
from dataclasses import replace
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import pytest

from p3m_anon.studies.layout import Block, Figure, identity, paper_layout, plain_layout
from p3m_anon.studies.study import read_study
from p3m_anon.studies.table_text import state
from tests.studies.report_cases import NP_N, P_B, P_N, all_of, done, study

NAMED = {
    ("p3mnet", "TFI"): "p3mnet_tfi",
    ("p3mnet", "TFI sBFI"): "p3mnet_tfi_sbfi",
    ("p3mnet", "TFI dBFI"): "p3mnet_tfi_dbfi",
}


def paper_rows(number: int) -> list[dict]:
    """The table as its file has it, read without our code."""
    data = json.loads(files("p3m_anon.manifests").joinpath("paper_tables.json").read_bytes(), parse_float=Decimal)
    table = next(one for one in data["tables"] if one["number"] == number)
    return [{**row, "metrics": table["metrics"]} for row in table["rows"]]


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_every_number_of_the_paper_stands_beside_its_method(number: int) -> None:
    layout = paper_layout(read_study(f"table{number}"), [])
    by_name = {entry.method: entry for entry in layout.entries}
    rows = paper_rows(number)
    for row in rows:
        name = NAMED.get((row["method"], " ".join(row.get("modules", []))), row["method"])
        block = Block(row["trained_on"] or "", row["tested_on"], row["split"])
        values = dict(zip(row["metrics"], row["values"], strict=True))
        assert layout.places[by_name[name], block].paper == values
        assert {metric: layout.places[by_name[name], block].figure(metric).paper for metric in values} == values
    count = sum(len(place.paper) for place in layout.places.values())
    twice = 2 * 3 if number == 1 else 0  # knn_hsv is KNN, too
    assert count == sum(len(row["values"]) for row in rows) + twice


def test_methods_of_the_paper_that_the_study_leaves_out_are_there_and_others_come_last() -> None:
    layout = paper_layout(study(methods=("p3mnet", "closed_form", "gfm")), [])
    titles = [entry.title for entry in layout.entries]
    assert titles == ["SHM", "LF", "HATT", "GFM", "BASIC", "P3M-Net", "Closed"]
    assert [entry.method for entry in layout.entries] == ["", "", "", "gfm", "", "p3mnet", "closed_form"]


def test_half_of_p3m_net_is_not_beside_p3m_nets_numbers(tmp_path: Path) -> None:
    wanted = study(methods=("p3mnet_tfi", "p3mnet"), tested_on=(P_B, NP_N))
    found = all_of(wanted, tmp_path)
    table_3 = paper_layout(wanted, found)
    assert {entry.method: bool(entry.paper) for entry in table_3.entries if entry.method} == {
        "p3mnet": True,
        "p3mnet_tfi": False,
    }
    plain = plain_layout(wanted, found)
    half, whole = plain.entries
    block = Block("B", "B", "P3M-500-P")
    assert plain.places[half, block].paper["sad"] == Decimal("11.32")
    assert plain.places[whole, block].paper["sad"] == Decimal("8.73")
    assert identity("p3mnet_tfi_dbfi") == ("p3mnet", ("TFI", "dBFI"))


def test_what_is_not_trained_or_of_unknown_training_finds_its_place(tmp_path: Path) -> None:
    solved, unknown = done(tmp_path, "closed_form", "", P_B, None), done(tmp_path, "theirs", "X", P_B, None)
    layout = paper_layout(study(methods=("gfm",)), [solved, unknown])
    by_name = {entry.method: entry for entry in layout.entries}
    bb, nb = Block("B", "B", "P3M-500-P"), Block("N", "B", "P3M-500-P")
    bn = Block("B", "N", "P3M-500-P")
    assert layout.places[by_name["closed_form"], bb].results == (solved,)
    assert layout.places[by_name["closed_form"], nb].results == (solved,)
    assert layout.places[by_name["closed_form"], bn].results == ()
    assert layout.places[by_name["theirs"], bb].results == (unknown,)
    assert layout.places[by_name["theirs"], nb].results == ()
    plain = plain_layout(study(methods=()), [solved, unknown])
    assert [(entry.method, block.trained_on) for entry, block in plain.filled()] == [
        ("closed_form", ""),
        ("theirs", "X"),
    ]


def test_the_papers_numbers_of_what_it_does_not_train_stand_beside_no_training(tmp_path: Path) -> None:
    solved = [done(tmp_path, "closed_form", "", test, None) for test in (P_B, P_N)]
    trained = done(tmp_path, "knn", "B", P_B, None)  # somebody's
    wanted = study(table=None, methods=("gfm", "closed_form"))
    layout = plain_layout(wanted, [*all_of(study(methods=("gfm",)), tmp_path), *solved, trained])
    by_name = {entry.method: entry for entry in layout.entries}
    its = [b for b in layout.blocks if layout.places[by_name["closed_form"], b].paper]
    assert [block.trained_on for block in its] == ["", ""]
    assert not any(layout.places[by_name["knn"], block].paper for block in layout.blocks)
    assert len([b for b in layout.blocks if layout.places[by_name["gfm"], b].paper]) == 4


def test_two_splits_are_never_mixed(tmp_path: Path) -> None:
    wanted = study(table=None, methods=("gfm",), trained_on=("B",), tested_on=(P_N, NP_N))
    found = all_of(wanted, tmp_path)
    layout = plain_layout(wanted, found)
    (entry,) = layout.entries
    assert [layout.places[entry, block].results for block in layout.blocks] == [(found[0],), (found[1],)]
    assert [block.split for block in layout.blocks] == ["P3M-500-P", "P3M-500-NP"]


def test_what_was_trained_has_a_place_in_the_table_of_what_is_not(tmp_path: Path) -> None:
    trained = [done(tmp_path, "Theirs", "B", test, None) for test in (P_B, P_N)]
    layout = paper_layout(study(table=1, methods=("closed_form",)), trained)
    entry = next(entry for entry in layout.entries if entry.method == "Theirs")
    assert [layout.places[entry, block].results for block in layout.blocks] == [(trained[0],), (trained[1],)]
    assert not [note for note in layout.notes if "no place" in note]


def test_what_a_table_has_no_place_for_is_said_and_not_denied(tmp_path: Path) -> None:
    theirs, ours = done(tmp_path, "Theirs", "N", P_B, None), done(tmp_path, "gfm", "N", P_B, None)
    layout = paper_layout(study(table=4), [theirs, ours])
    assert "Theirs" not in [entry.method for entry in layout.entries]
    assert layout.notes[-2:] == (
        "Theirs N:B P3M-500-P has no place here; see All metrics",
        "GFM N:B P3M-500-P has no place here; see All metrics",
    )
    gfm = next(entry for entry in layout.entries if entry.method == "gfm")
    place = layout.places[gfm, Block("B", "B", "P3M-500-P")]
    assert (place.results, state(place)) == ((), "see All metrics")
    other = layout.places[gfm, Block("B", "N", "P3M-500-NP")]
    assert state(other) == "not in this study"


def test_unknown_training_beside_a_known_one_is_said_to_be_elsewhere(tmp_path: Path) -> None:
    known, unknown = done(tmp_path, "Theirs", "B", P_B, None), done(tmp_path, "Theirs", "X", P_B, None)
    layout = paper_layout(study(), [known, unknown])
    assert "Theirs X:B P3M-500-P has no place here; see All metrics" in layout.notes


def test_other_columns_are_not_compared_where_only_the_transition_counts(tmp_path: Path) -> None:
    wanted = study(table=4, methods=("gfm", "dim"), evaluation={"transition_only": True})
    layout = paper_layout(wanted, all_of(wanted, tmp_path))
    block = Block("B", "B", "P3M-500-P")
    papers = {entry.method: set(layout.places[entry, block].paper) for entry in layout.entries}
    assert papers["gfm"] == {"sad_t", "mse_t", "mad_t"}
    assert {"sad", "sad_t", "conn"} <= papers["dim"]
    assert {"sad", "sad_t", "conn"} <= papers[""]
    assert any(note.startswith("only the transition region was counted") for note in layout.notes)


def test_its_own_training_comes_before_an_unknown_one(tmp_path: Path) -> None:
    known, unknown = done(tmp_path, "gfm", "B", P_B), done(tmp_path, "gfm", "X", P_B, None)
    layout = paper_layout(study(), [unknown, known])
    entry = next(entry for entry in layout.entries if entry.method == "gfm")
    assert layout.places[entry, Block("B", "B", "P3M-500-P")].results == (known,)


def test_methods_of_one_title_are_told_apart() -> None:
    layout = paper_layout(study(table=1, methods=("knn", "knn_hsv"), tested_on=(P_B, P_N)), [])
    assert [entry.title for entry in layout.entries if entry.method] == ["KNN (knn)", "KNN (knn_hsv)"]


def test_a_trimap_is_marked_among_methods_without() -> None:
    titles = [entry.title for entry in paper_layout(study(table=4, methods=("dim",)), []).entries]
    assert titles == ["LF", "HATT", "SHM", "GFM", "DIM★", "P3M-Net"]


def test_means_and_spread_are_over_the_seeds_that_are_done(tmp_path: Path) -> None:
    wanted = study(methods=("gfm",), seeds=(3, 1, 2), trained_on=("B",), tested_on=(P_B,))
    found = all_of(wanted, tmp_path)
    found[0] = replace(found[0], state="failed", means={})
    layout = paper_layout(wanted, found)
    entry = next(entry for entry in layout.entries if entry.method == "gfm")
    place = layout.places[entry, Block("B", "B", "P3M-500-P")]
    figure = place.figure("sad")
    assert [result.seed for result in place.results] == [1, 2, 3]
    assert figure.values == tuple(result.means["sad"] for result in place.done)
    assert len(figure.values) == 2
    assert figure.mean == statistics.mean(figure.values)
    assert figure.spread == statistics.stdev(figure.values)
    assert figure.difference == figure.mean - 13.20


def test_a_figure_of_one_value_has_no_spread_and_of_none_no_mean() -> None:
    assert math.isnan(Figure((1.0,), None).spread)
    assert math.isnan(Figure((), Decimal("1.5")).mean)
    assert math.isnan(Figure((), Decimal("1.5")).difference)
    assert math.isnan(Figure((1.0,), None).difference)
    assert Figure((1.0, 4.0), Decimal("1.5")).difference == 1.0
