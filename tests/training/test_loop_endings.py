"""Every way in which a run ends before its end, and what it says then."""

from __future__ import annotations

import errno
import os
import weakref
from pathlib import Path

import pytest
import torch

from p3m_anon.cli import error_line
from p3m_anon.errors import Stopped
from p3m_anon.training.batch import Replaced
from p3m_anon.training.checkpoints import LAST, Progress, load_last
from p3m_anon.training.loop import Hooks, StepReport
from p3m_anon.training.skipped import SKIPPED, Skipped
from tests.training.cases import DrawnBatches, losses, make_loop, step_of

pytestmark = pytest.mark.usefixtures("one_thread")


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


def test_before_the_first_step_there_is_nothing_to_go_on_from(tmp_path: Path) -> None:
    loop, _ = make_loop(tmp_path, batches=DrawnBatches(bad=((0, 0),)))
    with pytest.raises(Stopped, match="there is no checkpoint yet: begin again with the same command"):
        loop.run(Progress())
    assert not (tmp_path / "last.ckpt").exists()


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
