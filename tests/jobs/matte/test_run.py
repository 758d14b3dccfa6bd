"""Mattes of a folder: every picture once, of this very file, and nothing of others touched."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from p3m_anon.errors import TooLarge, UsageError, WeightsError
from p3m_anon.jobs.matte.run import MatteRequest, matte_folder


class StubPredictor:
    """The matte is the picture's green. asked: the sizes of each batch."""

    def __init__(self, digest: str = "one") -> None:
        self.digest = digest
        self.asked: list[list[tuple[int, ...]]] = []

    def predict_batch(self, images: list[np.ndarray]) -> list[np.ndarray]:
        self.asked.append([one.shape[:2] for one in images])
        return [one[..., 1] / np.float32(255) for one in images]


def drawn(height: int = 40, width: int = 60, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    (folder / "sub").mkdir(parents=True)
    for seed, name in enumerate(("a.png", "b.png", "sub/a.png")):
        Image.fromarray(drawn(seed=seed)).save(folder / name)
    return folder


def run(folder: Path, predictor: StubPredictor | None = None, out: str = "out", **options):
    return matte_folder(MatteRequest(folder, folder.parent / out, **options), predictor or StubPredictor())


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def alpha(path: Path) -> np.ndarray:
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert found is not None
    return found


def test_each_picture_has_its_matte_under_its_name_and_nothing_else_is_there(photos: Path, tmp_path: Path) -> None:
    summary = run(photos)
    assert (summary.pictures, summary.made, summary.problems, summary.exit_code) == (3, 3, [], 0)
    assert files(tmp_path / "out") == {"a.png", "b.png", "sub/a.png"}
    for seed, name in enumerate(("a.png", "b.png", "sub/a.png")):
        assert np.array_equal(alpha(tmp_path / "out" / name), drawn(seed=seed)[..., 1])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "out.private", "photos"]
    assert (tmp_path / "out.private").stat().st_mode & 0o777 == 0o700


def test_one_picture_and_16_bits(photos: Path, tmp_path: Path) -> None:
    request = MatteRequest(photos / "b.png", tmp_path / "out", depth=16)
    assert matte_folder(request, StubPredictor()).made == 1
    assert files(tmp_path / "out") == {"b.png"}
    found = alpha(tmp_path / "out" / "b.png")
    assert found.dtype == np.uint16
    assert np.array_equal(found, drawn(seed=1)[..., 1].astype(np.uint16) * 257)


