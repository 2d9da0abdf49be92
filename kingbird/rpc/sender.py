"""Sends messages over a transport that is made anew when it has failed."""

import contextlib
import threading
from collections.abc import Callable

import oslo_messaging
from oslo_config import cfg
from oslo_messaging.rpc.client import RPCClient

from kingbird.rpc.transport import get_transport


class _Used:
    """A transport's client, and how many threads send by it right now."""

    def __init__(self, client: RPCClient) -> None:
        self.client = client
        self.threads = 0


class Sender:
    """Sends to one target without waiting for a broker that is down.  Safe for threads.

    A cast waits for ever for a broker that is down, so it is made with ``retry=0``; but then each
    connection of a transport's pool that was lost meanwhile fails a message.  So a transport
    that has failed is not used again, and is cleaned up when the last thread has left it: one
    that is cleaned up under a thread leaves a connection behind.

    :param transport: the first transport, if there is one already; whoever made it cleans it up.
        Others are made by the configuration, with the first message, so that a server may fork
        before.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        target: oslo_messaging.Target,
        transport: oslo_messaging.transport.Transport | None = None,
    ) -> None:
        self._conf = conf
        self._target = target
        self._lock = threading.Lock()
        self._shared = transport
        self._current = None if transport is None else _Used(self._over(transport))

    def send(self, message: Callable[[RPCClient], None], *, again: bool = False) -> None:
        """Have a message sent.

        :param message: sends it by the client that it is given.
        :param again: whether to send it once more over a new transport, if the one at hand has
            failed.  The broker may have got it the first time.
        :raises oslo_messaging.MessageUndeliverable: the broker has no queue for it, if the
            message wants to know; that is no fault of the transport's.
        :raises Exception: it could not be sent.  What is raised is up to the driver, and may
            name the broker's address.
        """
        with self._lock:
            fresh = self._current is None
            used = self._get()
            used.threads += 1
        try:
            message(used.client)
        except oslo_messaging.MessageUndeliverable:
            raise
        except Exception:
            with self._lock:
                if self._current is used:
                    self._current = None
            # One that has just been made won't be bettered.
            if fresh or not again:
                raise
        else:
            return
        finally:
            self._leave(used)
        self.send(message)

    def _get(self) -> _Used:
        if self._current is None:
            self._current = _Used(self._over(get_transport(self._conf)))
        return self._current

    def _over(self, transport: oslo_messaging.transport.Transport) -> RPCClient:
        return oslo_messaging.get_rpc_client(transport, self._target, retry=0)

    def _leave(self, used: _Used) -> None:
        with self._lock:
            used.threads -= 1
            if used.threads or used is self._current:
                return
        transport = used.client.transport
        if transport is not self._shared:
            with contextlib.suppress(Exception):
                transport.cleanup()
