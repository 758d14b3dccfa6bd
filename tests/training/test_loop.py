"""Every way in which a run goes on and ends."""

from __future__ import annotations

import errno
import os
import weakref
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from p3m_anon.cli import error_line
from p3m_anon.errors import Stopped, UsageError
from p3m_anon.methods.weights import load_network, read_checkpoint
from p3m_anon.training.batch import Replaced
from p3m_anon.training.checkpoints import BEST, LAST, Progress, load_last, read_note
from p3m_anon.training.loop import Hooks, StepReport, Validation
from p3m_anon.training.metrics_log import METRICS, VALIDATIONS, read_table
from p3m_anon.training.skipped import SKIPPED, Skipped
from tests.training.cases import NOTE, SETTINGS, DrawnBatches, counting, make_loop


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def losses(folder: Path) -> list[float]:
    return read_table(folder / METRICS)["total"]


def step_of(folder: Path) -> int:
    return int(read_note(folder / LAST)["step"])


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


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_the_run_and_keeps_its_batch(tmp_path: Path, value: float, monkeypatch) -> None:
    loop, stepper = make_loop(tmp_path, save_every=2)
    loss, calls = stepper._loss, iter(range(99))

    def broken(*arguments: object) -> object:
        found = loss(*arguments)
        return found._replace(total=found.total * value) if next(calls) == 5 else found

    stepper._loss = broken
    said = r"step 6 is (nan|inf).*step 4 is whole: go on with --resume and a lower --learning-rate or --clip 1$"
    with pytest.raises(Stopped, match=said):
        loop.run(Progress())
    assert step_of(tmp_path) == 4
    assert len(losses(tmp_path)) == 5
    (kept,) = torch.load(tmp_path / "not-finite-step-6-rank-0.pt", weights_only=True)
    assert kept["ids"] == ["p_101_0", "p_101_1"]
    assert os.stat(tmp_path / "not-finite-step-6-rank-0.pt").st_mode & 0o777 == 0o600


def test_a_loss_that_is_not_finite_is_told_on_a_full_disk_too(tmp_path: Path, monkeypatch) -> None:
    loop, stepper = make_loop(tmp_path)
    loss = stepper._loss

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    def broken(*arguments: object) -> object:
        monkeypatch.setattr("os.fsync", full)
        found = loss(*arguments)
        return found._replace(total=found.total * float("nan"))

    stepper._loss = broken
    said = r"^the loss of step 1 is nan; its pictures could not be kept \(.*No space.*there is no checkpoint yet: begin"
    with pytest.raises(Stopped, match=said):
        loop.run(Progress())


def test_a_full_disk_leaves_the_checkpoint_that_was_there(tmp_path: Path, monkeypatch) -> None:
    saved = []

    def full(handle: int) -> None:
        saved.append(handle)
        if (tmp_path / LAST).exists() and any(tmp_path.glob(".p3m-tmp-*")):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    loop, _ = make_loop(tmp_path, save_every=3)
    with pytest.raises(Stopped, match=r"last.ckpt cannot be saved after step 6 .*No space.* is whole.*--resume"):
        loop.run(Progress())
    assert step_of(tmp_path) == 3
    assert not list(tmp_path.glob(".p3m-tmp-*"))


def test_a_bad_picture_saves_and_is_named(tmp_path: Path) -> None:
    loop, _ = make_loop(tmp_path, batches=DrawnBatches(bad=((1, 2),)))
    said = r"p_2\.jpg: cannot be read; the checkpoint of step 6 is whole: go on with --resume"
    with pytest.raises(Stopped, match=said) as raised:
        loop.run(Progress())
    assert error_line(raised.value).exit_code == 4
    assert step_of(tmp_path) == len(losses(tmp_path)) == 6


