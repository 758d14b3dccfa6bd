"""The same batches whatever the workers, the ranks, and where an epoch is entered."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from p3m_anon.errors import ImageError, Stopped, UsageError
from p3m_anon.training.batch import DEVIATION, MEAN, Batch
from p3m_anon.training.draws import draw, order
from p3m_anon.training.loader import Loader, LoaderSettings
from p3m_anon.training.reading import read_sample
from p3m_anon.training.rows import TrainRow
from p3m_anon.training.settings import SampleSettings

SETTINGS = SampleSettings(seed=5, size=32, crops=(32, 48, 64), kernels=(3, 9))
COUNT = 14


def picture(number: int) -> tuple[np.ndarray, np.ndarray]:
    height, width = 60 + number, 90 - number
    y, x = np.mgrid[:height, :width]
    alpha = np.clip((25 - np.hypot(y - 30, x - 40 - number)) * 50 + 128, 0, 255).astype(np.uint8)
    return np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8), alpha


@pytest.fixture(scope="module")
def rows(tmp_path_factory) -> list[TrainRow]:
    folder = tmp_path_factory.mktemp("rows")
    found = []
    for number in range(COUNT):
        rgb, alpha = picture(number)
        files = [folder / f"{number}.{end}" for end in ("jpg", "png", "fg.png", "bg.jpg")]
        for file, pixels in zip(files, (rgb, alpha, rgb, 255 - rgb), strict=True):
            Image.fromarray(pixels).save(file)
        found.append(TrainRow(f"p_{number}", *map(str, files)))
    return found


@pytest.fixture
def damaged(rows, tmp_path) -> list[TrainRow]:
    """Two of the pictures cannot be read."""
    rows = list(rows)
    for number in (3, 8):
        (tmp_path / f"{number}.jpg").write_bytes(Path(rows[number].image).read_bytes()[:300])
        rows[number] = rows[number]._replace(image=str(tmp_path / f"{number}.jpg"))
    return rows


def batches(rows, *, epoch=0, start=0, samples=SETTINGS, **loading) -> list[Batch]:
    with Loader(rows, samples, LoaderSettings(**({"batch_size": 4} | loading))) as loader:
        return list(loader.batches(epoch, start))


def assert_same(one: Batch, other: Batch) -> None:
    assert one.ids == other.ids
    assert one.replaced == other.replaced
    for a, b in zip(one[:5], other[:5], strict=True):
        assert (a is None and b is None) or torch.equal(a, b)


def joined(parts: list[Batch]) -> Batch:
    tensors = [None if part[0] is None else torch.cat(part) for part in zip(*(one[:5] for one in parts), strict=True)]
    return Batch(*tensors, [id for one in parts for id in one.ids], [bad for one in parts for bad in one.replaced])


def test_a_batch_is_the_samples_of_its_rows(rows):
    [first, *_] = batches(rows, epoch=2, samples=replace(SETTINGS, composition=True))
    for place, index in enumerate(order(5, 2, COUNT)[:4]):
        how = replace(SETTINGS, composition=True)
        sample = read_sample(rows[index], draw(5, 2, int(index), how), how)
        assert first.ids[place] == rows[index].id
        for tensor, array in zip(first[:5], sample, strict=True):
            assert np.array_equal(tensor[place].permute(1, 2, 0).numpy().squeeze(), array)


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # three are more than some machines have cores
@pytest.mark.parametrize("workers", [1, 3])
def test_workers_do_not_show(rows, workers):
    """In two epochs of one loader, one of them entered late, one left early."""
    expected = batches(rows), batches(rows, epoch=1)
    with Loader(rows, SETTINGS, LoaderSettings(4, workers=workers)) as loader:
        for one, other in zip(expected[0], loader.batches(0), strict=True):
            assert_same(one, other)
        pids = [worker.pid for worker in loader._loader._iterator._workers]
        assert len(set(pids) - {os.getpid()}) == workers
        assert_same(expected[1][0], next(loader.batches(1)))
        for one, other in zip(expected[1][1:], loader.batches(1, 1), strict=True):
            assert_same(one, other)
        assert [worker.pid for worker in loader._loader._iterator._workers] == pids
        processes = loader._loader._iterator._workers
    assert not any(worker.is_alive() for worker in processes)


@pytest.mark.parametrize("start", [0, 1, 2, 3])
def test_an_epoch_can_be_entered_at_any_batch(rows, start):
    whole = batches(rows, epoch=3)
    rest = batches(rows, epoch=3, start=start)
    assert len(rest) == 3 - start
    for one, other in zip(whole[start:], rest, strict=True):
        assert_same(one, other)


@pytest.mark.parametrize("world", [2, 4])
def test_ranks_share_the_batch(rows, world):
    alone = batches(rows, epoch=1)
    ranks = [batches(rows, epoch=1, batch_size=4 // world, rank=rank, world=world) for rank in range(world)]
    for whole, *parts in zip(alone, *ranks, strict=True):
        assert_same(whole, joined(parts))


def test_an_epoch_shows_every_picture_at_most_once_and_epochs_differ(rows):
    epochs = [[id for batch in batches(rows, epoch=epoch) for id in batch.ids] for epoch in range(6)]
    assert all(len(set(ids)) == len(ids) == 12 for ids in epochs)
    assert len({tuple(ids) for ids in epochs}) == 6
    assert {id for ids in epochs for id in ids} == {row.id for row in rows}


def test_the_global_generator_is_left_alone(rows):
    before = torch.get_rng_state()
    batches(rows)
    assert torch.equal(torch.get_rng_state(), before)


def test_too_few_pictures(rows):
    with pytest.raises(UsageError, match="a batch of 16 pictures needs as many, and there are 14"):
        Loader(rows, SETTINGS, LoaderSettings(8, world=2))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [({"batch_size": 0}, "must be at least 1"), ({"workers": -1}, "not negative"), ({"rank": 1}, "0 to world - 1")],
)
def test_refuses_what_makes_no_batch(wrong, said):
    with pytest.raises(ValueError, match=said):
        LoaderSettings(**({"batch_size": 4} | wrong))


@pytest.mark.parametrize("workers", [0, 2])
def test_a_bad_picture_is_named_in_one_line(damaged, workers):
    with pytest.raises(ImageError, match=r"^training picture p_(3|8), epoch 0: (3|8).jpg: .*--skip-bad") as found:
        batches(damaged, workers=workers, batch_size=14)
    assert "\n" not in str(found.value)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_bad_picture_is_replaced_and_told(damaged, workers):
    [batch] = batches(damaged, workers=workers, batch_size=14, skip_bad=True)
    good = {f"p_{number}" for number in range(COUNT)} - {"p_3", "p_8"}
    assert len(batch.ids) == 14
    assert set(batch.ids) == good
    assert {one.id for one in batch.replaced} == {"p_3", "p_8"}
    drawn = [damaged[index].id for index in order(5, 0, COUNT)]
    for one in batch.replaced:
        assert batch.ids[drawn.index(one.id)] in {two.by for two in batch.replaced if two.id == one.id}
        assert one.problem.startswith(f"{one.id[2:]}.jpg: ")
        assert one.by in good
    assert_same(batch, batches(damaged, batch_size=14, skip_bad=True)[0])


def test_the_other_samples_of_a_batch_do_not_change(rows, damaged):
    [sound], [patched] = batches(rows, batch_size=14), batches(damaged, batch_size=14, skip_bad=True)
    for place, id in enumerate(sound.ids):
        if id not in ("p_3", "p_8"):
            assert torch.equal(sound.image[place], patched.image[place])


def test_if_all_are_bad_the_run_ends(rows):
    gone = [row._replace(image=row.image + ".gone") for row in rows]
    with pytest.raises(ImageError, match=r"gone: .*\(so are 8 others\)"):
        batches(gone, skip_bad=True)


def test_a_worker_that_is_killed_ends_the_run_with_a_line(rows):
    with Loader(rows, SETTINGS, LoaderSettings(2, workers=1, prefetch=1)) as loader:
        batches = loader.batches(0)
        next(batches)
        os.kill(loader._loader._iterator._workers[0].pid, signal.SIGKILL)
        with pytest.raises(Stopped, match="a process that makes batches ended") as found:
            list(batches)
    assert "\n" not in str(found.value)


TRAINER = """
import sys, time
from p3m_anon.training.loader import Loader, LoaderSettings
from p3m_anon.training.rows import TrainRow
from p3m_anon.training.settings import SampleSettings

