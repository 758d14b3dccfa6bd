"""One pass: only the branch that is asked for, on a device that is there, within its memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from p3m_anon.errors import TooLarge, WeightsError
from p3m_anon.evaluation import passes
from p3m_anon.evaluation.passes import Passes
from tests.evaluation.networks import narrow_network, narrow_passes, photo

PIXELS = photo(128, 160).astype(np.float32)[None]


@torch.no_grad()
def test_each_branch_is_that_of_the_whole_network() -> None:
    rgb = PIXELS / np.float32(255)
    normal = (rgb - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
    output = narrow_network()(torch.from_numpy(np.ascontiguousarray(normal.transpose(0, 3, 1, 2))))
    ours = narrow_passes()
    assert (ours.classes(PIXELS) != output.global_logits.argmax(1).numpy()).mean() < 1e-3
    assert np.quantile(abs(ours.local(PIXELS) - output.local[:, 0].numpy()), 0.99) < 1e-4
    assert np.quantile(abs(ours.alpha(PIXELS) - output.fused[:, 0].numpy()), 0.99) < 1e-4


def test_a_branch_is_less_work_than_the_whole() -> None:
    work = {}
    for name in ("alpha", "classes", "local"):
        with FlopCounterMode(display=False) as counter:
            getattr(narrow_passes(), name)(PIXELS)
        work[name] = counter.get_total_flops()
    assert work["classes"] < 0.7 * work["alpha"]  # with 64 channels less still: the stem weighs less then
    assert work["local"] < 0.95 * work["alpha"]


@pytest.mark.parametrize(("precision", "tolerance"), [("bfloat16", 0.05), ("float16", 0.01)])
def test_half_precision_is_near_and_comes_out_as_float32(precision: str, tolerance: float) -> None:
    exact, half = narrow_passes().local(PIXELS), narrow_passes(precision=precision).local(PIXELS)
    assert half.dtype == np.float32
    assert 0 < abs(exact - half).mean() < tolerance


def test_too_little_memory_is_said_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    network = narrow_passes()
    monkeypatch.setattr(passes, "_free_memory", lambda: 1e6)
    with pytest.raises(TooLarge, match=r"a pass over 0\.0 megapixels; close other programs$"):
        network.local(PIXELS)


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("DefaultCPUAllocator: can't allocate"), MemoryError()],
)
def test_a_device_that_runs_out_of_memory_is_explained(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    network = narrow_network()

    def run_out(_: object) -> torch.Tensor:
        raise error

    monkeypatch.setattr(network, "matte", run_out)
    with pytest.raises(TooLarge, match=r"not enough memory for a pass .*, or use --strategy tiled$"):
        Passes(network, torch.device("cpu"), smaller=("tiled",)).local(PIXELS)


def test_an_error_of_another_kind_stays_what_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    network = narrow_network()
    monkeypatch.setattr(network, "matte", lambda _: torch.zeros(2) @ torch.zeros(3))
    with pytest.raises(RuntimeError, match="size"):
        Passes(network, torch.device("cpu")).local(PIXELS)


def test_values_that_are_not_finite_are_no_matte() -> None:
    network = narrow_network()
    nn.init.constant_(network.matting.last.bias, float("nan"))
    damaged = Passes(network, torch.device("cpu"))
    for run in (damaged.local, damaged.alpha):
        with pytest.raises(WeightsError, match="not finite"):
            run(PIXELS)


def test_free_memory_is_what_the_system_or_the_container_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "/proc/meminfo": "MemTotal: 900 kB\nMemAvailable: 500 kB\n",
        "/sys/fs/cgroup/memory.max": "300000\n",
        "/sys/fs/cgroup/memory.current": "100000\n",
        "/sys/fs/cgroup/memory.stat": "anon 1\ninactive_file 5000\n",
    }

    def read_text(path: Path) -> str:
        if str(path) not in files:
            raise FileNotFoundError(path)
        return files[str(path)]

    monkeypatch.setattr(Path, "read_text", read_text)
    assert passes._free_memory() == 205_000
    files["/sys/fs/cgroup/memory.max"] = "max\n"
    assert passes._free_memory() == 512_000
    files.clear()
    assert passes._free_memory() == float("inf")
