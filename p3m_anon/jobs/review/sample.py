"""Begins a sample check, or goes on with an unfinished one."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from p3m_anon.errors import UsageError
from p3m_anon.files.samples import Samples

if TYPE_CHECKING:
    from p3m_anon.files.ledger import Ledger


def begin_sample(ledger: Ledger, size: int, seed: int | None, who: str) -> bool:
    """Draw a sample; True if an unfinished one goes on instead. Raises UsageError where that would say nothing."""
    samples, released = Samples(ledger), ledger.counts().get("accepted", 0)
    if not released:
        raise UsageError("nothing is released yet, so there is nothing to check")
    newest = samples.newest()
    if newest is not None and not newest.is_finished and newest.asked == size and seed in (None, newest.seed):
        return True
    if seed is not None and samples.was_drawn(seed):
        raise UsageError(
            f"seed {seed} has been drawn before: the same pictures again would say nothing; choose another"
        )
    samples.draw(size, secrets.randbelow(1 << 32) if seed is None else seed, who)
    return False
