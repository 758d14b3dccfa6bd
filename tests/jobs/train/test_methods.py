"""Other networks than P3M-Net, from the dataset's folder to a score: what they are given, what they are scored on."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from p3m_anon.errors import UsageError
from p3m_anon.jobs.eval.request import EvalRequest
from p3m_anon.jobs.eval.run import evaluate
from p3m_anon.jobs.train.inputs import TrainInputs
from p3m_anon.jobs.train.request import TrainRequest
from p3m_anon.jobs.train.run import build, plan, train
from p3m_anon.training.run_settings import RunSettings, with_own
from p3m_anon.training.settings import SampleSettings
from tests.jobs.train.cases import curve, make_dataset
from tests.methods.dim.published import seeded_vgg16
from tests.methods.shm.test_checkpoint import seeded_resnet50

SAMPLES = SampleSettings(size=64, crops=(64, 96))
STRATEGIES = {"dim": ("full", "resize", "tiled"), "shm": ("full", "resize")}
TERMS = {"dim": {"alpha", "composition", "refinement"}, "shm": {"alpha", "composition", "segmentation"}}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("methods") / "dataset", train=4, tests=2)


def request(root: Path, out: Path, method: str, batch_size: int = 2) -> TrainRequest:
    settings = RunSettings(
        method=method, width=8, batch_size=batch_size, learning_rate=1e-3, max_steps=2, samples=SAMPLES
    )
    return TrainRequest(TrainInputs(root, composition="on"), out, settings, device="cpu", workers=0)


@pytest.mark.parametrize("method", STRATEGIES)
def test_it_trains_and_scores_by_every_strategy(root: Path, tmp_path: Path, method: str) -> None:
    out = tmp_path / "run"
    summary = train(request(root, out, method))
    assert (summary.step, summary.exit_code) == (2, 0)
    for row in curve(out):
        assert all(float(row[name]) > 0 for name in TERMS[method])
    found = {}
    for strategy in STRATEGIES[method]:
        scored = evaluate(
            EvalRequest(
                root, "P3M-500-P", method, out / "best.ckpt", strategy=strategy, out=tmp_path / strategy, workers=1
            )
        )
        found[strategy] = scored.means["sad_t" if method == "dim" else "sad"]
        assert 0 < found[strategy] < 0.001 * 96 * 128
    assert found["resize"] == pytest.approx(summary.best_sad, rel=1e-4)
    with pytest.raises(UsageError, match=f"{method} has no --strategy hybrid; use full, resize"):
        evaluate(EvalRequest(root, "P3M-500-P", method, out / "best.ckpt", strategy="hybrid", out=tmp_path / "hybrid"))


@pytest.mark.parametrize(("method", "kernels"), [("dim", [1, 30]), ("shm", [15, 30])])
def test_it_trains_by_its_own_settings(root: Path, tmp_path: Path, method: str, kernels: list[int]) -> None:
    found = with_own({"width": 8, "batch_size": 2, "size": 64, "crops": (64,), "max_steps": 1}, method)
    names = found.keys() & {one.name for one in dataclasses.fields(SampleSettings)}
    samples = SampleSettings(**{name: found.pop(name) for name in names})
    settings = RunSettings(method=method, pipeline="own", **found, samples=samples)
    inputs = TrainInputs(root, composition="on" if samples.composition else "auto")
    assert train(TrainRequest(inputs, tmp_path / "run", settings, device="cpu", workers=0)).step == 1
    said = json.loads((tmp_path / "run/settings.json").read_text())["settings"]
    assert (said["pipeline"], said["learning_rate"], said["batch_size"]) == ("own", 1e-5, 2)
    assert (said["samples"]["kernels"], said["samples"]["composition"]) == (kernels, True)


@pytest.mark.parametrize("method", STRATEGIES)
def test_a_dry_run_measures_a_step(root: Path, tmp_path: Path, method: str) -> None:
    said, _ = plan(request(root, tmp_path / "run", method))
    assert said.seconds_per_step is not None
    assert said.seconds_per_step > 0


def test_one_picture_at_a_time_is_enough_for_dim_and_not_for_shm(root: Path, tmp_path: Path) -> None:
    assert train(request(root, tmp_path / "dim", "dim", batch_size=1)).step == 2
    with pytest.raises(UsageError, match="--batch-size must be at least 2 for shm"):
        request(root, tmp_path / "shm", "shm", batch_size=1)


@pytest.mark.parametrize(("method", "make"), [("dim", seeded_vgg16), ("shm", lambda: seeded_resnet50(64))])
def test_the_encoder_starts_from_a_file(
    tmp_path: Path, method: str, make: Callable[[], dict[str, torch.Tensor]]
) -> None:
    state = make()
    torch.save(state, tmp_path / "backbone.pth")
    network = build(RunSettings(method=method), tmp_path / "backbone.pth")
    first = network.encoder.groups[0][0].weight if method == "dim" else network.t_net.backbone.stem.conv.weight
    assert torch.equal(first[:, :3], state["features.0.weight" if method == "dim" else "conv1.weight"])
