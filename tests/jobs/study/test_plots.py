"""What of a layout is drawn: whose figures stand where."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from p3m_anon.jobs.study import plots as study_plots
from p3m_anon.jobs.study.plots import NO_SHIFTS, NO_SLOPES, plots_of
from p3m_anon.reports.study_plots import Bar, Line, Shift, Slopes
from p3m_anon.studies.layout import Layout, paper_layout, plain_layout
from p3m_anon.studies.results import Result
from tests.studies.report_cases import P_B, P_N, all_of, done, study

Drawn = dict[str, list]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    """What the plots were given, by metric for bars."""
    found: Drawn = {}
    monkeypatch.setattr(study_plots, "bars_plot", lambda metric, panels: (found.update({metric: panels}), b"png")[1])
    monkeypatch.setattr(study_plots, "slopes_plot", lambda _, slopes: (found.update(slopes=slopes), b"png")[1])
    monkeypatch.setattr(study_plots, "shifts_plot", lambda _, shifts: (found.update(shifts=shifts), b"png")[1])
    return found


def sads(found: list[Result]) -> dict[str, float]:
    return {f"{one.trained_on}:{one.test.pictures}": one.means["sad"] for one in found}


def test_every_number_is_drawn_where_it_belongs(drawn: Drawn, tmp_path: Path) -> None:
    wanted = study(methods=("gfm",))
    found = all_of(wanted, tmp_path)
    sad = sads(found)
    plots_of(paper_layout(wanted, found), "sad")
    panels = {title: next(bar for bar in bars if bar.method == "GFM") for title, bars in drawn["SAD"]}
    assert {title: (bar.ours, bar.paper) for title, bar in panels.items()} == {
        "B:B on P3M-500-P": (sad["B:B"], 13.20),
        "B:N on P3M-500-P": (sad["B:N"], 13.08),
        "N:B on P3M-500-P": (sad["N:B"], 13.54),
        "N:N on P3M-500-P": (sad["N:N"], 10.73),
    }
    (slopes,) = (one for one in drawn["slopes"] if one.method == "GFM")
    assert slopes == Slopes(
        "GFM",
        (
            Line("B", sad["B:B"], sad["B:N"], paper=False),
            Line("B", 13.20, 13.08, paper=True),
            Line("N", sad["N:B"], sad["N:N"], paper=False),
            Line("N", 13.54, 10.73, paper=True),
        ),
    )
    assert Shift("GFM", (sad["B:B"], sad["B:N"]), (13.20, 13.08)) in drawn["shifts"]


def test_what_is_not_trained_is_drawn_once(drawn: Drawn, tmp_path: Path) -> None:
    solved = [done(tmp_path, "closed_form", "", test, None) for test in (P_B, P_N)]
    layout = plain_layout(
        study(table=None, methods=("closed_form", "dim")), [*all_of(study(methods=("dim",)), tmp_path), *solved]
    )
    plots_of(layout, "sad_t")
    assert [title for title, bars in drawn["SAD-T"] if "Closed" in [bar.method for bar in bars]] == [
        "B on P3M-500-P",
        "N on P3M-500-P",
    ]
    (closed,) = (one for one in drawn["slopes"] if one.method == "Closed")
    assert [(line.trained_on, line.paper) for line in closed.lines] == [("", False), ("", True)]
    assert [shift.method for shift in drawn["shifts"]].count("Closed") == 1


def test_contaminated_methods_are_marked(drawn: Drawn, tmp_path: Path) -> None:
    flagged = [replace(done(tmp_path, "Theirs", "X", test, None), flags=("knows them",)) for test in (P_B, P_N)]
    plots_of(paper_layout(study(), flagged), "sad")
    names = [bar.method for bar in drawn["SAD"][0][1]]
    assert "Theirs\ncontaminated" in names
    assert "Theirs\ncontaminated" in [one.method for one in drawn["slopes"]]
    assert "Theirs\ncontaminated" in [one.method for one in drawn["shifts"]]
    assert isinstance(drawn["SAD"][0][1][0], Bar)


def missing(layout: Layout) -> list[str]:
    return plots_of(layout, "sad")[1]


def test_only_what_is_not_drawn_is_said_to_be_missing(tmp_path: Path) -> None:
    normal = study(methods=("gfm",), trained_on=("N",))
    assert missing(paper_layout(normal, all_of(normal, tmp_path))) == [NO_SHIFTS]
    blurred = study(methods=("gfm",), trained_on=("B",))
    assert missing(paper_layout(blurred, all_of(blurred, tmp_path))) == []
    one_kind = study(methods=("gfm",), tested_on=(P_B,))
    assert missing(paper_layout(one_kind, all_of(one_kind, tmp_path))) == [NO_SLOPES, NO_SHIFTS]
