"""`blur_folder`: what is released, what waits, what is done again, and what is removed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from p3m_anon.detectors.looks import Looks
from p3m_anon.detectors.networks import Boxes, no_boxes
from p3m_anon.detectors.wide_look import Glance
from p3m_anon.errors import Stopped, UsageError
from p3m_anon.faces.anonymize import anonymize
from p3m_anon.faces.features import regions
from p3m_anon.faces.settings import BlurSettings
from p3m_anon.files.ledger import Ledger
from p3m_anon.files.private import locked
from p3m_anon.jobs.blur.request import BlurRequest
from p3m_anon.jobs.blur.run import blur_folder
from tests.jobs.conftest import StubDetector, drawn_face


def run(photos: Path, **options):
    return blur_folder(BlurRequest(folder=photos, **options))


def rows(summary) -> dict[str, object]:
    with Ledger.copy_of(summary.private / "ledger.sqlite") as ledger:
        return {row.path: row for row in ledger.rows()}


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_one_folder_in_is_enough(photos, stub):
    summary = run(photos)
    assert summary.out == photos.with_name("photos-anonymized")
    assert summary.counts == {"accepted": 3, "needs_review": 1, "failed": 1, "unsupported": 1}
    assert summary.reasons == {"no_face": 1}
    assert summary.exit_code == 1
    released = {p.relative_to(summary.out).as_posix() for p in summary.out.rglob("*") if p.is_file()}
    assert released == {"manifest.jsonl", *(f"blurred_image/{n}.png" for n in ("a", "b", "sub/c"))}
    manifest = [json.loads(line) for line in (summary.out / "manifest.jsonl").read_text().splitlines()]
    assert [row["id"] for row in manifest] == ["a", "b", "sub/c"]
    assert {row["status"] for row in manifest} == {"anonymized"}
    assert {row["fidelity"] for row in manifest} == {"exact"}


def test_only_the_mask_changes_and_the_face_mask_says_where(photos, stub):
    summary = run(photos)
    before, after = pixels(photos / "a.png"), pixels(summary.out / "blurred_image/a.png")
    mask = pixels(summary.private / "facemask/a.png").astype(bool)
    assert 1000 < mask.sum() < mask.size / 2
    assert np.array_equal(before[~mask], after[~mask])
    assert after[mask].std() < 0.3 * before[mask].std()


def test_the_manifest_holds_nothing_private(photos, stub):
    summary = run(photos)
    row = rows(summary)["a.png"]
    text = (summary.out / "manifest.jsonl").read_text()
    for private in (row.sources[0].sha256, row.phash, "landmarks", str(photos)):
        assert private not in text


def test_the_private_folder_is_private(photos, stub):
    summary = run(photos, figures=True)
    assert summary.private.stat().st_mode & 0o077 == 0
    page = summary.report.read_text()
    assert "contains unblurred faces" in page
    assert "http" not in page.replace("http-equiv", "")
    assert (summary.private / "figures/a.jpg").is_file()


def test_a_second_run_does_nothing_again(photos, stub):
    first = run(photos)
    before, seen = tree(first.out), stub.seen
    timings = {path: row.timings for path, row in rows(first).items()}
    second = run(photos)
    assert second.done_now == 2  # the two that failed are tried again
    assert stub.seen == seen
    assert tree(second.out) == before
    assert {path: row.timings for path, row in rows(second).items()} == timings


def test_a_touched_file_with_the_same_content_is_not_worked_on(photos, stub):
    run(photos)
    seen = stub.seen
    (photos / "a.png").touch()
    run(photos)
    assert stub.seen == seen


@pytest.mark.parametrize("loss", ["remove", "cut"])
def test_a_lost_or_cut_output_is_made_again(photos, stub, loss):
    first = run(photos)
    before = tree(first.out)
    output = first.out / "blurred_image/a.png"
    if loss == "remove":
        output.unlink()
    else:
        output.write_bytes(output.read_bytes()[:-1])
    run(photos)
    assert tree(first.out) == before


def test_rehash_finds_a_change_of_the_same_size(photos, stub):
    first = run(photos)
    before = tree(first.out)
    output = first.out / "blurred_image/a.png"
    data = bytearray(output.read_bytes())
    data[-20] ^= 1
    output.write_bytes(data)
    run(photos)
    assert tree(first.out) != before
    run(photos, rehash=True)
    assert tree(first.out) == before


def test_a_picture_that_is_no_longer_accepted_leaves_the_release(photos, stub, picture):
    first = run(photos)
    Image.fromarray(picture(0, face=False)).save(photos / "a.png")
    second = run(photos)
    assert not (first.out / "blurred_image/a.png").exists()
    assert not (first.private / "facemask/a.png").exists()
    assert second.reasons == {"no_face": 2}
    assert '"a"' not in (first.out / "manifest.jsonl").read_text()
    (photos / "b.png").write_bytes(b"broken")
    run(photos)
    assert not (first.out / "blurred_image/b.png").exists()


def test_other_settings_and_formats_replace_what_was_there(photos, stub):
    first = run(photos)
    run(photos, format="jpeg")
    names = {p.name for p in (first.out / "blurred_image").iterdir() if p.is_file()}
    assert names == {"a.jpg", "b.jpg"}


def test_inputs_that_are_gone_are_counted_and_pruned_on_request(photos, stub):
    first = run(photos)
    (photos / "a.png").unlink()
    second = run(photos)
    assert (second.gone, second.pruned) == (1, 0)
    assert (first.out / "blurred_image/a.png").exists()
    assert '"a"' not in (first.out / "manifest.jsonl").read_text()
    third = run(photos, prune=True)
    assert (third.gone, third.pruned) == (1, 1)
    assert not (first.out / "blurred_image/a.png").exists()
    assert run(photos).gone == 0


def test_a_dry_run_writes_nothing(photos, stub):
    summary = run(photos, dry_run=True)
    assert (summary.inputs, summary.to_do) == (6, 6)
    assert not summary.out.exists()
    assert not summary.private.exists()
    run(photos)
    assert run(photos, dry_run=True).to_do == 2  # the failed ones


def test_opaque_ids_say_nothing_and_stay_the_same(photos, stub):
    summary = run(photos, ids="opaque")
    names = sorted(p.stem for p in (summary.out / "blurred_image").iterdir())
    assert len(names) == 3
    assert all(len(name) == 18 and name.startswith("p_") for name in names)
    assert run(photos, ids="opaque").done_now == 2


def test_pictures_that_share_a_stem_keep_apart(photos, stub, picture):
    Image.fromarray(picture(7)).save(photos / "a.bmp")
    summary = run(photos)
    names = {p.name for p in (summary.out / "blurred_image").iterdir() if p.is_file()}
    assert names == {"a_bmp.bmp", "a_png.png", "b.png"}


def test_ids_that_differ_by_case_stop_the_run_before_it_starts(photos, stub, picture):
    Image.fromarray(picture(7)).save(photos / "A.png")
    with pytest.raises(UsageError, match="the same id"):
        run(photos)
    assert not photos.with_name("photos-anonymized").exists()


def test_a_no_face_list_releases_and_is_contradicted(photos, stub):
    summary = run(photos, no_face=frozenset({"empty.png", "a"}))
    assert summary.reasons == {"no_face_contradicted": 1}
    assert np.array_equal(pixels(summary.out / "blurred_image/empty.png"), pixels(photos / "empty.png"))
    assert rows(summary)["empty.png"].facts["status"] == "no_face"
    assert run(photos).reasons == {"no_face": 1}  # off the list again
    assert not (summary.out / "blurred_image/empty.png").exists()


def alphas_for(photos: Path, folder: Path) -> Path:
    """A matte for every portrait: foreground with a soft left edge at x = 50..60."""
    folder.mkdir()
    ramp = np.clip((np.arange(160) - 25) / 10, 0, 1)
    alpha = np.round(np.tile(ramp, (120, 1)) * 255).astype(np.uint8)
    for path in list(photos.rglob("*.png")):
        target = folder / path.relative_to(photos)
        target.parent.mkdir(exist_ok=True)
        Image.fromarray(alpha).save(target)
    return folder


def test_alphas_are_found_beside_the_pictures_and_written_with_them(tmp_path, photos, stub):
    whole = tmp_path / "set"
    whole.mkdir()
    shutil.move(str(photos), whole / "image")
    alphas_for(whole / "image", whole / "mask")
    summary = run(whole)
    assert summary.inputs == 6
    assert np.array_equal(pixels(summary.out / "mask/a.png"), pixels(whole / "mask/a.png"))
    row = json.loads((summary.out / "manifest.jsonl").read_text().splitlines()[0])
    assert row["alpha"] == "mask/a.png"
    before, after = pixels(whole / "image/a.png"), pixels(summary.out / "blurred_image/a.png")
    assert np.array_equal(before[:, 24:36], after[:, 24:36])  # the soft edge
    assert not np.array_equal(before[:, 40:60], after[:, 40:60])


def test_a_cut_outs_colours_reach_no_output(tmp_path, photos, stub):
    folder = alphas_for(photos, tmp_path / "alphas")
    rgba = np.dstack([pixels(photos / "a.png"), pixels(folder / "a.png")])
    Image.fromarray(rgba).save(folder / "a.png")
    summary = run(photos, alphas=folder)
    released = Image.open(summary.out / "mask/a.png")
    assert released.mode == "L"
    assert np.array_equal(np.asarray(released), rgba[..., 3])


def test_a_missing_and_a_wrong_alpha_wait_for_a_person(tmp_path, photos, stub):
    folder = alphas_for(photos, tmp_path / "alphas")
    (folder / "a.png").unlink()
    Image.fromarray(np.zeros((7, 9), np.uint8)).save(folder / "b.png")
    summary = run(photos, alphas=folder)
    assert summary.reasons == {"alpha_missing": 1, "alpha_mismatch": 1, "no_face": 1}
    assert run(photos, alpha_policy="none").counts["accepted"] == 3
    with pytest.raises(UsageError, match="no alphas"):
        run(photos, alpha_policy="required")


def test_a_manual_mask_takes_the_place_of_detection(tmp_path, photos, stub):
    masks = tmp_path / "masks"
    masks.mkdir()
    drawn = np.zeros((120, 160), np.uint8)
    drawn[10:110, 20:100] = 255
    Image.fromarray(drawn).save(masks / "a.png")
    Image.fromarray(drawn).save(masks / "empty.png")
    Image.fromarray(drawn // 255 * np.uint8(255) * (np.arange(160) > 70)).save(masks / "b.png")
    summary = run(photos, masks=masks)
    assert summary.reasons == {"face_outside_manual_mask": 1}
    found = rows(summary)
    assert found["b.png"].reason == "face_outside_manual_mask"
    assert found["a.png"].facts["status"] == found["empty.png"].facts["status"] == "anonymized_manual"
    before, after = pixels(photos / "a.png"), pixels(summary.out / "blurred_image/a.png")
    assert np.array_equal(before[drawn == 0], after[drawn == 0])


def test_an_empty_manual_mask_is_an_error(tmp_path, photos, stub):
    masks = tmp_path / "masks"
    masks.mkdir()
    Image.fromarray(np.zeros((120, 160), np.uint8)).save(masks / "a.png")
    assert rows(run(photos, masks=masks))["a.png"].status == "failed"


def test_a_detector_that_breaks_fails_one_picture_only(photos, stub, monkeypatch):
    def detect(rgb):
        if np.array_equal(rgb[0, 0], pixels(photos / "a.png")[0, 0]):
            raise RuntimeError("no such thing")
        return ()

    monkeypatch.setattr(stub, "detect", detect)
    row = rows(run(photos))["a.png"]
    assert row.status == "failed"
    assert "unexpected RuntimeError" in row.detail


def test_two_runs_do_not_work_on_one_release(photos, stub):
    with locked(photos.with_name("photos-anonymized.private")), pytest.raises(Stopped, match="another run"):
        run(photos)


@pytest.mark.parametrize("out", ["photos/release", ".", "photos"])
def test_outputs_never_lie_among_the_inputs(tmp_path, photos, stub, out):
    with pytest.raises(UsageError, match="inside one another"):
        run(photos, out=tmp_path / out)


def test_the_face_mask_is_published_only_on_request(photos, stub):
    summary = run(photos)
    assert not (summary.out / "facemask").exists()
    run(photos, publish_facemask=True)
    assert pixels(summary.out / "facemask/a.png").any()


def test_outputs_never_overwrite_alphas_or_masks(tmp_path, photos, stub):
    data = tmp_path / "data"
    data.mkdir()
    folder = alphas_for(photos, data / "mask")
    before = tree(data)
    with pytest.raises(UsageError, match="inside one another"):
        run(photos, alphas=folder, out=data)
    assert tree(data) == before


def test_a_folder_that_no_run_made_is_not_written_into(tmp_path, photos, stub, picture):
    (tmp_path / "out").mkdir()
    Image.fromarray(picture(3)).save(tmp_path / "out" / "holiday.png")
    with pytest.raises(UsageError, match="no earlier run made it"):
        run(photos, out=tmp_path / "out")


def test_a_stranger_in_the_release_folder_is_named(photos, stub, picture):
    first = run(photos)
    Image.fromarray(picture(3)).save(first.out / "blurred_image" / "clear.png")
    second = run(photos)
    assert any("blurred_image/clear.png" in note or "clear.png" in note for note in second.notes)
    assert second.exit_code == 1


def test_pruning_leaves_the_release_of_a_picture_that_took_over_the_id(photos, stub, picture):
    first = run(photos)
    (photos / "a.png").unlink()
    Image.fromarray(picture(0)).save(photos / "a.bmp")
    run(photos, prune=True)
    assert (first.out / "blurred_image/a.bmp").exists()
    assert not (first.out / "blurred_image/a.png").exists()
    assert run(photos).gone == 0


def test_an_empty_folder_is_wrong_usage_and_leaves_the_release_alone(tmp_path, photos, stub):
    first = run(photos, out=tmp_path / "out")
    before = tree(first.out)
    (tmp_path / "unmounted").mkdir()
    with pytest.raises(UsageError, match="no pictures"):
        run(tmp_path / "unmounted", out=tmp_path / "out")
    assert tree(first.out) == before


def test_pruning_nearly_everything_is_refused(tmp_path, photos, stub, picture):
    run(photos, out=tmp_path / "out")
    (tmp_path / "other").mkdir()
    Image.fromarray(picture(5)).save(tmp_path / "other" / "z.png")
    with pytest.raises(UsageError, match="the right folder"):
        run(tmp_path / "other", out=tmp_path / "out", prune=True)


def test_a_grey_photo_in_the_place_of_an_alpha_is_never_written(tmp_path, photos, stub):
    folder = alphas_for(photos, tmp_path / "alphas")
    Image.fromarray(pixels(photos / "a.png")[..., 0]).save(folder / "a.png")
    masks = tmp_path / "masks"
    masks.mkdir()
    Image.fromarray(np.full((120, 160), 255, np.uint8)).save(masks / "a.as_drawn.png")
    for options in ({}, {"masks": masks}):
        summary = run(photos, alphas=folder, out=tmp_path / f"out{len(options)}", **options)
        assert rows(summary)["a.png"].reason == "alpha_mismatch"
        assert not (summary.out / "mask/a.png").exists()


def test_a_rejected_picture_is_gone_even_if_the_disk_fills_up_meanwhile(photos, stub, picture, monkeypatch):
    first = run(photos)
    Image.fromarray(picture(0, face=False)).save(photos / "a.png")

    def full(*_, **__):
        raise Stopped("disk full")

    monkeypatch.setattr("p3m_anon.jobs.blur.outputs.before_after", full)
    with pytest.raises(Stopped):
        run(photos)
    assert not (first.out / "blurred_image/a.png").exists()
    assert not (first.out / "manifest.jsonl").exists()


def test_masks_and_list_lines_that_fit_no_picture_are_named(tmp_path, photos, stub):
    masks = tmp_path / "masks"
    masks.mkdir()
    Image.fromarray(np.full((120, 160), 255, np.uint8)).save(masks / "a.png.png")
    summary = run(photos, masks=masks, no_face=frozenset({"empty.png", "emtpy.png"}))
    assert any("a.png.png" in note for note in summary.notes)
    assert any("emtpy.png" in note for note in summary.notes)
    assert summary.exit_code == 1


def test_a_bare_file_name_on_the_list_does_not_clear_it_everywhere(photos, stub, picture):
    Image.fromarray(picture(9, face=False)).save(photos / "sub" / "empty.png")
    summary = run(photos, no_face=frozenset({"empty.png"}))
    assert rows(summary)["sub/empty.png"].reason == "no_face"


def test_mattes_beside_the_pictures_are_never_taken_for_pictures(tmp_path, photos, stub):
    alphas_for(photos, photos / "mask")
    assert run(photos, alpha_policy="none").inputs == 6


def test_an_alpha_folder_without_alphas_is_wrong_usage(tmp_path, photos, stub):
    (tmp_path / "alphas").mkdir()
    with pytest.raises(UsageError, match="holds no alpha files"):
        run(photos, alphas=tmp_path / "alphas")


def test_odd_names_fail_alone(photos, stub, picture):
    Image.fromarray(picture(4)).save(photos / ("n" * 251 + ".png"))
    (photos / "a.bmp").mkdir()
    Image.fromarray(picture(5)).save(photos / "a.bmp" / "b\nc.png")
    summary = run(photos)
    assert summary.counts["accepted"] >= 4
    assert run(photos).counts == summary.counts


def test_a_broken_ledger_is_one_line(photos, stub):
    first = run(photos)
    (first.private / "ledger.sqlite").write_bytes(b"SQLite format 3\0" + bytes(4000))
    with pytest.raises(Stopped, match="ledger"):
        run(photos)


SMALL, LARGE = (120.0, 20.0, 132.0, 34.0), (100.0, 20.0, 150.0, 90.0)


class SecondLook(StubDetector):
    """The stub's face, unless told not to, and other places."""

    def __init__(self, *others, agrees=True):
        super().__init__()
        self.found = [drawn_face().box] * agrees + list(others)

    def look(self, rgb, *, coarse=False):
        if not rgb[0, 0].any():
            return Glance(no_boxes(), no_boxes())
        return Glance(Boxes(np.array(self.found, float).reshape(-1, 4), np.full(len(self.found), 0.9)), no_boxes())


