"""Files to samples: what is decoded in part is what decoding all of it gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageCms

from p3m_anon.errors import ImageError
from p3m_anon.files.alphas import read_alpha
from p3m_anon.files.images import read
from p3m_anon.training.draws import draw
from p3m_anon.training.reading import read_grey, read_sample
from p3m_anon.training.rows import TrainRow
from p3m_anon.training.samples import apply, place
from p3m_anon.training.settings import SampleSettings

SETTINGS = SampleSettings(size=32, crops=(32, 48, 64, 128, 256), kernels=(3, 9))
SHAPE = (270, 333)


def photo(seed: int = 0) -> np.ndarray:
    """As smooth as photos are: neighbours differ by little."""
    coarse = np.random.default_rng(seed).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    return np.clip(cv2.resize(coarse, SHAPE[::-1], interpolation=cv2.INTER_CUBIC), 0, 255)


def alpha() -> np.ndarray:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    return np.clip((90 - np.hypot(y - 140, x - 160)) * 20 + 128, 0, 255).astype(np.uint8)


@pytest.fixture
def row(tmp_path: Path) -> TrainRow:
    names = {"image": "a.jpg", "alpha": "a.png", "foreground": "fg.png", "background": "bg.jpg"}
    files = {role: str(tmp_path / name) for role, name in names.items()}
    for seed, role in enumerate(("image", "foreground", "background")):
        Image.fromarray(photo(seed)).save(files[role], **({"quality": 92} if role != "foreground" else {}))
    Image.fromarray(alpha()).save(files["alpha"])
    return TrainRow("a", **files)


def whole(row: TrainRow, one, how):
    image, foreground, background = (read(Path(file)).rgb for file in (row.image, row.foreground, row.background))
    return apply(one, image, read_grey(Path(row.alpha)), foreground, background, how)


@pytest.mark.parametrize("recipe", ["paper", "official"])
@pytest.mark.parametrize("composition", [True, False])
def test_equals_the_sample_of_whole_pictures(row, recipe, composition):
    how = replace(SETTINGS, recipe=recipe, composition=composition)
    steps = set()
    for index in range(60):
        one = draw(0, 0, index, how)
        step = place(one, alpha(), how).step
        steps.add(step)
        for part, expected in zip(read_sample(row, one, how), whole(row, one, how), strict=True):
            if step == 1 or part is None or part.ndim == 2:
                assert (part is None and expected is None) or np.array_equal(part, expected)
            else:
                assert np.abs(part.astype(int) - expected).mean() < 2.5
    assert steps == ({1} if recipe == "official" else {1, 2, 4, 8})


def test_a_reduced_picture_is_not_shifted(row):
    """Half a pixel of the result would show in the differences between neighbours."""
    how = SampleSettings(size=64, crops=(128,), kernels=(3, 9))
    for index in range(20):
        one = draw(0, 0, index, how)
        got, expected = (one.image.astype(float) for one in (read_sample(row, one, how), whole(row, one, how)))
        gradient = np.diff(expected, axis=1)[:-1, :].ravel()
        difference = (got - expected)[:-1, :-1].ravel()
        assert abs(np.polyfit(gradient, difference, 1)[0]) < 0.05  # a shift of so many pixels


@pytest.mark.parametrize(
    "name",
    [
        *("grey.jpg", "turned.jpg", "cmyk.jpg", "progressive.jpg", "trailing.jpg", "profile.jpg"),
        *("grey.png", "rgba.png", "deep.png", "palette.png", "turned.png", "see-through.png", "profile.png"),
    ],
)
def test_pictures_of_any_kind(row, tmp_path, name):
    path = tmp_path / name
    picture = Image.fromarray(photo())
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if name.startswith("turned"):
        exif = Image.Exif()
        exif[0x0112] = 6
        picture.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
    elif name == "deep.png":
        cv2.imwrite(str(path), photo().astype(np.uint16) * 257)
    elif name == "see-through.png":
        picture.save(path, transparency=tuple(photo()[0, 0].tolist()))
    elif name.startswith("profile"):
        picture.save(path, icc_profile=profile, dpi=(300, 300))
    elif name == "progressive.jpg":
        picture.save(path, progressive=True)
    elif name == "trailing.jpg":
        picture.save(path)
        path.write_bytes(path.read_bytes() + b"more")
    else:
        picture.convert({"grey": "L", "cmyk": "CMYK", "rgba": "RGBA", "palette": "P"}[name[:-4]]).save(path)
    changed = row._replace(image=str(path))
    for index in range(20):
        one = draw(0, 0, index, SETTINGS)
        step = place(one, alpha(), SETTINGS).step
        difference = read_sample(changed, one, SETTINGS).image.astype(int) - whole(changed, one, SETTINGS).image
        assert np.abs(difference).max() == 0 if step == 1 else np.abs(difference).mean() < 2.5


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
def test_an_alpha_of_any_kind(tmp_path, mode):
    matte = Image.fromarray(alpha())
    (matte.convert(mode) if mode != "LA" else Image.merge("LA", (matte, matte))).save(tmp_path / "a.png")
    assert np.array_equal(read_grey(tmp_path / "a.png"), read_alpha(tmp_path / "a.png").pixels)


def test_an_alpha_of_16_bits_is_rounded(tmp_path):
    deep = np.array([[0, 1, 128, 129, 257, 65534, 65535]], np.uint16)
    cv2.imwrite(str(tmp_path / "a.png"), deep)
    assert read_grey(tmp_path / "a.png").tolist() == [[0, 0, 0, 1, 1, 255, 255]]


@pytest.mark.parametrize("step", [1, 8])
@pytest.mark.parametrize("role", ["image", "alpha", "foreground", "background"])
def test_damaged_files_are_named(row, role, step, capfd):
    path = Path(getattr(row, role))
    path.write_bytes(path.read_bytes()[:2000])
    how = SampleSettings(size=32, crops=(32 * step,), kernels=(3, 9), composition=True)
    with pytest.raises(ImageError, match=rf"^{path.name}: "):
        read_sample(row, draw(0, 0, 0, how), how)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("step", [1, 8])
def test_a_jpeg_that_was_cut_and_closed_is_found(row, step):
    """Decoders fill it up with grey and say nothing."""
    path = Path(row.image)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + b"\xff\xd9")
    how = SampleSettings(size=32, crops=(32 * step,), kernels=(3, 9))
    with pytest.raises(ImageError, match=r"^a.jpg: a damaged JPEG"):
        read_sample(row, draw(0, 0, 0, how), how)


@pytest.mark.parametrize("role", ["image", "foreground", "background"])
def test_sizes_have_to_fit(row, role):
    Image.fromarray(photo()[:-1]).save(getattr(row, role))
    how = replace(SETTINGS, composition=True)
    with pytest.raises(ImageError, match="it is 333 x 269, its alpha 333 x 270; make them equal"):
        read_sample(row, draw(0, 0, 0, how), how)


def test_grey_at_the_bottom_is_no_damage_where_the_format_would_tell(row):
    pixels = photo()
    pixels[-20:] = 128
    Image.fromarray(pixels).save(row.image, "WEBP", lossless=True)
    assert read_sample(row, draw(0, 0, 0, SETTINGS), SETTINGS).image.shape == (32, 32, 3)


def test_a_file_that_is_gone_is_named(row):
    Path(row.image).unlink()
    with pytest.raises(ImageError, match=r"^a.jpg: "):
        read_sample(row, draw(0, 0, 0, SETTINGS), SETTINGS)


def test_layers_are_not_opened_without_a_composition_loss(row):
    Path(row.foreground).unlink()
    Path(row.background).unlink()
    assert read_sample(row, draw(0, 0, 0, SETTINGS), SETTINGS).foreground is None


@pytest.mark.shared
def test_real_pictures_decoded_in_part(shared_data):
    differences = []
    for index, path in enumerate(sorted((shared_data / "p3m_samples/image").iterdir())):
        row = TrainRow(path.stem, str(path), str(shared_data / "p3m_samples/alpha" / f"{path.stem}.png"))
        how = SampleSettings(size=256)
        one = draw(0, 0, index, how)
        expected = apply(one, read(path).rgb, read_grey(Path(row.alpha)), None, None, how)
        sample = read_sample(row, one, how)
        assert np.array_equal(sample.alpha, expected.alpha)
        assert np.array_equal(sample.trimap, expected.trimap)
        differences.append(np.abs(sample.image.astype(int) - expected.image).mean())
    assert max(differences) < 2.5
    assert np.mean(differences) < 0.8
