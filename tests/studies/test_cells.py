"""Addresses: what a cell's numbers hang on, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from p3m_anon.studies import study as studies
from p3m_anon.studies.cells import NO_METHOD, Inputs, Pictures, Planned, plan_cells
from p3m_anon.studies.study import Study, read_study

STUDY = Study(
    "one",
    "One",
    None,
    "",
    ("closed_form", "p3mnet", "dim"),
    ("B", "N"),
    tuple(map(studies.TestSet.parse, studies.TESTS)),
    (0, 1),
    {},
    {},
)


def inputs(
    train: str = "t", test: str = "e", composition: bool = False, originals: bool = True, backbone: str = ""
) -> Inputs:
    gone = Pictures(absent="needs originals")
    pictures = {
        (kind, asked): Pictures(f"{train} {kind}", composition) if originals or kind == "B" else gone
        for kind in "BN"
        for asked in ("auto", "on", "off")
    }
    clear = {"P3M-500-P:N"} if not originals else set()
    tests = {studies.TestSet.parse(one): gone if one in clear else Pictures(f"{test} {one}") for one in studies.TESTS}
    return Inputs(pictures, tests, {"p3mnet": backbone} if backbone else {})


def ids(study: Study = STUDY, found: Inputs | None = None) -> dict[tuple[object, ...], str]:
    """(kind, method, trained on, seed, test) -> id."""
    cells = [one.cell for one in plan_cells(study, found or inputs())]
    return {(one.kind, one.method, one.trained_on, one.seed, str(one.test or "")): one.id for one in cells}


def changed(study: Study = STUDY, found: Inputs | None = None) -> set[tuple[object, ...]]:
    """The cells whose ids differ from those of STUDY."""
    return {key for key, id in ids(study, found).items() if ids()[key] != id}


def test_every_cell_is_planned_once_and_trainings_come_before_what_needs_them() -> None:
    cells = [one.cell for one in plan_cells(STUDY, inputs())]
    assert len(cells) == 3 + 2 * 2 * 2 * (1 + 3)
    assert len({one.id for one in cells}) == len(cells)
    for place, cell in enumerate(cells):
        assert (cell.needs is None) == (cell.kind == "train" or cell.method == "closed_form")
        assert cell.needs is None or cell.needs in [one.id for one in cells[:place]]


def test_ids_are_readable_and_the_same_everywhere() -> None:
    assert ids()["train", "p3mnet", "B", 0, ""] == "train-p3mnet-B-s0-8d4b6b43e045"  # else all stores are worth nothing
    assert ids()["eval", "closed_form", "", None, "P3M-500-P:N"].startswith("eval-closed_form-P3M-500-P-N-")


@pytest.mark.parametrize(
    "training",
    [
        {"epochs": 3},
        {"learning_rate": 1e-4},
        {"crops": [256]},
        {"precision": "bf16"},
        {"recipe": "official"},
        {"width": 8},
        {"pipeline": "own"},
    ],
)
def test_settings_change_trainings_and_what_is_tested_of_them(training: dict[str, object]) -> None:
    moved = changed(replace(STUDY, training=training))
    assert moved == {key for key in ids() if key[1] == "dim" or (key[1] == "p3mnet" and "pipeline" not in training)}


@pytest.mark.parametrize("training", [{"epochs": 150}, {"compile": True}, {"skip_bad": True}, {"save_every": 3}])
def test_what_does_not_touch_the_weights_changes_nothing(training: dict[str, object]) -> None:
    assert changed(replace(STUDY, training=training)) == set()


def test_a_number_is_the_same_with_and_without_a_point() -> None:
    one, two = (ids(replace(STUDY, training={"learning_rate": value})) for value in (1, 1.0))
    assert one == two


def test_names_titles_and_places_change_nothing() -> None:
    assert changed(replace(STUDY, name="two", title="Two", table=3, data="elsewhere")) == set()
    fewer = ids(replace(STUDY, methods=("p3mnet",), trained_on=("N",), seeds=(1,)))
    assert set(fewer.items()) < set(ids().items())


def test_pictures_change_what_is_made_of_them() -> None:
    assert changed(found=inputs(train="other")) == {key for key in ids() if key[1] != "closed_form"}
    assert changed(found=inputs(test="other")) == {key for key in ids() if key[0] == "eval"}
    assert changed(found=inputs(composition=True)) == {key for key in ids() if key[1] != "closed_form"}
    assert changed(found=inputs(backbone="0" * 64)) == {key for key in ids() if key[1] == "p3mnet"}


def test_how_mattes_are_made_changes_the_tests_of_networks() -> None:
    for option in ({"strategy": "full"}, {"precision": "bfloat16"}):
        moved = changed(replace(STUDY, evaluation=option))
        usual = {"dim"} if option == {"strategy": "full"} else set()  # it is its default
        assert moved == {key for key in ids() if key[0] == "eval" and key[1] in {"p3mnet", "dim"} - usual}


def test_another_pymatting_makes_other_cells_of_solved_methods(monkeypatch) -> None:
    before = ids()
    monkeypatch.setattr("p3m_anon.studies.cells.pymatting_version", lambda: "9.9")
    after = ids()
    assert {key for key in before if after[key] != before[key]} == {key for key in before if key[1] == "closed_form"}


def test_the_known_area_is_a_matter_of_methods_without_trimap() -> None:
    moved = changed(replace(STUDY, evaluation={"transition_only": True}))
    assert moved == {key for key in ids() if key[0] == "eval" and key[1] == "p3mnet"}


def test_what_cannot_be_run_says_why() -> None:
    study = replace(STUDY, methods=("closed_form", "lf", "p3mnet"))
    found = plan_cells(study, inputs(originals=False))
    for one in found:
        cell = one.cell
        tests_originals = cell.test is not None and str(cell.test) == "P3M-500-P:N"
        expected = NO_METHOD if cell.method == "lf" else "needs originals" * (cell.trained_on == "N" or tests_originals)
        assert one.impossible == expected
        assert bool(cell.id) == (not expected)
    assert any(not one.impossible for one in found)


def test_a_strategy_that_a_method_does_not_have_is_impossible_for_it_alone() -> None:
    study = replace(STUDY, evaluation={"strategy": "hybrid"})
    why = {(one.cell.method, one.cell.kind): one.impossible for one in plan_cells(study, inputs())}
    assert "full, resize, tiled" in why["dim", "eval"]
    assert why["dim", "train"].startswith("none of its tests can be run: dim has no --strategy hybrid")
    assert {key for key, said in why.items() if said} == {("dim", "train"), ("dim", "eval")}


def test_nothing_is_trained_that_no_test_can_use() -> None:
    study = replace(
        STUDY, methods=("p3mnet",), trained_on=("B",), tested_on=(studies.TestSet.parse("P3M-500-P:N"),), seeds=(0,)
    )
    training, test = plan_cells(study, inputs(originals=False))
    assert (training.cell.id, test.cell.id) == ("", "")
    assert training.impossible == "none of its tests can be run: needs originals"


def test_a_planned_cell_survives_json() -> None:
    for one in plan_cells(replace(STUDY, methods=("lf", "p3mnet", "knn")), inputs()):
        assert Planned.from_dict(json.loads(json.dumps(one.to_dict()))) == one


def test_the_papers_tables_share_their_trainings() -> None:
    """P3M-Net and BASIC trained on B are in tables 3, 4 and 5, GFM and SHM in 3 and 4, DIM in 2 and 4."""
    found = {number: set(ids(read_study(f"table{number}")).values()) - {""} for number in (1, 2, 3, 4, 5)}

    def shared(one: int, two: int) -> set[str]:
        return {id.rpartition("-")[0] for id in found[one] & found[two] if id.startswith("train")}

    assert shared(3, 4) == {"train-p3mnet-B-s0", "train-gfm-B-s0", "train-shm-B-s0"}
    assert shared(3, 5) == {"train-p3mnet-B-s0", "train-basic-B-s0"}
    assert shared(4, 5) == {"train-p3mnet-B-s0"}
    assert shared(2, 4) == {"train-dim-B-s0"}
    tests = {id.rpartition("-")[0] for id in found[4] & found[5] if id.startswith("eval")}
    assert tests == {"eval-p3mnet-B-s0-P3M-500-P-B", "eval-p3mnet-B-s0-P3M-500-NP-N"}
    assert not any(found[1] & found[number] for number in (2, 3, 4, 5))