@pytest.fixture
def second_look(stub, monkeypatch):
    """second_look(boxes..., agrees=True): what the second look sees beside the stub's face."""

    def see(*boxes, agrees=True):
        looks = Looks(stub, SecondLook(*boxes, agrees=agrees))
        monkeypatch.setattr("p3m_anon.jobs.blur.run.build_looks", lambda request, plan: looks)

    return see


def test_a_small_place_that_one_look_alone_saw_is_blurred_and_released(photos, second_look):
    second_look(SMALL)
    summary = run(photos)
    assert summary.reasons == {"no_face": 1}
    row = rows(summary)["a.png"]
    assert row.facts["faces"] == 2
    assert row.facts["seen_by"] == {"both": 1, "first": 0, "second": 1}
    assert [face["masked_by"] for face in row.faces] == ["both"]
    mask = pixels(summary.private / "facemask/a.png").astype(bool)
    x0, y0, x1, y1 = map(int, SMALL)
    assert mask[y0 + 1 : y1, x0 + 1 : x1].all()
    before, after = pixels(photos / "a.png"), pixels(summary.out / "blurred_image/a.png")
    assert after[mask].std() < 0.4 * before[mask].std()
    assert np.array_equal(before[~mask], after[~mask])


def test_a_large_place_that_one_look_alone_saw_waits(photos, second_look):
    second_look(LARGE)
    summary = run(photos)
    assert summary.reasons == {"detectors_disagree": 3, "no_face": 1}
    assert not (summary.out / "blurred_image/a.png").exists()


