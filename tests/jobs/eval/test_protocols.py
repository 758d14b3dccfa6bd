"""Trained on, tested on: where each is known from, and what may not pass for it."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from p3m_anon.errors import UsageError
from p3m_anon.evaluation.rows import read_csv
from p3m_anon.files.dataset_rows import read_rows, write_rows
from p3m_anon.jobs.eval import request as eval_request
from p3m_anon.jobs.eval.request import EvalRequest
from p3m_anon.jobs.eval.run import evaluate
from p3m_anon.jobs.manifest.build import BuildRequest, build_manifest
from tests.jobs.eval.cases import HEIGHT, WIDTH, StubPredictor, make_split, save
from tests.jobs.eval.cases import run_method as run


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_split(tmp_path / "data", 4)


class TestProtocols:
    def test_a_test_on_normal_pictures_needs_originals(self, root):
        with pytest.raises(UsageError, match=r"no originals of P3M-500-P in .*data\.private.*--originals DIR"):
            run(root, StubPredictor(), protocol="B:N")
        assert not (root.parent / "run").exists()

    @pytest.mark.parametrize("where", ["private", "named", "named by split"])
    def test_originals_take_the_place_of_the_blurred_pictures(self, root, where):
        folder = root.parent / ("data.private/originals" if where == "private" else "clear")
        folder = folder if where == "named" else folder / "P3M-500-P"
        for number in range(3):
            save(folder / f"p_{number}.png", np.full((HEIGHT, WIDTH, 3), 40 * number, np.uint8))
        named = {} if where == "private" else {"originals": root.parent / "clear"}
        predictor = StubPredictor()
        summary, rows = run(root, predictor, protocol="N:N", **named)
        assert sorted(int(rgb[0, 0, 0]) for rgb, _ in predictor.asked) == [0, 40, 80]
        assert rows["p_3"].error == "no original of this name"
        assert {row.protocol for row in rows.values()} == {"N:N"}
        assert summary.table[2][:2] == ["P3M-Net, paper (Table 3)", "9.06"]
        assert "contains unblurred faces" in (root.parent / "run/eval.html").read_text("utf-8")

    def test_originals_beside_a_manifest(self, root):
        """The manifest lists the blurred pictures: an original is another file, and has to be."""
        build_manifest(BuildRequest(root))
        clear = root.parent / "clear"
        for number in range(3):
            save(clear / f"p_{number}.png", np.full((HEIGHT, WIDTH, 3), 40 * number, np.uint8))
        shutil.copy(root / "validation/P3M-500-P/blurred_image/p_3.jpg", clear)
        for out in ("fresh", "fresh"):
            summary, rows = run(root, StubPredictor(), out, protocol="B:N", originals=clear)
            assert summary.scored == 3
            assert rows["p_3"].error.startswith("its original is the blurred picture itself")
        assert summary.kept == 3

    def test_a_clear_row_is_tested_on_by_its_original(self, root):
        build_manifest(BuildRequest(root))
        rows = [row | {"status": "normal", "release_basis": "consent"} for row in read_rows(root / "manifest.jsonl")]
        write_rows(root / "manifest.jsonl", rows)
        shutil.copytree(root / "validation/P3M-500-P/blurred_image", root.parent / "clear")
        assert run(root, StubPredictor(), protocol="B:N", originals=root.parent / "clear")[0].scored == 4
        assert run(root, StubPredictor(), "blurred", protocol="B:B")[0].scored == 0

    def test_originals_inside_the_dataset_are_refused(self, root):
        with pytest.raises(UsageError, match="clear pictures lie outside of the dataset"):
            run(root, StubPredictor(), protocol="B:N", originals=root / "validation/P3M-500-P/blurred_image")
        assert not (root.parent / "run").exists()

    def test_blurred_tests_open_no_original(self, root):
        (root.parent / "data.private/originals/P3M-500-P").mkdir(parents=True)
        summary, _ = run(root, StubPredictor(), protocol="N:B")
        assert summary.scored == 4
        assert summary.table[2][1] == "11.22"
        assert "unblurred" not in (root.parent / "run/eval.html").read_text("utf-8")

    def test_p3m_500_np_is_normal_and_has_no_protocol(self, root):
        make_split(root, 2, "P3M-500-NP")
        summary, rows = run(root, StubPredictor(), split="P3M-500-NP")
        assert {row.protocol for row in rows.values()} == {"X:N"}
        assert summary.table[2][1] == "11.23"
        with pytest.raises(UsageError, match="leave out --protocol"):
            run(root, StubPredictor(), split="P3M-500-NP", protocol="B:N")

    def test_of_a_folder_of_mattes_it_is_only_a_label(self, root, tmp_path):
        save(tmp_path / "mattes/p_0.png", np.zeros((HEIGHT, WIDTH), np.uint8))
        request = EvalRequest(root, "P3M-500-P", "gfm", pred=tmp_path / "mattes", protocol="N:N", out=tmp_path / "run")
        summary = evaluate(request)
        assert (summary.protocol, summary.shows_clear_faces) == ("N:N", False)
        assert summary.table[2][:2] == ["GFM, paper (Table 3)", "10.73"]
        plain = evaluate(EvalRequest(root, "P3M-500-P", pred=tmp_path / "mattes", out=tmp_path / "plain"))
        assert plain.protocol == ""
        assert len(plain.table) == 2


class TestWhatItWasTrainedOn:
    """Our checkpoints say it themselves."""

    @pytest.fixture
    def checkpoint(self, tmp_path):
        torch = pytest.importorskip("torch")

        def save(trained: str | None) -> Path:
            note = {"method": "p3mnet", "width": 2} | ({"protocol": trained} if trained else {})
            state = eval_request.METHODS["p3mnet"].build(2).state_dict()
            torch.save({"state_dict": state, "p3m_anon": json.dumps(note)}, tmp_path / "small.ckpt")
            return tmp_path / "small.ckpt"

        return save

    @pytest.mark.parametrize(
        ("trained", "split", "label", "said", "sad"),
        [
            ("N", "P3M-500-P", "N:B", "trained on normal", "11.22"),
            ("B", "P3M-500-NP", "B:N", "trained on blurred", "11.23"),
            ("N", "P3M-500-NP", "N:N", "", None),
            (None, "P3M-500-P", "X:B", "trained on blurred; on what the method here was trained is not known", "8.73"),
        ],
    )
    def test_it_is_the_default(self, tmp_path, checkpoint, trained, split, label, said, sad):
        root = make_split(tmp_path / "data", 1, split)
        file = checkpoint(trained)
        request = EvalRequest(root, split, "p3mnet", file, strategy="resize", out=tmp_path / "run")
        summary = evaluate(request)
        assert (summary.exit_code, summary.protocol, summary.paper) == (0, label, said)
        assert [line[1] for line in summary.table[2:3]] == ([sad] if sad else [])
        assert {row.protocol for row in read_csv(tmp_path / "run/rows.csv")} == {label}
        settings = json.loads((tmp_path / "run/settings.json").read_text())
        assert settings["checkpoint_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
        assert (settings["protocol"], settings["short_side"]) == (label, None)

    def test_a_contradiction_is_refused(self, root, tmp_path, checkpoint):
        request = EvalRequest(root, "P3M-500-P", "p3mnet", checkpoint("N"), protocol="B:B", out=tmp_path / "run")
        with pytest.raises(UsageError, match=r"says that it was trained on N, not as --protocol B:B.* or use N:B"):
            evaluate(request)
        assert not (tmp_path / "run").exists()
