"""Bound the memory of large answers that are read at the same time."""

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from kingbird.clients.call_limits import allow_wait


class Room:
    """Room for a number of bytes or characters, which is taken in turn.

    Each user has room once at a time, so that two slow ones leave some to the others.

    :param total: how much there is.  Whoever needs more has all of it.
    """

    def __init__(self, total: int) -> None:
        self._total = self._free = total
        self._busy: set[Hashable] = set()
        self._waiting: list[tuple[object, Hashable, int]] = []
        self._changed = threading.Condition()

    def take(self, user: Hashable, size: int, left: Callable[[], float | None]) -> int:
        """Wait for room, and take it.

        :param left: returns the seconds that the caller may wait; it raises to give up.
        :returns: what to give back.
        """
        place, size = object(), min(size, self._total)
        with self._changed:
            self._waiting.append((place, user, size))
            try:
                while self._next() is not place:
                    self._changed.wait(left())
            except BaseException:
                self._leave(place)
                raise
            self._leave(place)
            self._free -= size
            self._busy.add(user)
        return size

    def give_back(self, user: Hashable, size: int) -> None:
        """Give room back."""
        with self._changed:
            self._free += size
            self._busy.discard(user)
            self._changed.notify_all()

    def _leave(self, place: object) -> None:
        self._waiting = [one for one in self._waiting if one[0] is not place]
        self._changed.notify_all()

    def _next(self) -> object:
        """Return the first that waits for nothing but room, if there is enough."""
        for place, user, size in self._waiting:
            if user not in self._busy:
                return place if size <= self._free else None
        return None


#: Bytes of all large answers that are read and parsed; each takes three times as much for a while.
ROOM = Room(16 << 20)
#: Seconds for which an answer waits for room.  Whoever has it gives it back at its deadline.
PATIENCE = 600.0
#: Bytes of an answer that needs no room, and of a page of a thousand images.
SMALL, SMALL_PAGE = 1 << 19, 1 << 21


class _Reader:
    """A call whose answer may be large."""

    def __init__(self, small: int) -> None:
        self.small = small
        self.taken: tuple[Hashable, int] | None = None


_reader: ContextVar[_Reader | None] = ContextVar("reader of a large answer", default=None)


@contextmanager
def large_answers(small: int = SMALL) -> Iterator[None]:
    """Let a large answer to a call in the block have room until the end of the block.

    The block ends when all that is left of the answer is small, or as large as it has to be.

    :param small: bytes of an answer that needs no room.
    """
    reader = _Reader(small)
    token = _reader.set(reader)
    try:
        yield
    finally:
        _reader.reset(token)
        if reader.taken:
            ROOM.give_back(*reader.taken)


def make_room(user: Hashable, read: int, size: int) -> None:
    """Wait until an answer has room, if it is a large one of a call of :func:`large_answers`.

    :param user: the server.
    :param read: bytes that have been read.
    :param size: bytes of all of it.
    :raises TimeoutError: there was no room for :data:`PATIENCE`.
    """
    reader = _reader.get()
    if reader is None or reader.taken is not None or read <= reader.small:
        return
    begin = time.monotonic()

    def left() -> float:
        seconds = begin + PATIENCE - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("There was no room for a large answer")
        return seconds

    reader.taken = user, ROOM.take(user, size, left)
    allow_wait(time.monotonic() - begin)
