"""What must hold before a split begins, and what the releases say of how they were made."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from p3m_anon.errors import UsageError
from p3m_anon.faces.settings import BlurSettings
from p3m_anon.files.atomic import PREFIX
from p3m_anon.files.tombstones import FILE as TOMBSTONES
from p3m_anon.jobs.review.request import last_request
from p3m_anon.jobs.split.candidates import Origin
from p3m_anon.jobs.split.left_out import LEFT_OUT
from p3m_anon.jobs.split.plan import PLAN
from p3m_anon.jobs.split.request import OF_THE_LEDGER, SplitRequest

_MAY_BE_THERE = frozenset(("key", "run.lock", "workers.lock", LEFT_OUT, PLAN, f"{PLAN}.new", TOMBSTONES))


def check_request(request: SplitRequest) -> None:
    """Options that need one another."""
    own = [one for one in request.stratify if one not in OF_THE_LEDGER]
    needed = [f"--stratify {one}" for one in own] + ([f"--group-by {request.group_by}"] if request.group_by else [])
    if needed and request.columns is None:
        known = ", ".join(OF_THE_LEDGER)
        raise UsageError(f"{needed[0]} names a column of a file: give it with --columns (without one: {known})")
    if request.columns is not None and not needed:
        raise UsageError("--columns goes with --group-by or --stratify")
    if len(set(request.stratify)) < len(request.stratify):
        raise UsageError("--stratify names a column twice")
    if request.normal_private is not None and request.normal is None:
        raise UsageError("--normal-private goes with --normal")
    if request.normal is not None and request.normal.resolve() == request.release.resolve():
        raise UsageError("--normal is the release itself; its cleared pictures are taken without it")


def check_folders(out: Path, private: Path, origins: list[Origin]) -> None:
    """The dataset is a new folder, or one that `split` made, and lies in no other folder of ours.

    Raises UsageError; nothing is written.
    """
    inputs = [folder for one in origins for folder in (one.out, one.private)]
    for origin in origins:
        with contextlib.suppress(UsageError):  # an older release may not know
            inputs.append(last_request(origin.out, origin.private).folder)
    for ours in (out, private):
        for folder in inputs:
            inner, outer = ours.resolve(), folder.resolve()
            if inner.is_relative_to(outer) or outer.is_relative_to(inner):
                raise UsageError(f"{ours} and {folder} lie inside one another; choose another --out or --private")
        if ours.exists() and not ours.is_dir():
            raise UsageError(f"{ours} is a file; choose another --out or --private")
    if (private / PLAN).exists():
        return
    for folder, known in ((out, frozenset()), (private, _MAY_BE_THERE)):
        foreign = [one.name for one in folder.iterdir()] if folder.is_dir() else []
        foreign = [name for name in foreign if name not in known and not name.startswith(PREFIX)]
        if foreign:
            raise UsageError(f"{folder} holds {foreign[0]}, and no earlier split made it; choose a new folder")


def known_settings(origins: list[Origin], digests: list[str]) -> tuple[dict[str, Any], ...]:
    """For dataset.json: the blur settings behind each digest, None where no run of a release knows them."""
    found: dict[str, Any] = {}
    for origin in origins:
        for settings in origin.ledger.run_settings():
            with contextlib.suppress(TypeError, ValueError):  # made by another version
                found.setdefault(BlurSettings(**settings).digest(), settings)
    return tuple({"digest": digest, "blur": found.get(digest)} for digest in digests)
