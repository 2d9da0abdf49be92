"""What reads an answer until the deadline gives the connection back."""

import socket

from kingbird.clients.call_limits import _Reader
from kingbird.tests.waiting import PATIENCE


def test_a_reader_that_is_closed_holds_no_socket():
    mine, peer = socket.socketpair()
    with mine, peer:
        peer.settimeout(PATIENCE)
        reader = _Reader(mine)
        reader.close()
        mine.close()
        assert peer.recv(1) == b"", "the other side hears of the end"
        assert reader.closed
