"""The option `--memory` of commands that work on pictures in processes: the same words and sizes everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import click

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def memory_option(processes: str = "all processes") -> Callable[[Any], Any]:
    """Decorator: `memory` is the bytes that were asked for, 0 for the default. processes: whose it is, for the help."""
    words = f"For {processes} together, like 8G [default: half of the machine's]."
    return click.option("--memory", callback=_bytes, help=words)


def _bytes(_ctx: click.Context, _param: click.Parameter, text: str | None) -> int:
    """`8G`, `500M` and the like as bytes, in powers of 1024; 0 for the default."""
    if text is None:
        return 0
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    size = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if not size:
        raise click.BadParameter(f"{text!r} is not a valid size; write it like 8G or 500M")
    return size
