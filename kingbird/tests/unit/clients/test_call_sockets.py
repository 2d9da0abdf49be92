"""Sockets are read until the deadline of a call, and given back."""

import socket

import pytest

from kingbird.clients.call_limits import _Reader, deadline
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


@pytest.mark.parametrize(
    ("timeout", "left", "waits"), [(5, None, 5), (5, 900, 5), (900, 5, 5), (None, None, None)]
)
def test_a_read_waits_for_the_socket_and_the_deadline_at_most(timeout, left, waits):
    mine, peer = socket.socketpair()
    with mine, peer, deadline(left):
        mine.settimeout(timeout)
        reader = _Reader(mine)
        peer.sendall(b"ab")
        buffer = bytearray(8)
        assert reader.readable()
        assert (reader.readinto(buffer), bytes(buffer[:2])) == (2, b"ab")
        # The time left is shorter by then.
        assert mine.gettimeout() == (waits and pytest.approx(waits, abs=4.9))
        reader.close()