def test_the_main_face_waits_if_one_look_alone_saw_it(photos, second_look):
    second_look(agrees=False)
    summary = run(photos)
    assert summary.reasons == {"detectors_disagree": 3, "no_face": 1}
    assert "largest face" in rows(summary)["a.png"].detail


def test_every_disagreement_waits_where_the_user_wants_it_so(photos, second_look):
    second_look(SMALL)
    summary = run(photos, settings=BlurSettings(on_disagreement="review"))
    assert summary.reasons == {"detectors_disagree": 3, "no_face": 1}
    assert run(photos).reasons == {"no_face": 1}  # other settings, other verdict: it is judged anew


def test_a_picture_of_more_pixels_than_allowed_is_refused_before_it_is_decoded(tmp_path, photos, stub, monkeypatch):
    """250 megapixels by default; the header alone says so."""
    assert BlurRequest(photos).max_pixels == 250_000_000

    def decode(*_, **__):
        raise AssertionError("decoded")

    Image.new("L", (16_000, 15_626)).save(photos / "large.png")
    monkeypatch.setattr(Image.Image, "load", decode)
    (photos / "a.png").unlink()
    summary = run(photos)
    row = rows(summary)["large.png"]
    assert row.status in ("failed", "unsupported")
    assert "pixels" in row.detail


