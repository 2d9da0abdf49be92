"""A Kingbird that runs: its configuration, database, broker and programs."""

import configparser
import contextlib
import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from kingbird import concurrency
from kingbird.tests.functional import services
from kingbird.tests.functional.leaks.watch import WATCH
from kingbird.tests.functional.programs import Program, eventually, free_port, run
from kingbird.tests.functional.proxy import Proxy
from kingbird.tests.functional.relay import Relay

Options = Mapping[str, Mapping[str, Any]]

#: Kingbird's service user, as the cloud made it.
SERVICE_USER = "kingbird"
#: Seconds for which a region that kept failing is left alone.
BREAKER_RESET_TIMEOUT = 0.2


@dataclass(frozen=True)
class Kind:
    """What a deployment is made of.

    :param database: ``SQLite``, or a name of :data:`services.URLS`.
    :param broker: whether API and engines are processes that RabbitMQ connects; if not, and
        unless ``transport_url`` names a broker, one process is both.
    :param transport_url: a broker that is not RabbitMQ's at hand, such as none at all.
    :param backend: what threads are made of; by default the environment chooses.
    :param engines: how many engines work, if they are processes of their own; there may be none.
    :param workers: processes of the API, if gunicorn serves it.
    :param relayed: whether database and broker are reached by relays that a test can cut.
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
        """What has to answer."""
        wanted = () if self.database == "SQLite" else (self.database,)
        return (*wanted, "RabbitMQ") if self.broker else wanted


class Deployment:
    """A running Kingbird.

    :param cloud: a :class:`minicloud.cloud.Cloud`.
    :param keystone: the proxy through which it speaks to Keystone.
    :param relays: what it reaches its ``database`` and ``broker`` by, if not straight.
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
        self.api: Program | None = None
        #: Further APIs.
        self._others: list[Program] = []
        self._write_config()

    @property
    def url(self) -> str:
        """The API's base."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def config(self) -> Path:
        return self._folder / "kingbird.conf"

    @property
    def logs(self) -> list[Path]:
        """What all programs of this deployment have written so far."""
        return sorted(self._folder.glob("*.log"))

    def _write_config(self) -> None:
        credentials = self._cloud.credentials(SERVICE_USER)
        options: dict[str, dict[str, Any]] = {
            "DEFAULT": {
                # So that a test can look for what must not be in a log.
                "debug": "true",
                "state_path": self._folder,
                "control_exchange": f"kingbird-test-{uuid.uuid4().hex[:12]}",
            },
            "database": {"connection": self._way("database", self.database_url)},
            "api": {"host": "127.0.0.1", "port": self._port, "response_validation": "error"},
            "glance": {"interface": "internal"},
            # A region that one test took away is not to be left alone in the next one.
            "sync": {"retry_timeout": 2, "breaker_reset_timeout": BREAKER_RESET_TIMEOUT},
            "oslo_messaging_rabbit": {"amqp_auto_delete": "true"},
            "keystone_authtoken": {
                **credentials,
                "auth_type": "password",
                "auth_url": f"{self.keystone.url}/v3",
                "www_authenticate_uri": f"{self.keystone.url}/v3",
            },
        }
        if self.kind.broker:
            # A job that is not done at once was not told of: tests would wait too long for it.
            options["engine"] = {"poll_interval": 60}
        if self._transport_url:
            options["DEFAULT"]["transport_url"] = self._way("broker", self._transport_url)
        for section, more in self.kind.options.items():
            options.setdefault(section, {}).update(more)
        parser = configparser.RawConfigParser(default_section="no section stands for all")
        parser.read_dict(options)
        self._replace_config(parser)

    def _replace_config(self, parser: configparser.RawConfigParser) -> None:
        # Whoever reads meanwhile finds either of the two.
        new = self.config.with_suffix(".new")
        with new.open("w") as file:
            parser.write(file)
        new.replace(self.config)

    def change(self, section: str, **values: Any) -> None:
        """Write options into the configuration; programs that run don't know of it yet."""
        parser = configparser.RawConfigParser(default_section="no section stands for all")
        with self.config.open() as file:
            parser.read_file(file)
        parser.read_dict({section: values})
        self._replace_config(parser)

    def _way(self, name: str, url: str) -> str:
        return self.relays[name].url if name in self.relays else url

    def start(self) -> None:
        """Make the tables and start the programs.  Returns when all are ready."""
        done = run("kingbird-manage", "--config-file", self.config, "db", "sync")
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        if self.kind.standalone:
            self.start_standalone()
        else:
            for _ in range(self.kind.engines):
                self.start_engine()
            self.start_api()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until the API answers and the engines hear messages."""
        api = self.api
        assert api is not None
        eventually(f"{api.name} answers", lambda: api.answers(self.url), seconds=60)
        if self.kind.broker:
            assert self._transport_url is not None
            services.wait_for_consumers(self._transport_url, len(self.engines))

    def start_standalone(self) -> None:
        """Start the program that is API and engine."""
        self.api = self._program("kingbird-standalone")

    def start_engine(self, *program: str) -> Program:
        """Start one more engine.

        :param program: how it is run, if not as ``kingbird-engine``.
        """
        number = len(self.engines) + 1
        engine = self._program(*(program or ("kingbird-engine",)), number=number)
        self.engines.append(engine)
        return engine

    def start_api(self) -> None:
        """Start the API as in production: the WSGI application under gunicorn.

        Threads of gunicorn's own don't get along with eventlet; there the program serves.
        """
        if self.kind.backend == "eventlet":
            self.api = self._program("kingbird-api")
        else:
            self.api = self._gunicorn(self._port, "kingbird-api.log")

    def start_another_api(self) -> str:
        """Start the API once more, as on another host: only its port differs.

        :returns: its base.
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
        eventually("another API answers", lambda: another.answers(url), seconds=60)
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
        """End all programs, at the same time: each takes some seconds."""
        programs = [each for each in (self.api, *self._others, *self.engines) if each]
        for program in programs:
            program.terminate()
        for program in programs:
            program.stop()
        self.api, self._others, self.engines = None, [], []

    def register(self) -> None:
        """Put this deployment in the catalog of every region, in the place of any other."""
        urls = dict.fromkeys(self._cloud.regions, f"{self.url}/v1.0")
        self._cloud.register_service("synchronization", "kingbird", urls)

    def note_for_leaks(self) -> None:
        """Hand over what this deployment leaves behind, to be searched for secrets."""
        if WATCH.is_on:
            WATCH.ended(self.config, self.logs, self.rows())

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Return what is in the database, by table."""
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

    What it needs and does not find makes the test skip, or fail; see :mod:`services`.
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
            # SQLite's is no server, and within one process there is no broker.
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
