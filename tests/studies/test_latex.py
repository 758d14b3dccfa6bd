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
from tests.studies.report_cases import ODD, P_B, all_of, done, study

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
    assert re.findall(r"\\begin\{(\w+)\}", code) == ["table", "tabular"]
    assert re.findall(r"\\end\{(\w+)\}", code) == ["tabular", "table"]
    columns = re.search(r"\\begin\{tabular\}\{([lr]+)\}", code)
    assert columns
    rows = [line for line in code.splitlines() if line.endswith(r" \\")]
    for row in rows:
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
    check(table(table_grid(paper_layout(study(methods=()), found)), sources(found)))


def test_what_latex_has_no_letter_for_is_named() -> None:
    assert escaped("肖é\tą") == "U+8096é U+0105"
    assert escaped("a_b & <x>|y") == r"a\_b \& \textless{}x\textgreater{}\textbar{}y"
    assert escaped("--out") == "{-}{-}out"


def test_the_run_folders_are_in_comments(tmp_path: Path) -> None:
    found = all_of(study(methods=("gfm",)), tmp_path, pictures=1)
    text = table(table_grid(paper_layout(study(methods=("gfm",)), found)), sources(found))
    assert [line.rpartition(": ")[2] for line in text.splitlines() if line[0] == "%"] == [one.run for one in found]