def test_a_picture_of_one_pixel_waits(photos, stub):
    for name, value in (("dark.png", 0), ("bright.png", 255)):
        Image.new("RGB", (1, 1), (value, value, value)).save(photos / name)
    found = rows(run(photos))
    assert found["dark.png"].reason == "no_face"
    assert found["bright.png"].status == "needs_review"  # the stub's face lies outside the picture


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_face_in_the_last_values_of_a_matte_does_not_leave(tmp_path, photos, stub, dtype):
    """Stretched, values that look full show a photograph."""
    folder = alphas_for(photos, tmp_path / "alphas")
    grey = pixels(photos / "a.png")[..., :3].mean(-1)
    alpha = pixels(folder / "a.png").astype(dtype) * (1 if dtype == np.uint8 else 257)
    full = np.iinfo(dtype).max
    alpha[alpha == full] = (full - grey / 64)[alpha == full].astype(dtype)
    Image.fromarray(alpha).save(folder / "a.png")
    summary = run(photos, alphas=folder)
    row = rows(summary)["a.png"]
    released, mask = pixels(summary.out / "mask/a.png"), pixels(summary.private / "facemask/a.png").astype(bool)
    assert set(np.unique(released[mask])) <= {0, full}
    assert row.facts["alpha_flat"]["changed"] == np.count_nonzero(released != alpha) > 1000
    assert row.facts["alpha_flat"]["soft_blurred"] == 0


