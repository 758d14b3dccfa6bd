"""Each flow of information-flow matting against a slow and obvious reference."""

from __future__ import annotations

import numpy as np
import pytest

from p3m_anon.methods.flows import KNOWN, MIXTURE, Scene, colour_mixture, intra_unknown, known_to_unknown, nearest_known
from p3m_anon.methods.local_embedding import STEADINESS
from p3m_anon.methods.unknown_area import unknown_area
from tests.methods.trimap_cases import composite


@pytest.fixture(scope="module")
def case():
    return composite(24, 28)


@pytest.fixture(scope="module")
def scene(case):
    return Scene(case.rgb, unknown_area(case.rgb, case.trimap))


def nearest(features, of, count):
    """The rows of `features` nearest to one, nearest first."""
    return np.argsort(np.linalg.norm(features - of, axis=1), kind="stable")[:count]


def lle(colour, neighbours):
    """By the matrix of K x K as the paper has it."""
    away = neighbours - colour
    weights = np.linalg.solve(away @ away.T + STEADINESS * np.eye(len(away)), np.ones(len(away)))
    return weights / weights.sum()


def test_only_known_pixels_near_the_unknown_area_take_part(monkeypatch, case):
    monkeypatch.setattr("p3m_anon.methods.flows._FEWEST", 15)
    monkeypatch.setattr("p3m_anon.methods.flows._PER_PIXEL", 0)
    unknown = np.argwhere(case.trimap == 128)
    for value, found in zip((255, 0), nearest_known(unknown_area(case.rgb, case.trimap)), strict=True):
        places = np.argwhere(case.trimap == value)
        away = np.sort([np.hypot(*(unknown - place).T).min() for place in places])
        here = [np.hypot(*(unknown - divmod(int(pixel), 28)).T).min() for pixel in found]
        assert len(found) == 15
        assert np.sort(here) == pytest.approx(away[:15], rel=1e-5)
        assert (case.trimap.ravel()[found] == value).all()


def test_colour_mixture(scene):
    rows, right = colour_mixture(scene)
    features, dense = scene.features(1.0), rows.toarray()
    for number in range(0, scene.ends[0], 13):
        others = nearest(features, features[number], MIXTURE + 1)
        others = others[others != number]
        weights = lle(scene.colours[number], scene.colours[others])
        expected = np.zeros(len(features))
        expected[others] = weights
        assert dense[number, number] == 1
        assert -np.delete(dense[number], number) == pytest.approx(
            np.delete(expected[: scene.ends[0]], number), abs=1e-7
        )
        assert right[number] == pytest.approx(expected[scene.ends[0] : scene.ends[1]].sum(), abs=1e-7)


def test_known_to_unknown(scene):
    flow = known_to_unknown(scene)
    features = scene.features(10.0)
    (unknown, middle), colours = scene.ends, scene.colours
    for number in range(0, unknown, 13):
        first = unknown + nearest(features[unknown:middle], features[number], KNOWN)
        second = middle + nearest(features[middle:], features[number], KNOWN)
        weights = lle(colours[number], colours[np.concatenate((first, second))])
        share, rest = weights[:KNOWN].sum(), weights[KNOWN:].sum()
        assert flow.alpha[number] == pytest.approx(np.clip(share, 0, 1), abs=1e-6)
        if min(abs(share), abs(rest)) > 0.01:
            apart = weights[:KNOWN] @ colours[first] / share - weights[KNOWN:] @ colours[second] / rest
            assert flow.weight[number] == pytest.approx(min(apart @ apart / 3, 1), rel=1e-5)


def test_intra_unknown_is_a_laplacian(scene):
    dense = intra_unknown(scene).toarray()
    assert np.abs(dense.sum(axis=1)).max() < 1e-12
    assert np.abs(dense - dense.T).max() < 1e-12
    assert (dense[~np.eye(len(dense), dtype=bool)] <= 0).all()
    features = scene.features(0.05)[: len(dense)]
    links = np.zeros_like(dense)
    for number in range(len(dense)):
        others = nearest(features, features[number], 6)
        others = others[others != number]
        links[number, others] = np.maximum(1 - np.abs(features[others] - features[number]).sum(axis=1), 0)
    links = (links + links.T) / 2
    assert np.abs(dense - np.diag(links.sum(axis=1)) + links).max() < 1e-9
