"""How many pictures may be worked on at once in a given amount of memory."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from p3m_anon.errors import UsageError

BYTES_PER_PROCESS = 256 << 20  # of a child with nothing to do, and of the process that hands out the work


@dataclass(frozen=True)
class Crew:
    """`workers`: processes. `bytes`: of all pictures under way together, on top of the processes as such."""

    workers: int
    bytes: int


def plan_crew(workers: int, memory: int) -> Crew:
    """As many processes as were asked for and `memory` bytes allow.

    workers: 0 is one per core. memory: of all processes together; 0 is half of the machine's. At most half of it goes
    to processes as such. Raises UsageError if there is no room for a single picture.
    """
    memory = memory or machine_memory() // 2
    workers = workers or len(os.sched_getaffinity(0))
    workers = max(1, min(workers, memory // (2 * BYTES_PER_PROCESS) - 1))
    left = memory - (workers + 1) * BYTES_PER_PROCESS
    if left <= 0:
        raise UsageError(f"--memory {memory / 2**30:.2f}G is too little; a run needs 1G, and more for large pictures")
    return Crew(workers, left)


def machine_memory() -> int:
    """Bytes of memory that this machine, or this container, has."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return memory
    return min(memory, int(limit)) if limit.isdigit() else memory
