"""Work spread over threads, results in the order of the items, few of either in memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from p3m_anon.files.remote import Location, RemotePath

Item = TypeVar("Item")
Result = TypeVar("Result")


FOR_A_STORE = 16
"""Threads that read from a store, at least: they wait for it most of the time."""


def readers(root: Location) -> int:
    """How many threads read what lies below a root, unless somebody says otherwise."""
    return max(cores(), FOR_A_STORE) if isinstance(root, RemotePath) else cores()


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered(function: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """`function` of each item, in their order; at most 4 x workers are under way or waiting to be taken.

    An exception of `function` is raised in its turn and ends the rest.
    """
    pool = ThreadPoolExecutor(workers, thread_name_prefix="manifest")
    under_way: deque[Future[Result]] = deque()
    try:
        for item in items:
            under_way.append(pool.submit(function, item))
            if len(under_way) >= 4 * workers:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def batches(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of at most `size` items."""
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
