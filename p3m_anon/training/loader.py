"""Batches in an order that follows from (seed, epoch) alone, made by worker processes.

Workers are told everything with each batch: epoch, index and files of every picture. So they keep nothing, are started
once for all epochs, and their memory does not grow with the dataset. Each writes its samples straight into memory that
it shares with the trainer.
"""

from __future__ import annotations

import contextlib
import functools
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from p3m_anon.errors import ImageError, Stopped, UsageError
from p3m_anon.matting.foreground import estimate_layers
from p3m_anon.training.batch import Batch, Replaced
from p3m_anon.training.draws import draw, order, substitutes
from p3m_anon.training.reading import read_sample
from p3m_anon.training.rows import TrainRow
from p3m_anon.training.samples import Sample
from p3m_anon.training.settings import SampleSettings

_TRIES = 8  # pictures that are tried in the place of a bad one; if all are bad, the folder is


@dataclass(frozen=True)
class LoaderSettings:
    """How samples become batches; none of it changes a sample.

    batch_size: pictures of a batch of one rank. workers: processes that make them; 0: the calling one does. rank,
    world: this process among those that train together. pin: batches lie in page-locked memory, where there is a GPU.
    skip_bad: a picture that cannot be read is replaced by another one and named in the batch; else it is an
    ImageError. prefetch: batches that each worker is ahead; there are never more than workers x prefetch of them.
    """

    batch_size: int
    workers: int = 0
    rank: int = 0
    world: int = 1
    pin: bool = False
    skip_bad: bool = False
    prefetch: int = 2

    def __post_init__(self) -> None:
        """Raises ValueError for values that make no batch."""
        if self.batch_size < 1 or self.workers < 0 or self.prefetch < 1:
            raise ValueError(
                "batch_size and prefetch must be at least 1 and workers not negative, got"
                f" {self.batch_size}, {self.prefetch} and {self.workers}"
            )
        if not 0 <= self.rank < self.world:
            raise ValueError(f"rank must be 0 to world - 1, got {self.rank} of {self.world}")


class Loader:
    """Batches of `rows`; workers start with the first epoch and stay until `close`. A context manager.

    Batch b of an epoch, of all ranks together in their order, is the same pictures, cropped alike, whatever `workers`
    and `world` are, as long as world x batch_size is the same, and wherever the epoch is entered. Pictures that do not
    fill the last batch are left out of this epoch; the next has another order. Workers are new processes: a script
    that uses them has to be importable (`if __name__ == "__main__"`).
    """

    def __init__(self, rows: Sequence[TrainRow], samples: SampleSettings, loading: LoaderSettings) -> None:
        """Raises UsageError if there are fewer pictures than a batch of all ranks has."""
        whole = loading.batch_size * loading.world
        if len(rows) < whole:
            raise UsageError(f"a batch of {whole} pictures needs as many, and there are {len(rows)}; make it smaller")
        if samples.composition and any(row.foreground is None for row in rows):
            _compile_estimator()
        self._tasks = _Tasks(rows, samples.seed, loading)
        context = _context() if loading.workers else None
        theirs, ours = context.Pipe(duplex=False) if context else (None, None)
        self._ours = ours  # closed when this process ends, however it does; workers wait for that
        self._loader: DataLoader[Batch | str] = DataLoader(
            _Samples(samples, shared=loading.workers > 0),
            batch_size=None,
            sampler=self._tasks,
            collate_fn=_as_it_is,
            num_workers=loading.workers,
            persistent_workers=loading.workers > 0,
            prefetch_factor=loading.prefetch if loading.workers else None,
            multiprocessing_context=context,
            worker_init_fn=functools.partial(_start_worker, theirs),
            pin_memory=loading.pin and torch.cuda.is_available(),
            generator=torch.Generator(),  # else each epoch would draw from the global one
        )

    def __len__(self) -> int:
        """Batches of an epoch."""
        return self._tasks.count

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on, up to its end. One such iterator at a time.

        Raises ImageError, naming the file and what to do, for a picture that cannot be used, and Stopped where a
        worker was killed; after that the loader is of no use.
        """
        self._tasks.epoch, self._tasks.start = epoch, start
        try:
            for batch in self._loader:
                if isinstance(batch, str):
                    raise ImageError(batch)
                yield batch
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise Stopped(
                "a process that makes batches ended, most likely for lack of memory or of shared memory (/dev/shm);"
                " use fewer --workers or a smaller --batch-size"
            ) from error

    def close(self) -> None:
        """End the workers."""
        iterator, self._loader._iterator = self._loader._iterator, None
        if iterator is not None and hasattr(iterator, "_shutdown_workers"):
            iterator._shutdown_workers()

    def __enter__(self) -> Loader:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers."""
        self.close()


