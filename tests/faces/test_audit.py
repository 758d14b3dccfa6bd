"""Which places are looked at, what is equal outside the mask, and what follows from the measures."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from p3m_anon.detectors import shape_prior
from p3m_anon.faces.align import SIDE, TEMPLATE, aligned, five_points
from p3m_anon.faces.audit import FaceMeasures, Known, Sighting, best, overlap, targets
from p3m_anon.faces.audit_findings import BY_A_PERSON, face_findings, identity_findings, outside_findings
from p3m_anon.faces.detail import Detail
from p3m_anon.faces.face import Face
from p3m_anon.faces.outside import close_outside, coding_blocks, equal_outside, jpeg_limit, unchanged

SIZE = (200, 300)
BOX = (40.0, 40.0, 100.0, 120.0)


def face(box=BOX, view="frontal") -> Face:
    return Face(shape_prior.mean_in_box(box), box, 0.9, "stub", view=view)


def mask(*parts: tuple[int, int, int, int]) -> np.ndarray:
    out = np.zeros(SIZE, bool)
    for x0, y0, x1, y1 in parts:
        out[y0:y1, x0:x1] = True
    return out


class TestTargets:
    """Every place once, with the mask around it."""

    def test_a_face_in_its_mask(self):
        (one,) = targets(SIZE, [Known(face(), "ledger"), Known(face(), "source")], [], mask((35, 35, 105, 125)))
        assert one.origin == "ledger"
        assert one.cover == 1
        assert one.measured.area == one.zone.area > 500

    def test_a_face_beside_its_mask_is_measured_whole(self):
        one, other = targets(SIZE, [Known(face(), "source")], [], mask((150, 35, 220, 125)))
        assert one.cover == 0
        assert one.measured is one.zone
        assert other.origin == "mask"
        assert other.zone.x > 150

    def test_the_transition_region_is_not_measured(self):
        drawn = mask((35, 35, 105, 125))
        drawn[:, 70:71] = False
        (one,) = targets(SIZE, [Known(face(), "ledger")], [], drawn)
        assert 0.9 < one.cover < 1
        assert one.measured.area < one.zone.area

    def test_sightings_are_places_unless_known(self):
        seen = [Sighting("centerface", BOX, 0.9), Sighting("centerface", (200, 50, 260, 120), 0.4, 1)]
        found = targets(SIZE, [Known(face(), "source")], seen, None)
        assert [one.origin for one in found] == ["source", "release"]
        assert found[1].cover is None

    def test_a_sighting_over_a_masked_face_is_no_place_and_one_beside_it_is(self):
        drawn = mask((35, 35, 105, 125))
        over, beside = Sighting("x", (50, 45, 112, 125), 0.9), Sighting("x", (85, 40, 160, 120), 0.9)
        found = targets(SIZE, [Known(face(), "ledger")], [over, beside], drawn)
        assert [one.box for one in found] == [BOX, beside.box]
        assert found[1].is_open is True
        assert found[1].touches_mask is True
        assert found[0].is_open is False

    def test_a_small_face_in_the_box_of_a_large_one_is_a_place(self):
        large = face((20.0, 20.0, 180.0, 190.0))
        found = targets(
            SIZE, [Known(large, "ledger")], [Sighting("x", (22, 22, 42, 46), 0.9)], mask((60, 40, 160, 170))
        )
        assert [one.origin for one in found] == ["ledger", "release"]
        assert not found[1].touches_mask

    def test_outside_the_mask_only_the_open_part_is_measured(self):
        found = targets(SIZE, [], [Sighting("x", BOX, 0.9)], mask((40, 40, 65, 120)))
        (one,) = [place for place in found if place.origin == "release"]
        assert 0 < one.cover < 0.5
        assert one.measured.area == pytest.approx((1 - one.cover) * one.zone.area, abs=1)

    def test_a_profile_is_measured_in_the_middle_of_its_box(self):
        (one,) = targets(SIZE, [Known(face(view="profile"), "ledger")], [], None)
        assert one.zone.area == pytest.approx(np.pi / 4 * 36 * 48, rel=0.05)

    def test_specks_are_no_places(self):
        assert targets(SIZE, [], [], mask((10, 10, 13, 13))) == []


def test_overlap_is_a_share_of_the_smaller_box():
    assert overlap((0, 0, 10, 10), (5, 0, 15, 10)) == 0.5
    assert overlap((0, 0, 10, 10), (2, 2, 4, 4)) == 1
    assert overlap((0, 0, 10, 10), (20, 0, 30, 10)) == 0
    assert overlap((0, 0, 0, 0), (0, 0, 1, 1)) == 0


GOOD = FaceMeasures(
    box=BOX,
    width=60,
    origin="ledger",
    sure=True,
    cover=1.0,
    score_before=0.9,
    score_after=0.2,
    sightings=(),
    fired=(),
    detail=Detail(1.5, 18.0, 0.01, 0.1, 16.0),
    restored=Detail(15.0, 18.0, 0.1, 0.2, 14.0),
    score_restored=0.4,
)
KEPT = Detail(17.0, 18.0, 0.95, 1.0, 40.0)
BLIND = Detail(17.0)
SURE = Sighting("yunet", BOX, 0.85, sure=0.8)
FAR = Sighting("yunet", BOX, 0.92, sure=0.8)
UNSURE = Sighting("yunet", BOX, 0.75, sure=0.8)
OUTSIDE = {"origin": "release", "sure": False, "score_before": None, "cover": 0.0, "restored": None}
ALONE = {"score_before": None, "cover": None, "restored": None}
LEAK, NOTE = [("leak", "clear face")], [("note", "clear face")]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"score_after": 0.65, "fired": ("centerface",)}, [("note", "detector")]),
        ({"detail": KEPT}, LEAK),
        ({"detail": KEPT, "width": 15.4}, NOTE),
        ({"detail": Detail(8.0, 18.0, 0.45, 0.9, 20.0)}, LEAK),
        ({"detail": Detail(3.0, 5.0, 0.45, 0.9, 20.0)}, [("warning", "clear face")]),
        ({"origin": "source", "detail": KEPT, "score_before": 0.55, "cover": 0.0}, LEAK),
        ({"origin": "source", "sure": False, "detail": KEPT, "score_before": 0.35, "cover": 0.0}, NOTE),
        ({"sure": False, "score_before": 0.1, "detail": KEPT}, NOTE),
        ({"sure": False, "score_before": 0.1, "restored": Detail(15.0, 18.0, 0.8, 0.85, 20.0)},
         [("note", "inverse filter")]),
        ({**OUTSIDE, "detail": KEPT, "sightings": (SURE,)}, LEAK),
        ({**OUTSIDE, "detail": KEPT, "sightings": (SURE,), "cover": 0.5}, LEAK),
        ({**OUTSIDE, "detail": KEPT, "sightings": (SURE,), "cover": 0.51}, []),
        ({**OUTSIDE, "detail": KEPT, "sightings": (SURE,), "width": 16}, LEAK),
        ({**OUTSIDE, "detail": KEPT, "sightings": (SURE,), "width": 15}, NOTE),
        ({**OUTSIDE, "detail": KEPT, "sightings": (SURE,), "in_source": True}, LEAK),
        ({**OUTSIDE, "detail": KEPT, "sightings": (SURE,), "in_source": False}, NOTE),
        ({**OUTSIDE, "detail": KEPT, "sightings": (UNSURE,)}, NOTE),
        ({**OUTSIDE, "detail": replace(KEPT, kept=0.1), "sightings": (SURE,)}, LEAK),
        ({**OUTSIDE, "detail": Detail(17.0, 4.0, 0.4, 0.3, 15.0), "sightings": (SURE,)}, LEAK),
        ({**OUTSIDE, "detail": Detail(4.0, 18.0, 0.1, 0.2, 15.0), "sightings": (SURE,)}, []),
        ({**OUTSIDE, "detail": BLIND, "sightings": (SURE,)}, LEAK),
        ({**OUTSIDE, "detail": Detail(4.0), "sightings": (SURE,)}, []),
        ({**ALONE, "origin": "release", "detail": BLIND, "sightings": (FAR,)}, LEAK),
        ({**ALONE, "origin": "release", "detail": BLIND, "sightings": (SURE,)}, []),
        ({**ALONE, "origin": "release", "detail": BLIND, "sightings": (FAR, Sighting("x", BOX, 0.68))}, LEAK),
        ({**ALONE, "origin": "release", "detail": BLIND, "sightings": (Sighting("centerface", BOX, 0.72),)}, LEAK),
        ({**ALONE, "origin": "release", "detail": Detail(1.5), "sightings": (FAR,)}, []),
        ({**ALONE, "origin": "release", "detail": BLIND, "sightings": (Sighting("centerface", BOX, 0.65),)}, []),
        ({**ALONE, "detail": BLIND, "sightings": (FAR,)}, LEAK),
        ({"restored": Detail(15.0, 18.0, 0.8, 0.85, 20.0)}, [("leak", "inverse filter")]),
        ({"restored": Detail(15.0, 18.0, 0.5, 0.6, 20.0)}, [("warning", "inverse filter")]),
    ],
)  # fmt: skip
def test_findings_about_a_face(change, expected):
    found = face_findings(replace(GOOD, **change))
    assert [(f.severity, f.check) for f in found] == expected
    assert all(f.box == BOX for f in found)


def test_a_decision_of_a_person_makes_a_leak_a_note():
    (found,) = face_findings(replace(GOOD, detail=KEPT), "public_figure, decided by Mei")
    assert (found.severity, found.check) == ("note", BY_A_PERSON)
    assert "public_figure, decided by Mei" in found.evidence


def test_identity():
    assert identity_findings(BOX, 0.3, 0.1, 0.4) == []
    assert identity_findings(BOX, 0.5, 0.1, 0.4)[0].severity == "leak"
    assert identity_findings(BOX, 0.5, 0.45, 0.4)[0].severity == "note"  # hair and outline show it
    assert identity_findings(BOX, 0.5, None, 0.4)[0].severity == "warning"


class TestOutside:
    """Equal, or as close as promised."""

    @pytest.fixture
    def rgb(self) -> np.ndarray:
        picture = np.random.default_rng(3).integers(0, 256, (20, 30, 3), dtype=np.uint8)
        return np.asarray(cv2.resize(picture, (300, 200), interpolation=cv2.INTER_CUBIC))

    @pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
    def test_one_pixel(self, rgb, dtype):
        before = rgb.astype(dtype)
        after = before.copy()
        after[mask((40, 40, 60, 60))] = 0
        assert equal_outside(before, after, mask((40, 40, 60, 60))).wrong == 0
        after[150, 100, 2] += 1
        found = equal_outside(before, after, mask((40, 40, 60, 60)))
        assert (found.wrong, found.at, found.worst) == (1, (100, 150), 1)
        assert outside_findings(found, "exact")[0].severity == "leak"
        assert equal_outside(before, after, mask((40, 40, 60, 60)), tolerance=1).wrong == 0

    def test_arrays_that_are_not_alike_are_refused(self, rgb):
        with pytest.raises(ValueError, match="alike"):
            equal_outside(rgb, rgb[..., 0], mask())

    def test_coding_blocks(self):
        found = coding_blocks(mask((20, 20, 21, 21)), 2, 2)
        rows, cols = np.flatnonzero(found.any(1)), np.flatnonzero(found.any(0))
        assert (rows[0], rows[-1], cols[0], cols[-1]) == (15, 32, 15, 32)  # one unit and a ring of one pixel
        assert coding_blocks(mask((20, 20, 21, 21)), 1, 1).sum() == 64
        assert coding_blocks(np.ones((13, 21), bool), 2, 1).all()
        assert not coding_blocks(mask(), 2, 2).any()

    @pytest.mark.parametrize("quality", [95, 75, 40])
    def test_a_jpeg_keeps_its_own_bound(self, rgb, quality):
        """One coding by a real encoder never exceeds the limit of its table; a blot does."""
        from io import BytesIO

        from PIL import Image

        stream = BytesIO()
        Image.fromarray(rgb).save(stream, "JPEG", quality=quality, subsampling=0)
        with Image.open(stream) as picture:
            limit = jpeg_limit(tuple(picture.quantization[0]))  # type: ignore[attr-defined]
            after = np.asarray(picture).copy()
        assert close_outside(rgb, after, mask(), limit).wrong == 0
        after[100:108, 100:108] = np.where(rgb[100:108, 100:108] < 128, 255, 0)
        found = close_outside(rgb, after, mask(), limit)
        assert found.wrong >= 64
        assert found.at in [(96, 96), (104, 96), (96, 104), (104, 104)]
        assert close_outside(rgb, after, mask((96, 96, 112, 112)), limit).wrong == 0

    def test_a_copy_is_unchanged_and_a_blurred_face_is_not(self, rgb):
        again = cv2.imdecode(cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, 75])[1], cv2.IMREAD_COLOR)
        assert unchanged(rgb, np.asarray(again))
        hidden = rgb.copy()
        hidden[60:140, 100:160] = 20
        assert not unchanged(rgb, hidden)


def test_alignment_puts_the_five_points_where_embedders_want_them():
    rng = np.random.default_rng(0)
    angle, scale = 0.4, 2.5
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points = TEMPLATE @ turn.T + (150, 60)
    rgb = rng.integers(0, 50, (500, 500, 3), dtype=np.uint8)
    for x, y in points:
        cv2.circle(rgb, (round(x), round(y)), 6, (255, 255, 255), -1)
    crop = aligned(rgb, points)
    assert crop.shape == (SIDE, SIDE, 3)
    for x, y in TEMPLATE:
        assert crop[round(y), round(x)].min() > 200
    assert five_points(face().landmarks).shape == (5, 2)


def test_a_sighting_belongs_to_the_face_that_it_shares_most_with():
    """Hair beside a masked face: the source's face overlaps both places, but it is the masked one's."""
    face, hair = (0.0, 0.0, 50.0, 70.0), (20.0, 0.0, 80.0, 60.0)
    seen = [Sighting("x", (0.0, 0.0, 52.0, 70.0), 0.9)]
    assert best(seen, hair) == 0.9
    assert best(seen, hair, [face]) == 0.0
    assert best(seen, face, [hair]) == 0.9
