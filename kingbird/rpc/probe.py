"""Finds out whether the broker takes messages, by sending it one that nobody waits for."""

import contextlib
import threading

import oslo_messaging
from oslo_config import cfg

from kingbird.rpc import messaging

#: No queue is bound to it, so the broker drops what is sent there.
TOPIC = "kingbird-probe"
#: Transports without a broker.
IN_PROCESS = frozenset({"fake", "kombu+memory"})


class Probe:
    """Sends messages to a topic without a queue.  Safe for threads.

    The transport is the one of the configuration, with its TLS and its credentials; it is made
    with the first message, so that a server may fork before.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._lock = threading.Lock()
        self._transport: oslo_messaging.transport.Transport | None = None

    def send(self) -> None:
        """Send a message, and return when the broker has confirmed that it has it.

        Does nothing where messages stay within the process.

        :raises Exception: the broker can't be reached.  What is raised is up to the driver, and
            may name the broker's address.
        """
        if oslo_messaging.TransportURL.parse(self._conf).transport in IN_PROCESS:
            return
        with self._lock:
            # A connection that was lost meanwhile is noticed now, and may never serve again.
            if self._transport is None or not self._sent():
                self._transport = messaging.transport(self._conf)
                try:
                    self._cast()
                except Exception:
                    self._drop()
                    raise

    def _cast(self) -> None:
        # Without retries: by default this waits for ever for a broker that is down.
        target = oslo_messaging.Target(topic=TOPIC)
        oslo_messaging.get_rpc_client(self._transport, target, retry=0).cast({}, "probe")

    def _sent(self) -> bool:
        try:
            self._cast()
        except Exception:
            self._drop()
            return False
        return True

    def _drop(self) -> None:
        transport, self._transport = self._transport, None
        with contextlib.suppress(Exception):
            if transport is not None:
                transport.cleanup()
