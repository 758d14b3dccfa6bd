"""Devices that are not there, and processes that torchrun has begun."""

from __future__ import annotations

import pytest

from p3m_anon.errors import UsageError
from p3m_anon.training.devices import has_lost_a_process, make_fabric


def test_one_cpu_is_one_process() -> None:
    fabric = make_fabric("cpu", 1, "fp32")
    assert (fabric.world_size, fabric.device.type) == (1, "cpu")


def test_torchrun_says_how_many_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TORCHELASTIC_RUN_ID", "x"), ("LOCAL_WORLD_SIZE", "2"), ("WORLD_SIZE", "4")):
        monkeypatch.setenv(name, value)
    with pytest.raises(UsageError, match="torchrun has started 2 processes here; leave out --devices"):
        make_fabric("cpu", 3, "fp32")


@pytest.mark.parametrize(
    ("device", "devices", "precision", "said"),
    [("cpu", 1, "fp16", "--precision fp16 needs a GPU; use bf16 or fp32"), ("tpu", 1, "fp32", "--device tpu")],
)
def test_what_is_not_here_is_refused(device: str, devices: int, precision: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        make_fabric(device, devices, precision)


def test_a_lost_process_is_told_from_other_errors() -> None:
    assert has_lost_a_process(RuntimeError("[gloo/pair.cc:553] Connection closed by peer [127.0.0.1]:54944."))
    assert not has_lost_a_process(RuntimeError("shape mismatch"))