if __name__ == "__main__":
    rows = [TrainRow(file, file, file[:-3] + "png", None, None) for file in sys.argv[1:]]
    with Loader(rows, SampleSettings(size=32, crops=(32,)), LoaderSettings(1, workers=2)) as loader:
        next(loader.batches(0))
        print("begun", flush=True)
        time.sleep(600)
"""


def below(pid: int) -> list[int]:
    """The processes that it started, those that these started, and so on."""
    said = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [one for child in map(int, said.stdout.split()) for one in (child, *below(child))]


def is_alive(pid: int) -> bool:
    """One that has ended and was not waited for is not."""
    said = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return said.stdout.strip()[:1] not in ("", "Z")


def test_workers_end_with_a_trainer_that_is_killed(rows, tmp_path):
    script = tmp_path / "trainer.py"
    script.write_text(TRAINER)
    command = [sys.executable, str(script), *(row.image for row in rows[:4])]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as trainer:
        assert trainer.stdout is not None
        assert trainer.stdout.readline() == b"begun\n"
        started = below(trainer.pid)
        trainer.kill()
    assert len(started) >= 3  # two workers, and the server that they are forked from
    end = time.monotonic() + 60
    while (left := [pid for pid in started if is_alive(pid)]) and time.monotonic() < end:
        time.sleep(0.1)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left


def test_layers_that_are_not_on_disk_are_estimated_by_workers_too(rows):
    bare = [row._replace(foreground=None, background=None) for row in rows[:4]]
    how = replace(SETTINGS, composition=True)
    for one, other in zip(batches(bare, samples=how), batches(bare, samples=how, workers=1), strict=True):
        assert one.foreground.shape == one.background.shape == (4, 3, 32, 32)
        assert_same(one, other)


def test_targets_are_what_the_losses_want(rows):
    batch = batches(rows, samples=replace(SETTINGS, composition=True))[0]
    assert {tensor.dtype for tensor in batch[:5]} == {torch.uint8}
    targets = batch.to("cpu").targets()
    assert targets.image.shape == (4, 3, 32, 32)
    assert targets.alpha.shape == targets.trimap.shape == (4, 1, 32, 32)
    assert targets.trimap.dtype == torch.uint8
    for name in ("image", "foreground", "background"):
        levels = getattr(batch, name).permute(0, 2, 3, 1).numpy()
        expected = (levels / 255 - np.array(MEAN)) / np.array(DEVIATION)
        assert np.allclose(getattr(targets, name).permute(0, 2, 3, 1).numpy(), expected, atol=1e-5)
        assert getattr(targets, name).is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(targets.alpha, batch.alpha.float() / 255)
    assert batches(rows)[0].targets().foreground is None


@pytest.mark.gpu
def test_batches_reach_the_gpu(rows):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    for here, there in zip(batches(rows), batches(rows, workers=2, pin=True), strict=True):
        assert there.image.is_pinned()
        assert there.image.is_contiguous(memory_format=torch.channels_last)
        assert_same(here, there.to("cuda").to("cpu"))
