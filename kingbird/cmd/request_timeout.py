"""Bounds how long a request may take to arrive, on cheroot.

cheroot bounds silence alone: who sends a byte now and then would hold a thread for as long as
there is something left to send.
"""

import socket
import time
from typing import Any

from cheroot import server
from cheroot.makefile import MakeFile, StreamReader


class _DeadlineSocketIO(socket.SocketIO):
    """What comes over a connection.

    :param idle_timeout: seconds for which nothing may come.
    :param total_timeout: seconds within which a request has to have come.
    """

    def __init__(self, sock: Any, idle_timeout: float, total_timeout: float) -> None:
        super().__init__(sock, "r")
        self._socket = sock
        self._silence = idle_timeout
        self._whole = total_timeout
        self._until = 0.0

    def begin(self) -> None:
        """A request begins."""
        self._until = time.monotonic() + self._whole

    def readinto(self, buffer: Any) -> int | None:
        """Read what is there.

        :raises TimeoutError: it takes too long; cheroot knows the words, and answers with 408.
        """
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(min(self._silence, left))
        try:
            return super().readinto(buffer)
        finally:
            # Answers are sent through it too.
            self._socket.settimeout(self._silence)


class _Reader(StreamReader):
    """cheroot's reader, over a socket that counts time."""

    def __init__(self, arriving: _DeadlineSocketIO, size: int) -> None:
        # cheroot's own makes the socket's side by itself.
        super(StreamReader, self).__init__(arriving, size)
        self.bytes_read = 0


def connection_class(total_timeout: float) -> type[server.HTTPConnection]:
    """Return a class for cheroot's ``ConnectionClass``.

    :param total_timeout: seconds within which a request has to have come, head and body.  The
        work on it has no such limit.
    """

    class Connection(server.HTTPConnection):
        """A connection on which each request has to come within a time."""

        def __init__(self, of: server.HTTPServer, sock: Any, makefile: Any = MakeFile) -> None:
            super().__init__(of, sock, makefile)
            self._arriving = _DeadlineSocketIO(sock, of.timeout, total_timeout)
            self.rfile.close()
            self.rfile = _Reader(self._arriving, self.rbufsize)

        def communicate(self) -> bool:
            """Take a request and answer it."""
            self._arriving.begin()
            return bool(super().communicate())

    return Connection
