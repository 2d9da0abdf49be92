"""Rules of some users on stand-in Glances that send notifications, and what hears of them."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, SimpleNamespace
from typing import Any

from minicloud.broker import TOPIC, Broker
from standin import Standin

from benchmarks.counting import Counted, command, read
from benchmarks.service import Service
from benchmarks.work import cpu
from benchmarks.world import World
from kingbird.tests.functional import listening, services
from kingbird.tests.functional.deployment import Options
from kingbird.tests.functional.kingbird_api import KingbirdAPI, wildcard
from kingbird.tests.functional.people import Person, unique
from kingbird.tests.functional.programs import Program, eventually

#: The topic that others than Kingbird read.
SHARED_TOPIC = "notifications"


@dataclass
class Spent:
    """The processor time and the database calls of engine and listener."""

    engine_cpu: float
    listener_cpu: float
    engine: Counted
    listener: Counted


def make_rule(url: str, person: Person, **fields: Any) -> dict[str, Any]:
    """Make a rule from everywhere to everywhere, and wait for its first run.

    :param url: the API's.
    :param fields: fields that differ.
    :raises RuntimeError: the rule is refused.
    """
    api = KingbirdAPI(url, person)
    body = {"name": unique("rule"), "interval": 0, **wildcard(source="*", target="*")}
    answer = api.call("POST", "-rules", json={"rule": {**body, **fields}})
    if answer.status_code != 201:
        raise RuntimeError(f"The rule was refused: {answer.text}")
    made: dict[str, Any] = answer.json()["rule"]
    api.wait(made["last_job"])
    return made


class Scene:
    """Three regions, a Kingbird with one engine, and a listener."""

    def __init__(self, world: World, glances: Standin, kingbird: Service, broker: Broker) -> None:
        self.glances = glances
        self.kingbird = kingbird
        self.broker = broker
        self._world = world
        self._files = {
            name: kingbird.deployment.config.with_name(f"count-of-{name}")
            for name in ("engine", "listener")
        }
        self.listener: Program | None = None

    @property
    def regions(self) -> Sequence[str]:
        """Return the names of the regions."""
        return list(self.glances.urls)

    @property
    def engine(self) -> Program:
        """Return the engine."""
        (engine,) = self.kingbird.deployment.engines
        return engine

    def start(self) -> None:
        """Start the engine and the listener, which count their statements."""
        running = self.kingbird.deployment
        running.start_engine(*command(self._files["engine"], "engine"))
        running.wait_until_ready()
        cloud = SimpleNamespace(broker=self.broker)
        listening.configure(running, cloud, self.regions)
        self.start_listener()

    def start_listener(self) -> None:
        """Start a listener, and do not wait until it hears."""
        running = self.kingbird.deployment
        line = [*command(self._files["listener"], "listener"), "--config-file"]
        log = running.config.with_name("kingbird-listener.log")
        self.listener = Program([*line, str(running.config)], log, backend=running.kind.backend)

    def stop_listener(self) -> None:
        """Stop the listener, if it runs."""
        if self.listener is not None:
            self.listener.stop()
            self.listener = None

    def wait_until_heard(self) -> None:
        """Wait until the listener hears all regions."""
        eventually("all regions are heard", self._all_heard)

    def _all_heard(self) -> bool:
        return any('"connected": false' not in row[0] for row in self._listeners())

    def _listeners(self) -> list[Any]:
        return self.kingbird.query("SELECT regions FROM listeners")

    def spent(self) -> Spent:
        """Return what engine and listener have used since their start."""
        assert self.listener is not None
        return Spent(
            cpu(self.engine),
            cpu(self.listener),
            read(self._files["engine"]),
            read(self._files["listener"]),
        )

    def rule(self, person: Person, **fields: Any) -> dict[str, Any]:
        """Make a rule as :func:`make_rule` does."""
        return make_rule(self.kingbird.deployment.url, person, **fields)

    def person(self, name: str, project: str | None = None) -> Person:
        """Return a user of a project of the cloud."""
        return Person(self._world.cloud, name, project)

    def number(self, query: str, **values: Any) -> int:
        """Return the number that a query answers."""
        return int(self.kingbird.query(query, **values)[0][0] or 0)

    def wait_until_done(self) -> None:
        """Wait until no image waits and no job is in progress."""
        eventually("no image waits", lambda: not self.number("SELECT COUNT(*) FROM marks"))
        open_jobs = "SELECT COUNT(*) FROM jobs WHERE status = 'IN_PROGRESS'"
        eventually("no job is in progress", lambda: not self.number(open_jobs))


@contextlib.contextmanager
def scene(
    world: World, regions: int = 3, options: Options = MappingProxyType({})
) -> Iterator[Scene]:
    """Run regions that send notifications, and a Kingbird that hears them.

    :param options: options of Kingbird.
    """
    # Jobs stay, so that they can be counted.
    kept: Mapping[str, Mapping[str, Any]] = {"engine": {"reaper_interval": 3600}, **options}
    with (
        services.broker() as url,
        world.glances(
            regions,
            keystone=world.cloud.auth_url,
            token=world.person().token,
            notify=url,
            topics=(SHARED_TOPIC, TOPIC),
        ) as glances,
        world.kingbird(engines=0, options=kept) as kingbird,
    ):
        made = Scene(world, glances, kingbird, Broker(url, TOPIC, None))
        try:
            made.start()
            made.wait_until_heard()
            yield made
        finally:
            made.stop_listener()
