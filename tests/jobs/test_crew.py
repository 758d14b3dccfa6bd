"""How many processes fit a given amount of memory."""

from __future__ import annotations

import pytest

from p3m_anon.errors import UsageError
from p3m_anon.jobs.crew import BYTES_PER_PROCESS, machine_memory, plan_crew


def test_the_crew_fits_the_memory():
    assert plan_crew(64, 2 << 30).workers == 3
    assert plan_crew(1, 8 << 30).workers == 1
    for memory in (1 << 30, 3 << 30, 64 << 30):
        crew = plan_crew(16, memory)
        assert (crew.workers + 1) * BYTES_PER_PROCESS + crew.bytes <= memory
        assert crew.bytes > 480 << 20
    with pytest.raises(UsageError, match="too little"):
        plan_crew(1, 400 << 20)
    assert machine_memory() > 1 << 28
