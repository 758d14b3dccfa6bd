"""Layers on disk: what they are made of, what they are never made of, and what a rerun does."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from p3m_anon.errors import Stopped, UsageError
from p3m_anon.files.metadata import extras
from p3m_anon.files.private import locked
from p3m_anon.jobs.foreground import run as job
from p3m_anon.jobs.foreground.picture import make_layers
from p3m_anon.jobs.foreground.record import LayersRecord
from p3m_anon.jobs.foreground.run import ForegroundRequest, foreground_folder

SIZE = (48, 64)  # height, width
MARK = (255, 0, 255)  # no drawn picture has it


def alpha() -> np.ndarray:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return (np.clip((20 - np.hypot(y - 24, x - 32)) / 6, 0, 1) * 255).astype(np.uint8)


def picture(seed: int) -> np.ndarray:
    """Greenish, so that nothing in it or its layers is near MARK."""
    rng = np.random.default_rng(seed)
    small = rng.integers(60, 120, (6, 8, 3), dtype=np.uint8)
    small[..., 1] += 100
    return cv2.resize(small, SIZE[::-1], interpolation=cv2.INTER_LINEAR)


def add(
    folder: Path, name: str, rgb: np.ndarray, images: str = "blurred_image", matte: np.ndarray | None = None
) -> None:
    for kind, pixels in ((images, rgb), ("mask", alpha() if matte is None else matte)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / kind / f"{name}.png")


def run(folder: Path, **options: object):
    return foreground_folder(ForegroundRequest(folder, workers=1, **options))


def in_this_process(tasks, shift, workers, pixels):
    """In place of child processes, which take a second to start."""
    for task in tasks:
        yield make_layers(task)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job, "stream_isolated", in_this_process)


@pytest.fixture
def release(tmp_path: Path) -> Path:
    for number in range(3):
        add(tmp_path / "out", f"p_{number}", picture(number))
    return tmp_path / "out"


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def layers(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in contents(folder).items() if "fg/" in name or "bg/" in name}


def rgb_of(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_layers_lie_beside_the_masks_and_the_record_outside(release):
    summary = foreground_folder(ForegroundRequest(release, workers=2))  # with real child processes
    assert (summary.pictures, summary.made, summary.exit_code) == (3, 3, 0)
    assert sorted(layers(release)) == sorted([f"fg/p_{n}.png" for n in range(3)] + [f"bg/p_{n}.jpg" for n in range(3)])
    full, none = alpha() == 255, alpha() == 0
    for number in range(3):
        image = picture(number).astype(int)
        assert np.array_equal(rgb_of(release / f"fg/p_{number}.png")[full], image[full])
        assert np.abs(rgb_of(release / f"bg/p_{number}.jpg")[none] - image[none]).max() <= 4  # a JPEG
    assert not any(extras(data) for data in layers(release).values())
    assert Path(summary.record).parent == release.with_name("out.private")
    with LayersRecord(release.with_name("out.private"), read_only=True) as record:
        row = record.get("fg/p_1.png")
    assert row.image == "blurred_image/p_1.png"
    assert row.image_sha256 == hashlib.sha256((release / row.image).read_bytes()).hexdigest()
    assert row.foreground_sha256 == hashlib.sha256((release / row.foreground).read_bytes()).hexdigest()
    a = alpha()[..., None] / 255
    written = a * rgb_of(release / row.foreground) + (1 - a) * rgb_of(release / row.background)
    assert row.error_mean == pytest.approx(np.abs(written - picture(1)).mean(), abs=2e-4)
    assert row.error_max == pytest.approx(np.abs(written - picture(1)).max(), abs=0.01)
    assert summary.worst[0][1] >= summary.worst[-1][1]


def test_a_png_background_is_exact_and_replaces_the_jpeg(release, quick):
    run(release)
    assert run(release, format="png").made == 3
    assert sorted(layers(release))[:3] == [f"bg/p_{n}.png" for n in range(3)]
    none = alpha() == 0
    assert np.array_equal(rgb_of(release / "bg/p_0.png")[none], picture(0)[none])
    assert len(layers(release)) == 6


def test_nothing_of_an_original_can_get_in(tmp_path, quick):
    """The face of the source is marked; wherever it lies, and whatever becomes of it, the layers are the same."""
    original = picture(0)
    original[18:30, 26:38] = MARK
    for name, kind in (("a", "none"), ("b", "private"), ("c", "beside"), ("d", "altered")):
        root = tmp_path / name / "data"
        add(root / "train", "p_0", picture(0))
        add(root / "validation/P3M-500-P", "p_0", picture(0))
        if kind != "none":
            add(root.with_name("data.private") / "originals", "p_0", original, "image")
        if kind in ("beside", "altered"):
            for folder in ("train", "validation/P3M-500-P"):
                add(root / folder, "p_0", 255 - original if kind == "altered" else original, "original_image")
                add(root / folder, "p_0", original, "image")
        summary = run(root)
        assert summary.made == 2
        assert len(summary.strangers) == (2 if kind in ("beside", "altered") else 0)
        assert summary.exit_code == (1 if summary.strangers else 0)
    made = layers(tmp_path / "a/data")
    assert len(made) == 4
    for name in "bcd":
        assert layers(tmp_path / name / "data") == made
    for file in made:
        far = np.abs(rgb_of(tmp_path / "a/data" / file).astype(int) - MARK).max(-1)
        assert far.min() > 60


def test_clear_pictures_alone_are_refused(tmp_path, quick):
    add(tmp_path / "photos", "p_0", picture(0), "original_image")
    summary = run(tmp_path / "photos")
    assert summary.made == 0
    assert summary.exit_code == 1
    assert summary.problems == ["mask/p_0.png: no anonymized picture of this name"]
    assert "original_image was not opened" in summary.strangers[0]
    assert not layers(tmp_path / "photos")


def test_the_normal_test_set_may_be_clear(tmp_path, quick):
    add(tmp_path / "data/validation/P3M-500-NP", "p_0", picture(0), "original_image")
    assert run(tmp_path / "data").made == 1


def row(image: str, path: Path, status: str = "anonymized", **more: object) -> str:
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return json.dumps({"id": path.stem, "status": status, "image": image, "image_sha256": digest, **more}) + "\n"


def test_a_manifest_decides_what_is_opened(release, quick):
    """Only what it lists, as it lists it; clear pictures only where it calls them normal."""
    add(release, "n", picture(7), "original_image")
    add(release, "clear", picture(8), "original_image")
    lines = [row(f"blurred_image/p_{n}.png", release / f"blurred_image/p_{n}.png") for n in (0, 1)]
    lines.append(row("original_image/n.png", release / "original_image/n.png", "normal"))
    lines.append(row("original_image/clear.png", release / "original_image/clear.png"))
    (release / "manifest.jsonl").write_text("".join(lines))
    Image.fromarray(picture(99)).save(release / "blurred_image/p_1.png")  # an original, say
    summary = run(release)
    assert sorted(name for name in layers(release) if name.startswith("fg/")) == ["fg/n.png", "fg/p_0.png"]
    assert summary.problems == [
        "blurred_image/p_1.png: the picture is not the file that manifest.jsonl lists; run audit, or blur again",
        "blurred_image/p_2.png: not listed in manifest.jsonl, so it was not opened",
        "original_image/clear.png: manifest.jsonl does not call it normal, so it was not opened",
    ]


def test_a_manifest_that_cannot_be_read_stops_everything(release):
    (release / "manifest.jsonl").write_text("[]\n")
    with pytest.raises(UsageError, match=r"manifest\.jsonl cannot be read"):
        run(release)
    assert not layers(release)


def test_done_again_nothing_is_worked_on(release, quick):
    run(release)
    before = {p: p.stat().st_mtime_ns for p in release.rglob("*")}
    again = run(release)
    assert (again.made, again.kept, again.exit_code) == (0, 3, 0)
    assert before == {p: p.stat().st_mtime_ns for p in release.rglob("*")}


@pytest.mark.parametrize("change", ["image", "alpha", "no fg", "cut bg", "no record"])
def test_what_does_not_belong_together_any_more_is_made_again(release, quick, change):
    run(release)
    first = layers(release)
    if change == "image":
        Image.fromarray(picture(50)).save(release / "blurred_image/p_1.png")
    elif change == "alpha":
        Image.fromarray(alpha() // 2).save(release / "mask/p_1.png")
    elif change == "no fg":
        (release / "fg/p_1.png").unlink()
    elif change == "cut bg":
        (release / "bg/p_1.jpg").write_bytes(b"cut")
    else:
        shutil.rmtree(release.with_name("out.private"))
    summary = run(release)
    if change == "no record":  # nothing says any more whose they are
        assert (summary.made, summary.exit_code, layers(release)) == (0, 1, first)
        assert run(release, replace=True).made == 3
        return
    assert (summary.made, summary.kept) == (1, 2)
    again = layers(release)
    assert {name for name in again if again[name] != first.get(name)} == (
        {"fg/p_1.png", "bg/p_1.jpg"} if change in ("image", "alpha") else set()
    )


def test_a_run_that_was_killed_goes_on(release, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(tasks, shift, workers, pixels):
        for number, task in enumerate(tasks):
            result = make_layers(task)
            if number == 1:
                raise Killed  # its files are there, its record is not
            yield result

    monkeypatch.setattr(job, "stream_isolated", killed)
    with pytest.raises(Killed):
        run(release)
    monkeypatch.setattr(job, "stream_isolated", in_this_process)
    summary = run(release)
    assert (summary.made, summary.kept, summary.exit_code) == (2, 1, 0)


def test_layers_of_pictures_that_are_gone_or_broken_go_too(release, quick):
    run(release)
    (release / "blurred_image/p_0.png").unlink()
    (release / "mask/p_0.png").unlink()
    (release / "mask/p_1.png").write_bytes(b"broken")
    (release / "fg/odd.png").write_bytes(b"somebody's")
    summary = run(release)
    assert sorted(layers(release)) == ["bg/p_2.jpg", "fg/odd.png", "fg/p_2.png"]
    assert summary.removed == 2
    assert len(summary.problems) == 1
    assert summary.problems[0].startswith("blurred_image/p_1.png: its alpha p_1.png: ")
    assert summary.strangers == ["fg/odd.png: not from this command; remove it if its picture was withdrawn"]


def test_pictures_that_cannot_have_layers_cost_one_line_each(release, quick, tmp_path):
    Image.fromarray(alpha()[:-1]).save(release / "mask/p_0.png")
    (release / "mask/p_1.png").unlink()
    add(release, "grey", picture(3)[..., 0])
    Image.fromarray(picture(4)).save(release / "blurred_image/p_2.jpg")
    exif = Image.Exif()
    exif[0x0112] = 3
    add(release, "turned", picture(5))
    Image.fromarray(picture(5)).save(release / "blurred_image/turned.png", exif=exif)
    wide = picture(6).astype(np.uint16) * 257
    add(release, "wide", picture(6))
    cv2.imwrite(str(release / "blurred_image/wide.png"), wide[..., ::-1])
    summary = run(release)
    assert summary.problems == [
        "blurred_image/p_0.png: the picture is 64 x 48, its alpha 64 x 47; make them equal",
        "blurred_image/p_1.png: no alpha mask/p_1.png",
        "blurred_image/p_2.png: another picture is called p_2 too; keep one of them",
        "blurred_image/turned.png: turned by EXIF, which training code ignores; blur writes it upright",
    ]
    assert sorted(name for name in layers(release) if name.startswith("fg/")) == [
        "fg/grey.png",
        "fg/p_2.png",
        "fg/wide.png",
    ]
    full = alpha() == 255
    assert np.array_equal(rgb_of(release / "fg/wide.png")[full], picture(6)[full])
    grey = rgb_of(release / "fg/grey.png")
    assert Image.open(release / "fg/grey.png").mode == "RGB"
    assert np.array_equal(grey[..., 0], grey[..., 2])


def test_layers_of_others_are_kept_until_replace(release, quick):
    (release / "fg").mkdir()
    (release / "fg/p_0.png").write_bytes(b"closed form, eight seconds each")
    summary = run(release)
    assert summary.made == 2
    assert "fg/p_0.png is there already and not from this command" in summary.problems[0]
    assert run(release, replace=True).made == 1


def test_a_dry_run_writes_nothing(release):
    summary = run(release, dry_run=True)
    assert (summary.to_do, summary.made) == (3, 0)
    assert not layers(release)
    assert not release.with_name("out.private").exists()


def test_pictures_beyond_the_memory_are_named(release, quick, monkeypatch):
    monkeypatch.setattr(job, "plan_crew", lambda workers, memory: job.Crew(1, 3000 * 96))
    summary = run(release)
    assert summary.made == 0
    assert "need more than --memory allows" in summary.problems[0]


def test_a_child_that_dies_costs_one_picture(release):
    """Killed after the first picture is finished: the second is lost, a new child makes the third; then all are."""

    def kill(result):
        if result.row is not None and result.row.image == "blurred_image/p_0.png":
            for child in multiprocessing.active_children():
                child.kill()
                child.join()

    request = ForegroundRequest(release, workers=1)
    summary = foreground_folder(request, kill)
    assert summary.made == 2
    assert len(summary.problems) == 1
    assert "blurred_image/p_1.png: the process that worked on it was ended by SIGKILL" in summary.problems[0]
    again = foreground_folder(request)
    assert (again.made, again.kept, again.exit_code) == (1, 2, 0)


def test_wrong_folders_and_a_second_run_are_refused(release, tmp_path):
    (tmp_path / "none").mkdir()
    with pytest.raises(UsageError, match="no folder named mask"):
        run(tmp_path / "none")
    add(tmp_path / "data/train", "a", picture(0))
    with pytest.raises(UsageError, match="part of a dataset"):
        run(tmp_path / "data/train")
    with pytest.raises(UsageError, match="inside the release"):
        run(release, private=release / "private")
    with locked(release.with_name("out.private")), pytest.raises(Stopped, match="another run"):
        run(release)
