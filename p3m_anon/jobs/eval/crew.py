"""Pictures of a solved method in child processes, no more at once than memory has room for.

Processes, as conjugate gradients and the search for neighbours hold Python's lock. What a child makes of a picture is
what one process alone would make of it: each works on one thread.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from p3m_anon.engines.crew import Shift, stream_isolated
from p3m_anon.errors import ImageError
from p3m_anon.evaluation.rows import EvalRow
from p3m_anon.evaluation.solved import load_solver
from p3m_anon.jobs.crew import BYTES_PER_PROCESS, Crew, machine_memory
from p3m_anon.jobs.eval.picture import PictureJob, Result, Task, area_of
from p3m_anon.methods.registry import METHODS, Method

BYTES_PER_PIXEL = 32
"""Of a picture beside what solving it takes, decoded, scored and drawn; 25 to 29 as measured."""


class Piece(NamedTuple):
    """A picture that is to be solved. bytes: that it will hold; seconds: that it will take, about."""

    task: Task
    bytes: int
    seconds: float


def solve_all(
    tasks: Iterator[Task], job: PictureJob, method: Method, crew: Crew, take: Callable[[Result], None]
) -> None:
    """Every task's result to `take`, in no fixed order; those that need no work without a child.

    A picture that is beyond the crew's memory is solved alone, one that is beyond the machine's is an error row.
    """
    start = functools.partial(_start, method.name, replace(job, predictor=None))
    shift = Shift(start, _bytes, _patience, functools.partial(_lost, job.base))
    pieces = _pieces(tasks, job, method, take)
    for result in stream_isolated(pieces, shift, crew.workers, crew.bytes):
        take(result)


def _pieces(tasks: Iterator[Task], job: PictureJob, method: Method, take: Callable[[Result], None]) -> Iterator[Piece]:
    assert method.cost is not None
    most = machine_memory() - 2 * BYTES_PER_PROCESS
    for task in tasks:
        if (settled := job.settled(task)) is not None:
            take(settled)
            continue
        try:
            pixels, unknown = area_of(task.picture)
        except (ImageError, MemoryError):  # the child finds it too, and makes it an error row
            pixels = unknown = 0
        need = BYTES_PER_PIXEL * pixels + method.cost.memory(pixels, unknown)
        if need > most:
            problem = (
                f"{method.name} needs about {need / 2**30:.1f}G for it ({pixels / 1e6:.1f} megapixels,"
                f" {unknown / pixels:.0%} of them unknown), and this machine has {most / 2**30:.1f}G for it;"
                " --memory cannot help, as it only says how many pictures are solved at once: make it smaller, or its"
                " trimap narrower"
            )
            take(job.failed(task.picture, ImageError(problem)))
            continue
        yield Piece(replace(task, digest=""), need, method.cost.seconds(pixels, unknown))


def _start(method: str, job: PictureJob) -> Callable[[Piece], Result]:
    """What a child does first: keep to one thread, and load the method."""
    import cv2

    cv2.setNumThreads(1)
    os.environ["NUMBA_NUM_THREADS"] = "1"
    return functools.partial(_solve, replace(job, predictor=load_solver(METHODS[method])))


def _solve(job: PictureJob, piece: Piece) -> Result:
    return job.whole(piece.task)


def _bytes(piece: Piece) -> int:
    return piece.bytes


def _patience(piece: Piece) -> float:
    """Seconds: many times what it needs, and time to compile what is not compiled yet."""
    return 600 + 20 * piece.seconds


def _lost(base: EvalRow, piece: Piece, cause: str) -> Result:
    """SIGKILL is what a system out of memory sends."""
    problem = f"{cause}; if memory ran out, give less --memory or fewer --workers"
    return Result(piece.task.picture.id, replace(base, id=piece.task.picture.id, error=problem))