def test_pictures_of_every_kind_come_upright_and_whole(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(drawn()).save(folder / "turned.jpg", exif=exif)
    Image.fromarray(drawn()).convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(drawn()[..., 0]).save(folder / "grey.png")
    Image.fromarray(np.dstack((drawn(), drawn()[..., 0]))).save(folder / "rgba.png")
    cv2.imwrite(str(folder / "deep.png"), drawn().astype(np.uint16) * 257)
    summary = run(folder, rgba=True)
    assert summary.problems == []
    sizes = {name: alpha(tmp_path / "out" / name).shape for name in files(tmp_path / "out")}
    assert sizes == {f"{name}.png": (40, 60) for name in ("cmyk", "grey", "rgba", "deep")} | {"turned.png": (60, 40)}
    assert np.array_equal(alpha(tmp_path / "out" / "grey.png"), drawn()[..., 0])
    assert {alpha(tmp_path / "out.rgba" / name).shape[2] for name in sizes} == {4}


def test_a_bad_file_is_named_and_the_rest_goes_on(photos: Path, tmp_path: Path) -> None:
    (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no picture")
    summary = run(photos)
    assert (summary.made, summary.exit_code) == (3, 1)
    assert [line.split(":")[0] for line in summary.problems] == ["broken.jpg"]
    assert "broken.png" not in files(tmp_path / "out")


class TestAgain:
    def test_what_is_done_is_kept(self, photos: Path) -> None:
        run(photos)
        predictor = StubPredictor()
        summary = run(photos, predictor)
        assert (summary.made, summary.kept, predictor.asked) == (0, 3, [])

    def test_another_picture_under_the_name_is_worked_on(self, photos: Path, tmp_path: Path) -> None:
        run(photos)
        Image.fromarray(drawn(seed=9)).save(photos / "b.png")
        summary = run(photos)
        assert (summary.made, summary.kept) == (1, 2)
        assert np.array_equal(alpha(tmp_path / "out" / "b.png"), drawn(seed=9)[..., 1])

    @pytest.mark.parametrize("change", ["weights", "depth", "gone", "cut off", "rgba"])
    def test_a_matte_made_otherwise_or_not_whole_is_made_again(self, photos: Path, tmp_path: Path, change: str) -> None:
        run(photos)
        matte = tmp_path / "out" / "b.png"
        if change == "gone":
            matte.unlink()
        if change == "cut off":
            matte.write_bytes(matte.read_bytes()[:-9])
        predictor = StubPredictor("other" if change == "weights" else "one")
        summary = run(photos, predictor, depth=16 if change == "depth" else 8, rgba=change == "rgba")
        assert summary.problems == []
        assert summary.made == (1 if change in ("gone", "cut off") else 3)
        assert alpha(matte).dtype == (np.uint16 if change == "depth" else np.uint8)

    def test_after_a_crash_the_rest_is_made(self, photos: Path, tmp_path: Path) -> None:
        class Crashing(StubPredictor):
            def predict_batch(self, images: list[np.ndarray]) -> list[np.ndarray]:
                if len(self.asked) == 2:
                    raise KeyError("a bug")
                return super().predict_batch(images)

        with pytest.raises(KeyError, match="a bug"):
            run(photos, Crashing(), rgba=True)
        summary = run(photos, rgba=True)
        assert (summary.made + summary.kept, summary.problems) == (3, [])
        assert files(tmp_path / "out") == files(tmp_path / "out.rgba") == {"a.png", "b.png", "sub/a.png"}

    def test_a_matte_written_before_a_crash_and_not_recorded_is_ours(self, photos: Path, tmp_path: Path) -> None:
        def lose_power(_: object) -> None:
            raise KeyboardInterrupt

        request = MatteRequest(photos / "a.png", tmp_path / "out", rgba=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("p3m_anon.jobs.matte.run._Run._take", lambda self, result: lose_power(result))
            with pytest.raises(KeyboardInterrupt):
                matte_folder(request, StubPredictor())
        assert files(tmp_path / "out") == files(tmp_path / "out.rgba") == {"a.png"}
        assert matte_folder(request, StubPredictor()).made == 1

    def test_a_picture_that_cannot_be_read_any_more_loses_its_matte(self, photos: Path, tmp_path: Path) -> None:
        run(photos, rgba=True)
        (photos / "b.png").write_bytes(b"")
        summary = run(photos)
        assert (summary.kept, len(summary.problems)) == (2, 1)
        assert files(tmp_path / "out") == files(tmp_path / "out.rgba") == {"a.png", "sub/a.png"}

    def test_a_cut_out_of_an_earlier_picture_does_not_stay(self, photos: Path, tmp_path: Path) -> None:
        run(photos, rgba=True)
        Image.fromarray(drawn(seed=9)).save(photos / "b.png")
        run(photos)
        assert files(tmp_path / "out.rgba") == {"a.png", "sub/a.png"}


class TestFilesOfOthers:
    @pytest.mark.parametrize("folder", ["out", "out.rgba"])
    def test_they_are_named_and_stay(self, photos: Path, tmp_path: Path, folder: str) -> None:
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "b.png").write_bytes(b"mine")
        summary = run(photos, rgba=True)
        assert summary.problems == [
            f"b.png: {folder}/b.png is there already and not from this command; --replace overwrites it"
        ]
        assert (tmp_path / folder / "b.png").read_bytes() == b"mine"
        assert run(photos, rgba=True, replace=True).problems == []
        assert alpha(tmp_path / folder / "b.png").shape[:2] == (40, 60)
        assert run(photos, rgba=True).kept == 3

    def test_a_failure_under_replace_does_not_remove_them(self, photos: Path, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        (tmp_path / "out" / "b.png").write_bytes(b"mine")
        (photos / "b.png").write_bytes(b"")
        assert len(run(photos, replace=True).problems) == 1
        assert (tmp_path / "out" / "b.png").read_bytes() == b"mine"

    def test_two_pictures_of_one_name_never_share_a_matte(self, photos: Path, tmp_path: Path) -> None:
        Image.fromarray(drawn(seed=8)).save(photos / "b.webp")
        summary = run(photos)
        assert summary.problems == ["b.webp: another picture's matte is called b.png too; rename one of them"]
        assert np.array_equal(alpha(tmp_path / "out" / "b.png"), drawn(seed=1)[..., 1])

    def test_mattes_do_not_go_among_the_pictures_or_into_a_release(self, photos: Path, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="among the pictures"):
            matte_folder(MatteRequest(photos, photos), StubPredictor())
        with pytest.raises(UsageError, match="among the pictures"):
            matte_folder(MatteRequest(photos / "a.png", photos), StubPredictor())
        (tmp_path / "release").mkdir()
        (tmp_path / "release" / "manifest.jsonl").touch()
        with pytest.raises(UsageError, match="lies in release, which is published"):
            run(photos, out="release/mattes", rgba=True)
        assert files(tmp_path / "release") == {"manifest.jsonl"}

    @pytest.mark.parametrize("out", ["P3M-10k/mattes", "P3M-10k/validation/P3M-500-P/pred", "P3M-10k/train/pred"])
    def test_nor_into_a_dataset_that_has_no_manifest(self, photos: Path, tmp_path: Path, out: str) -> None:
        for part in ("train", "validation/P3M-500-P"):
            (tmp_path / "P3M-10k" / part / "mask").mkdir(parents=True)
        with pytest.raises(UsageError, match="lies in P3M-10k, which is published"):
            run(photos, out=out)
        assert files(tmp_path / "P3M-10k") == set()

    def test_nor_into_a_folder_of_the_pictures_where_later_runs_would_take_them_for_such(self, photos: Path) -> None:
        with pytest.raises(UsageError, match="among the pictures"):
            run(photos, out="photos/mattes")
        assert matte_folder(MatteRequest(photos / "a.png", photos / "mattes"), StubPredictor()).made == 1

    def test_the_folder_of_a_single_picture_is_not_called_like_a_picture(self, photos: Path, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="--out is a folder"):
            matte_folder(MatteRequest(photos / "a.png", tmp_path / "a.png"), StubPredictor())

    def test_alphas_beside_the_pictures_are_no_pictures(self, photos: Path) -> None:
        (photos / "mask").mkdir()
        Image.fromarray(drawn()[..., 0]).save(photos / "mask" / "a.png")
        assert run(photos).pictures == 3


class TestCutOuts:
    def test_they_carry_no_fringe_of_the_old_background(self, tmp_path: Path) -> None:
        folder = tmp_path / "photos"
        folder.mkdir()
        share = np.clip((np.arange(160) - 60) / 40, 0, 1).astype(np.float32)
        true = np.tile(share, (90, 1))
        person, wall = np.array([200.0, 60, 40]), np.array([20.0, 40, 220])
        picture = true[..., None] * person + (1 - true[..., None]) * wall
        Image.fromarray(np.rint(picture).astype(np.uint8)).save(folder / "a.png")

        class True_(StubPredictor):
            def predict_batch(self, images: list[np.ndarray]) -> list[np.ndarray]:
                return [true for _ in images]

        run(folder, True_(), rgba=True)
        found = np.asarray(Image.open(tmp_path / "out.rgba" / "a.png"), np.float64)
        assert np.array_equal(found[..., 3], alpha(tmp_path / "out" / "a.png"))
        soft = (true > 0.1) & (true < 1)
        error = abs(found[soft][:, :3] - person)
        assert error.mean() < 3
        assert abs(picture[soft] - person).mean() > 30  # what image x alpha would show
        assert not found[true == 0][:, :3].any()

    def test_they_are_as_deep_as_the_matte_and_for_their_owner_only(self, photos: Path, tmp_path: Path) -> None:
        run(photos, rgba=True, depth=16)
        file = tmp_path / "out.rgba" / "a.png"
        assert alpha(file).dtype == np.uint16
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700

    def test_they_keep_the_colour_profile(self, tmp_path: Path) -> None:
        from PIL import ImageCms

        from p3m_anon.files.icc import clean

        profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        (tmp_path / "photos").mkdir()
        Image.fromarray(drawn()).save(tmp_path / "photos" / "a.png", icc_profile=profile)
        run(tmp_path / "photos", rgba=True)
        assert Image.open(tmp_path / "out.rgba" / "a.png").info["icc_profile"] == clean(profile, 3).profile
        assert "icc_profile" not in Image.open(tmp_path / "out" / "a.png").info


class TestBatches:
    def test_pictures_of_one_size_go_together(self, photos: Path) -> None:
        Image.fromarray(drawn(50, 50)).save(photos / "c.png")
        predictor = StubPredictor()
        assert run(photos, predictor, batch=4).made == 4
        assert sorted(predictor.asked, key=len) == [[(50, 50)], [(40, 60)] * 3]

    def test_what_is_too_large_together_is_tried_alone(self, photos: Path) -> None:
        class Small(StubPredictor):
            def predict_batch(self, images: list[np.ndarray]) -> list[np.ndarray]:
                if len(images) > 1 or (images[0][0, 0] == drawn(seed=1)[0, 0]).all():
                    raise TooLarge("not enough memory; use --strategy tiled")
                return super().predict_batch(images)

        summary = run(photos, Small(), batch=3)
        assert summary.made == 2
        assert summary.problems == ["b.png: not enough memory; use --strategy tiled"]

    def test_a_result_that_is_not_finite_costs_one_picture(self, photos: Path) -> None:
        class Overflowing(StubPredictor):
            def predict_batch(self, images: list[np.ndarray]) -> list[np.ndarray]:
                if (images[0][0, 0] == drawn(seed=1)[0, 0]).all():
                    raise WeightsError("values that are not finite; use float32")
                return super().predict_batch(images)

        summary = run(photos, Overflowing())
        assert (summary.made, summary.exit_code) == (2, 1)
        assert summary.problems == ["b.png: values that are not finite; use float32"]


def test_a_dry_run_counts_and_writes_nothing(photos: Path, tmp_path: Path) -> None:
    summary = run(photos, dry_run=True)
    assert (summary.to_do, summary.kept) == (3, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]
    run(photos)
    Image.fromarray(drawn(seed=9)).save(photos / "b.png")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    summary = run(photos, dry_run=True)
    assert (summary.to_do, summary.kept, summary.exit_code) == (1, 2, 0)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_folder_without_pictures_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(UsageError, match="holds no pictures"):
        run(tmp_path / "photos")
    assert os.listdir(tmp_path) == ["photos"]
