"""Figures over faces: what counts as hidden, which face is worst, groups of widths."""

from __future__ import annotations

import itertools

import pytest

from p3m_anon.jobs.audit.figures import WORST, FaceFigure, inversion, quantiles, strength, width_group, worst_faces


def face(width=40.0, kept=0.1, likeness=None, masked=True, seen=False):
    return FaceFigure("a.jpg", (0, 0, width, width), width, masked, kept, likeness, None, seen)


def test_a_face_in_the_open_is_no_face_that_was_hidden_badly():
    found = strength([face(kept=0.1), face(kept=1.0, masked=False)])
    assert found["faces"] == 1
    assert found["detail_kept"] == {"median": 0.1, "worst_tenth": 0.1, "worst": 0.1}
    assert found["effective_sigma"] is None


def test_the_worst_come_first_by_detail_or_by_what_the_filter_brings_back():
    faces = [face(kept=0.01 * n) for n in range(30)] + [face(kept=0.0, likeness=0.9), face(kept=None)]
    worst = worst_faces(faces)
    assert len(worst) == WORST
    assert worst[0].likeness == 0.9
    assert worst[1].kept == pytest.approx(0.29)
    assert all(a.weakness >= b.weakness for a, b in itertools.pairwise(worst))


def test_widths_and_quantiles():
    assert [width_group(width) for width in (3, 15.4, 16, 127, 128, 4000)] == [
        *("0 to 15 px", "0 to 15 px", "16 to 23 px", "64 to 127 px", "128+ px", "128+ px")
    ]
    groups = strength([face(20, seen=True), face(20), face(200)])["by_width"]
    assert [(one["width"], one["faces"], one["still_seen"]) for one in groups] == [
        ("16 to 23 px", 2, 1),
        ("128+ px", 1, 0),
    ]
    assert quantiles([None]) is None
    assert quantiles([0.1, 0.2, 0.3], weak_is_low=True)["worst"] == 0.1


def test_inversion_counts_only_what_was_tried():
    assert inversion([face()]) is None
    found = inversion([face(likeness=0.2), face(likeness=0.6), face(likeness=0.8), face()])
    assert (found["faces"], found["over_half"], found["over_three_quarters"]) == (3, 2, 1)
