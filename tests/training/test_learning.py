"""The whole of it learns: a few dozen steps on drawn composites, and other crops of them are matted better."""

from __future__ import annotations

import copy

import pytest
import torch

from p3m_anon.training.batch import Batch
from p3m_anon.training.loader import Loader, LoaderSettings
from p3m_anon.training.rows import TrainRow
from p3m_anon.training.run_settings import RunSettings
from p3m_anon.training.settings import SampleSettings
from tests.jobs.train.cases import make_dataset
from tests.training.cases import make_stepper

STEPS = 60
SAMPLES = SampleSettings(size=64, crops=(96,), kernels=(5, 9))


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> list[TrainRow]:
    train = make_dataset(tmp_path_factory.mktemp("learn"), train=8, tests=0) / "train"
    return [
        TrainRow(file.stem, str(file), str(train / "mask" / f"{file.stem}.png"))
        for file in sorted((train / "blurred_image").iterdir())
    ]


def mean_sad(network: torch.nn.Module, batches: list[Batch]) -> float:
    still = copy.deepcopy(network).eval()
    with torch.no_grad():
        errors = [(still(t.image).fused - t.alpha).abs().sum() for t in (batch.targets() for batch in batches)]
    return float(sum(errors)) / 1000 / sum(len(batch.ids) for batch in batches)


@pytest.mark.parametrize("method", ["basic", "p3mnet"])
def test_sad_falls_by_half(method: str, rows: list[TrainRow]) -> None:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    settings = RunSettings(method=method, width=8, batch_size=4, learning_rate=1e-2, samples=SAMPLES)
    stepper = make_stepper(settings, STEPS)
    loader = Loader(rows, SAMPLES, LoaderSettings(settings.batch_size))
    unseen = list(loader.batches(1000))
    before = mean_sad(stepper.network, unseen)
    for step in range(STEPS):
        epoch, start = divmod(step, len(loader))
        stepper.step(step, [next(loader.batches(epoch, start))])
    torch.set_num_threads(threads)
    assert mean_sad(stepper.network, unseen) < before / 2
