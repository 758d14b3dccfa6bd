"""Mattes by methods that are given a trimap: each picture with its own, made again where that changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from p3m_anon.errors import UsageError
from p3m_anon.jobs.matte.run import MatteRequest, matte_folder

HEIGHT, WIDTH = 40, 60


class StubPredictor:
    """The matte is the trimap."""

    digest = "one"

    def __init__(self) -> None:
        self.asked = 0

    def predict_batch(self, images: list[np.ndarray], trimaps: list[np.ndarray]) -> list[np.ndarray]:
        assert [one.shape[:2] for one in images] == [one.shape for one in trimaps]
        self.asked += len(images)
        return [one / np.float32(255) for one in trimaps]


def trimap(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).choice(np.array([0, 128, 255], np.uint8), (HEIGHT, WIDTH))


def save(file: Path, pixels: np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for seed, name in enumerate(("a", "b", "sub/a")):
        rgb = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        save(tmp_path / "photos" / f"{name}.jpg", rgb)
        save(tmp_path / "trimaps" / f"{name}.png", trimap(seed))
    return tmp_path / "photos"


def run(photos: Path, predictor: StubPredictor | None = None, **options):
    options = {"method": "dim", "trimaps": photos.parent / "trimaps"} | options
    request = MatteRequest(photos, photos.parent / "out", **options)
    return matte_folder(request, predictor)


@pytest.mark.parametrize("batch", [1, 3])
def test_each_picture_has_its_own(photos: Path, batch: int) -> None:
    summary = run(photos, StubPredictor(), batch=batch)
    assert (summary.made, summary.problems) == (3, [])
    for seed, name in enumerate(("a", "b", "sub/a")):
        assert np.array_equal(np.asarray(Image.open(photos.parent / "out" / f"{name}.png")), trimap(seed))


def test_another_trimap_is_another_matte(photos: Path) -> None:
    run(photos, StubPredictor())
    save(photos.parent / "trimaps" / "b.png", trimap(9))
    again = StubPredictor()
    summary = run(photos, again)
    assert (summary.made, summary.kept, again.asked) == (1, 2, 1)
    assert np.array_equal(np.asarray(Image.open(photos.parent / "out" / "b.png")), trimap(9))


def test_what_is_no_trimap_of_its_picture_is_one_line_and_leaves_no_matte(photos: Path) -> None:
    run(photos, StubPredictor())
    trimaps = photos.parent / "trimaps"
    (trimaps / "a.png").unlink()
    save(trimaps / "b.png", np.full((HEIGHT, WIDTH), 77, np.uint8))
    save(trimaps / "sub" / "a.png", trimap(2)[:20])
    summary = run(photos, StubPredictor())
    assert summary.problems == [
        "a.jpg: no trimap of this name; p3m-anon trimap makes them from alphas",
        "b.jpg: trimap must hold 0, 128 and 255 only; 2400 pixels have another value",
        "sub/a.jpg: the trimap has 60 x 20 pixels, the picture 60 x 40; nothing is resized here",
    ]
    assert list((photos.parent / "out").rglob("*.png")) == []
    save(trimaps / "a.png", trimap(0))
    save(trimaps / "b.png", trimap(1).astype(np.uint16))
    said = run(photos, StubPredictor()).problems[0]
    assert said == "b.jpg: the trimap has 16 bits; a trimap has the values 0, 128 and 255"
    save(trimaps / "a.tif", trimap(0))
    assert "several trimaps of this name: a.png, a.tif; keep one" in run(photos, StubPredictor()).problems[0]


def test_trimaps_among_the_pictures_are_no_pictures(photos: Path) -> None:
    (photos.parent / "trimaps").rename(photos / "trimaps")
    assert run(photos, StubPredictor(), trimaps=photos / "trimaps").pictures == 3


@pytest.mark.parametrize(
    ("trimaps", "out"), [("t", "t"), ("t", "t/new"), ("out/t", "out"), ("out.rgba", "out"), ("out.rgba/t", "out")]
)
def test_mattes_never_lie_among_the_trimaps(photos: Path, trimaps: str, out: str) -> None:
    folder = photos.parent / trimaps
    folder.parent.mkdir(exist_ok=True)
    (photos.parent / "trimaps").rename(folder)
    before = {file: file.read_bytes() for file in photos.parent.rglob("*.*") if file.is_file()}
    request = MatteRequest(photos, photos.parent / out, method="dim", trimaps=folder, rgba=True, replace=True)
    with pytest.raises(UsageError, match="mattes would lie among the trimaps; choose another --out"):
        matte_folder(request, StubPredictor())
    assert {file: file.read_bytes() for file in photos.parent.rglob("*.*") if file.is_file()} == before


def test_a_method_says_whether_it_needs_them(photos: Path) -> None:
    with pytest.raises(UsageError, match="dim needs a trimap for each picture; name their folder with --trimap"):
        run(photos, trimaps=None)
    with pytest.raises(UsageError, match="p3mnet takes no trimap; leave out --trimap"):
        run(photos, method="p3mnet")
    assert not (photos.parent / "out").exists()


@pytest.mark.parametrize("option", [{"strategy": "tiled"}, {"precision": "float16"}, {"device": "cuda"}])
def test_a_solved_method_takes_nothing_of_a_networks(photos: Path, option: dict[str, str]) -> None:
    with pytest.raises(
        UsageError, match="closed_form is not a network; leave out --strategy, --precision and --device"
    ):
        run(photos, method="closed_form", **option)


def test_memory_that_runs_out_is_said_with_what_helps(photos: Path) -> None:
    class Full(StubPredictor):
        def predict_batch(self, images: list[np.ndarray], trimaps: list[np.ndarray]) -> list[np.ndarray]:
            raise MemoryError

    problem = run(photos, Full(), method="closed_form").problems[0]
    assert problem == "a.jpg: not enough memory for it; close other programs, or use fewer --workers"


def test_a_solved_method_needs_nothing_else_and_says_where_it_has_no_solution(photos: Path) -> None:
    _, x = np.mgrid[:HEIGHT, :WIDTH]
    for name in ("a", "b"):
        rgb = np.where((x > 30)[..., None], 200, 30).astype(np.uint8).repeat(3, 2)
        save(photos / f"{name}.png", rgb)
        (photos / f"{name}.jpg").unlink()
    known = np.where(x < 20, 0, np.where(x > 40, 255, 128)).astype(np.uint8)
    save(photos.parent / "trimaps" / "a.png", known)
    save(photos.parent / "trimaps" / "b.png", np.full((HEIGHT, WIDTH), 128, np.uint8))
    save(photos.parent / "trimaps" / "sub" / "a.png", known)
    summary = run(photos, method="closed_form")
    assert summary.made == 2
    (problem,) = summary.problems
    assert problem.startswith("b.png: ")
    found = np.asarray(Image.open(photos.parent / "out" / "a.png")) / 255
    assert abs(found - (x > 30)).max() < 0.05
