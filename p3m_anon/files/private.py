"""The private folder beside a release: ledger, key, lock; mode 0700, never exported."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from p3m_anon.errors import Stopped, UsageError
from p3m_anon.files.atomic import write_bytes

WORKERS = "workers.lock"
KEY_BYTES = 32


def private_folder(out: Path, asked: Path | None = None) -> Path:
    """`OUT.private` beside the release folder, or the folder that was asked for."""
    folder = asked or out.with_name(out.name + ".private")
    if folder.resolve().is_relative_to(out.resolve()):
        raise UsageError(f"the private folder {folder} lies inside the release folder; choose another --private")
    return folder


@contextlib.contextmanager
def locked(folder: Path, noun: str = "private folder", option: str = "--private") -> Iterator[None]:
    """Create the folder if need be and hold its lock; raises Stopped while another run holds it.

    noun, option: what the folder is called, and how another is chosen.

    The lock goes with the process, so that a killed run leaves none behind.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "run.lock").open("w")
        os.chmod(folder, 0o700)
    except OSError as error:
        raise UsageError(f"the {noun} {folder} cannot be used ({error.strerror}); choose another {option}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Stopped(f"another run is working on {folder}; wait for it, or stop it first") from error
        with (folder / WORKERS).open("w") as workers:  # children of a killed run end within a picture
            fcntl.flock(workers, fcntl.LOCK_EX)
        yield


def join_run(folder: Path) -> None:
    """Called by each child process of a run: until it ends, no later run starts to write."""
    handle = os.open(folder / WORKERS, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(handle, fcntl.LOCK_SH)  # held until the process ends


def private_key(folder: Path, *, make: bool = True) -> bytes:
    """32 random bytes that belong to this dataset, kept from the first call on; with make=False never written.

    Raises Stopped for a key file that was emptied or cut.
    """
    file = folder / "key"
    if file.exists():
        key = file.read_bytes()
        if len(key) != KEY_BYTES:
            raise Stopped(f"{file} is not a key of {KEY_BYTES} bytes: put it back from a backup")
        return key
    key = secrets.token_bytes(KEY_BYTES)
    if make:
        write_bytes(file, key, private=True)
    return key


def opaque_id(key: bytes, path: str) -> str:
    """`p_` and 16 hex digits: says nothing about the path to those who lack the key."""
    return "p_" + hmac.new(key, path.encode(), hashlib.sha256).hexdigest()[:16]
