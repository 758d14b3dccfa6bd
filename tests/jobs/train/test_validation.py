"""Validation of a network that goes on being trained."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from p3m_anon.jobs.eval.inputs import pictures
from p3m_anon.jobs.train.inputs import TrainInputs
from p3m_anon.jobs.train.validation import SHOWN, Validator, chosen, validated
from p3m_anon.methods.p3mnet.network import P3MNet
from p3m_anon.methods.registry import METHODS
from tests.jobs.train.cases import make_dataset

SPLIT = "P3M-500-P"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_dataset(tmp_path / "dataset", train=1, tests=4)


@pytest.fixture
def network() -> P3MNet:
    torch.manual_seed(0)
    return P3MNet(width=8).train()


def test_the_network_is_left_as_it_is(root: Path, network: P3MNet) -> None:
    before = {name: one.clone() for name, one in network.state_dict().items()}
    found = Validator(list(pictures(root, SPLIT)), SPLIT, 1)(network, 5)
    assert network.training
    assert all(torch.equal(one, before[name]) for name, one in network.state_dict().items())
    assert found.count == 4
    assert found.means["sad"] > 0


def test_a_method_that_is_given_the_trimap_is_scored_where_it_is_unknown(root: Path) -> None:
    build = METHODS["dim"].build
    assert build is not None
    torch.manual_seed(0)
    found = Validator(list(pictures(root, SPLIT)), SPLIT, 1, method="dim")(build(2), 1)
    assert (found.count, found.problems) == (4, ())
    assert found.means["sad"] == found.means["sad_t"] > 0
    whole = Validator(list(pictures(root, SPLIT)), SPLIT, 1)(P3MNet(width=8), 1)
    assert whole.means["sad"] > whole.means["sad_t"]


def test_it_says_the_same_however_many_threads_score(root: Path, network: P3MNet) -> None:
    means = [Validator(list(pictures(root, SPLIT)), SPLIT, workers)(network, 1).means for workers in (1, 3)]
    assert means[0] == means[1]


def test_a_picture_that_cannot_be_scored_is_named_and_left_out(root: Path, network: P3MNet) -> None:
    (root / "validation" / SPLIT / "mask" / "p_101.png").write_bytes(b"none")
    found = Validator(list(pictures(root, SPLIT)), SPLIT, 1)(network, 1)
    assert found.count == 3
    (problem,) = found.problems
    assert problem.startswith("p_101: alpha p_101.png")


def test_the_same_pictures_are_shown_each_time(root: Path, network: P3MNet) -> None:
    shown: list[tuple[int, int]] = []
    validator = Validator(
        list(pictures(root, SPLIT)), SPLIT, 2, on_panels=lambda panels, step: shown.append((len(panels), step))
    )
    for step in (3, 6):
        validator(network, step)
    assert shown == [(4, 3), (4, 6)]
    assert SHOWN >= 4


def test_the_chosen_are_evenly_spread() -> None:
    numbers = list(range(500))
    assert chosen(numbers, 4) == [0, 125, 250, 375]
    assert chosen(numbers, 0) == numbers
    assert chosen(numbers, 600) == numbers


def test_a_run_on_originals_is_validated_on_originals(root: Path, tmp_path: Path) -> None:
    originals = tmp_path / "clear" / SPLIT
    shutil.copytree(root / "validation" / SPLIT / "blurred_image", originals)
    found = validated(TrainInputs(root, protocol="N", originals=originals.parent), SPLIT, 2)
    assert [one.image for one in found.pictures] == [originals / "p_100.jpg", originals / "p_102.jpg"]
    assert (found.clear, found.notices) == (True, ())
    blurred = validated(TrainInputs(root), SPLIT, 2)
    assert [one.image.parent.name for one in blurred.pictures] == ["blurred_image"] * 2
    assert (blurred.clear, blurred.notices) == (False, ())
    absent = validated(TrainInputs(root, protocol="N", originals=tmp_path), SPLIT, 2)
    assert absent.pictures == blurred.pictures
    assert not absent.clear
    (notice,) = absent.notices
    assert notice.startswith("validated on blurred pictures")
