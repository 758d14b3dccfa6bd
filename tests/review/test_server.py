"""`serve` runs until it is told to stop."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request

import pytest

pytest.importorskip("starlette", reason="the extra [review] is not installed")
pytest.importorskip("uvicorn", reason="the extra [review] is not installed")

PROGRAM = """
from p3m_anon.review.server import serve
from tests.review.fake_desk import FakeDesk
serve(FakeDesk({}), on_ready=lambda url: print(url, flush=True))
print("ended", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_answers_when_it_says_so_and_ends_when_it_is_told_to(number: signal.Signals) -> None:
    command = [sys.executable, "-c", PROGRAM]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with urllib.request.urlopen(url + "api/state", timeout=60) as answer:
            assert answer.status == 200
        process.send_signal(number)
        said, complaints = process.communicate(timeout=60)
    assert (process.returncode, said, complaints) == (0, "ended\n", "")
