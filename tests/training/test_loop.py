"""How a run goes, is validated, and goes on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from p3m_anon.errors import UsageError
from p3m_anon.methods.weights import load_network, read_checkpoint
from p3m_anon.training.checkpoints import BEST, LAST, Progress, load_last
from p3m_anon.training.loop import Hooks, StepReport, Validation
from p3m_anon.training.metrics_log import VALIDATIONS, read_table
from tests.training.cases import NOTE, SETTINGS, DrawnBatches, counting, losses, make_loop, step_of

pytestmark = pytest.mark.usefixtures("one_thread")


def test_a_run_goes_through_all_epochs_and_leaves_what_eval_reads(tmp_path: Path) -> None:
    reports: list[StepReport] = []
    loop, stepper = make_loop(tmp_path, hooks=Hooks(on_step=reports.append))
    progress = Progress()
    assert loop.run(progress)
    assert [one.step for one in reports] == list(range(1, 9))
    assert [one.epoch for one in reports] == [1] * 4 + [2] * 4
    assert all(one.pictures == 2 and 0 <= one.waited <= one.seconds for one in reports)
    assert losses(tmp_path) == pytest.approx([one.terms["total"] for one in reports])
    network = load_network("p3mnet", tmp_path / LAST)
    assert all(torch.equal(one, stepper.network.state_dict()[name]) for name, one in network.state_dict().items())
    assert read_checkpoint(tmp_path / LAST).note == {**NOTE, "step": 8}


def test_the_losses_fall(tmp_path: Path) -> None:
    loop, _ = make_loop(tmp_path, replace(SETTINGS, epochs=12, learning_rate=1e-2))
    loop.run(Progress())
    assert sum(losses(tmp_path)[-4:]) < 0.8 * sum(losses(tmp_path)[:4])


def test_accumulated_batches_are_one_step(tmp_path: Path) -> None:
    batches = DrawnBatches(5)
    loop, _ = make_loop(tmp_path, replace(SETTINGS, accumulate=2), batches)
    loop.run(Progress())
    assert loop.total == 4  # the fifth batch of each epoch fills no step
    assert len(losses(tmp_path)) == 4


def test_an_epoch_without_a_step_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="an epoch has 4 batches of 2, and a step takes 5"):
        make_loop(tmp_path, replace(SETTINGS, accumulate=5))


@pytest.mark.parametrize("stop_after", [1, 3, 4, 6])
def test_resumed_it_is_as_if_it_had_not_been_stopped(tmp_path: Path, stop_after: int) -> None:
    settings = replace(SETTINGS, ema=0.5, warmup=3, schedule="cosine", clip=0.5)
    make_loop(tmp_path / "whole", settings)[0].run(Progress())
    first, _ = make_loop(tmp_path / "run", settings, hooks=Hooks(should_stop=counting(stop_after - 1)))
    assert not first.run(Progress())
    assert step_of(tmp_path / "run") == stop_after
    batches = DrawnBatches()
    second, stepper = make_loop(tmp_path / "run", settings, batches)
    assert second.run(load_last(tmp_path / "run" / LAST, stepper))
    assert batches.asked[0] == divmod(stop_after, 4)
    assert losses(tmp_path / "run") == losses(tmp_path / "whole")
    ours, theirs = (read_checkpoint(tmp_path / name / LAST).state for name in ("run", "whole"))
    assert all(torch.equal(ours[name], one) for name, one in theirs.items())


def test_every_part_of_the_state_matters(tmp_path: Path) -> None:
    """What would be lost without it: the test above can fail."""
    settings = replace(SETTINGS, ema=0.5)
    make_loop(tmp_path / "whole", settings)[0].run(Progress())
    make_loop(tmp_path / "run", settings, hooks=Hooks(should_stop=counting(2)))[0].run(Progress())
    second, stepper = make_loop(tmp_path / "run", settings)
    fresh = stepper._optimizer.state_dict()
    progress = load_last(tmp_path / "run" / LAST, stepper)
    stepper._optimizer.load_state_dict(fresh)
    second.run(progress)
    assert losses(tmp_path / "run")[3] == losses(tmp_path / "whole")[3]
    assert losses(tmp_path / "run")[4:] != losses(tmp_path / "whole")[4:]


def test_checkpoints_come_after_so_many_steps(tmp_path: Path) -> None:
    seen: list[int] = []
    hooks = Hooks(on_step=lambda _: seen.append(step_of(tmp_path) if (tmp_path / LAST).exists() else 0))
    make_loop(tmp_path, hooks=hooks, save_every=3)[0].run(Progress())
    assert seen == [0, 0, 0, 3, 3, 3, 6, 6]


def test_validations_come_after_so_many_epochs_and_keep_the_best(tmp_path: Path) -> None:
    sads = {4: 5.0, 8: 3.0, 12: 4.0}
    seen: list[tuple[int, float]] = []
    hooks = Hooks(
        validate=lambda network, step: Validation({"sad": sads[step]}, 7),
        on_validation=lambda progress, found: seen.append((progress.best_step, found.means["sad"])),
    )
    make_loop(tmp_path, replace(SETTINGS, epochs=3), hooks=hooks)[0].run(Progress())
    assert seen == [(4, 5.0), (8, 3.0), (8, 4.0)]
    assert read_table(tmp_path / VALIDATIONS)["sad"] == [5.0, 3.0, 4.0]
    note = read_checkpoint(tmp_path / BEST).note
    assert (note["step"], note["sad"]) == (8, 3.0)
    assert "training" not in torch.load(tmp_path / BEST, weights_only=True)


def test_a_validation_of_fewer_pictures_is_not_the_best(tmp_path: Path) -> None:
    found = {4: (5.0, 6), 8: (3.0, 5), 12: (7.0, 7), 16: (6.0, 7)}
    seen: list[tuple[int, float, int]] = []
    hooks = Hooks(
        validate=lambda _, step: Validation({"sad": found[step][0]}, found[step][1]),
        on_validation=lambda progress, _: seen.append((progress.best_step, progress.best_sad, progress.best_count)),
    )
    make_loop(tmp_path, replace(SETTINGS, epochs=4), hooks=hooks)[0].run(Progress())
    assert seen == [(4, 5.0, 6), (4, 5.0, 6), (12, 7.0, 7), (16, 6.0, 7)]
    assert read_checkpoint(tmp_path / BEST).note["step"] == 16


def test_every_second_epoch_and_at_the_end(tmp_path: Path) -> None:
    steps: list[int] = []

    def validate(_: torch.nn.Module, step: int) -> Validation:
        steps.append(step)
        return Validation({"sad": 1.0}, 1)

    settings = replace(SETTINGS, epochs=5, max_steps=18)
    make_loop(tmp_path, settings, hooks=Hooks(validate=validate), validate_every=2)[0].run(Progress())
    assert steps == [8, 16, 18]


def test_a_validation_that_a_kill_prevented_is_made_up_for(tmp_path: Path) -> None:
    def die(*_: object) -> Validation:
        raise SystemExit

    loop, _ = make_loop(tmp_path, hooks=Hooks(validate=die), save_every=4)
    with pytest.raises(SystemExit):
        loop.run(Progress())
    steps: list[int] = []
    hooks = Hooks(validate=lambda _, step: steps.append(step) or Validation({"sad": 1.0}, 1))
    second, stepper = make_loop(tmp_path, hooks=hooks)
    second.run(load_last(tmp_path / LAST, stepper))
    assert steps == [4, 8]


@pytest.mark.parametrize("dies_in", ["save_best", "on_validation"])
def test_a_validation_that_is_done_again_is_one_row(tmp_path: Path, dies_in: str, monkeypatch) -> None:
    """Killed after the row was written, before the checkpoint that knows of it."""

    def die(*_: object) -> None:
        raise SystemExit

    hooks = Hooks(validate=lambda _, step: Validation({"sad": 1.0}, 1))
    dying = replace(hooks, on_validation=die) if dies_in == "on_validation" else hooks
    with monkeypatch.context() as patch:
        if dies_in == "save_best":
            patch.setattr("p3m_anon.training.loop.save_best", die)
        with pytest.raises(SystemExit):
            make_loop(tmp_path, hooks=dying, save_every=1)[0].run(Progress())
    assert step_of(tmp_path) == 4
    second, stepper = make_loop(tmp_path, hooks=hooks)
    second.run(load_last(tmp_path / LAST, stepper))
    assert read_table(tmp_path / VALIDATIONS)["step"] == [4, 8]


def test_a_report_counts_the_pictures_of_all_devices(tmp_path: Path) -> None:
    reports: list[StepReport] = []
    loop, _ = make_loop(tmp_path, replace(SETTINGS, max_steps=1), hooks=Hooks(on_step=reports.append))
    loop._fabric = SimpleNamespace(world_size=2, global_rank=0, device=torch.device("cpu"), barrier=lambda: None)
    loop.run(Progress())
    assert [one.pictures for one in reports] == [4]
