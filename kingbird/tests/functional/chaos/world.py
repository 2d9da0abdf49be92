"""One cloud for all faults: a real Keystone, real Glances, and stand-ins beside them.

The stand-ins are regions of the same catalog, so one Kingbird knows both.  They serve for faults
outside of Glance, because the delay of their responses can be set.
"""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kingbird.clients.glance import ImageClient
from kingbird.tests.functional import services
from kingbird.tests.functional.chaos.owners import owner
from kingbird.tests.functional.chaos.rabbitmq import RabbitMQ
from kingbird.tests.functional.chaos.rabbitmq import program as rabbitmq_program
from kingbird.tests.functional.chaos.settings import LATENCY
from kingbird.tests.functional.deployment import Deployment
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import Program
from kingbird.tests.functional.proxy import Call, Proxy
from kingbird.tests.functional.relay import Relay

ROOT = Path(__file__).resolve().parents[4]
TOOLS = ROOT / "tools"
if str(TOOLS) not in sys.path:
    sys.path.insert(0, str(TOOLS))

REAL = ("RegionOne", "RegionTwo", "RegionThree")
STANDIN = ("StandinOne", "StandinTwo", "StandinThree")
#: A stand-in that no scene has.  A fault may take it away for longer than jobs wait.
SPARE = "StandinSpare"


class Meter(Proxy):
    """A proxy that counts requests to make a record."""

    def __init__(self, upstream: str) -> None:
        super().__init__(upstream)
        self.posts = 0
        self._counting = threading.Lock()

    def take(self, call: Call) -> Any:
        """Record a call and return the fault to apply to it."""
        if call.method == "POST":
            with self._counting:
                self.posts += 1
        return super().take(call)


@dataclass
class World:
    """The cloud and the Kingbirds in it.

    :ivar urls: the URL of each region's Glance, real or not.
    :ivar proxies: the proxies that Kingbird uses.
    :ivar rabbitmq: the broker to which the Glances send, if it is one of the world's own.
    :ivar told: the relays between that broker and the Glances, and between it and a listener.
    :ivar kingbirds: the running Kingbirds, for finding the sender of a call.
    """

    cloud: Any
    standin: Any
    demo: Person
    admin: Person
    urls: Mapping[str, str]
    proxies: Mapping[str, Meter]
    rabbitmq: RabbitMQ | None = None
    told: tuple[Relay, ...] = ()
    kingbirds: list[Deployment] = field(default_factory=list)

    @property
    def heard_at(self) -> str | None:
        """Return the broker of a listener, if it is one of the world's own."""
        return self.told[1].url if self.told else None

    def images(self, region: str) -> ImageClient:
        """Return a region's images as the user sees them, past the proxy."""
        session = self.demo.session
        assert session.auth is not None
        return ImageClient(region, self.urls[region], session, session.auth)

    def trusts(self) -> list[str]:
        """Return the trusts that are made to Kingbird's service user."""
        query = f"/OS-TRUST/trusts?trustee_user_id={self.cloud.users['kingbird']}"
        found = self.admin.keystone("GET", query).json()["trusts"]
        return [trust["id"] for trust in found]

    def sender(self, port: int) -> Program | None:
        """Return the engine that holds a connection, by the port of the connection."""
        programs = [engine for kingbird in self.kingbirds for engine in kingbird.engines]
        by_pid = {pid: program for program in programs for pid in program.pids}
        pid = owner(port, by_pid)
        return by_pid[pid] if pid else None

    def kill(self, process: str) -> None:
        """Kill a process of the cloud at once: ``keystone`` or ``glance-REGION``."""
        from minicloud.processes import Process

        found = Process.load(self.cloud.state.pid(process))
        assert found is not None, f"{process} was never started"
        found.send(signal.SIGKILL)


def _glance_options(relays: Sequence[Relay]) -> dict[str, dict[str, str]]:
    """Return the options of a Glance: it notices soon what a token is not good for any more.

    :param relays: if there are any, the first one leads to the broker in place of the cloud's.
    """
    options = {"keystone_authtoken": {"token_cache_time": "1"}}
    if relays:
        options["oslo_messaging_notifications"] = {"transport_url": relays[0].url}
    return options


@contextlib.contextmanager
def world(folder: Path) -> Iterator[World]:
    """Start the cloud, and stop it at the end of the block."""
    from minicloud import broker
    from minicloud.cloud import Cloud
    from standin import Standin

    os.environ.setdefault(broker.VARIABLE, services.url_of("RabbitMQ"))
    with ExitStack() as stack:
        rabbitmq: RabbitMQ | None = None
        told: tuple[Relay, ...] = ()
        if rabbitmq_program():
            rabbitmq = RabbitMQ(folder / "rabbitmq")
            stack.callback(rabbitmq.kill)
            # It starts while the cloud does.
            rabbitmq.start()
            told = tuple(stack.enter_context(Relay(rabbitmq.url)) for _ in range(2))
        cloud = Cloud(
            folder / "cloud",
            regions=REAL,
            free_ports=True,
            glance_options=dict.fromkeys(REAL, _glance_options(told)),
        )
        stack.callback(cloud.down)
        cloud.up()
        demo, admin = Person(cloud, "demo"), Person(cloud, "admin")
        standin = stack.enter_context(
            Standin(
                (*STANDIN, SPARE),
                latency=LATENCY,
                project=demo.project_id,
                roles=["member", "reader"],
            )
        )
        urls = {**cloud.glance_urls, **standin.urls}
        proxies = {region: stack.enter_context(Meter(url)) for region, url in urls.items()}
        for region, proxy in proxies.items():
            cloud.set_endpoint("image", region, "internal", proxy.url)
        # The catalog of a token is as old as the token.
        demo = Person(cloud, "demo")
        made = World(cloud, standin, demo, admin, urls, proxies, rabbitmq, told)
        for proxy in proxies.values():
            proxy.identify = made.sender
        yield made
