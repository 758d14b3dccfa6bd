"""One machine, a process per core: whole pictures in child processes, where one that hangs or dies costs one picture.

Only items and results cross between processes, never pixels, so that isolation costs nothing per picture.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Done = TypeVar("Done")

Work = Callable[[Item], Done]
GOODBYE = 20.0  # seconds that a child has, at the end, to finish the picture it is at


@dataclass(frozen=True)
class Shift(Generic[Item, Done]):
    """What a crew does.

    start: called once in each child, returns the function that works on an item; both must be importable
    by name, since children are new processes. cost: of an item in memory, in pixels or bytes as `room` is;
    asked several times for each. patience: seconds after which a child that is still at an item is taken
    for hung. lost: the result of an item whose child hung or died, from the item and the cause.
    """

    start: Callable[[], Work[Item, Done]]
    cost: Callable[[Item], int]
    patience: Callable[[Item], float]
    lost: Callable[[Item, str], Done]


@dataclass
class _Child(Generic[Item]):
    process: multiprocessing.process.BaseProcess
    pipe: Connection
    item: Item | None = None
    cost: int = 0
    deadline: float = float("inf")


def stream_isolated(items: Iterator[Item], shift: Shift[Item, Done], workers: int, room: int) -> Iterator[Done]:
    """Results as they are finished, in no fixed order; at most one item per child is under way.

    room: upper bound of the costs of the items under way together (a single larger one still passes, alone).
    An exception that `Work` raises ends the run, here, as if it had been raised in this process.
    """
    context = multiprocessing.get_context("spawn")  # fork would copy locks that other threads hold
    crew: list[_Child[Item]] = []
    waiting = next(items, None)
    try:
        while waiting is not None or any(child.item is not None for child in crew):
            busy = [child for child in crew if child.item is not None]
            free = [child for child in crew if child.item is None]
            if waiting is not None and (free or len(crew) < workers):
                cost = shift.cost(waiting)
                if not busy or sum(child.cost for child in busy) + cost <= room:
                    child = free[0] if free else _hire(context, shift.start, crew)
                    child.item, child.cost = waiting, cost
                    child.deadline = time.monotonic() + shift.patience(waiting)
                    _hand_over(child, waiting)
                    waiting = next(items, None)
                    continue
            yield from _collect(crew, busy, shift)
    finally:
        _dismiss(crew)


def _hire(context: Any, start: Callable[[], Work[Item, Done]], crew: list[_Child[Item]]) -> _Child[Item]:
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, start), daemon=True)
    process.start()
    theirs.close()  # so that the child's end is the only one, and its death is an end of file here
    crew.append(_Child(process, ours))
    return crew[-1]


def _hand_over(child: _Child[Item], item: Item) -> None:
    with contextlib.suppress(OSError):  # it died between two items; `_collect` sees that at once
        child.pipe.send(item)


def _collect(crew: list[_Child[Item]], busy: list[_Child[Item]], shift: Shift[Item, Done]) -> Iterator[Done]:
    """Results that are there, after waiting for the first; children that hang or died are replaced."""
    left = max(0.0, min(child.deadline for child in busy) - time.monotonic())
    ready = set(wait([child.pipe for child in busy], timeout=left))
    for child in busy:
        item = child.item
        assert item is not None
        if child.pipe in ready:
            try:
                answer = child.pipe.recv()
            except (EOFError, OSError):
                child.process.join()
                yield _lose(crew, child, shift, item, _cause_of_death(child.process.exitcode))
                continue
            child.item, child.cost, child.deadline = None, 0, float("inf")
            if isinstance(answer, BaseException):
                raise answer
            yield answer
        elif time.monotonic() >= child.deadline:
            seconds = shift.patience(item)
            yield _lose(crew, child, shift, item, f"it was not done after {seconds:.0f} seconds")


def _lose(crew: list[_Child[Item]], child: _Child[Item], shift: Shift[Item, Done], item: Item, cause: str) -> Done:
    child.process.kill()
    child.process.join()
    child.pipe.close()
    crew.remove(child)
    return shift.lost(item, cause)


def _cause_of_death(code: int | None) -> str:
    """What an exit code says: negative is a signal."""
    if code is not None and code < 0:
        return f"the process that worked on it was ended by {signal.Signals(-code).name}"
    return f"the process that worked on it ended with code {code}"


def _dismiss(crew: list[_Child[Item]]) -> None:
    """Closing the pipe tells a child to stop after its picture; one that does not is killed."""
    for child in crew:
        child.pipe.close()
    end = time.monotonic() + GOODBYE
    for child in crew:
        child.process.join(max(0.0, end - time.monotonic()))
        if child.process.is_alive():
            child.process.kill()
            child.process.join()


def _end_with_parent() -> None:
    """Also in the middle of a picture, whose memory would else lie beside that of whoever comes next."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _serve(pipe: Connection, start: Callable[[], Work[Item, Done]]) -> None:
    """A child's life: Ctrl-C is its parent's business, and the end of the pipe is its own end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    work = None
    while True:
        try:
            item = pipe.recv()
        except (EOFError, OSError):
            return
        answer: Any
        try:
            work = work or start()
            answer = work(item)
        except Exception as error:
            answer = error
        try:
            pipe.send(answer)
        except (BrokenPipeError, OSError):
            return
