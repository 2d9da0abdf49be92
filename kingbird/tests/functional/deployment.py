"""A running Kingbird: its configuration, database, broker and programs."""

import configparser
import contextlib
import math
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from kingbird import concurrency
from kingbird.tests.database import make_tables
from kingbird.tests.functional import services
from kingbird.tests.functional.leaks.watch import WATCH
from kingbird.tests.functional.programs import Program, eventually, free_port
from kingbird.tests.functional.proxy import Proxy
from kingbird.tests.functional.relay import Relay
from kingbird.tests.waiting import PATIENCE

Options = Mapping[str, Mapping[str, Any]]

#: Kingbird's service user, as the cloud made it.
SERVICE_USER = "kingbird"
#: Seconds until the circuit breaker of a region allows a trial call.
BREAKER_RESET_TIMEOUT = 0.2

#: Options with which no region seems to be away on a busy machine.  An engine's call takes at most
#: a quarter of its lease.
PATIENT: Options = {
    "engine": {"lease": 4 * math.ceil(PATIENCE)},
    "glance": {"timeout": PATIENCE, "call_timeout": PATIENCE},
    "sync": {"retry_timeout": PATIENCE},
}


@dataclass(frozen=True)
class Kind:
    """The parts of a deployment.

    :param database: ``SQLite``, or a name of :data:`services.URLS`.
    :param broker: run API and engines as processes that RabbitMQ connects.  Otherwise one process
        is both, unless ``transport_url`` names a broker.
    :param transport_url: a broker other than the local RabbitMQ, such as one that does not exist.
    :param backend: the concurrency backend; by default the environment selects it.
    :param engines: the number of engines that are processes of their own, possibly none.
    :param workers: processes of the API, if gunicorn serves it.
    :param relayed: connect to database and broker through relays that a test can cut.
    """

    database: str = "SQLite"
    broker: bool = False
    transport_url: str | None = None
    backend: str = os.environ.get(concurrency.ENVIRONMENT) or "threading"
    engines: int = 1
    workers: int = 1
    options: Options = field(default_factory=dict)
    relayed: bool = False

    @property
    def standalone(self) -> bool:
        return not self.broker and self.transport_url is None

    @property
    def services(self) -> tuple[str, ...]:
        """Return the services that have to be available."""
        wanted = () if self.database == "SQLite" else (self.database,)
        return (*wanted, "RabbitMQ") if self.broker else wanted


