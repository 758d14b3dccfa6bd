"""Batches in an order that follows from (seed, epoch) alone, made by worker processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p3m_anon.training.batch import Batch
    from p3m_anon.training.rows import TrainRow
    from p3m_anon.training.settings import SampleSettings


@dataclass(frozen=True)
class LoaderSettings:
    """How samples become batches; none of it changes a sample.

    batch_size: pictures of a batch of one rank. workers: processes that make them; 0: the calling one does. rank,
    world: this process among those that train together. pin: batches lie in page-locked memory, for a GPU. skip_bad: a
    picture that cannot be read is replaced by another one and named in the batch; else it is an ImageError. prefetch:
    batches that each worker is ahead; there are never more than workers x prefetch of them.
    """

    batch_size: int
    workers: int = 0
    rank: int = 0
    world: int = 1
    pin: bool = False
    skip_bad: bool = False
    prefetch: int = 2


class Loader:
    """Batches of `rows`; workers start with the first epoch and stay until `close`. A context manager.

    Batch b of an epoch, of all ranks together in their order, is the same pictures, cropped alike, whatever `workers`
    and `world` are, as long as world x batch_size is the same, and wherever the epoch is entered. Pictures that do not
    fill the last batch are left out of this epoch; the next has another order.
    """

    def __init__(self, rows: Sequence[TrainRow], samples: SampleSettings, loading: LoaderSettings) -> None:
        """Raises UsageError if there are fewer pictures than a batch of all ranks has."""
        raise NotImplementedError

    def __len__(self) -> int:
        """Batches of an epoch."""
        raise NotImplementedError

    def batches(self, epoch: int, start: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number `start` on, up to its end.

        Raises ImageError, naming the file and what to do, for a picture that cannot be used.
        """
        raise NotImplementedError

    def close(self) -> None:
        """End the workers."""

    def __enter__(self) -> Loader:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the workers."""
        self.close()
