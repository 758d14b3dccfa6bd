"""Trimaps on disk: whole folders, odd and broken alphas, and what is never overwritten."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from p3m_anon.errors import UsageError
from p3m_anon.files.metadata import extras
from p3m_anon.jobs.foreground.record import LayersRecord
from p3m_anon.jobs.trimap import TrimapRequest, trimap_folder
from p3m_anon.matting.trimap import Kernels, distance_trimap, published_trimap


def soft(seed: int = 0, height: int = 60, width: int = 80) -> np.ndarray:
    """A disc with a soft edge."""
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(y - height / 2, x - width / 2 - seed)
    return (np.clip((height / 3 - distance) / 6, 0, 1) * 255).astype(np.uint8)


def save(path: Path, pixels: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), pixels)
    return path


def load(path: Path) -> np.ndarray:
    return cv2.imread(str(path), cv2.IMREAD_UNCHANGED)


@pytest.fixture
def alphas(tmp_path: Path) -> Path:
    for number in range(3):
        save(tmp_path / "alphas" / f"p_{number}.png", soft(number))
    return tmp_path / "alphas"


def test_a_folder_of_alphas_gets_a_sibling(alphas):
    save(alphas / "deep/p_9.png", soft(9).astype(np.uint16) * 257)
    summary = trimap_folder(TrimapRequest(alphas))
    out = alphas.parent / "trimap"
    assert (summary.alphas, summary.written, summary.exit_code) == (4, 4, 0)
    assert summary.folders == [str(out)]
    for name, number in (("p_0", 0), ("p_2", 2), ("deep/p_9", 9)):
        made = load(out / f"{name}.png")
        assert np.array_equal(made, published_trimap(soft(number), 25))
        assert made.dtype == np.uint8
    assert not extras((out / "p_0.png").read_bytes())
    assert sorted(p.name for p in alphas.parent.iterdir()) == ["alphas", "trimap"]


def test_every_mask_folder_of_a_dataset_gets_a_sibling(tmp_path):
    places = ("train", "validation/P3M-500-P", "P3M-500-NP")
    for place in places:
        save(tmp_path / "data" / place / "mask/a.png", soft())
    summary = trimap_folder(TrimapRequest(tmp_path / "data", method="distance"))
    assert summary.written == 3
    for place in places:
        assert np.array_equal(load(tmp_path / "data" / place / "trimap/a.png"), distance_trimap(soft(), 25))


def test_done_again_nothing_is_written(alphas):
    request = TrimapRequest(alphas)
    trimap_folder(request)
    before = {p: p.stat().st_mtime_ns for p in (alphas.parent / "trimap").iterdir()}
    again = trimap_folder(request)
    assert (again.written, again.unchanged) == (0, 3)
    assert before == {p: p.stat().st_mtime_ns for p in (alphas.parent / "trimap").iterdir()}


def test_what_differs_is_named_and_kept_until_replace(alphas):
    published = save(alphas.parent / "trimap/p_1.png", np.full((60, 80), 128, np.uint8))
    before = published.read_bytes()
    summary = trimap_folder(TrimapRequest(alphas))
    assert summary.exit_code == 1
    assert summary.written == 2
    assert summary.problems == ["alphas/p_1.png: trimap/p_1.png is there already and differs; --replace overwrites it"]
    assert published.read_bytes() == before
    assert trimap_folder(TrimapRequest(alphas, replace=True)).written == 1
    assert np.array_equal(load(published), published_trimap(soft(1), 25))


def test_drawn_kernels_depend_on_the_picture_alone_and_are_recorded(alphas, tmp_path):
    kernels = Kernels(3, 30, seed=7)
    summary = trimap_folder(TrimapRequest(alphas, out=tmp_path / "out", kernels=kernels, workers=3))
    with LayersRecord(tmp_path / "out.private", read_only=True) as record:
        rows = list(record.trimaps())
    assert summary.record == str(tmp_path / "out.private/layers.sqlite")
    assert [(row.trimap, row.kernel, row.seed) for row in rows] == [
        (f"out/p_{n}.png", kernels.of(f"p_{n}"), 7) for n in range(3)
    ]
    for number, row in enumerate(rows):
        assert np.array_equal(load(tmp_path / row.trimap), published_trimap(soft(number), row.kernel))
    (alphas / "p_0.png").unlink()
    save(alphas / "a_first.png", soft())
    assert trimap_folder(TrimapRequest(alphas, out=tmp_path / "out", kernels=kernels)).unchanged == 2


def test_odd_alphas_are_named_and_made(tmp_path):
    folder = tmp_path / "alphas"
    save(folder / "binary.png", np.where(soft() > 127, 255, 0).astype(np.uint8))
    save(folder / "empty.png", np.zeros((20, 20), np.uint8))
    save(folder / "full.png", np.full((20, 20), 65535, np.uint16))
    save(folder / "grey.png", np.tile(np.linspace(20, 230, 80).astype(np.uint8), (60, 1)))
    save(folder / "nearly.png", np.pad(np.full((1, 1), 255, np.uint8), 60))
    save(folder / "sound.png", soft())
    summary = trimap_folder(TrimapRequest(folder))
    assert summary.exit_code == 0
    assert summary.written == 6
    assert summary.warnings == [
        "alphas/binary.png: nearly binary",
        "alphas/empty.png: empty: no foreground at all",
        "alphas/full.png: full: no background at all",
        "alphas/grey.png: mostly grey, like a photo",
        "alphas/nearly.png: nearly empty, nearly binary",
    ]


def test_broken_files_cost_one_line_each(alphas):
    (alphas / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nno more")
    save(alphas / "colour.png", np.random.default_rng(0).integers(0, 256, (9, 9, 3), dtype=np.uint8))
    save(alphas / "p_0.bmp", soft())
    os.symlink("/nonexistent", alphas / "link.png")
    summary = trimap_folder(TrimapRequest(alphas))
    assert summary.exit_code == 1
    assert summary.written == 3
    assert [line.split(":")[0] for line in summary.problems] == [
        "alphas/broken.png",
        "alphas/colour.png",
        "alphas/p_0.png",
    ]
    assert "another alpha is called p_0 too" in summary.problems[2]


def test_trimaps_whose_alpha_is_gone_are_named(tmp_path):
    for name in ("a", "b"):
        save(tmp_path / "out/mask" / f"{name}.png", soft())
    trimap_folder(TrimapRequest(tmp_path / "out"))
    (tmp_path / "out/mask/a.png").unlink()
    summary = trimap_folder(TrimapRequest(tmp_path / "out"))
    assert summary.strangers == ["trimap/a.png: there is no alpha of this name; remove it if its picture was withdrawn"]
    assert summary.exit_code == 1


def test_a_dry_run_writes_nothing(alphas):
    summary = trimap_folder(TrimapRequest(alphas, kernels=Kernels(3, 5), dry_run=True))
    assert (summary.alphas, summary.exit_code) == (3, 0)
    assert [p.name for p in alphas.parent.iterdir()] == ["alphas"]


def test_wrong_folders_are_refused_before_anything_is_written(alphas, tmp_path):
    (tmp_path / "none").mkdir()
    save(tmp_path / "train/mask/a.png", soft())
    for request, message in (
        (TrimapRequest(tmp_path / "none"), "neither alphas"),
        (TrimapRequest(alphas, out=alphas), "among the alphas"),
        (TrimapRequest(tmp_path / "train", out=tmp_path / "x"), "leave out --out"),
        (TrimapRequest(tmp_path / "train", kernels=Kernels(3, 5)), "part of a dataset"),
    ):
        with pytest.raises(UsageError, match=message):
            trimap_folder(request)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["alphas", "none", "train"]


def test_a_broken_record_stops_the_run(alphas, tmp_path):
    from p3m_anon.errors import Stopped

    (tmp_path / "trimap.private").mkdir()
    (tmp_path / "trimap.private/layers.sqlite").write_bytes(b"no data base" * 100)
    with pytest.raises(Stopped, match=r"layers\.sqlite cannot be used"):
        trimap_folder(TrimapRequest(alphas, kernels=Kernels(3, 5)))
