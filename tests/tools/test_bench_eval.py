"""What the benchmark of eval counts for memory is what `--memory` counts."""

from __future__ import annotations

from pathlib import Path

from p3m_anon.jobs.crew import BYTES_PER_PROCESS, plan_crew
from tests.jobs.eval.cases import disc, eight, save
from tools.bench_eval import planned, prepare


def test_several_at_once_are_the_largest_and_a_process_each(tmp_path: Path):
    for number in range(3):
        save(tmp_path / f"image/p_{number}.png", eight(disc(number))[..., None].repeat(3, 2))
        save(tmp_path / f"alpha/p_{number}.png", eight(disc(number)))
    root = prepare(tmp_path, tmp_path / "data", 1.0, 3)
    assert len(list(root.rglob("mask/*.png"))) == 3
    one, two, three = (planned(root, "closed_form", workers) * 2**20 for workers in (1, 2, 3))
    needs = [one - 2 * BYTES_PER_PROCESS, two - one - BYTES_PER_PROCESS, three - two - BYTES_PER_PROCESS]
    assert needs == sorted(needs, reverse=True)
    assert needs[-1] > 0
    memory = 4 << 30
    crew = plan_crew(2, memory)
    assert memory - crew.bytes == 3 * BYTES_PER_PROCESS
