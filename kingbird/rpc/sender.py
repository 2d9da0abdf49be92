"""Sends messages over a transport that is made anew when it has failed."""

import contextlib
import threading
from collections.abc import Callable

import oslo_messaging
from oslo_config import cfg
from oslo_messaging.rpc.client import RPCClient

from kingbird.rpc import messaging


class Sender:
    """Sends to one target without waiting for a broker that is down.  Safe for threads.

    A cast waits for ever for a broker that is down, so it is made with ``retry=0``; but then each
    connection of a transport's pool that was lost meanwhile fails a message.  So a transport
    that has failed is not used again.

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
        self._client = None if transport is None else self._over(transport)

    def send(self, message: Callable[[RPCClient], None], *, again: bool = False) -> None:
        """Have a message sent.

        :param message: sends it by the client that it is given.
        :param again: whether to send it once more over a new transport, if the one at hand has
            failed.  The broker may have got it the first time.
        :raises Exception: it could not be sent.  What is raised is up to the driver, and may
            name the broker's address.
        """
        with self._lock:
            used = self._client is not None
            client = self._get()
        try:
            message(client)
        except Exception:
            self._drop(client)
            # One that has just been made won't be bettered.
            if not (again and used):
                raise
            self.send(message)

    def _get(self) -> RPCClient:
        if self._client is None:
            self._client = self._over(messaging.transport(self._conf))
        return self._client

    def _over(self, transport: oslo_messaging.transport.Transport) -> RPCClient:
        return oslo_messaging.get_rpc_client(transport, self._target, retry=0)

    def _drop(self, client: RPCClient) -> None:
        transport = client.transport
        with self._lock:
            if self._client is not client:
                # Another thread has done it.
                return
            self._client = None
        if transport is not self._shared:
            with contextlib.suppress(Exception):
                transport.cleanup()
