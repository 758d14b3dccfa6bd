"""Child processes: results, bounds, and what becomes of items whose child hangs, dies or raises."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from p3m_anon.engines.crew import Shift, stream_isolated
from p3m_anon.errors import Stopped


def work(item):
    """What an item asks for; runs in a child."""
    kind, value = item
    if kind == "die":
        os.kill(os.getpid(), signal.SIGSEGV)
    if kind == "exit":
        os._exit(7)
    if kind == "hang":
        time.sleep(600)
    if kind == "raise":
        raise Stopped("disk full")
    return kind, value, os.getpid()


def start():
    return work


def start_badly():
    raise Stopped("no weights")


def shift(**changes):
    values = {
        "start": start,
        "cost": lambda item: 10,
        "patience": lambda item: 60.0,
        "lost": lambda item, cause: (item[0], item[1], cause),
    }
    return Shift(**{**values, **changes})


def run(items, workers=2, **changes):
    return list(stream_isolated(iter(items), shift(**changes), workers, 1000))


def test_every_item_comes_out_once_and_no_child_is_started_in_vain():
    results = run([("ok", n) for n in range(30)], workers=2)
    assert sorted(value for _, value, _ in results) == list(range(30))
    assert len({pid for *_, pid in results}) <= 2
    assert len({pid for *_, pid in run([("ok", 1)], workers=4)}) == 1
    assert run([]) == []


@pytest.mark.parametrize(("kind", "cause"), [("die", "SIGSEGV"), ("exit", "code 7")])
def test_an_item_that_kills_its_child_is_lost_alone(kind, cause):
    results = run([("ok", 0), (kind, 1), ("ok", 2), (kind, 3), ("ok", 4)])
    assert sorted(value for _, value, _ in results) == [0, 1, 2, 3, 4]
    assert all(cause in said for name, _, said in results if name == kind)


def test_an_item_that_hangs_is_given_up():
    results = run([("ok", 0), ("hang", 1), ("ok", 2)], patience=lambda item: 3.0 if item[0] == "hang" else 60.0)
    assert [said for name, _, said in results if name == "hang"] == ["it was not done after 3 seconds"]
    assert len(results) == 3


def test_an_error_of_the_whole_run_ends_it():
    with pytest.raises(Stopped, match="disk full"):
        run([("raise", 1)])
    with pytest.raises(Stopped, match="no weights"):
        run([("ok", 1)], start=start_badly)


def test_large_items_wait_for_each_other():
    results = run([("ok", n) for n in range(4)], cost=lambda item: 900)
    assert len(results) == 4


def test_children_end_with_the_stream():
    stream = stream_isolated(iter([("ok", n) for n in range(10)]), shift(), 2, 1000)
    *_, child = next(stream)
    stream.close()
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


PARENT = """
import sys
from tests.engines.test_crew import run

if __name__ == "__main__":
    run([("hang", 1)])
"""


def test_a_child_ends_with_a_parent_that_is_killed_also_in_the_middle_of_an_item(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    root = str(Path(__file__).parents[2])
    with subprocess.Popen([sys.executable, str(script)], env={**os.environ, "PYTHONPATH": root}) as parent:
        while len(started := below(parent.pid)) < 2:  # multiprocessing's tracker, and the child
            assert parent.poll() is None
            time.sleep(0.1)
        time.sleep(2)
        parent.kill()
    end = time.monotonic() + 30
    while (left := [pid for pid in started if is_alive(pid)]) and time.monotonic() < end:
        time.sleep(0.1)
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left


def below(pid):
    said = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(one) for one in said.stdout.split()]


def is_alive(pid):
    """One that has ended and was not waited for is not."""
    said = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return said.stdout.strip()[:1] not in ("", "Z")


def note_the_time(item):
    """Runs in a child; the clock is that of all processes."""
    begin = time.monotonic()
    time.sleep(0.3)
    return item, begin, time.monotonic()


def start_noting():
    return note_the_time


def test_never_more_is_under_way_than_there_is_room_for():
    results = run([300, 400, 500, 600, 100, 200], 4, start=start_noting, cost=lambda item: item)
    for _, begin, _ in results:
        assert sum(cost for cost, first, last in results if first <= begin < last) <= 1000
    assert len(results) == 6
