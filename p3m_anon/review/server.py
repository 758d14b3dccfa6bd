"""Runs the review page on a port of this machine until somebody stops it."""

from __future__ import annotations

import secrets
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from p3m_anon.errors import P3MError, UsageError
from p3m_anon.review.app import make_app
from p3m_anon.review.desk import Desk

# The names of this machine that only this machine can use, and what a browser on it may call it.
LOOPBACK = {"127.0.0.1": ("127.0.0.1", "localhost"), "localhost": ("127.0.0.1", "localhost")}
EVERYWHERE = ("0.0.0.0", "::")
PATIENCE = 2  # seconds that a request in progress gets when the server stops


def serve(
    desk: Desk, host: str = "127.0.0.1", port: int = 0, on_ready: Callable[[str], None] = lambda url: None
) -> None:
    """Serve the page until Ctrl-C or SIGTERM; for the main thread.

    port: 0 for any free one. on_ready: called with the address, which holds the token, as soon as it answers.
    Raises UsageError when the port is taken.
    """
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with running(desk, host, port) as (url, thread):
            on_ready(url)
            while thread.is_alive() and not stop.wait(0.5):
                pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if not stop.is_set():
        raise P3MError("the server of the review page has stopped by itself; what it printed above says why")


@contextmanager
def running(desk: Desk, host: str = "127.0.0.1", port: int = 0) -> Iterator[tuple[str, threading.Thread]]:
    """The page's address and the thread that answers, from when it answers to the end of the block.

    A thread of its own, because the server would otherwise handle signals itself and end the process with them.
    """
    with _listen(host, port) as sock:
        token = secrets.token_urlsafe(24)
        app = make_app(desk, token, LOOPBACK.get(host))
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                access_log=False,  # it would print the token with every request
                log_level="warning",
                lifespan="off",
                server_header=False,
                timeout_graceful_shutdown=PATIENCE,
            )
        )
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, name="review page", daemon=True)
        thread.start()
        try:
            while thread.is_alive() and not server.started:
                time.sleep(0.01)
            if not server.started:
                raise P3MError("the server of the review page did not start; what it printed above says why")
            yield f"http://{_name(host)}:{sock.getsockname()[1]}/{token}/", thread
        finally:
            server.should_exit = True
            thread.join(PATIENCE + 5)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(
            f"cannot listen on {host}, port {port}: {reason}; choose another port, or 0 for any"
        ) from error


def _name(host: str) -> str:
    """What to write into an address: a machine that listens everywhere is reached by its name."""
    name = socket.gethostname() if host in EVERYWHERE else host
    return f"[{name}]" if ":" in name else name
