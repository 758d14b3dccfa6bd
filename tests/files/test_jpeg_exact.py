"""A spliced JPEG: exact away from the mask, nothing old under it, nothing else in the file."""

from __future__ import annotations

import io
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from p3m_anon.files import jpeg_exact
from p3m_anon.files.jpeg_blocks import read_blocks, recode, touched_blocks, turn_blocks
from p3m_anon.files.jpeg_exact import TURNED_TOLERANCE, reached, splice
from p3m_anon.files.jpeg_markers import CannotSplice, parse
from p3m_anon.files.metadata import extras
from p3m_anon.files.structure import surplus
from tests.files.drawn import photo
from tests.files.jpegs import Kind, face, markers, sampled, stored, upright

UNITS = {"4:2:0": (16, 16), "4:2:2": (8, 16)}  # height and width in pixels; 8 and 8 for the rest

kinds = st.builds(
    Kind,
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    sampling=st.sampled_from(["4:4:4", "4:2:2", "4:2:0", "grey"]),
    quality=st.sampled_from([20, 50, 75, 92, 98, 100]),
    progressive=st.booleans(),
    restart=st.sampled_from([0, 1, 3]),
    orientation=st.just(1),
)


def anonymized(source: bytes, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The file's upright pixels with a face replaced by something else, and the mask."""
    pixels = upright(source).copy()
    mask = face(pixels.shape, seed)
    pixels[mask] = np.roll(pixels, 5, axis=0)[mask] // 2 + 60
    return pixels, mask


def far(again: np.ndarray, pixels: np.ndarray, near: np.ndarray) -> int:
    """The largest difference outside `near`."""
    moved = np.abs(again.astype(int) - pixels)
    moved = moved if moved.ndim == 2 else moved.max(axis=2)
    return int(moved[~near].max(initial=0))


def slow_reach(shape: tuple[int, ...], mask: np.ndarray, unit: tuple[int, int]) -> np.ndarray:
    """Every unit (height, width) that holds a masked pixel, and a ring of one pixel around it."""
    near = np.zeros(shape[:2], bool)
    for y in range(0, shape[0], unit[0]):
        for x in range(0, shape[1], unit[1]):
            if mask[y : y + unit[0], x : x + unit[1]].any():
                near[max(y - 1, 0) : y + unit[0] + 1, max(x - 1, 0) : x + unit[1] + 1] = True
    return near


@given(kind=kinds, seed=st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_pixels_away_from_the_mask_are_those_of_the_source(kind: Kind, seed: int) -> None:
    source = stored(kind)
    pixels, mask = anonymized(source, seed)
    made = splice(source, pixels, mask)
    again = upright(made.data)
    unit = UNITS.get(kind.sampling, (8, 8))
    assert far(again, upright(source), slow_reach(pixels.shape, mask, unit)) == 0
    assert made.rest_max == 0
    near = reached(parse(source).frame, mask)
    assert far(again, pixels, near) == 0
    moved = np.abs(again.astype(int) - pixels)[near & ~mask]
    assert made.edge_max == moved.max(initial=0)
    assert made.edge_mean == pytest.approx(moved.mean() if moved.size else 0)


@pytest.mark.parametrize(
    "factors",
    [
        [(1, 2), (1, 1), (1, 1)],
        [(4, 1), (1, 1), (1, 1)],
        [(2, 2), (2, 1), (2, 1)],
        [(2, 2), (1, 2), (2, 1)],
        [(1, 1), (2, 2), (1, 1)],
        [(1, 4), (1, 1), (1, 2)],
    ],
)
def test_samplings_that_few_programs_write(factors: list[tuple[int, int]]) -> None:
    source = sampled(factors)
    for seed in range(5):
        pixels, mask = anonymized(source, seed)
        made = splice(source, pixels, mask)
        frame = parse(made.data).frame
        assert [(c.across, c.down) for c in frame.components] == factors
        assert frame == parse(source).frame
        assert far(upright(made.data), upright(source), reached(frame, mask)) == 0


@given(kind=kinds, orientation=st.integers(2, 8), seed=st.integers(0, 99))
@settings(max_examples=150, deadline=None)
def test_a_turned_picture_keeps_its_coefficients_or_says_why_not(kind: Kind, orientation: int, seed: int) -> None:
    if seed % 2:
        kind = kind._replace(height=-(-kind.height // 16) * 16, width=-(-kind.width // 16) * 16)
    kind = kind._replace(orientation=orientation)
    source = stored(kind)
    pixels, mask = anonymized(source, seed)
    unit = UNITS.get(kind.sampling, (8, 8))
    height, width = unit[::-1] if orientation >= 5 else unit
    mirrored = (orientation in (3, 4, 7, 8), orientation in (2, 3, 6, 7))  # rows, columns of the upright picture
    if (mirrored[0] and pixels.shape[0] % height) or (mirrored[1] and pixels.shape[1] % width):
        with pytest.raises(CannotSplice, match="turned"):
            splice(source, pixels, mask, orientation)
        return
    made = splice(source, pixels, mask, orientation)
    assert far(upright(made.data), pixels, reached(parse(made.data).frame, mask)) == made.rest_max <= TURNED_TOLERANCE
    if orientation == 4 or (orientation <= 3 and kind.sampling == "grey" and kind.quality < 100):
        assert made.rest_max <= 1


def test_turning_four_times_is_no_turn() -> None:
    layout = parse(stored(Kind(48, 64, "4:2:2")))
    frame, blocks = layout.frame, read_blocks(layout)
    for orientation in (6, 6, 6, 6, 2, 2, 8, 6, 5, 5, 7, 7, 3, 3, 4, 4):
        frame, blocks = turn_blocks(frame, blocks, orientation)
    assert frame == layout.frame
    for new, old in zip(blocks, read_blocks(layout), strict=True):
        np.testing.assert_array_equal(new, old)


@given(kind=kinds, seed=st.integers(0, 99))
@settings(max_examples=100, deadline=None)
def test_nothing_old_survives_under_the_mask(kind: Kind, seed: int) -> None:
    """Touched blocks are a function of the anonymized pixels; all others are the source's, bit for bit."""
    source = stored(kind)
    pixels, mask = anonymized(source, seed)
    layout = parse(splice(source, pixels, mask).data)
    old, new = read_blocks(parse(source)), read_blocks(layout)
    fresh = [np.zeros_like(block) for block in old]
    recode(layout.frame, fresh, pixels, mask)
    for k, touched in enumerate(touched_blocks(layout.frame, mask)):
        np.testing.assert_array_equal(new[k][touched], fresh[k][touched])
        np.testing.assert_array_equal(new[k][~touched], old[k][~touched])


@pytest.mark.parametrize("kind", [Kind(), Kind(sampling="grey"), Kind(sampling="4:4:4", progressive=True, restart=2)])
def test_two_sources_that_differ_under_the_mask_give_one_file(kind: Kind) -> None:
    """The strongest form of the same: what was under the mask cannot be told from the result."""
    source = stored(kind)
    pixels, mask = anonymized(source)
    layout = parse(source)
    blocks = read_blocks(layout)
    other = pixels.copy()
    other[mask] = 255 - other[mask]
    recode(layout.frame, blocks, other, mask)
    twin = jpeg_exact.write_blocks(layout.frame, blocks, None)
    assert (upright(twin) != upright(source)).any()
    assert splice(twin, pixels, mask).data == splice(source, pixels, mask).data


@pytest.mark.parametrize("sampling", ["4:4:4", "grey"])
@pytest.mark.parametrize("quality", [30, 75, 95])
def test_the_error_beside_the_mask_is_bounded_by_the_tables(sampling: str, quality: int) -> None:
    """Parseval: a block's luma error is at most half a step in each coefficient; one level more for rounding."""
    source = stored(Kind(64, 64, sampling, quality))
    pixels, mask = anonymized(source)
    layout = parse(source)
    bound = np.sqrt(np.sum((np.array(layout.frame.components[0].steps) / 2) ** 2) / 64) + 1
    weights = np.array([0.299, 0.587, 0.114])
    again = upright(splice(source, pixels, mask).data)
    moved = again.astype(float) - pixels
    luma = moved if moved.ndim == 2 else moved @ weights
    rms = np.sqrt((luma.reshape(8, 8, 8, 8) ** 2).mean(axis=(1, 3)))
    assert rms.max() <= bound
    assert rms.max() > 0


ALLOWED = re.compile(r"SOI (APP0|APP14) (APP2 )*(DQT )+SOF[01] (DHT )+SOS EOI")


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:0", "grey"])
@pytest.mark.parametrize("progressive", [False, True])
def test_the_file_holds_what_decoding_needs_and_the_profile(sampling: str, progressive: bool) -> None:
    secret = b"SecretOfThePhotographer"
    exif = Image.Exif()
    exif[0x010F] = secret.decode()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    kind = Kind(sampling=sampling, progressive=progressive, restart=1)
    source = stored(kind, comment=secret, xmp=b"<x:xmpmeta>" + secret, icc_profile=profile)
    source = source[:-2] + secret + source[-2:] + stored(Kind()) + secret  # in the last scan, and behind the end
    pixels, mask = anonymized(stored(kind))
    big = profile + bytes(70_000)  # two segments
    for icc in (None, profile, big):
        made = splice(source, pixels, mask, icc=icc).data
        assert secret not in made
        assert ALLOWED.fullmatch(" ".join(markers(made)))
        assert Image.open(io.BytesIO(made)).info.get("icc_profile") == icc
    assert markers(splice(source, pixels, mask).data).count("APP2") == 0


def _without_head(data: bytes) -> tuple[bytes, bytes, bytes]:
    """DHT segments of a file of one scan, its coded data, and its DQT segments."""
    at, found = 2, {0xC4: b"", 0xDB: b""}
    while data[at + 1] != 0xDA:
        length = 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if data[at + 1] in found:
            found[data[at + 1]] += data[at : at + length]
        at += length
    return found[0xC4], data[at + 2 + int.from_bytes(data[at + 2 : at + 4], "big") : -2], found[0xDB]


def _apart() -> bytes:
    """A colour JPEG of three scans, one for each component, made of three grey ones."""
    codes, data, tables = zip(*(_without_head(_grey(plane)) for plane in np.moveaxis(photo(50, 70), 2, 0)), strict=True)
    head = b"\xff\xc0\0\x11\x08\0\x32\0\x46\x03\x01\x11\0\x02\x11\0\x03\x11\0"
    scans = [b"\xff\xda\0\x08\x01" + bytes([k + 1]) + b"\0\0\x3f\0" + part for k, part in enumerate(data)]
    return b"\xff\xd8" + tables[0] + head + codes[0] + b"".join(scans) + b"\xff\xd9"


def _grey(plane: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(plane).save(out, "JPEG", quality=90)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["apart", "progressive"])
def test_scans_of_any_order_become_one_and_every_pixel_stays(kind: str) -> None:
    source = _apart() if kind == "apart" else stored(Kind(progressive=True))
    assert not surplus(source)
    pixels = upright(source)
    made = splice(source, pixels, np.zeros(pixels.shape[:2], bool)).data
    assert np.array_equal(upright(made), pixels)
    assert markers(made).count("SOS") == 1
    assert not extras(made)


def test_tables_that_the_frame_does_not_use_are_not_copied() -> None:
    source = stored(Kind())
    scan = source.index(b"\xff\xda")
    spare = b"\xff\xdb\0\x84" + b"".join(bytes([n]) + bytes(range(1 + n, 65 + n)) for n in (2, 3))
    planted = source[:scan] + spare + source[scan:-2] + b"tail of the scan" + b"\xff\xd9" + source
    pixels = upright(source)
    made = splice(planted, pixels, np.zeros(pixels.shape[:2], bool)).data
    assert made == splice(source, pixels, np.zeros(pixels.shape[:2], bool)).data
    assert markers(made).count("DQT") == 2


def test_a_jpeg_of_red_green_and_blue_stays_one() -> None:
    source = stored(Kind(sampling="4:4:4"), keep_rgb=True)
    assert parse(source).frame.colour == "rgb"
    pixels, mask = anonymized(source)
    made = splice(source, pixels, mask)
    assert parse(made.data).frame.colour == "rgb"
    assert "APP14" in markers(made.data)
    assert far(upright(made.data), pixels, reached(parse(source).frame, mask)) == 0
    assert np.abs(upright(made.data).astype(int) - pixels).mean() < 3


@given(size=st.tuples(st.integers(1, 40), st.integers(1, 40)), sampling=st.sampled_from(["4:2:0", "grey"]))
@settings(max_examples=20, deadline=None)
def test_masks_of_nothing_and_of_all(size: tuple[int, int], sampling: str) -> None:
    source = stored(Kind(*size, sampling))
    pixels = upright(source)
    none = splice(source, pixels, np.zeros(pixels.shape[:2], bool))
    np.testing.assert_array_equal(upright(none.data), pixels)
    assert (none.units, none.edge_max) == (0, 0)
    every = splice(source, pixels, np.ones(pixels.shape[:2], bool))
    assert every.units == every.all_units
    assert splice(source, np.full_like(pixels, 77), np.ones(pixels.shape[:2], bool)).units == every.units


@pytest.mark.parametrize("steps", [300, 255])
def test_coarse_tables_of_16_bits(steps: int) -> None:
    out = io.BytesIO()
    table = [8] * 60 + [steps] * 4
    Image.fromarray(photo()).save(out, "JPEG", qtables=[table, table], subsampling=0)
    pixels, mask = anonymized(out.getvalue())
    assert parse(splice(out.getvalue(), pixels, mask).data).frame == parse(out.getvalue()).frame


def test_what_cannot_be_copied_is_named() -> None:
    good = stored(Kind())
    out = io.BytesIO()
    Image.fromarray(photo(channels=4), "CMYK").save(out, "JPEG")
    arithmetic = good.replace(b"\xff\xc0", b"\xff\xc9")
    scan = good.index(b"\xff\xda")
    for data, reason in [
        (out.getvalue(), "CMYK"),
        (arithmetic, "arithmetic"),
        (good[:-2], "no end marker"),
        (b"BM" + good, "no JPEG"),
        (good[:scan] + b"junk" + good[scan:], "between the markers"),
        (good[:scan] + good[-2:], "no scan"),
        (good[: scan + 14] + b"\xff\xdb\0\x02" + good[scan + 14 :], "unusual marker DB"),
    ]:
        with pytest.raises(CannotSplice, match=reason):
            splice(data, photo(), np.ones((48, 64), bool))


def test_a_source_that_does_not_fit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    source = stored(Kind())
    pixels, mask = anonymized(source)
    moved = pixels.copy()
    moved[~mask] ^= 16
    with pytest.raises(CannotSplice, match="would change by 16"):
        splice(source, moved, mask)
    with pytest.raises(CannotSplice, match="another kind"):
        splice(source, pixels[:-1], mask[:-1])
    with pytest.raises(CannotSplice, match="another kind"):
        splice(source, pixels[..., 0], mask)
    with pytest.raises(ValueError, match="uint8"):
        splice(source, pixels.astype(np.uint16), mask)
    monkeypatch.setattr(jpeg_exact, "MOST_PIXELS", 100)
    with pytest.raises(CannotSplice, match="too large"):
        splice(source, pixels, mask)


def test_arguments_stay_as_they_are() -> None:
    source = stored(Kind())
    pixels, mask = anonymized(source)
    before = pixels.copy(), mask.copy()
    splice(source, pixels, mask)
    np.testing.assert_array_equal(pixels, before[0])
    np.testing.assert_array_equal(mask, before[1])


def test_many_threads_at_once_make_the_same_files() -> None:
    work = []
    for sampling in ("4:4:4", "4:2:2", "4:2:0", "grey"):
        source = stored(Kind(130, 150, sampling, progressive=sampling == "4:2:2"))
        work.append((source, *anonymized(source)))
    alone = [splice(*one).data for one in work]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda k: splice(*work[k % 4]).data, range(80)))
    assert together == [alone[k % 4] for k in range(80)]
