"""Limit the time of a request's arrival on cheroot.

cheroot only limits silence.  A client that sends a byte now and then would hold a thread.
"""

import socket
import time
from typing import Any

from cheroot import server
from cheroot.makefile import MakeFile, StreamReader


class _DeadlineSocketIO(socket.SocketIO):
    """The input of a connection.

    :param idle_timeout: seconds without data after which reading fails.
    :param total_timeout: seconds within which a request must arrive.
    """

    def __init__(self, sock: Any, idle_timeout: float, total_timeout: float) -> None:
        super().__init__(sock, "r")
        self._socket = sock
        self._idle_timeout = idle_timeout
        self._total_timeout = total_timeout
        self._deadline = 0.0

    def begin(self) -> None:
        """Start the time of a request."""
        self._deadline = time.monotonic() + self._total_timeout

    def readinto(self, buffer: Any) -> int | None:
        """Read available data.

        :raises TimeoutError: the request takes too long.  cheroot answers 408 to this message.
        """
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(min(self._idle_timeout, remaining))
        try:
            return super().readinto(buffer)
        finally:
            # Responses are sent through the same socket.
            self._socket.settimeout(self._idle_timeout)


class _Reader(StreamReader):
    """cheroot's reader, over an input with a deadline."""

    def __init__(self, incoming: _DeadlineSocketIO, size: int) -> None:
        # cheroot's constructor would create the input itself.
        super(StreamReader, self).__init__(incoming, size)
        self.bytes_read = 0


def connection_class(total_timeout: float) -> type[server.HTTPConnection]:
    """Return a class for cheroot's ``ConnectionClass``.

    :param total_timeout: seconds within which a request must arrive, head and body.  Processing
        has no such limit.
    """

    class Connection(server.HTTPConnection):
        """A connection whose requests have a deadline."""

        def __init__(
            self, http_server: server.HTTPServer, sock: Any, makefile: Any = MakeFile
        ) -> None:
            super().__init__(http_server, sock, makefile)
            self._incoming = _DeadlineSocketIO(sock, http_server.timeout, total_timeout)
            self.rfile.close()
            self.rfile = _Reader(self._incoming, self.rbufsize)

        def communicate(self) -> bool:
            """Read and answer a request."""
            self._incoming.begin()
            return bool(super().communicate())

    return Connection
