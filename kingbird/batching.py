"""Cut a stream into batches, as itertools does from Python 3.12 on."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of ``size`` items; the last one may be shorter."""
    stream = iter(items)
    while batch := list(islice(stream, size)):
        yield batch