def test_skipped_pictures_are_named_and_counted(tmp_path: Path) -> None:
    notices: list[str] = []
    loop, _ = make_loop(
        tmp_path, batches=DrawnBatches(bad=((0, 1), (1, 2)), skip=True), hooks=Hooks(on_notice=notices.append)
    )
    assert loop.run(Progress())
    assert loop.skipped == len(notices) == 2
    assert notices[0] == "skipped p_1: cannot be read; p_1_0 takes its place"
    lines = (tmp_path / SKIPPED).read_text().splitlines()
    assert lines == [
        "step,id,taken_instead,problem",
        "2,p_1,p_1_0,cannot be read",
        "7,p_2,p_102_0,cannot be read",
    ]


def test_steps_that_are_done_again_are_counted_once(tmp_path: Path) -> None:
    bad = ((0, 1), (1, 1), (1, 2))

    def killed(report: StepReport) -> None:
        if report.step == 7:
            raise SystemExit

    with pytest.raises(SystemExit):
        make_loop(tmp_path, batches=DrawnBatches(bad=bad, skip=True), hooks=Hooks(on_step=killed), save_every=4)[0].run(
            Progress()
        )
    second, stepper = make_loop(tmp_path, batches=DrawnBatches(bad=bad, skip=True))
    second.run(load_last(tmp_path / LAST, stepper))
    assert [line.split(",")[0] for line in (tmp_path / SKIPPED).read_text().splitlines()[1:]] == ["2", "6", "7"]
    assert second.skipped == 2


def test_what_another_process_skips_is_counted(tmp_path: Path) -> None:
    loop, _ = make_loop(tmp_path)
    Skipped(tmp_path).add(1, [Replaced("p_9", "cannot be read", "p_1")])
    assert loop.skipped == 1


def test_a_report_counts_the_pictures_of_all_devices(tmp_path: Path) -> None:
    reports: list[StepReport] = []
    loop, _ = make_loop(tmp_path, replace(SETTINGS, max_steps=1), hooks=Hooks(on_step=reports.append))
    loop._fabric = SimpleNamespace(world_size=2, global_rank=0, device=torch.device("cpu"), barrier=lambda: None)
    loop.run(Progress())
    assert [one.pictures for one in reports] == [4]


def test_the_failed_pass_is_gone_before_smaller_ones_are_tried(tmp_path: Path) -> None:
    loop, stepper = make_loop(tmp_path)
    failed: list[weakref.ref] = []
    held: list[bool] = []

    def hungry(output: object, *_: object) -> object:
        held.extend(one() is not None for one in failed)
        failed.append(weakref.ref(output[0] if isinstance(output, tuple) else output))
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    stepper._loss = hungry
    stepper.network.eval()
    with pytest.raises(Stopped, match="out of memory"):
        loop.run(Progress())
    assert held == [False]


@pytest.mark.parametrize(("fits", "said"), [(1, "--batch-size 1 --accumulate 2 keeps"), (0, "use a smaller --size")])
def test_out_of_memory_says_what_would_fit(tmp_path: Path, fits: int, said: str) -> None:
    loop, stepper = make_loop(tmp_path)
    loss = stepper._loss

    def hungry(output: object, targets: object, recipe: str) -> object:
        if targets.alpha.shape[0] > fits:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return loss(output, targets, recipe)

    stepper._loss = hungry
    stepper.network.eval()  # one picture of 32 x 32 is too few for batch statistics
    with pytest.raises(Stopped, match=f"out of memory with 2 pictures of 32 x 32 at once.*{said}"):
        loop.run(Progress())


def test_the_end_of_another_process_is_one_line(tmp_path: Path) -> None:
    loop, stepper = make_loop(tmp_path)

    def lonely(*_: object) -> object:
        raise RuntimeError("[gloo/transport/tcp/pair.cc:553] Connection closed by peer [127.0.0.1]:1. GLHF!")

    stepper._loss = lonely
    with pytest.raises(
        Stopped, match=r"another process .* has ended.*no checkpoint yet: begin again with the same command$"
    ):
        loop.run(Progress())


def test_other_errors_keep_their_traceback(tmp_path: Path) -> None:
    loop, stepper = make_loop(tmp_path)

    def broken(*_: object) -> object:
        raise RuntimeError("a bug")

    stepper._loss = broken
    with pytest.raises(RuntimeError, match="a bug"):
        loop.run(Progress())