class Deployment:
    """A running Kingbird.

    :param cloud: a :class:`minicloud.cloud.Cloud`.
    :param keystone: the proxy in front of Keystone.
    :param relays: relays in front of ``database`` and ``broker``, if any.
    """

    def __init__(
        self,
        kind: Kind,
        cloud: Any,
        folder: Path,
        keystone: Proxy,
        database_url: str,
        transport_url: str | None,
        relays: Mapping[str, Relay] | None = None,
    ) -> None:
        self.kind = kind
        self.relays = dict(relays or {})
        self.keystone = keystone
        self.database_url = database_url
        self._cloud = cloud
        self._folder = folder
        self._transport_url = transport_url
        self._port = free_port()
        self.engines: list[Program] = []
        self.listeners: list[Program] = []
        self.api: Program | None = None
        #: Further APIs.
        self._others: list[Program] = []
        self._write_config()

    @property
    def url(self) -> str:
        """Return the base URL of the API."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def config(self) -> Path:
        return self._folder / "kingbird.conf"

    @property
    def logs(self) -> list[Path]:
        """Return all log output of this deployment's programs so far."""
        return sorted(self._folder.glob("*.log"))

    def _write_config(self) -> None:
        credentials = self._cloud.credentials(SERVICE_USER)
        options: dict[str, dict[str, Any]] = {
            "DEFAULT": {
                # Debug logs let tests search for content that must not be logged.
                "debug": "true",
                "state_path": self._folder,
                "control_exchange": f"kingbird-test-{uuid.uuid4().hex[:12]}",
            },
            "database": {"connection": self._way("database", self.database_url)},
            "api": {"host": "127.0.0.1", "port": self._port, "response_validation": "error"},
            "glance": {"interface": "internal"},
            # The breaker allows a trial call soon, so that a fault of one test does not affect the
            # next.
            "sync": {
                "retry_timeout": 2,
                "breaker_reset_timeout": BREAKER_RESET_TIMEOUT,
                # Items in a region that is away fail.  A test of pauses has patience.
                "region_patience": 0,
                # On a busy machine no region lags by accident: a plan in two parts may choose
                # other sources.
                "slow_region_timeout": 60,
            },
            "oslo_messaging_rabbit": {"amqp_auto_delete": "true"},
            "keystone_authtoken": {
                **credentials,
                "auth_type": "password",
                "auth_url": f"{self.keystone.url}/v3",
                "www_authenticate_uri": f"{self.keystone.url}/v3",
            },
        }
        if self.kind.broker:
            # Polling is rare, so that a lost message shows as a timeout.
            options["engine"] = {"poll_interval": 60}
        if self._transport_url:
            options["DEFAULT"]["transport_url"] = self._way("broker", self._transport_url)
        for section, more in self.kind.options.items():
            options.setdefault(section, {}).update(more)
        parser = configparser.RawConfigParser(default_section="no section stands for all")
        parser.read_dict(options)
        self._replace_config(parser)

    def _replace_config(self, parser: configparser.RawConfigParser) -> None:
        # The file is replaced at once, so that a reader sees the old or the new one.
        new = self.config.with_suffix(".new")
        with new.open("w") as file:
            parser.write(file)
        new.replace(self.config)

    def change(self, section: str, **values: Any) -> None:
        """Write options into the configuration.  Running programs do not reload it."""
        parser = configparser.RawConfigParser(default_section="no section stands for all")
        with self.config.open() as file:
            parser.read_file(file)
        parser.read_dict({section: values})
        self._replace_config(parser)

    def _way(self, name: str, url: str) -> str:
        return self.relays[name].url if name in self.relays else url

    def start(self) -> None:
        """Create the tables and start the programs.  Return when all are ready."""
        make_tables(self.database_url)
        if self.kind.standalone:
            self.start_standalone()
        else:
            for _ in range(self.kind.engines):
                self.start_engine()
            self.start_api()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until the API answers and the engines receive messages."""
        api = self.api
        assert api is not None
        eventually(f"{api.name} answers", lambda: api.answers(self.url))
        if self.kind.broker:
            assert self._transport_url is not None
            services.wait_for_consumers(self._transport_url, len(self.engines))

    def start_standalone(self) -> None:
        """Start the program that is both API and engine."""
        self.api = self._program("kingbird-standalone")

    def start_engine(self, *program: str) -> Program:
        """Start one more engine.

        :param program: the command, if it is not ``kingbird-engine``.
        """
        number = len(self.engines) + 1
        engine = self._program(*(program or ("kingbird-engine",)), number=number)
        self.engines.append(engine)
        return engine

    def start_listener(self) -> Program:
        """Start one more listener, as the configuration says by now."""
        listener = self._program("kingbird-listener", number=len(self.listeners) + 1)
        self.listeners.append(listener)
        return listener

    def start_api(self) -> None:
        """Start the API as in production: the WSGI application under gunicorn.

        gunicorn's own threads do not work with eventlet, so the program itself serves there.
        """
        if self.kind.backend == "eventlet":
            self.api = self._program("kingbird-api")
        else:
            self.api = self._gunicorn(self._port, "kingbird-api.log")

    def start_another_api(self) -> str:
        """Start a second API, as on another host.  Only its port differs.

        :returns: its base URL.
        """
        port = free_port()
        if self.kind.backend == "eventlet":
            more = self._folder / "kingbird-api-2.conf"
            more.write_text(f"[api]\nport = {port}\n")
            command = ["kingbird-api", "--config-file", str(self.config)]
            another = Program(
                [*command, "--config-file", str(more)],
                self._folder / "kingbird-api-2.log",
                backend=self.kind.backend,
            )
        else:
            another = self._gunicorn(port, "kingbird-api-2.log")
        self._others.append(another)
        url = f"http://127.0.0.1:{port}"
        eventually("another API answers", lambda: another.answers(url))
        return url

    def _gunicorn(self, port: int, log: str) -> Program:
        command = ["gunicorn", "--bind", f"127.0.0.1:{port}"]
        command += ["--workers", str(self.kind.workers), "--threads", "8"]
        return Program(
            [*command, "kingbird.api.wsgi:application"],
            self._folder / log,
            backend=self.kind.backend,
            KINGBIRD_CONFIG_FILE=str(self.config),
            # gunicorn keeps a control socket in the home directory.
            HOME=str(self._folder),
        )

    def _program(self, *program: str, number: int = 1) -> Program:
        command = [*program, "--config-file", str(self.config)]
        log = self._folder / f"{Path(program[-1]).name}-{number}.log"
        return Program(command, log, backend=self.kind.backend)

    def stop(self) -> None:
        """Stop all programs at the same time, because each takes some seconds."""
        others = (*self._others, *self.engines, *self.listeners)
        programs = [each for each in (self.api, *others) if each]
        for program in programs:
            program.terminate()
        for program in programs:
            program.stop()
        self.api, self._others, self.engines, self.listeners = None, [], [], []

    def register(self) -> None:
        """Register this deployment in the catalog of every region, in place of any other."""
        urls = dict.fromkeys(self._cloud.regions, f"{self.url}/v1.0")
        self._cloud.register_service("synchronization", "kingbird", urls)

    def note_for_leaks(self) -> None:
        """Pass configuration, logs and rows of this deployment on to the search for secrets."""
        if WATCH.is_on:
            WATCH.ended(self.config, self.logs, self.rows())

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Return the rows of the database by table."""
        engine = sa.create_engine(self.database_url)
        try:
            with engine.connect() as connection:
                tables = sa.MetaData()
                tables.reflect(connection)
                return {
                    name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
                    for name, table in tables.tables.items()
                }
        finally:
            engine.dispose()


@contextlib.contextmanager
def deploy(kind: Kind, cloud: Any, folder: Path) -> Iterator[Deployment]:
    """Run a Kingbird until the block ends.

    If a needed service is missing, the test is skipped or fails.  See :mod:`services`.
    """
    services.require(*kind.services)
    with ExitStack() as stack:
        keystone = stack.enter_context(Proxy(cloud.auth_url))
        if kind.database == "SQLite":
            database_url = f"sqlite:///{folder}/kingbird.sqlite"
        else:
            database_url = stack.enter_context(services.database(kind.database))
        transport_url = kind.transport_url
        if kind.broker:
            transport_url = stack.enter_context(services.broker())
        relays = {}
        if kind.relayed:
            urls = {"database": database_url, "broker": transport_url}
            # SQLite is no server, and a single process needs no broker.
            relays = {
                name: stack.enter_context(Relay(url))
                for name, url in urls.items()
                if url and not url.startswith("sqlite")
            }
        deployment = Deployment(kind, cloud, folder, keystone, database_url, transport_url, relays)
        stack.callback(deployment.note_for_leaks)
        stack.callback(deployment.stop)
        deployment.start()
        yield deployment