def test_a_matte_that_shows_the_face_waits_however_it_is_masked(tmp_path, photos, stub):
    """A mask marked as drawn blurs soft values in the picture; they stay in the matte."""
    folder, masks = alphas_for(photos, tmp_path / "alphas"), tmp_path / "masks"
    masks.mkdir()
    grey = pixels(photos / "a.png")[..., :3].mean(-1)
    drawn = np.zeros((120, 160), np.uint8)
    drawn[10:110, 20:100] = 255
    alpha = pixels(folder / "a.png").copy()
    alpha[drawn > 0] = (60 + grey / 2)[drawn > 0].astype(np.uint8)
    Image.fromarray(alpha).save(folder / "a.png")
    Image.fromarray(drawn).save(masks / "a.as_drawn.png")
    summary = run(photos, alphas=folder, masks=masks)
    assert rows(summary)["a.png"].status == "needs_review"
    assert not (summary.out / "mask/a.png").exists()


def test_folder_names_that_become_public_are_counted(photos, stub):
    assert run(photos).public_folders == 1
    assert run(photos, out=photos.with_name("other"), ids="opaque").public_folders == 0


class TestColours:
    def test_a_profile_is_rebuilt_and_named(self, photos, stub):
        from p3m_anon.files.icc import clean
        from tests.files.profiles import NAME, fuzzed, tables

        for name, profile in (("a", fuzzed(0)), ("b", tables(9))):
            Image.open(photos / f"{name}.png").save(photos / f"{name}.png", icc_profile=profile)
        summary = run(photos)
        files = {name: summary.out / f"blurred_image/{name}.png" for name in ("a", "b")}
        assert Image.open(files["a"]).info["icc_profile"] == clean(fuzzed(0), 3).profile
        assert NAME.encode() not in Image.open(files["b"]).info["icc_profile"]
        of = rows(summary)
        assert of["a.png"].facts["colours"] == "RGB of its own primaries"
        assert of["b.png"].facts["colours"].startswith("tables of ")
        assert "its colour profile is tables of" in of["b.png"].detail

    def test_icc_srgb_converts(self, photos, stub):
        from p3m_anon.files.icc_known import known_spaces

        Image.open(photos / "a.png").save(photos / "a.png", icc_profile=known_spaces()[1].profile)
        kept = run(photos)
        before = pixels(kept.out / "blurred_image/a.png")
        summary = run(photos, icc="srgb")
        assert summary.done_now >= 3
        file = summary.out / "blurred_image/a.png"
        assert "icc_profile" not in Image.open(file).info
        assert (pixels(file) != before).mean() > 0.3
        row = rows(summary)["a.png"]
        assert row.facts["icc"] == "srgb"
        assert "converted from Display P3 to sRGB" in row.detail


def test_a_face_of_which_the_mouth_could_be_seen_waits(photos, stub, monkeypatch):
    """Whatever went wrong with the blur: the bounds of the audit hold before a picture leaves."""

    def weak(pixels, masks, settings):
        out = anonymize(pixels, masks, settings)
        patch = regions(masks[0].face, pixels.shape[:2], masks[0].width)["mouth"]
        out[patch.slices][patch.mask] = pixels[patch.slices][patch.mask]
        return out

    monkeypatch.setattr("p3m_anon.jobs.blur.picture.anonymize", weak)
    summary = run(photos)
    assert summary.reasons == {"feature_left_clear": 3, "no_face": 1}
    assert rows(summary)["a.png"].detail.startswith("mouth: ")
    assert not list(summary.out.rglob("*.png"))
