"""Where each number comes from, and what is said of it there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from p3m_anon.studies.sources import TITLES, sources
from tests.studies.report_cases import P_B, done


def test_a_line_says_all_that_is_known_of_its_cell(tmp_path: Path) -> None:
    plain = done(tmp_path, "Theirs", "X", P_B, None)
    odd = replace(plain, note="as it is", counts={"mse": 2}, flags=("knows them",))
    first, second, failed = sources([plain, odd, replace(plain, method="gfm", seed=1, state="failed", note="it broke")])
    assert dict(zip([title for title in TITLES if title != "Run folder"], first.cells, strict=True)) == {
        "Method": "Theirs",
        "Protocol": "X:B",
        "Test set": "P3M-500-P",
        "Seed": "",
        "State": "done",
        "Pictures": "3 of 3",
        "Remarks": "",
    }
    assert (first.name, first.run) == ("Theirs X:B P3M-500-P", plain.run)
    assert second.cells[-1] == "as it is; undefined in some pictures: MSE over 2; contaminated: knows them"
    assert (failed.cells[3:], failed.name) == (("1", "failed", "", "it broke"), "gfm X:B P3M-500-P")