class _Task(NamedTuple):
    """One picture of a batch. place: of its row among all. spare: rows to try instead."""

    epoch: int
    place: int
    row: TrainRow
    spare: tuple[TrainRow, ...]


class _Tasks(Sampler[list[_Task]]):
    """What is in each batch of an epoch, for one rank."""

    def __init__(self, rows: Sequence[TrainRow], seed: int, loading: LoaderSettings) -> None:
        self._rows, self._seed, self._loading = rows, seed, loading
        self.count = len(rows) // (loading.batch_size * loading.world)
        self.epoch = self.start = 0

    def __iter__(self) -> Iterator[list[_Task]]:
        size, epoch = self._loading.batch_size, self.epoch
        indices = order(self._seed, epoch, len(self._rows))
        for number in range(self.start, self.count):
            first = (number * self._loading.world + self._loading.rank) * size
            yield [self._task(epoch, int(index)) for index in indices[first : first + size]]

    def __len__(self) -> int:
        return max(self.count - self.start, 0)

    def _task(self, epoch: int, index: int) -> _Task:
        spare: tuple[TrainRow, ...] = ()
        if self._loading.skip_bad:
            others = substitutes(self._seed, epoch, index, len(self._rows), _TRIES)
            spare = tuple(self._rows[other] for other in others)
        return _Task(epoch, index, self._rows[index], spare)


class _Samples(Dataset[Batch]):
    """Tasks to a batch, or to a line that says why not: an exception would come back with a traceback around it."""

    def __init__(self, settings: SampleSettings, shared: bool) -> None:
        self._settings, self._shared = settings, shared

    def __getitem__(self, tasks: list[_Task]) -> Batch | str:  # type: ignore[override]
        target = _empty(len(tasks), self._settings, self._shared)
        ids, replaced = [], []
        for place, task in enumerate(tasks):
            try:
                sample, row, bad = self._read(task)
            except ImageError as error:
                return str(error)
            _fill(target, place, sample)
            ids.append(row.id)
            replaced += [Replaced(one.id, problem, row.id) for one, problem in bad]
        return target._replace(ids=ids, replaced=replaced)

    def _read(self, task: _Task) -> tuple[Sample, TrainRow, list[tuple[TrainRow, str]]]:
        """The sample, whose it is, and the pictures before it that could not be read."""
        chance = draw(self._settings.seed, task.epoch, task.place, self._settings)
        bad: list[tuple[TrainRow, str]] = []
        for row in (task.row, *task.spare):
            try:
                return read_sample(row, chance, self._settings), row, bad
            except ImageError as error:
                bad.append((row, str(error)))
        hint = "--skip-bad goes on with other pictures" if not task.spare else f"so are {len(task.spare)} others"
        raise ImageError(f"training picture {task.row.id}, epoch {task.epoch}: {bad[0][1]} ({hint})")


def _empty(count: int, settings: SampleSettings, shared: bool) -> Batch:
    def tensor(channels: int) -> torch.Tensor:
        values = torch.empty((count, settings.size, settings.size, channels), dtype=torch.uint8)
        return (values.share_memory_() if shared else values).permute(0, 3, 1, 2)

    foreground, background = (tensor(3) if settings.composition else None for _ in range(2))
    return Batch(tensor(3), tensor(1), tensor(1), foreground, background, [], [])


def _fill(batch: Batch, place: int, sample: Sample) -> None:
    for tensor, array in zip(batch, sample, strict=False):
        if isinstance(tensor, torch.Tensor) and array is not None:
            np.copyto(tensor[place].permute(1, 2, 0).numpy(), array.reshape(*array.shape[:2], -1))


def _as_it_is(batch: Any) -> Any:
    return batch


def _context() -> BaseContext:
    """Workers are forked from a server that has loaded the libraries and has no threads: neither do they take over
    locks that the trainer's threads hold, nor does each load PyTorch again."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _start_worker(trainer: Connection | None, _: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the trainer, which finishes its step and saves
    threading.Thread(target=_end_with, args=(trainer,), daemon=True).start()
    cv2.setNumThreads(0)
    os.environ["NUMBA_NUM_THREADS"] = "1"  # numba is loaded when the first layers are estimated


def _end_with(trainer: Connection | None) -> None:
    """End with the trainer, also one that was killed. PyTorch asks whether a worker's parent is gone, which is the
    server, and the server waits for its workers."""
    assert trainer is not None
    with contextlib.suppress(EOFError, OSError):
        trainer.recv_bytes()  # nothing is ever sent
    os._exit(1)


def _compile_estimator() -> None:
    """Once and here: it takes half a minute where numba has no copy yet, and workers would all do it."""
    estimate_layers(np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2), np.uint8))
