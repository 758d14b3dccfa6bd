"""LaTeX that compiles: what can be said of it without LaTeX."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from p3m_anon.studies.gaps import gaps, gaps_grid
from p3m_anon.studies.latex import escaped, table
from p3m_anon.studies.layout import paper_layout, plain_layout
from p3m_anon.studies.sources import sources
from p3m_anon.studies.study import Study, read_study
from p3m_anon.studies.table_text import table_grid
from tests.studies.report_cases import NP_N, ODD, P_B, all_of, done, study

KNOWN = {
    *("providecommand", "toprule", "midrule", "bottomrule", "hline", "begin", "end", "caption", "centering"),
    *("scriptsize", "setlength", "tabcolsep", "multicolumn", "cline", "par", "pm", "star", "surd"),
    *("textbackslash", "textasciitilde", "textasciicircum", "textless", "textgreater", "textbar"),
}
"""Commands that LaTeX has without a package."""


def check(text: str) -> None:
    """Balanced, every row as wide as the table, only known commands, every special character escaped."""
    code = "\n".join(line for line in text.splitlines() if not line.startswith("%"))
    assert set(re.findall(r"\\([a-zA-Z]+)", code)) <= KNOWN
    bare = re.sub(r"\\[\\&%$#_{}]", "", code)
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert not re.findall(r"[%#~]|[^\x00-\x7f\u00c0-\u017f]", bare)
    for float_ in code.split(r"\begin{table}")[1:]:
        assert re.findall(r"\\begin\{(\w+)\}", float_) == ["tabular"]
        assert re.findall(r"\\end\{(\w+)\}", float_) == ["tabular", "table"]
        columns = re.search(r"\\begin\{tabular\}\{([lr]+)\}", float_)
        assert columns
        for row in (line for line in float_.splitlines() if line.endswith(r" \\")):
            cells = re.split(r"(?<!\\)&", row.removesuffix(r" \\"))
            spans = [int(found[1]) if (found := re.match(r"\s*\\multicolumn\{(\d+)\}", cell)) else 1 for cell in cells]
            assert sum(spans) == len(columns[1])
    for line in code.splitlines():
        assert not line.startswith(("[", "*")), "it would belong to the line's end before it"


@pytest.mark.parametrize("wanted", [*(read_study(f"table{n}") for n in range(1, 6)), study(table=None, seeds=(0, 1))])
def test_all_tables_are_well_formed(wanted: Study, tmp_path: Path) -> None:
    found = [*all_of(wanted, tmp_path, pictures=1)[::2], done(tmp_path, ODD, "X", P_B, None)]
    layout = paper_layout(wanted, found) if wanted.table else plain_layout(wanted, found)
    check(table(table_grid(layout), sources(found)))
    check(table(gaps_grid(layout, gaps(layout)), sources(found)))


@pytest.mark.parametrize(
    "name",
    ["50% off", "a\\b", "{", "}}", "$x^2$", "#1", "~home", "[x]", "* star", "肖像", "é ő ł ß", "a--b", "%\n\\input"],
)
def test_names_break_nothing(name: str, tmp_path: Path) -> None:
    found = [done(tmp_path, name, "X", P_B, None)]
    text = table(table_grid(paper_layout(study(methods=()), found)), sources(found))
    check(text)
    assert escaped(name) in text


def test_what_latex_has_no_letter_for_is_named() -> None:
    assert escaped("肖é\tą") == "U+8096é U+0105"
    assert escaped("a_b & <x>|y") == r"a\_b \& \textless{}x\textgreater{}\textbar{}y"
    assert escaped("--out") == "{-}{-}out"


def test_the_run_folders_are_in_comments(tmp_path: Path) -> None:
    found = all_of(study(methods=("gfm",)), tmp_path, pictures=1)
    text = table(table_grid(paper_layout(study(methods=("gfm",)), found)), sources(found))
    assert [line.rpartition(": ")[2] for line in text.splitlines() if line[0] == "%"] == [one.run for one in found]


def widest(text: str) -> int:
    """Letters of the widest line, without markup."""
    lines = [line for line in text.splitlines() if line.endswith(r" \\")]
    bare = [re.sub(r"\\multicolumn\{\d+\}\{.\}|\$\^\{.*?\}\$|[\\${}]|pm", "", line) for line in lines]
    return max(len(line.replace(" & ", " ")) for line in bare)


@pytest.mark.parametrize(("seeds", "floats"), [((0,), 2), ((0, 1), 4)])
def test_what_is_too_wide_for_a_page_is_cut(seeds: tuple[int, ...], floats: int, tmp_path: Path) -> None:
    """A page holds about 85 letters of this size. Of one seed, a test set is a float."""
    wanted = study(table=4, methods=("gfm", "p3mnet"), trained_on=("B",), tested_on=(P_B, NP_N), seeds=seeds)
    text = table(table_grid(paper_layout(wanted, all_of(wanted, tmp_path))), [])
    check(text)
    assert widest(text) <= 85
    captions = re.findall(r"\\caption\{(.*)\}", text)
    assert len(captions) == floats
    assert [caption[-8:] for caption in captions] == [f"({n} of {floats})" for n in range(1, floats + 1)]
    parts = text.split(r"\begin{table}")[1:]
    assert [["P3M-500-P}" in part, "P3M-500-NP}" in part] for part in parts] == [
        [n < floats / 2, n >= floats / 2] for n in range(floats)
    ]
    assert [r"\par $^{1}$" in part for part in parts] == [False] * (floats - 1) + [True]
