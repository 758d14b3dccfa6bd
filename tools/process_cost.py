"""What a command costs: wall and CPU seconds, and the memory of all its processes together."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

SECONDS = 0.03  # between two looks at the memory


@dataclass(frozen=True)
class Measured:
    """wall, cpu: seconds. peak: of the proportional set sizes of all its processes together, MB."""

    wall: float
    cpu: float
    peak: float


def measure(
    command: Sequence[str], environment: Mapping[str, str] | None = None, good: tuple[int, ...] = (0,)
) -> Measured:
    """Run a command to its end. environment: beside this one's. good: exit codes of success.

    Raises click's ClickException for another one.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**os.environ, **(environment or {})}
    )
    assert process.stderr is not None
    peaks = [0.0]
    watch = threading.Thread(target=_watch, args=(process.pid, peaks), daemon=True)
    watch.start()
    errors = process.stderr.read().decode(errors="replace")
    _, status, usage = os.wait4(process.pid, 0)
    watch.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in good:
        raise click.ClickException(f"{' '.join(command[:4])} ... ended with {process.returncode}: {errors[-400:]}")
    return Measured(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, peaks[0])


def _watch(pid: int, peak: list[float]) -> None:
    while (now := _memory(pid)) > 0:
        peak[0] = max(peak[0], now)
        time.sleep(SECONDS)


def _memory(pid: int) -> float:
    """Of a process and all below it; 0 when it is gone."""
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0.0
    own = next((int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")), 0) / 1024
    return own + sum(_memory(int(child)) for child in children)
