"""Means, and the paper's numbers: every one of them is where the paper has it."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal
from importlib.resources import files
from itertools import chain
from pathlib import Path

import pytest

from p3m_anon.evaluation.rows import METRICS, EvalRow
from p3m_anon.evaluation.tables import means, paper_methods, paper_row, table_4
from p3m_anon.methods.registry import METHODS

TABLE_1 = ["Closed", "IFM", "KNN", "Compre", "Robust", "Learning", "Global", "Shared"]
PROTOCOLS = ("B:B", "B:N", "N:B", "N:N")


@pytest.fixture(scope="module")
def tables() -> dict[int, dict]:
    data = json.loads(files("p3m_anon.manifests").joinpath("paper_tables.json").read_bytes(), parse_float=Decimal)
    return {table["number"]: table for table in data["tables"]}


@pytest.fixture(scope="module")
def printed(shared_data: Path) -> dict[int, list[list[str]]]:
    """The cells of each table in the paper's text: the lines between a header and the caption that ends them."""
    text = (shared_data.parent / "paper" / "p3m_acmmm21.md").read_text("utf-8")
    heads = {1: "Test set\tMetric", 2: "Setting\tB:B", 3: "Setting\tB:B", 4: "Method\tP3M-500-P", 5: "\tTFI\tsBFI"}
    found = {}
    for number, head in heads.items():
        before = text[: re.search(rf"^Table {number}:", text, re.MULTILINE).start()]
        block = before[before.rindex("\n" + head) :]
        found[number] = [line.split("\t") for line in block.splitlines() if re.search(r"\t0\.\d|\t\d+\.\d", line)]
    return found


def values(tables, number, **where) -> list[str]:
    rows = [row for row in tables[number]["rows"] if all(row.get(key) == value for key, value in where.items())]
    assert len(rows) == 1, where
    return [str(value) for value in rows[0]["values"]]


def title(name: str) -> str:
    return paper_methods()[name].title


def test_table_1_is_the_papers(tables, printed):
    order = [row["method"] for row in tables[1]["rows"] if row["tested_on"] == "B"]
    assert [title(name) for name in order] == TABLE_1
    for start, test in ((0, "B"), (3, "N")):
        columns = [cells[-len(order) :] for cells in printed[1][start : start + 3]]
        for index, name in enumerate(order):
            ours = values(tables, 1, method=name, tested_on=test)
            assert ours == [column[index] for column in columns]


@pytest.mark.parametrize("number", [2, 3])
def test_tables_2_and_3_are_the_papers(tables, printed, number):
    names = {re.sub(r" [\[(].*", "", cells[0]): cells[1:] for cells in printed[number]}
    rows = tables[number]["rows"]
    assert {title(row["method"]) for row in rows} == set(names)
    assert len(rows) == 4 * len(names)
    for name in {row["method"] for row in rows}:
        ours = [values(tables, number, method=name, trained_on=p[0], tested_on=p[2]) for p in PROTOCOLS]
        assert list(chain(*ours)) == names[title(name)]


def test_table_4_is_the_papers(tables, printed):
    names = {cells[0].rstrip("★"): cells[1:] for cells in printed[4]}
    assert {title(row["method"]) for row in tables[4]["rows"]} == set(names)
    for name in {row["method"] for row in tables[4]["rows"]}:
        ours = values(tables, 4, method=name, split="P3M-500-P") + values(tables, 4, method=name, split="P3M-500-NP")
        assert ours == names[title(name)]


def test_table_5_is_the_papers(tables, printed):
    variants = []
    for row in tables[5]["rows"]:
        if row["modules"] not in variants:
            variants.append(row["modules"])
    assert len(variants) == len(printed[5])
    for modules, cells in zip(variants, printed[5], strict=True):
        assert [cell == "✓" for cell in cells[:3]] == [name in modules for name in ("TFI", "sBFI", "dBFI")]
        ours = [values(tables, 5, modules=modules, split=split) for split in ("P3M-500-P", "P3M-500-NP")]
        assert list(chain(*ours)) == [cell for cell in cells if cell and cell != "✓"]


def test_tables_fit_each_other(tables):
    """What the paper prints twice is the same, and every row has a value for each metric and a known method."""
    for number, table in tables.items():
        assert set(table["metrics"]) <= set(METRICS)
        for row in table["rows"]:
            assert len(row["values"]) == len(table["metrics"])
            assert row["method"] in paper_methods()
            assert (row["trained_on"] is None) == (number == 1)
    for name in ("shm", "lf", "hatt", "gfm", "p3mnet"):
        three = values(tables, 3, method=name, trained_on="B", tested_on="B")
        assert three == values(tables, 4, method=name, split="P3M-500-P")[:3]
    assert values(tables, 5, modules=[], split="P3M-500-P") == values(
        tables, 3, method="basic", trained_on="B", tested_on="B"
    )


