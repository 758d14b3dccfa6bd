"""An evaluation: right figures, no picture lost, and the same rows whatever happens on the way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import cv2
import numpy as np
import pytest

from p3m_anon.errors import Stopped, UsageError
from p3m_anon.evaluation.rows import METRICS, EvalRow, read_csv, read_parquet
from p3m_anon.files.dataset_rows import read_rows, write_rows
from p3m_anon.jobs.eval import evaluate
from p3m_anon.jobs.eval_request import EvalRequest
from p3m_anon.jobs.manifest_build import BuildRequest, build_manifest
from p3m_anon.matting.scores import Scores
from tests.jobs.eval_cases import HEIGHT, WIDTH, disc, eight, make_mattes, make_split, save, trimap_of
from tests.matting.published_metrics import everything

SPLIT = "validation/P3M-500-P"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_split(tmp_path / "data")


@pytest.fixture
def mattes(tmp_path: Path) -> Path:
    return make_mattes(tmp_path / "mattes")


def run(root: Path, mattes: Path, out: str = "run", on_result=lambda _: None, **options):
    request = EvalRequest(root, "P3M-500-P", pred=mattes, out=root.parent / out, **options)
    summary = evaluate(request, on_result=on_result)
    return summary, {row.id: row for row in read_csv(root.parent / out / "rows.csv")}


def figures(row: EvalRow) -> list[float]:
    return [getattr(row, name) for name in METRICS]


def worked_on(summary) -> int:
    return summary.pictures - summary.kept


def test_the_metrics_have_the_names_and_the_order_of_the_scores():
    assert Scores._fields == METRICS


def test_every_figure_is_that_of_the_slow_reference(root, mattes):
    summary, rows = run(root, mattes)
    assert (summary.pictures, summary.scored, summary.exit_code) == (6, 6, 0)
    assert summary.trimaps == {"dataset": 6}
    expected = []
    for number in range(6):
        alpha = eight(disc(number))
        expected.append(everything(eight(disc(number, 1.5) * 0.9) / 255, alpha / 255, trimap_of(alpha)))
        assert figures(rows[f"p_{number}"]) == pytest.approx(expected[-1], rel=1e-6)
    assert list(summary.means.values()) == pytest.approx(np.mean(expected, axis=0), rel=1e-6)
    order = sorted(range(6), key=lambda number: -expected[number][0])
    assert [name for name, _ in summary.worst] == [f"p_{number}" for number in order[:5]]


@pytest.mark.shared
def test_degraded_real_mattes_get_the_figures_of_the_slow_reference(tmp_path, shared_data):
    """8 and 16 bits, grey and RGBA; blurred, moved, darkened, with a hole and with a foreign piece."""
    base = tmp_path / "data/validation/P3M-500-P"
    shutil.copytree(shared_data / "p3m_samples/alpha", base / "mask")
    shutil.copytree(shared_data / "p3m_samples/image", base / "blurred_image")
    expected = {}
    for number, path in enumerate(sorted((base / "mask").iterdir())):
        alpha = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        matte = cv2.GaussianBlur(alpha / 255, (0, 0), 1 + number)
        matte = (matte, matte**1.5, np.roll(matte, 9, 1), matte * 0.8 + 0.1)[number % 4]
        matte[100:140, 200 : 200 + 20 * number] = number % 2
        if number % 3 == 0:
            stored = np.rint(matte * 65535).astype(np.uint16)
            save(tmp_path / "mattes" / path.name, stored)
            matte = stored / 65535
        else:
            stored = eight(matte)
            colours = np.full((*stored.shape, 3), 77, np.uint8)
            save(tmp_path / "mattes" / path.name, stored if number % 3 == 1 else np.dstack([colours, stored]))
            matte = stored / 255
        ellipse = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (25, 25))
        some, whole = (
            cv2.dilate((alpha > 0).astype(np.uint8), ellipse),
            cv2.erode((alpha == 255).astype(np.uint8), ellipse),
        )
        expected[path.stem] = everything(matte, alpha / 255, np.where(whole, 255, np.where(some, 128, 0)))
    summary, rows = run(tmp_path / "data", tmp_path / "mattes")
    assert summary.exit_code == 0
    assert summary.trimaps == {"published 25": 10}
    for id, figures_of_reference in expected.items():
        assert figures(rows[id]) == pytest.approx(figures_of_reference, rel=1e-6), id


def test_rows_depend_on_nothing_but_the_files(root, mattes, tmp_path):
    run(root, mattes, parquet=True, workers=3)
    other = tmp_path / "again"
    for path in sorted(mattes.iterdir(), reverse=True):
        other.mkdir(exist_ok=True)
        shutil.copy(path, other)
    moved = tmp_path / "elsewhere"
    shutil.copytree(root / SPLIT, moved / "P3M-500-P")  # without the level validation/
    run(moved, other, "run2", workers=1)
    assert (tmp_path / "run/rows.csv").read_bytes() == (tmp_path / "run2/rows.csv").read_bytes()
    pytest.importorskip("pyarrow")
    both = zip(read_parquet(tmp_path / "run/rows.parquet"), read_csv(tmp_path / "run/rows.csv"), strict=True)
    assert all((one.id, figures(one), one.digest) == (two.id, figures(two), two.digest) for one, two in both)


KILLED = """
import os, signal, sys
from pathlib import Path
from p3m_anon.jobs.eval import evaluate
from p3m_anon.jobs.eval_request import EvalRequest

