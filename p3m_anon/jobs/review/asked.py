"""Reads what the page asked, and refuses what is not understood."""

from __future__ import annotations

from typing import TYPE_CHECKING

from p3m_anon.files.decisions import is_queue
from p3m_anon.review.desk import Json, Refused

if TYPE_CHECKING:
    from p3m_anon.jobs.review.pictures import Window


def check_queue(wanted: str) -> None:
    """Raise Refused for a filter that does not exist."""
    if not is_queue(wanted):
        raise Refused(400, f"there is no filter {wanted[:40]!r}")


def read_window(asked: Json) -> tuple[Window, int]:
    """Window and width of a preview; raises Refused for what is none."""
    try:
        x, y, w, h = (round(float(v)) for v in asked["window"])
        width = int(asked["width"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Refused(400, "window is x, y, w, h and width a number, in pixels") from error
    if width < 1:
        raise Refused(400, "width must be at least 1")
    return (x, y, w, h), width


def read_text(asked: Json, key: str) -> str:
    """A text that must not be empty."""
    value = asked.get(key)
    if not isinstance(value, str) or not value:
        raise Refused(400, f"{key} is missing")
    return value
