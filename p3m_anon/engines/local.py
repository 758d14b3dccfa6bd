"""One machine: decode pool -> detector -> finish pool, with a bounded number of pictures under way."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

Item = TypeVar("Item")
Loaded = TypeVar("Loaded")
Seen = TypeVar("Seen")
Done = TypeVar("Done")


@dataclass(frozen=True)
class Stages(Generic[Item, Loaded, Seen, Done]):
    """What happens to a picture. A stage may end a picture early by returning a `Done` wrapped in `Early`.

    cost: pixels that an item will hold in memory. load: read and decode. look: detect in several
    pictures at once. finish: everything after it.
    """

    cost: Callable[[Item], int]
    load: Callable[[Item], Loaded | Early[Done]]
    look: Callable[[list[Loaded]], list[Seen]]
    finish: Callable[[Seen], Done]


@dataclass(frozen=True)
class Early(Generic[Done]):
    """A picture that needs no further stage."""

    result: Done


@dataclass(frozen=True)
class Limits:
    """How much is worked on at once.

    workers: threads for load and finish, and for look when it runs on the CPU. batch: pictures per
    look. device: look runs on one accelerator, in a thread of its own. pixels: upper bound of the
    pictures under way together (a single larger one still passes, alone).
    """

    workers: int
    batch: int = 1
    device: bool = False
    pixels: int = 0


def stream(items: Iterable[Item], stages: Stages[Item, Loaded, Seen, Done], limits: Limits) -> Iterator[Done]:
    """Results as they are finished, in no fixed order.

    At most 2 x workers + 2 x batch items are under way, so that memory does not grow with their
    number. Stages must not raise for a bad item: an exception that reaches this function ends the run.
    """
    pool = ThreadPoolExecutor(limits.workers, thread_name_prefix="work")
    detector = ThreadPoolExecutor(1, thread_name_prefix="look") if limits.device else pool
    try:
        yield from _coordinate(iter(items), stages, limits, pool, detector)
    finally:
        # pictures that are being written are finished; those that wait are left for the next run
        pool.shutdown(wait=True, cancel_futures=True)
        detector.shutdown(wait=True, cancel_futures=True)


def _coordinate(
    items: Iterator[Item],
    stages: Stages[Item, Loaded, Seen, Done],
    limits: Limits,
    pool: ThreadPoolExecutor,
    detector: ThreadPoolExecutor,
) -> Iterator[Done]:
    loading: dict[Future[Loaded | Early[Done]], int] = {}
    looking: dict[Future[list[Seen]], list[int]] = {}
    finishing: dict[Future[Done], int] = {}
    loaded: list[tuple[Loaded, int]] = []
    most = 2 * limits.workers + 2 * limits.batch
    under_way = pixels = 0
    waiting: Item | None = next(items, None)
    while waiting is not None or under_way:
        while waiting is not None and under_way < most:
            cost = stages.cost(waiting)
            if under_way and limits.pixels and pixels + cost > limits.pixels:
                break
            loading[pool.submit(stages.load, waiting)] = cost
            under_way, pixels, waiting = under_way + 1, pixels + cost, next(items, None)
        if len(loaded) >= limits.batch or (loaded and not loading):
            batch, loaded = loaded[: limits.batch], loaded[limits.batch :]
            looking[detector.submit(stages.look, [one for one, _ in batch])] = [cost for _, cost in batch]
            continue
        under_work: list[Future[Any]] = [*loading, *looking, *finishing]
        ready, _ = wait(under_work, return_when=FIRST_COMPLETED)
        for future in ready:
            if future in loading:
                cost = loading.pop(future)
                result = future.result()
                if not isinstance(result, Early):
                    loaded.append((result, cost))
                    continue
                done = result.result
            elif future in looking:
                costs = looking.pop(future)
                for seen, cost in zip(future.result(), costs, strict=True):
                    finishing[pool.submit(stages.finish, seen)] = cost
                continue
            else:
                cost, done = finishing.pop(future), future.result()
            under_way, pixels = under_way - 1, pixels - cost
            yield done


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Pictures are spread over the cores, so each library call keeps to one."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
