"""Whole tasks under Ray, on one machine or a cluster: each in a process of its own, wherever there is room."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from p3m_anon.errors import UsageError
from p3m_anon.extras import import_extra


class Ended(NamedTuple):
    """A task that is over. error: what it raised, or what became of its process; None if it went well."""

    item: str
    error: Exception | None


def run_tasks(
    work: Callable[[str], None], items: Sequence[str], gpus: int, tick: float = 1.0
) -> Iterator[Ended | None]:
    """Tasks as they end, in no fixed order, and None every `tick` seconds while none does.

    work: importable by name on all machines. gpus: for each task, where Ray has any; else a task has one core.
    Raises MissingExtra without the extra `ray`, UsageError where Ray has fewer GPUs than a task is to have.
    """
    ray = import_extra("ray", "ray")
    is_ours = not ray.is_initialized()
    if is_ours:
        ray.init(log_to_driver=False, logging_level="warning")
    there = ray.cluster_resources().get("GPU", 0)
    waiting = {}
    try:
        if 0 < there < gpus:
            raise UsageError(f"a task asks for {gpus} GPUs, and Ray has {there:.0f}")
        task = ray.remote(num_cpus=1, num_gpus=gpus if there else 0, max_retries=0)(work)
        waiting = {task.remote(item): item for item in items}
        while waiting:
            ended, _ = ray.wait(list(waiting), timeout=tick)
            for one in ended:
                yield Ended(waiting.pop(one), _error(ray, one))
            if not ended:
                yield None
    finally:
        for one in waiting:
            ray.cancel(one)
        if is_ours:
            ray.shutdown()


def _error(ray: object, task: object) -> Exception | None:
    try:
        ray.get(task)  # type: ignore[attr-defined]
    except Exception as error:  # what it raised, or Ray's own word on a process or a machine that is gone
        return error
    return None
