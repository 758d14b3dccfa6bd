"""Several processes and signals: what one of them is told, all of them do."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, TypeVar

from p3m_anon.errors import P3MError

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Made = TypeVar("Made")


def on_first(fabric: Fabric, make: Callable[[], Made]) -> Made:
    """The result of the first process, in all of them; what it raises ends the others quietly."""
    result: Made | P3MError | None = None
    if fabric.global_rank == 0:
        try:
            result = make()
        except P3MError as error:
            result = error
    if fabric.world_size > 1:
        result = fabric.broadcast(result)
    if isinstance(result, P3MError):
        raise result if fabric.global_rank == 0 else SystemExit(0)
    return result  # type: ignore[return-value]


class Signals:
    """SIGINT and SIGTERM end the process at once, but once there are steps, they ask the run to stop; a second one
    then ends it at once."""

    def __init__(self) -> None:
        """received: its number, or 0."""
        self.received = 0
        self._saves = False

    def save_first(self) -> None:
        """From here on there is something to lose."""
        self._saves = True

    def __enter__(self) -> Signals:
        """Itself."""
        listens = threading.current_thread() is threading.main_thread()  # elsewhere nobody may
        heard = (signal.SIGINT, signal.SIGTERM) if listens else ()
        self._before = {one: signal.signal(one, self._handle) for one in heard}
        return self

    def __exit__(self, *_: object) -> None:
        """What was there before listens again."""
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        if not self._saves and number == signal.SIGINT:
            raise KeyboardInterrupt
        if self.received or not self._saves:
            raise SystemExit(128 + number)
        self.received = number

    def is_asked(self) -> bool:
        """Whether there was one."""
        return self.received != 0
