"""The streaming engine: order of stages, bounds, early ends, interruption."""

import threading
import time

import pytest

from p3m_anon.engines.local import Early, Limits, Stages, stream


class Probe:
    """Stages that count what is under way."""

    def __init__(self, batch_seen=None):
        self.now = self.most = self.pixels = self.most_pixels = 0
        self.batches = []
        self.lock = threading.Lock()

    def cost(self, item):
        return item

    def load(self, item):
        with self.lock:
            self.now += 1
            self.pixels += item
            self.most, self.most_pixels = max(self.most, self.now), max(self.most_pixels, self.pixels)
        if item % 5 == 0:
            self.leave(item)
            return Early(("early", item))
        return item

    def look(self, batch):
        self.batches.append(len(batch))
        time.sleep(0.001)
        return [("seen", item) for item in batch]

    def finish(self, seen):
        self.leave(seen[1])
        return ("done", seen[1])

    def leave(self, item):
        with self.lock:
            self.now -= 1
            self.pixels -= item

    def stages(self):
        return Stages(self.cost, self.load, self.look, self.finish)


@pytest.mark.parametrize("limits", [Limits(1), Limits(3), Limits(2, batch=4, device=True), Limits(2, batch=7)])
def test_every_item_comes_out_once(limits):
    probe = Probe()
    results = list(stream(range(1, 101), probe.stages(), limits))
    assert sorted(item for _, item in results) == list(range(1, 101))
    assert {kind for kind, item in results if item % 5 == 0} == {"early"}
    assert {kind for kind, item in results if item % 5} == {"done"}
    assert probe.most <= 2 * limits.workers + 2 * limits.batch
    assert max(probe.batches) <= limits.batch
    if limits.batch > 1:
        assert max(probe.batches) > 1


def test_items_are_drawn_only_as_fast_as_results_are_taken():
    drawn = 0

    def items():
        nonlocal drawn
        for item in range(1, 1001):
            drawn += 1
            yield item

    results = stream(items(), Probe().stages(), Limits(2))
    for _ in range(10):
        next(results)
    assert drawn <= 10 + 2 * 2 + 2 + 1
    results.close()


def test_large_pictures_wait_for_each_other():
    probe = Probe()
    list(stream([60, 70, 30, 20, 500, 60], probe.stages(), Limits(4, pixels=100)))
    assert probe.most_pixels <= 500  # the one that is larger than the bound passes alone
    probe = Probe()
    list(stream([61, 71, 31, 21, 61], probe.stages(), Limits(4, pixels=100)))
    assert probe.most_pixels <= 100


def test_a_stage_that_raises_ends_the_run():
    def load(item):
        raise RuntimeError("disk full")

    probe = Probe()
    with pytest.raises(RuntimeError, match="disk full"):
        list(stream(range(1, 10), Stages(probe.cost, load, probe.look, probe.finish), Limits(2)))
