"""Reading studies."""

from __future__ import annotations

from pathlib import Path

import pytest

from p3m_anon.errors import UsageError
from p3m_anon.studies import study as studies
from p3m_anon.studies.study import Study, read_study, shipped

SMALL = """
methods = ["closed_form", "p3mnet"]
tested_on = ["P3M-500-P:B"]
"""


def read(folder: Path, text: str) -> Study:
    (folder / "mine.toml").write_text(text)
    return read_study(folder / "mine.toml")


def test_what_a_study_leaves_out_is_the_papers(tmp_path: Path) -> None:
    study = read(tmp_path, SMALL)
    assert (study.name, study.title, study.table, study.trained_on, study.seeds) == ("mine", "mine", None, ("B",), (0,))
    assert study.tested_on == (studies.TestSet("P3M-500-P", "B"),)
    assert dict(study.training) == dict(study.evaluation) == {}


def test_a_study_survives_json(tmp_path: Path) -> None:
    study = read(tmp_path, SMALL + "seeds = [1, 2]\n[training]\ncrops = [64]\n[evaluation]\nstrategy = 'resize'\n")
    assert Study.from_dict(study.to_dict()) == study


@pytest.mark.parametrize("name", shipped())
def test_shipped_studies_are_read_by_their_names(name: str) -> None:
    assert read_study(name).name == name


@pytest.mark.parametrize(
    ("text", "named", "allowed"),
    [
        ("title = ", "not a valid TOML", ""),
        ("tested_on = ['P3M-500-P:B']", "methods", "p3mnet"),
        ("methods = ['nobody']", "nobody", "p3mnet"),
        ("methods = ['p3mnet', 'p3mnet']", "twice", ""),
        (SMALL + "colour = 1", "colour", "seeds"),
        (SMALL + "table = 6", "table", "1 to 5"),
        (SMALL + "table = true", "table", "1 to 5"),
        ("methods = [['closed_form']]\ntested_on = ['P3M-500-P:B']", "['closed_form']", "p3mnet"),
        ("methods = [{a = 1}]\ntested_on = ['P3M-500-P:B']", "{'a': 1}", "p3mnet"),
        (SMALL + "seeds = [-1]", "seeds", "from 0 to"),
        (SMALL + "seeds = [18446744073709551616]", "seeds", "from 0 to"),
        (SMALL + "[training]\nbackbone = {closed_form = 'r34.pth'}", "closed_form", "p3mnet"),
        (SMALL + "[training]\nbackbone = {p3mnett = 'r34.pth'}", "p3mnett", "p3mnet"),
        (SMALL + "seeds = [1, 1]", "seeds", "different"),
        (SMALL + "trained_on = ['X']", "trained_on", "B, N"),
        ("methods = ['p3mnet']\ntested_on = ['P3M-500-NP:B']", "tested_on", "P3M-500-NP:N"),
        (SMALL + "training = 3", "[training]", "table"),
        (SMALL + "[training]\nepoch = 3", "epoch", "epochs"),
        (SMALL + "[training]\nepochs = 'three'", "epochs", "whole number"),
        (SMALL + "[training]\nepochs = 0", "epochs", "at least 1"),
        (SMALL + "[training]\nsize = 33", "size", "multiple of 32"),
        (SMALL + "[training]\ncomposition = 'maybe'", "composition", "auto"),
        (SMALL + "[evaluation]\nmethod = 'p3mnet'", "method", "strategy"),
    ],
)
def test_errors_name_file_key_and_what_is_allowed(tmp_path: Path, text: str, named: str, allowed: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, text)
    assert all(part in str(caught.value) for part in ("mine.toml", named, allowed))


def test_the_error_of_an_unknown_name_lists_what_is_shipped() -> None:
    with pytest.raises(UsageError, match="table3"):
        read_study("table33")
