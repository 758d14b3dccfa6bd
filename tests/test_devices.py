"""Which device is chosen, and what is said of one that is not there."""

from __future__ import annotations

import pytest
import torch

from p3m_anon.devices import choose_device
from p3m_anon.errors import UsageError


def test_devices_that_are_not_there_are_wrong_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    for name, message in (
        ("cuda", "no such GPU"),
        ("cuda:3", "no such GPU"),
        ("gpu", "not known"),
        ("meta", "not sup"),
    ):
        with pytest.raises(UsageError, match=f"--device {name} .*{message}|--device {name}: .*{message}"):
            choose_device(name)


def test_auto_takes_the_gpu_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose_device("auto").type == "cuda"
