"""The hardest pictures, and whose mattes of them are shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from p3m_anon.evaluation.rows import EvalRow
from p3m_anon.studies.worst import hardest, metric_of, shown
from tests.studies.report_cases import NP_N, P_B, P_N, all_of, done, study


def rows(**sads: float) -> list[EvalRow]:
    return [EvalRow(id, "P3M-500-P", sad=sad, sad_t=-sad) for id, sad in sads.items()]


def test_the_largest_mean_over_the_methods_comes_first() -> None:
    of = {"one": rows(a=1.0, b=9.0, c=5.0, d=5.0), "two": rows(a=30.0, b=9.0, c=5.0, d=5.0)}
    found = hardest(of, "sad", 3)
    assert [(hard.id, hard.mean) for hard in found] == [("a", 15.5), ("b", 9.0), ("c", 5.0)]
    assert found[0].figures == {"one": 1.0, "two": 30.0}
    assert [hard.id for hard in hardest(of, "sad_t", 1)] == ["c"]


def test_a_picture_without_a_score_counts_with_the_other_methods() -> None:
    failed = EvalRow("a", "P3M-500-P", sad=900.0, error="no matte")
    found = hardest({"one": [failed], "two": rows(a=2.0), "three": [EvalRow("a", "P3M-500-P")]}, "sad", 9)
    assert [(hard.mean, hard.figures) for hard in found] == [(2.0, {"two": 2.0})]


def test_blurred_pictures_are_shown_and_clear_ones_only_alone(tmp_path: Path) -> None:
    found = all_of(study(tested_on=(NP_N, P_N, P_B)), tmp_path)
    assert {one.test for one in shown(found)} == {P_B}
    assert {one.test for one in shown([one for one in found if one.test != P_B])} == {NP_N}
    none = [replace(one, state="failed") for one in found if one.test == P_B]
    assert {one.test for one in shown([*none, *(one for one in found if one.test == P_N)])} == {P_N}
    assert shown([]) == []


def test_each_method_once_trained_on_blurred_with_the_first_seed(tmp_path: Path) -> None:
    found = [
        done(tmp_path, "gfm", "N", P_B, 0),
        done(tmp_path, "gfm", "B", P_B, 7),
        done(tmp_path, "gfm", "B", P_B, 3),
        done(tmp_path, "shm", "N", P_B, 1),
    ]
    assert [(one.method, one.trained_on, one.seed) for one in shown(found)] == [("gfm", "B", 3), ("shm", "N", 1)]


@pytest.mark.parametrize(
    ("methods", "metric"),
    [(["closed_form", "dim"], "sad_t"), (["closed_form", "gfm"], "sad_t"), (["theirs", "gfm"], "sad")],
)
def test_methods_that_know_the_trimap_are_compared_in_the_transition(methods: list[str], metric: str) -> None:
    assert metric_of(methods) == metric
