"""The limits of a call: a deadline for all of it, and a size for its answer.

A timeout of requests is the time between two bytes, so a server that sends a byte now and then
could hold a worker for ever.  Here every wait for a socket ends at the deadline of the call that
the thread makes.
"""

import http.client
import io
import math
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import requests
import urllib3

#: Bytes of an answer that are read at a time.
CHUNK = 1 << 16

#: The monotonic time at which the thread's call has to end.
_end: ContextVar[float] = ContextVar("end of the call", default=math.inf)
#: Seconds that the thread has waited for others of this process, which count for no deadline.
_waited: ContextVar[float] = ContextVar("seconds of waiting", default=0.0)
#: Bytes of the largest answer that the thread's call reads.
_size: ContextVar[float] = ContextVar("size of the answer", default=math.inf)


def _now() -> float:
    return time.monotonic() - _waited.get()


def allow_wait(seconds: float) -> None:
    """Let the thread's deadlines be later, as it has waited for its own process.

    A server is not to be blamed for that.
    """
    _waited.set(_waited.get() + seconds)


@contextmanager
def deadline(seconds: float | None) -> Iterator[None]:
    """Let the calls in the block end after some seconds, or at an earlier deadline around it.

    :param seconds: ``None`` for no limit.
    """
    end = math.inf if seconds is None else _now() + seconds
    token = _end.set(min(_end.get(), end))
    try:
        yield
    finally:
        _end.reset(token)


def time_left(timeout: float | None = None) -> float | None:
    """Return the seconds that the thread's call may still wait.

    :param timeout: the longest time.
    :returns: ``None`` for no limit.
    :raises TimeoutError: the deadline has passed.
    """
    left = min(_end.get() - _now(), math.inf if timeout is None else timeout)
    if left <= 0:
        raise TimeoutError("The deadline of the call has passed")
    return None if left == math.inf else left


@contextmanager
def largest_answer(size: int | None) -> Iterator[None]:
    """Let the calls in the block read no answer beyond a size.

    :param size: bytes; ``None`` for what is configured.
    """
    token = _size.set(math.inf if size is None else size)
    try:
        yield
    finally:
        _size.reset(token)


def size_to_read(max_size: int) -> int:
    """Return the bytes of the largest answer that the thread's call reads.

    :param max_size: bytes that no call reads more of.
    """
    return int(min(_size.get(), max_size))


class _Reader(io.RawIOBase):
    """The reading side of a socket, each read of which ends at the deadline."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._timeout = sock.gettimeout()
        self._raw = sock.makefile("rb", buffering=0)

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int | None:
        """Read what has arrived, or wait for the next bytes."""
        self._sock.settimeout(time_left(self._timeout))
        return self._raw.readinto(buffer)

    def close(self) -> None:
        """Give the socket back."""
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """A response whose head and body are read until the deadline."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp.close()
        self.fp = io.BufferedReader(_Reader(sock))


class _Connection(urllib3.connection.HTTPConnection):
    response_class = _Response


class _TLSConnection(urllib3.connection.HTTPSConnection):
    response_class = _Response


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


#: Pools of connections that keep the deadline, by the scheme of a URL.
POOLS = {"http": _Pool, "https": _TLSPool}


def read_body(
    response: requests.Response,
    max_size: int,
    note_read: Callable[[int], None] = lambda size: None,
) -> bool:
    """Read the body of a response, which is kept in it.

    :param max_size: bytes after decompression.
    :param note_read: called with the bytes so far, before more are read.
    :returns: whether it is complete.  The connection of a larger one is closed.
    """
    chunks: list[bytes] = []
    size = 0
    for chunk in response.iter_content(CHUNK):
        size += len(chunk)
        if size > max_size:
            response.close()
            return False
        chunks.append(chunk)
        note_read(size)
    response._content = b"".join(chunks)
    return True
