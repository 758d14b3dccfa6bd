"""Tasks under a Ray of this machine's own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from p3m_anon.engines.ray_tasks import run_tasks
from p3m_anon.errors import UsageError

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module", autouse=True)
def _cluster():
    ray.init(num_cpus=2, log_to_driver=False, logging_level="warning")
    yield
    ray.shutdown()


def test_every_task_ends_once_with_its_error(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    items = [str(tmp_path / name) for name in "0123"]
    ended = [one for one in run_tasks(os.makedirs, items, gpus=1) if one is not None]
    assert sorted(one.item for one in ended) == items
    assert {one.item for one in ended if isinstance(one.error, FileExistsError)} == {items[1]}
    assert sum(one.error is not None for one in ended) == 1
    assert all(Path(item).is_dir() for item in items)


def test_a_cluster_without_the_gpus_that_are_asked_for_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 2.0, "GPU": 1.0})
    with pytest.raises(UsageError, match="2 GPUs"):
        list(run_tasks(os.makedirs, ["never"], gpus=2))
    assert not Path("never").exists()
