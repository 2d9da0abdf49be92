"""Finds out whether the broker takes messages, by sending it one that nobody waits for."""

import oslo_messaging
from oslo_config import cfg

from kingbird.rpc import transport
from kingbird.rpc.sender import Sender

#: No queue is bound to it, so the broker drops what is sent there.
TOPIC = "kingbird-probe"


class Probe:
    """Sends messages to a topic without a queue.  Safe for threads.

    They go the way of all others, with the configuration's TLS and credentials.
    """

    def __init__(self, conf: cfg.ConfigOpts) -> None:
        self._conf = conf
        self._sender = Sender(conf, oslo_messaging.Target(topic=TOPIC))

    def send(self) -> None:
        """Send a message, and return when the broker has confirmed that it has it.

        Does nothing where messages stay within the process.

        :raises Exception: the broker can't be reached.  What is raised is up to the driver, and
            may name the broker's address.
        """
        if not transport.has_broker(self._conf):
            return
        # A connection that was lost meanwhile is noticed now, and says nothing of the broker.
        self._sender.send(lambda client: client.cast({}, "probe"), again=True)