count = 0

def on_result(_):
    global count
    count += 1
    if count == 3:
        os.kill(os.getpid(), signal.SIGKILL)

root, mattes, out = map(Path, sys.argv[1:])
evaluate(EvalRequest(root, "P3M-500-P", pred=mattes, out=out, workers=1), on_result=on_result)
"""


def test_a_killed_run_goes_on_where_it_was(root, mattes, tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, root, mattes, tmp_path / "killed"], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (tmp_path / "killed/rows.csv").exists()
    summary, _ = run(root, mattes, "killed")
    assert (summary.pictures, summary.kept) == (6, 3)
    run(root, mattes, "whole")
    assert (tmp_path / "killed/rows.csv").read_bytes() == (tmp_path / "whole/rows.csv").read_bytes()
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == [
        *("eval.html", "record.sqlite", "rows.csv", "settings.json")
    ]


def test_only_what_changed_is_scored_again(root, mattes):
    _, before = run(root, mattes)
    summary, again = run(root, mattes)
    assert (worked_on(summary), again) == (0, before)
    save(mattes / "p_1.png", eight(disc(1, 4)))
    save(root / SPLIT / "mask/p_2.png", eight(disc(3)))
    save(root / SPLIT / "trimap/p_3.png", np.full((HEIGHT, WIDTH), 128, np.uint8))
    (root / SPLIT / "trimap/p_4.png").unlink()
    summary, after = run(root, mattes)
    assert worked_on(summary) == 4
    assert [id for id in before if after[id] != before[id]] == ["p_1", "p_2", "p_3", "p_4"]
    assert after["p_4"].trimap == "published 25"
    assert after["p_1"].sad > before["p_1"].sad


@pytest.mark.parametrize("gone", [False, True])
def test_a_picture_that_was_replaced_keeps_its_figures_and_loses_its_panel(root, mattes, tmp_path, gone):
    """A face that was blurred badly, and is blurred again or removed."""
    _, before = run(root, mattes)
    panel, page = _panel(tmp_path / "run", "p_1"), (tmp_path / "run/eval.html").read_bytes()
    picture = root / SPLIT / "blurred_image/p_1.jpg"
    if gone:
        picture.unlink()
    else:
        save(picture, np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    summary, after = run(root, mattes)
    assert worked_on(summary) == 1
    assert all(figures(after[id]) == figures(before[id]) and after[id].digest == before[id].digest for id in before)
    assert panel not in (tmp_path / "run/record.sqlite").read_bytes()
    shown = [part.split(b"'")[0] for part in page.split(b"base64,")[1:]]
    now = (tmp_path / "run/eval.html").read_bytes()
    assert sum(one not in now for one in shown) == 1
    assert worked_on(run(root, mattes)[0]) == 0


def test_a_picture_that_cannot_be_read_is_not_tried_again(root, mattes):
    (root / SPLIT / "blurred_image/p_1.jpg").write_bytes(b"no picture")
    run(root, mattes)
    assert worked_on(run(root, mattes)[0]) == 0


def test_pictures_that_left_the_dataset_leave_the_run_folder(root, mattes, tmp_path):
    run(root, mattes)
    panel = _panel(tmp_path / "run", "p_2")
    assert panel in (tmp_path / "run/record.sqlite").read_bytes()
    for folder in ("mask", "blurred_image", "trimap"):
        next((root / SPLIT / folder).glob("p_2.*")).unlink()
    summary, rows = run(root, mattes)
    assert (summary.forgotten, summary.pictures, summary.unused) == (1, 5, ["p_2.png"])
    assert "p_2" not in rows
    assert panel not in (tmp_path / "run/record.sqlite").read_bytes()
    assert b"p_2" not in (tmp_path / "run/eval.html").read_bytes()


def _panel(folder: Path, id: str) -> bytes:
    """The end of it: the beginning of a JPEG is the same in all."""
    with closing(sqlite3.connect(folder / "record.sqlite")) as db:
        (panel,) = db.execute("SELECT substr(panel, -200) FROM rows WHERE id = ?", (id,)).fetchone()
    return panel


def broken(mattes: Path) -> dict[str, str]:
    """Spoil the mattes of p_0 to p_4, one in each way -> what is to be said of it."""
    (mattes / "p_0.png").unlink()
    (mattes / "p_1.png").write_bytes((mattes / "p_1.png").read_bytes()[:60])
    save(mattes / "p_2.png", eight(disc(2))[:-1])
    save(mattes / "p_3.png", np.dstack([eight(disc(3)), eight(disc(2)), eight(disc(1))]))
    shutil.copy(mattes / "p_4.png", mattes / "p_4.tif.png")
    save(mattes / "p_4.bmp", eight(disc(4)))
    return {
        "p_0": "no prediction of this name",
        "p_1": "p_1.png: ",
        "p_2": "the prediction has 56 x 39 pixels, the alpha 56 x 40; nothing is resized here",
        "p_3": "p_3.png: a colour picture, not an alpha matte",
        "p_4": "several predictions of this name: p_4.bmp, p_4.png; keep one",
    }


def test_a_bad_prediction_is_an_error_row_and_never_skipped(root, mattes, tmp_path):
    said = broken(mattes)
    summary, rows = run(root, mattes)
    assert (summary.pictures, summary.scored, summary.exit_code) == (6, 1, 1)
    assert list(rows) == [f"p_{n}" for n in range(6)]
    for id, text in said.items():
        assert rows[id].error.startswith(text)
        assert np.isnan(figures(rows[id])).all()
    assert rows["p_5"].error == ""
    assert summary.means["sad"] == rows["p_5"].sad
    assert summary.caveats[0] == "means over 1 of 6 pictures; the others have no score"
    assert "Means over 1 of 6 pictures" in (tmp_path / "run/eval.html").read_text("utf-8")
    assert summary.unused == ["p_4.tif.png"]
    make_mattes(mattes)
    (mattes / "p_4.bmp").unlink()
    repaired, _ = run(root, mattes)
    assert (repaired.kept, repaired.scored, repaired.exit_code) == (1, 6, 0)


def test_bad_datasets_are_error_rows_too(root, mattes):
    (root / SPLIT / "mask/p_0.png").unlink()
    (root / SPLIT / "mask/p_1.png").write_bytes(b"no png")
    save(root / SPLIT / "trimap/p_2.png", np.full((HEIGHT, WIDTH), 7, np.uint8))
    save(root / SPLIT / "trimap/p_3.png", np.full((HEIGHT - 1, WIDTH), 128, np.uint8))
    save(root / SPLIT / "mask/p_4.tif", eight(disc(4)))
    (root / SPLIT / "blurred_image/p_5.jpg").unlink()  # mattes can be scored without it
    summary, rows = run(root, mattes)
    assert (summary.scored, summary.exit_code) == (1, 1)
    assert rows["p_0"].error == "no alpha of this name"
    assert rows["p_1"].error.startswith("alpha p_1.png: ")
    assert "0, 128 and 255" in rows["p_2"].error
    assert rows["p_3"].error.startswith("the trimap has 56 x 39 pixels")
    assert rows["p_4"].error == "several alphas of this name: p_4.png, p_4.tif; keep one"


def test_names_that_are_no_text_are_scored_and_shown(root, mattes):
    name = os.fsdecode(b"p_\xff.png")
    try:
        shutil.copy(root / SPLIT / "mask/p_0.png", root / SPLIT / "mask" / name)
    except OSError:
        pytest.skip("this file system takes text only")
    shutil.copy(mattes / "p_0.png", mattes / name)
    _, rows = run(root, mattes)
    assert rows["p_\\udcff"].sad == rows["p_0"].sad
    (mattes / name).write_bytes(b"nothing")
    summary, rows = run(root, mattes)
    assert rows["p_\\udcff"].error.startswith("p_\\udcff.png: ")
    assert summary.exit_code == 1


def test_with_a_manifest_files_must_be_the_listed_ones(root, mattes, tmp_path):
    run(root, mattes, "plain")
    build_manifest(BuildRequest(root))
    run(root, mattes, "listed")
    assert (tmp_path / "plain/rows.csv").read_bytes() == (tmp_path / "listed/rows.csv").read_bytes()
    save(root / SPLIT / "mask/p_0.png", eight(disc(2)))
    save(root / SPLIT / "trimap/p_1.png", np.full((HEIGHT, WIDTH), 128, np.uint8))
    shutil.copy(root / SPLIT / "mask/p_3.png", root / SPLIT / "mask/p_9.png")  # no row lists it
    summary, rows = run(root, mattes, "listed")
    assert sorted(rows) == [f"p_{n}" for n in range(6)]
    assert rows["p_0"].error.startswith("the alpha is not the file that the manifest lists")
    assert rows["p_1"].error.startswith("the trimap is not the file")
    assert summary.kept == 4
    settings = json.loads((tmp_path / "listed/settings.json").read_text())
    assert len(settings["manifest_sha256"]) == 64


def change_rows(root: Path, **changes: object) -> None:
    """In all rows of the manifest."""
    rows = [row | changes for row in read_rows(root / "manifest.jsonl")]
    write_rows(root / "manifest.jsonl", rows)


@pytest.mark.parametrize("role", ["alpha", "trimap"])
def test_another_manifest_is_not_resumed_from(root, mattes, role):
    """What a fresh run refuses, a rerun does not keep."""
    build_manifest(BuildRequest(root))
    run(root, mattes)
    change_rows(root, **{f"{role}_sha256": "0" * 64})
    resumed, rows = run(root, mattes)
    fresh, again = run(root, mattes, "fresh")
    assert (resumed.kept, resumed.exit_code, fresh.exit_code) == (0, 1, 1)
    assert {row.error for row in rows.values()} == {
        f"the {role} is not the file that the manifest lists; p3m-anon manifest verify says more"
    }
    assert rows == again


def test_a_trimap_that_is_listed_and_not_there_is_not_made_up_for(root, mattes):
    shutil.rmtree(root / SPLIT / "trimap")
    build_manifest(BuildRequest(root))
    assert run(root, mattes)[0].trimaps == {"published 25": 6}
    change_rows(root, trimap=f"{SPLIT}/trimap/p_0.png", trimap_sha256="0" * 64)
    resumed, rows = run(root, mattes)
    assert (resumed.kept, resumed.scored) == (0, 0)
    assert all(row.error.startswith("trimap p_0.png: ") for row in rows.values())


def test_a_picture_that_is_not_the_listed_one_is_not_shown(root, mattes, tmp_path):
    build_manifest(BuildRequest(root))
    summary, rows = run(root, mattes)
    panel = _panel(tmp_path / "run", "p_1")
    change_rows(root, image_sha256="0" * 64)
    summary, rows = run(root, mattes)
    assert (summary.scored, worked_on(summary)) == (6, 6)
    assert rows["p_1"].image_sha256 == ""
    assert panel not in (tmp_path / "run/record.sqlite").read_bytes()


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "normal", "release_basis": "consent"},
        {"image": f"{SPLIT}/original_image/p_0.jpg"},
        {"image": "validation/P3M-500-NP/original_image/p_0.jpg"},
    ],
)
def test_a_picture_that_is_not_blurred_is_no_test_picture_of_b(root, mattes, tmp_path, changes):
    build_manifest(BuildRequest(root))
    rows = list(read_rows(root / "manifest.jsonl"))
    rows[0] |= changes
    (root / rows[0]["image"]).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(root / SPLIT / "blurred_image/p_0.jpg", tmp_path)
    shutil.move(tmp_path / "p_0.jpg", root / rows[0]["image"])
    write_rows(root / "manifest.jsonl", rows)
    summary, found = run(root, mattes)
    assert (summary.scored, summary.exit_code) == (5, 1)
    assert found["p_0"].error == "its face was left as it is, and B tests on blurred pictures only"
    normal, found = run(root, mattes, "normal", protocol="N:N")  # mattes of its original: its own is not shown
    assert (normal.scored, found["p_0"].image_sha256) == (6, "")
    assert found["p_1"].image_sha256 != ""


def test_ids_of_a_manifest_may_differ_from_the_names_of_the_files(root, mattes):
    build_manifest(BuildRequest(root))
    text = (root / "manifest.jsonl").read_text()
    (root / "manifest.jsonl").write_text(
        text.replace('"id": "p_0"', '"id": "anna"').replace('"id": "p_1"', '"id": "ben"')
    )
    (mattes / "p_0.png").rename(mattes / "anna.png")
    summary, rows = run(root, mattes)
    assert summary.exit_code == 0
    assert {"anna", "ben"} <= set(rows)
    shutil.copy(mattes / "p_1.png", mattes / "ben.png")
    _, rows = run(root, mattes)
    assert rows["ben"].error == "several predictions of this name: ben.png, p_1.png; keep one"


def test_transition_only_takes_known_pixels_from_the_trimap(root, mattes):
    for options in ({"transition_only": True}, {"method": "dim"}):
        summary, rows = run(root, mattes, "-".join(options), **options)
        assert summary.transition_only
        for number in range(6):
            alpha = eight(disc(number))
            known, matte = trimap_of(alpha), eight(disc(number, 1.5) * 0.9) / 255
            matte[known == 255], matte[known == 0] = 1, 0
            row = rows[f"p_{number}"]
            assert figures(row) == pytest.approx(everything(matte, alpha / 255, known), rel=1e-6)
            assert row.sad == row.sad_t
    assert summary.table[2][0] == "DIM, paper (Table 4)"
    assert not run(root, mattes, "free", method="gfm")[0].transition_only


def test_a_run_folder_holds_one_evaluation(root, mattes, tmp_path):
    run(root, mattes)
    for options in ({"method": "gfm"}, {"protocol": "B:B"}, {"transition_only": True}):
        with pytest.raises(UsageError, match="holds the evaluation of something else"):
            run(root, mattes, **options)
    with pytest.raises(UsageError, match="something else"):
        run(root, make_mattes(tmp_path / "others"))
    with pytest.raises(UsageError, match="something else"):
        run(make_split(tmp_path / "other_data"), mattes)
    (tmp_path / "moved").mkdir()
    root.rename(tmp_path / "moved/data")
    summary = evaluate(EvalRequest(tmp_path / "moved/data", "P3M-500-P", pred=mattes, out=tmp_path / "run"))
    assert summary.kept == 6


def test_wrong_folders_are_refused_before_anything_is_written(root, mattes, tmp_path):
    for out in (root / "run", root, root / SPLIT / "x"):
        with pytest.raises(UsageError, match="lies inside a dataset"):
            evaluate(EvalRequest(root, "P3M-500-P", pred=mattes, out=out))
    with pytest.raises(UsageError, match="holds no train"):
        evaluate(EvalRequest(root, "train", pred=mattes, out=tmp_path / "run"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"no file in .*empty is called after a picture"):
        run(root, tmp_path / "empty")
    shutil.copytree(root / SPLIT, root / "P3M-500-P")
    with pytest.raises(UsageError, match="twice"):
        run(root, mattes)
    assert not (tmp_path / "run").exists()


def test_two_runs_do_not_share_a_folder(root, mattes):
    def second(_):
        with pytest.raises(Stopped, match="another run is working on"):
            run(root, mattes)

    assert run(root, mattes, on_result=second)[0].exit_code == 0


def test_a_record_that_is_none_is_said_to_be_none(root, mattes, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run/record.sqlite").write_bytes(b"not a database, " * 100)
    with pytest.raises(Stopped, match="cannot be used"):
        run(root, mattes)


def test_a_dry_run_counts_and_writes_nothing(root, mattes, tmp_path):
    broken(mattes)
    summary = evaluate(EvalRequest(root, "P3M-500-P", pred=mattes, out=tmp_path / "run", dry_run=True))
    assert (summary.pictures, len(summary.errors), summary.unused) == (6, 2, ["p_4.tif.png"])  # what names alone tell
    assert not (tmp_path / "run").exists()


def test_normal_pictures_make_a_private_page(root, mattes, tmp_path):
    run(root, mattes)
    assert "unblurred" not in (tmp_path / "run/eval.html").read_text("utf-8")
    make_split(root, split="P3M-500-NP")
    evaluate(EvalRequest(root, "P3M-500-NP", pred=mattes, out=tmp_path / "np"))
    assert "contains unblurred faces" in (tmp_path / "np/eval.html").read_text("utf-8")
    assert {path.name: path.stat().st_mode & 0o077 for path in (tmp_path / "np").glob("*[!nv]")} == {
        "eval.html": 0,
        "record.sqlite": 0,
    }
    assert (tmp_path / "np").stat().st_mode & 0o077 == 0
