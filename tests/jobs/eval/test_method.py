"""An evaluation whose mattes are made: which pictures the method sees, and when it is asked again."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from p3m_anon.errors import ImageError, UsageError, WeightsError
from p3m_anon.evaluation.rows import read_csv
from p3m_anon.jobs.eval import request as eval_request
from p3m_anon.jobs.eval.request import EvalRequest
from p3m_anon.jobs.eval.run import evaluate
from p3m_anon.jobs.manifest.build import BuildRequest, build_manifest
from tests.jobs.eval.cases import HEIGHT, WIDTH, StubPredictor, make_split, save, trimap_of
from tests.jobs.eval.cases import run_method as run
from tests.matting.published_metrics import everything


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_split(tmp_path / "data", 4)


def decoded(path: Path) -> np.ndarray:
    return cv2.imread(str(path))[..., ::-1]


def test_the_method_sees_each_picture_once_and_is_scored_on_what_it_says(root):
    predictor = StubPredictor()
    summary, rows = run(root, predictor)
    assert (summary.scored, summary.exit_code) == (4, 0)
    assert all(trimap is None for _, trimap in predictor.asked)
    for number in range(4):
        place = root / "validation/P3M-500-P"
        rgb = decoded(place / f"blurred_image/p_{number}.jpg")
        assert sum(np.array_equal(rgb, seen) for seen, _ in predictor.asked) == 1
        alpha = cv2.imread(str(place / f"mask/p_{number}.png"), 0)
        matte = rgb.mean(2).astype(np.float32) / 255
        row = rows[f"p_{number}"]
        expected = everything(matte, alpha / 255, trimap_of(alpha))
        assert [row.sad, row.grad, row.conn] == pytest.approx([expected[0], *expected[-2:]], rel=1e-5)
        assert row.seconds >= 0
        assert row.protocol == "X:B"


def test_it_is_asked_again_only_for_what_changed(root):
    run(root, StubPredictor())
    again = StubPredictor()
    summary, before = run(root, again)
    assert (summary.kept, again.asked) == (4, [])
    save(root / "validation/P3M-500-P/blurred_image/p_2.jpg", np.full((HEIGHT, WIDTH, 3), 99, np.uint8))
    summary, after = run(root, again)
    assert (summary.kept, len(again.asked)) == (3, 1)
    assert [id for id in before if before[id] != after[id]] == ["p_2"]
    trained_on = StubPredictor("stub 2")
    assert run(root, trained_on)[0].kept == 0
    assert len(trained_on.asked) == 4


def test_pictures_must_be_the_listed_ones(root):
    build_manifest(BuildRequest(root))
    save(root / "validation/P3M-500-P/blurred_image/p_2.jpg", np.full((HEIGHT, WIDTH, 3), 99, np.uint8))
    _, rows = run(root, StubPredictor())
    assert rows["p_2"].error.startswith("the image is not the file that the manifest lists")
    assert [row.error for id, row in rows.items() if id != "p_2"] == ["", "", ""]


def test_a_picture_that_went_is_an_error_when_it_goes_on(root):
    run(root, StubPredictor())
    build_manifest(BuildRequest(root))
    (root / "validation/P3M-500-P/blurred_image/p_2.jpg").unlink()
    summary, rows = run(root, StubPredictor())
    assert (summary.kept, summary.exit_code) == (3, 1)
    assert rows["p_2"].error.startswith("p_2.jpg: ")


def test_the_method_and_checkpoint_that_were_named_are_used(root, tmp_path):
    """A small network with random weights, through the file that a training would leave."""
    torch = pytest.importorskip("torch")
    from p3m_anon.evaluation.predict import load_predictor

    torch.manual_seed(1)
    note = json.dumps({"method": "p3mnet", "width": 4})
    state = eval_request.METHODS["p3mnet"].build(4).state_dict()
    file = tmp_path / "small.ckpt"
    torch.save({"state_dict": state, "p3m_anon": note}, file)
    summary = evaluate(EvalRequest(root, "P3M-500-P", "p3mnet", file, strategy="full", out=tmp_path / "run"))
    assert summary.exit_code == 0
    predictor = load_predictor("p3mnet", file, strategy="full", device="auto", precision="float32")
    for row in read_csv(tmp_path / "run/rows.csv"):
        matte = predictor.predict(decoded(root / f"validation/P3M-500-P/blurred_image/{row.id}.jpg"))
        alpha = cv2.imread(str(root / f"validation/P3M-500-P/mask/{row.id}.png"), 0)
        assert row.sad == pytest.approx(np.abs(matte - alpha / 255).sum() / 1000, rel=1e-4)
    said = json.loads((tmp_path / "run/settings.json").read_text())
    assert said["predictor_digest"] == predictor.digest


def test_a_method_without_weights_is_scored_in_the_transition(root, tmp_path):
    summary = evaluate(EvalRequest(root, "P3M-500-P", "closed_form", out=tmp_path / "run"))
    assert (summary.exit_code, summary.scored) == (0, 4)
    assert summary.transition_only
    assert summary.mattes == "made by closed_form"
    assert [line[0] for line in summary.table[1:3]] == ["closed_form", "Closed, paper (Table 1)"]
    for row in read_csv(tmp_path / "run/rows.csv"):
        assert row.sad == row.sad_t > 0


def test_its_errors_are_rows(root):
    size = (HEIGHT, WIDTH)
    raised = iter([ImageError("too small for it"), WeightsError("not finite"), MemoryError()])
    returned = [
        np.full(size, np.nan, np.float32),
        np.full(size, 1.5, np.float32),
        np.zeros((HEIGHT - 1, WIDTH), np.float32),
    ]

    def answer(rgb, trimap):
        for error in raised:
            raise error
        return returned.pop()

    make_split(root, 6)
    summary, rows = run(root, StubPredictor(answer=answer))
    assert (summary.pictures, summary.scored, summary.exit_code) == (6, 0, 1)
    assert summary.means["sad"] is None
    said = " ".join(sorted(row.error for row in rows.values()))
    for text in (
        "too small",
        "not finite",
        "not enough memory",
        "got nan to nan",
        "got 1.5 to 1.5",
        "has 56 x 39 pixels",
    ):
        assert said.count(text) == 1


def test_a_bug_of_the_method_keeps_its_traceback(root):
    def fail(rgb, trimap):
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        run(root, StubPredictor(answer=fail))


def test_a_method_that_needs_the_trimap_gets_it_and_is_scored_on_its_area(root, monkeypatch):
    method = dataclasses.replace(eval_request.METHODS["p3mnet"], name="trimapped", needs_trimap=True)
    monkeypatch.setitem(eval_request.METHODS, "trimapped", method)
    predictor = StubPredictor()
    summary, rows = run(root, predictor, method="trimapped")
    assert summary.transition_only
    assert all(row.sad == row.sad_t for row in rows.values())
    trimaps = [trimap_of(cv2.imread(str(path), 0)) for path in (root / "validation/P3M-500-P/mask").iterdir()]
    for _, trimap in predictor.asked:
        assert any(np.array_equal(trimap, one) for one in trimaps)
    free = StubPredictor()
    run(root, free, "free", transition_only=True)
    assert all(trimap is None for _, trimap in free.asked)


def test_a_dry_run_finds_what_the_run_would(root, tmp_path):
    (root / "validation/P3M-500-P/blurred_image/p_2.jpg").unlink()
    build = {"split": "P3M-500-P", "method": "p3mnet", "out": tmp_path / "run", "dry_run": True}
    predictor = StubPredictor()
    summary = evaluate(EvalRequest(root, **build), predictor)
    assert summary.errors == ["p_2: there is no image of it"]
    assert (summary.pictures, summary.exit_code, predictor.asked) == (4, 1, [])
    (tmp_path / "none.ckpt").write_bytes(b"no checkpoint")
    with pytest.raises(WeightsError, match=r"none\.ckpt: is no checkpoint"):
        evaluate(EvalRequest(root, **build, checkpoint=tmp_path / "none.ckpt"))
    with pytest.raises(UsageError, match="needs --checkpoint"):
        evaluate(EvalRequest(root, **build))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "give --method"),
        ({"method": "p3mnett"}, "no method is called p3mnett; there are .*p3mnet"),
        ({"method": "dimm", "pred": Path()}, "no method is called dimm; there are .*dim"),
        ({"pred": Path(), "checkpoint": Path("x")}, "one of the two"),
        ({"pred": Path(), "originals": Path("x")}, "leave out --originals"),
        ({"pred": Path(), "precision": "float16"}, "leave out --strategy, --precision and --device"),
        ({"method": "p3mnet", "protocol": "N:B", "originals": Path("x")}, "--originals goes with"),
    ],
)
def test_what_does_not_go_together(options, message):
    with pytest.raises(UsageError, match=message):
        EvalRequest(Path(), "P3M-500-P", **options)


def test_settings_say_what_made_the_figures(root):
    run(root, StubPredictor("the digest"), checkpoint=Path("some/best.ckpt"), strategy="tiled")
    said = json.loads((root.parent / "run/settings.json").read_text())
    assert (said["predictor_digest"], said["strategy"], said["checkpoint"]) == ("the digest", "tiled", "some/best.ckpt")
    request = EvalRequest(root, "P3M-500-P", "p3mnet", Path("some/best.ckpt"), protocol="B:B")
    assert request.folder == Path("eval/P3M-500-P-B-B-p3mnet-some-best")  # all runs have a best.ckpt
