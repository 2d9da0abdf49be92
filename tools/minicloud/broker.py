"""A place in RabbitMQ for the notifications of a cloud's Glances.

RabbitMQ is optional: without it, Glance sends no notifications.  Each cloud gets a virtual host,
because queues are named by their topic only.  Where none can be made, the topic is the cloud's own
instead.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import socket
import subprocess
import urllib.request
import uuid
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, unquote, urlsplit

VARIABLE = "MINICLOUD_RABBITMQ_URL"
USUAL_URL = "rabbit://guest:guest@127.0.0.1:5672/"
TOPIC = "kingbird"
PORT, MANAGEMENT_PORT = 5672, 15672
#: Seconds for a call to RabbitMQ, and for a run of its program.
CALL_SECONDS, PROGRAM_SECONDS = 5, 60
_GREETING = b"AMQP\x00\x00\x09\x01"
_METHOD_FRAME = b"\x01"


@dataclass(frozen=True)
class Broker:
    """The place of one cloud."""

    transport_url: str
    topic: str
    virtual_host: str | None
    """None if the cloud uses the virtual host of the URL."""

    @staticmethod
    def publisher(region: str) -> str:
        """Return the publisher id of a region's Glance, which tells regions apart."""
        return f"image.{region}"

    def glance_options(self, region: str) -> dict[str, dict[str, str]]:
        """Return the options that let a Glance send."""
        return {
            "DEFAULT": {"default_publisher_id": self.publisher(region)},
            "oslo_messaging_notifications": {
                "driver": "messagingv2",
                "transport_url": self.transport_url,
                "topics": self.topic,
                # Glance would wait for a broker that is away, and its users with it.
                "retry": "0",
            },
        }

    def remove(self) -> None:
        """Remove the virtual host with its queues."""
        if self.virtual_host is not None and not _manage("DELETE", f"vhosts/{self.virtual_host}"):
            _control("delete_vhost", self.virtual_host)


def make() -> Broker | None:
    """Make a virtual host, or return ``None`` if RabbitMQ does not answer."""
    parts = _parts()
    if not _answers(parts):
        return None
    name = f"minicloud-{uuid.uuid4().hex[:12]}"
    if restore(name):
        return Broker(parts._replace(path=f"/{quote(name)}").geturl(), TOPIC, name)
    return Broker(parts.geturl(), f"{TOPIC}-{name}", None)


def restore(name: str) -> bool:
    """Make a virtual host, if it is not there.

    :returns: False if neither the management API nor rabbitmqctl can make it.
    """
    user = unquote(_parts().username or "guest")
    if _manage("PUT", f"vhosts/{name}"):
        rights = {"configure": ".*", "write": ".*", "read": ".*"}
        return _manage("PUT", f"permissions/{name}/{quote(user)}", rights)
    # This fails if it is there still, and the other call if it is not.
    _control("add_vhost", name)
    return _control("set_permissions", "-p", name, user, ".*", ".*", ".*")


def _parts() -> SplitResult:
    return urlsplit(os.environ.get(VARIABLE) or USUAL_URL)


def _answers(parts: SplitResult) -> bool:
    address = (parts.hostname or "127.0.0.1", parts.port or PORT)
    try:
        with socket.create_connection(address, CALL_SECONDS) as connection:
            connection.sendall(_GREETING)
            # Another version of the protocol would be answered with another greeting.
            return connection.recv(1) == _METHOD_FRAME
    except OSError:
        return False


def _manage(method: str, path: str, body: dict[str, str] | None = None) -> bool:
    parts = _parts()
    password = f"{unquote(parts.username or 'guest')}:{unquote(parts.password or 'guest')}"
    request = urllib.request.Request(
        f"http://{parts.hostname or '127.0.0.1'}:{MANAGEMENT_PORT}/api/{path}",
        method=method,
        data=json.dumps(body or {}).encode(),
        headers={
            "Content-Type": "application/json",
            "Authorization": f"Basic {base64.b64encode(password.encode()).decode()}",
        },
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with contextlib.suppress(OSError), opener.open(request, timeout=CALL_SECONDS):
        return True
    return False


def _control(*words: str) -> bool:
    program = shutil.which("rabbitmqctl")
    if program is None:
        return False
    with contextlib.suppress(subprocess.TimeoutExpired):
        done = subprocess.run(
            [program, "-q", *words], capture_output=True, timeout=PROGRAM_SECONDS, check=False
        )
        return done.returncode == 0
    return False
