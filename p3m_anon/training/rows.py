"""What is trained on: one row a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from p3m_anon.errors import UsageError

Composition = Literal["auto", "on", "off"]


class TrainRow(NamedTuple):
    """Files of one picture. The layers are there together or not at all."""

    id: str
    image: str
    alpha: str
    foreground: str | None = None
    background: str | None = None


class Composed(NamedTuple):
    """Whether samples carry layers, and a line for the user where that is not what might be expected."""

    on: bool
    notice: str | None


def composition_of(rows: Sequence[TrainRow], asked: Composition) -> Composed:
    """Whether there is a composition loss: `auto` asks for layers of every picture, `on` estimates those that lack.

    Half of a batch with layers and half without would be two losses, so it is all or none.
    """
    if asked not in ("auto", "on", "off"):
        raise UsageError(f"composition is auto, on or off, not {asked!r}")
    lacking = sum(row.foreground is None for row in rows)
    if asked == "off" or not lacking:
        return Composed(asked != "off", None)
    which = f"{lacking} of {len(rows)} pictures have no" if lacking < len(rows) else "no picture has"
    if asked == "on":
        return Composed(True, f"{which} layers on disk: they are estimated for each crop, which takes the longest")
    return Composed(
        False,
        f"composition loss is off: {which} layers (fg, bg); `p3m-anon foreground` makes them, --composition on"
        " estimates them while training",
    )
