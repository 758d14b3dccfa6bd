"""An evaluation: right figures, no picture lost, and the same rows whatever happens on the way."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from p3m_anon.errors import UsageError
from p3m_anon.evaluation.rows import METRICS, read_csv, read_parquet
from p3m_anon.jobs.eval.request import EvalRequest
from p3m_anon.jobs.eval.run import evaluate
from p3m_anon.jobs.manifest.build import BuildRequest, build_manifest
from p3m_anon.matting.scores import Scores
from tests.jobs.eval.cases import (
    HEIGHT,
    SPLIT,
    WIDTH,
    StubPredictor,
    disc,
    eight,
    figures,
    make_mattes,
    make_split,
    run,
    save,
    trimap_of,
)
from tests.matting.published_metrics import everything


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
    page = (root.parent / "run/eval.html").read_text("utf-8")
    assert page.count("<figure class=panel>") == 6  # the sample is of the others


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


def test_beside_a_transition_only_run_the_paper_has_what_can_be_compared(root, mattes):
    table = run(root, mattes, method="gfm", transition_only=True)[0].table
    assert table[2] == ["GFM, paper (Table 4)", "-", "-", "-", "8.84", "0.0269", "0.0616", "-", "-"]
    assert table[3][1] == "-"
    crossed = run(root, mattes, "crossed", method="gfm", transition_only=True, protocol="N:B")[0]
    assert len(crossed.table) == 2  # Table 3 has whole pictures only


def test_wrong_folders_are_refused_before_anything_is_written(root, mattes, tmp_path):
    for out in (root / "run", root, root / SPLIT / "x"):
        with pytest.raises(UsageError, match="lies inside a dataset"):
            evaluate(EvalRequest(root, "P3M-500-P", pred=mattes, out=out))
    with pytest.raises(UsageError, match="holds no train"):
        evaluate(EvalRequest(root, "train", pred=mattes, out=tmp_path / "run"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"no file in .*empty is called after a picture"):
        run(root, tmp_path / "empty")
    with pytest.raises(UsageError, match="no run folder, and not empty"):
        run(root, mattes, ".")
    build_manifest(BuildRequest(root))
    text = (root / "manifest.jsonl").read_bytes()
    predictor = StubPredictor()
    for lines, said in ((text + text.splitlines(True)[0], "two rows p_0"), (text[:-9], "manifest.jsonl, line 6")):
        (root / "manifest.jsonl").write_bytes(lines)
        with pytest.raises(UsageError, match=said):
            evaluate(EvalRequest(root, "P3M-500-P", "p3mnet", out=tmp_path / "run"), predictor)
    assert predictor.asked == []
    (root / "manifest.jsonl").unlink()
    shutil.copytree(root / SPLIT, root / "P3M-500-P")
    with pytest.raises(UsageError, match="twice"):
        run(root, mattes)
    assert not (tmp_path / "run").exists()


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
