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


def private_folder(out: Path, asked: Path | None = None) -> Path:
    """`OUT.private` beside the release folder, or the folder that was asked for."""
    folder = asked or out.with_name(out.name + ".private")
    if folder.resolve().is_relative_to(out.resolve()):
        raise UsageError(f"the private folder {folder} lies inside the release folder; choose another --private")
    return folder


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Create the folder if need be and hold its lock; raises Stopped while another run holds it.

    The lock goes with the process, so that a killed run leaves none behind.
    """
    folder.mkdir(parents=True, exist_ok=True)
    os.chmod(folder, 0o700)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Stopped(f"another run is working on {folder}; wait for it, or stop it first") from error
        yield


def private_key(folder: Path, *, make: bool = True) -> bytes:
    """32 random bytes that belong to this dataset, kept from the first call on; with make=False never written."""
    file = folder / "key"
    if file.exists():
        return file.read_bytes()
    key = secrets.token_bytes(32)
    if make:
        write_bytes(file, key, private=True)
    return key


def opaque_id(key: bytes, path: str) -> str:
    """`p_` and 16 hex digits: says nothing about the path to those who lack the key."""
    return "p_" + hmac.new(key, path.encode(), hashlib.sha256).hexdigest()[:16]