def test_a_methods_row_is_found_where_the_paper_has_it():
    whole = paper_row("p3mnet", "P3M-500-P", "X", "B")
    assert (whole.title, whole.tables) == ("P3M-Net", (4,))
    assert str(whole.values["sad"]) == "8.73"
    assert len(whole.values) == 8
    crossed = paper_row("p3mnet", "P3M-500-P", "N", "B")
    assert (crossed.tables, {name: str(value) for name, value in crossed.values.items()}) == (
        (3,),
        {"sad": "11.22", "mse": "0.0040", "mad": "0.0065"},
    )
    assert paper_row("closed_form", "P3M-500-P", "X", "N").tables == (1,)
    assert str(paper_row("closed_form", "P3M-500-P", "X", "N").values["sad_t"]) == "9.4812"
    assert paper_row("gfm", "P3M-500-NP", "X", "N").tables == (4,)
    assert paper_row("p3mnet", "train", "X", "B") is None
    assert paper_row("unheard_of", "P3M-500-P", "X", "B") is None


def test_a_whole_image_figure_is_not_set_beside_a_transition_only_one():
    table_4_t = paper_row("p3mnet", "P3M-500-P", "B", "B", transition_only=True)
    assert {name: str(value) for name, value in table_4_t.values.items()} == {
        "sad_t": "6.89",
        "mse_t": "0.0193",
        "mad_t": "0.0478",
    }
    assert paper_row("p3mnet", "P3M-500-P", "N", "N", transition_only=True) is None
    whole, own = (paper_row("dim", "P3M-500-P", "B", "B", transition_only=only) for only in (False, True))
    assert whole == own


def test_the_variants_of_table_5_are_methods():
    basic = paper_row("basic", "P3M-500-NP", "X", "N")
    assert (str(basic.values["sad"]), basic.tables) == ("17.01", (5,))
    assert paper_row("basic", "P3M-500-P", "B", "B").tables == (3,)
    for name, modules, blurred, normal in (
        ("p3mnet_tfi", "TFI", "11.32", "13.70"),
        ("p3mnet_tfi_sbfi", "TFI, sBFI", "9.47", "12.36"),
        ("p3mnet_tfi_dbfi", "TFI, dBFI", "9.76", "12.45"),
    ):
        on_p, on_np = paper_row(name, "P3M-500-P", "B", "B"), paper_row(name, "P3M-500-NP", "B", "N")
        assert (on_p.title, on_p.tables, on_np.tables) == (f"P3M-Net ({modules})", (5,), (5,))
        assert [float(one.values["sad"]) for one in (on_p, on_np)] == [float(blurred), float(normal)]
        assert paper_row(name, "P3M-500-P", "N", "B") is None  # trained on blurred pictures only
    assert paper_row("p3mnet", "P3M-500-P", "B", "B").tables == (4,)


def test_a_method_of_another_name_has_its_papers_row():
    hsv, knn = (paper_row(name, "P3M-500-P", "X", "B") for name in ("knn_hsv", "knn"))
    assert hsv == knn
    assert hsv.tables == (1,)


def test_it_is_known_on_what_a_row_was_trained():
    assert paper_row("p3mnet", "P3M-500-P", "X", "B").trained_on == "B"
    assert paper_row("p3mnet", "P3M-500-P", "N", "B").trained_on == "N"
    assert paper_row("closed_form", "P3M-500-P", "N", "B").trained_on == ""


def test_the_registry_and_the_tables_say_the_same_of_a_method():
    both = METHODS.keys() & paper_methods().keys()
    assert {"p3mnet", "basic"} <= both
    for name in both:
        assert tuple(paper_methods()[name]) == (METHODS[name].title, METHODS[name].needs_trimap), name


def test_means_leave_out_what_has_no_score_and_say_so():
    rows = [
        EvalRow("a", "P3M-500-P", **dict.fromkeys(METRICS, 1.0)),
        EvalRow("b", "P3M-500-P", **dict.fromkeys(METRICS, 2.0) | {"mse_t": math.nan}),
        EvalRow("c", "P3M-500-P", error="no prediction"),
    ]
    result = means(rows)
    assert (result.pictures, result.scored) == (3, 2)
    assert result["sad"] == 1.5
    assert result["mse_t"] == 1.0
    assert result.caveats() == [
        "means over 2 of 3 pictures; the others have no score",
        "undefined in some pictures: MSE-T over 1",
    ]
    assert means(rows[:1]).caveats() == []
    assert math.isnan(means(rows[2:])["sad"])


def test_the_table_rounds_only_what_it_prints():
    ours = means([EvalRow("a", "P3M-500-P", **dict.fromkeys(METRICS, 8.734999))])
    head, mine, paper, difference = table_4("p3mnet", ours, paper_row("p3mnet", "P3M-500-P", "B", "B"))
    assert head[1:] == ["SAD", "MSE", "MAD", "SAD-T", "MSE-T", "MAD-T", "GRAD", "CONN"]
    assert mine[1:3] == ["8.73", "8.7350"]
    assert paper == [
        "P3M-Net, paper (Table 4)",
        "8.73",
        "0.0026",
        "0.0051",
        "6.89",
        "0.0193",
        "0.0478",
        "8.22",
        "13.88",
    ]
    assert difference[1:3] == ["+0.00", "+8.7324"]
    assert table_4("mine", means([]), None)[1:] == [["mine", *"--------"]]
    trimap = table_4("dim", ours, paper_row("dim", "P3M-500-P", "N", "N"))
    assert trimap[2][1:] == ["-", "-", "-", "4.7941", "0.0116", "0.0334", "-", "-"]
