"""Open listening sockets, which are passed to the services.

Choosing a port and binding it later would be a race between two clouds.
"""

from __future__ import annotations

import errno
import random
import socket
from pathlib import Path

from minicloud.errors import MinicloudError, PortTaken

HOST = "127.0.0.1"
KEYSTONE_PORT = 5000
GLANCE_PORT = 9292
_LOWEST_FREE = 20000
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def listen(port: int) -> socket.socket:
    """Listen on a port.

    :raises PortTaken: another process listens there.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        # Connections in TIME_WAIT of an earlier run do not take the port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        # Linux lets two sockets bind the same port until one of them listens.
        listener.listen(1024)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(port) from None
        raise
    return listener


def listen_on_free_port() -> socket.socket:
    """Listen on a port below the ephemeral range.

    The kernel takes ports of that range for outgoing connections, so a stopped service might not
    get its port back.
    """
    ceiling = _lowest_ephemeral_port()
    for _ in range(200):
        try:
            return listen(random.randrange(_LOWEST_FREE, ceiling))
        except PortTaken:
            continue
    raise MinicloudError(f"no free port found between {_LOWEST_FREE} and {ceiling}")


def _lowest_ephemeral_port() -> int:
    try:
        lowest = int(_EPHEMERAL_RANGE.read_text().split()[0])
    except OSError:
        lowest = 32768
    return max(lowest, _LOWEST_FREE + 1000)
