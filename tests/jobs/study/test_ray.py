"""A study under Ray has the numbers of one without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from p3m_anon.jobs.study.run import run_study
from p3m_anon.studies.results import results
from p3m_anon.studies.store import Store
from tests.jobs.study.cases import make_data, request, write_study

ray = pytest.importorskip("ray")


@pytest.mark.slow
def test_groups_under_ray_are_as_one_after_the_other(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    root = make_data(tmp_path)
    study = write_study(tmp_path, "mine", ("closed_form", "p3mnet", "lf"), ("B", "N"))
    ray.init(num_cpus=2, log_to_driver=False, logging_level="warning")
    try:
        under = run_study(request(study, root, tmp_path / "ray", engine="ray"))
        wrong = write_study(tmp_path, "wrong", ("p3mnet", "closed_form"), batch_size=100)
        failing = run_study(request(wrong, root, tmp_path / "ray", engine="ray"))
    finally:
        ray.shutdown()
    plain = run_study(request(study, root, tmp_path / "plain"))
    assert under.exit_code == plain.exit_code == 0
    assert under.counts == plain.counts == {"done": 5, "impossible": 4}
    one, two = (
        results(request(study, root, tmp_path / name).study, Store(tmp_path / name)) for name in ("ray", "plain")
    )
    assert [found.means for found in one] == [found.means for found in two]
    assert failing.exit_code == 1
    assert failing.counts == {"failed": 1, "absent": 1, "done": 1}
