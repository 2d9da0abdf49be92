"""The installation guide leads from an empty host to a synced region."""

import contextlib
import functools
import json
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from kingbird.tests.functional import services
from kingbird.tests.functional.leaks.watch import WATCH
from kingbird.tests.functional.packages import VERSION, copy_source, network
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import BIN, Program, environment, eventually, free_port
from kingbird.tests.guide.pages import SOURCE, Command, literal
from kingbird.tests.guide.runs import INSTALL, pages_of, to_run
from kingbird.tests.guide.shell import Shell
from kingbird.tests.waiting import PATIENCE

SERVICE, PROXY = pages_of(INSTALL)
WHOLE = "doc/source/user/wildcard.rst"
REGIONS = ("RegionOne", "RegionTwo")
PACKAGE = ("python3 -m venv ", "/opt/kingbird/bin/pip ")
#: Programs that run until they are stopped.
SERVICES = tuple(f"/opt/kingbird/bin/{name} " for name in ("gunicorn", "kingbird-engine", "uwsgi"))


@dataclass
class Site:
    """The values of the placeholders in the guide."""

    folder: Path
    name: str = field(default_factory=lambda: f"kingbird_guide_{uuid.uuid4().hex[:8]}")
    port: int = field(default_factory=free_port)
    db_pass: str = field(default_factory=lambda: uuid.uuid4().hex)
    rabbit_pass: str = field(default_factory=lambda: uuid.uuid4().hex)
    kingbird_pass: str = field(default_factory=lambda: uuid.uuid4().hex)
    transport_url: str = ""
    keystone: str = ""

    @property
    def replacements(self) -> dict[str, str]:
        """Return texts of the page with their replacements, the longer ones first."""
        where = urlsplit(services.url_of("MariaDB")).netloc.rpartition("@")[2]
        database = f"{self.name}:{self.db_pass}@{where}/{self.name}"
        return {
            "rabbit://kingbird:RABBIT_PASS@RABBIT_HOST:5672/kingbird": self.transport_url,
            "kingbird:DB_PASS@DB_HOST/kingbird": database,
            "https://KEYSTONE_HOST:5000": self.keystone,
            "https://KINGBIRD_HOST:8118": f"http://127.0.0.1:{self.port}",
            "0.0.0.0:8118": f"127.0.0.1:{self.port}",
            "MEMCACHED_HOST:11211": f"127.0.0.1:{services.closed_port()}",
            "DB_PASS": self.db_pass,
            "RABBIT_PASS": self.rabbit_pass,
            "KINGBIRD_PASS": self.kingbird_pass,
            # Compiling uwsgi is slow, so the one of the tests is used.
            "/opt/kingbird/bin/uwsgi": str(BIN / "uwsgi"),
            "/opt/kingbird": str(self.folder / "opt" / "kingbird"),
            "/etc/kingbird": str(self.folder / "etc" / "kingbird"),
        }

    def shell(self, folder: Path, **variables: str) -> Shell:
        """Return a shell at this site."""
        own = {"PYTHONPATH": "", "PBR_VERSION": VERSION, "HOME": str(self.folder)}
        # Skip byte-compilation, which would take a third of the time.
        own["PIP_NO_COMPILE"] = "1"
        return Shell(folder, self.replacements, {**environment(), **network(), **own, **variables})

    def named(self, text: str) -> str:
        """Return a text with names that are unique on a shared broker or database."""
        return re.sub(r"\bkingbird\b", self.name, text)


def own_names(site: Site, statements: str) -> list[str]:
    """Return the statements of a block, with the site's names and passwords."""
    text = site.named(statements).replace("DB_PASS", site.db_pass)
    return [" ".join(statement.split()) for statement in text.split(";") if statement.strip()]


@contextlib.contextmanager
def database(site: Site, service: str, block: int) -> Iterator[None]:
    """Run a block of the page's SQL, and drop its database and user afterwards."""
    user = f"USER IF EXISTS {site.name}@'%'" if service == "MariaDB" else f"ROLE {site.name}"
    force = "" if service == "MariaDB" else " WITH (FORCE)"
    try:
        for statement in own_names(site, literal(SERVICE, "sql")[block]):
            services.execute(service, statement)
        yield
    finally:
        services.execute(service, f"DROP DATABASE IF EXISTS {site.name}{force}")
        services.execute(service, f"DROP {user}")


def may_control_the_broker() -> bool:
    """Return True if rabbitmqctl exists and this user may use it."""
    if not shutil.which("rabbitmqctl"):
        return False
    words = ["rabbitmqctl", "-q", "list_vhosts"]
    return not subprocess.run(words, capture_output=True, timeout=PATIENCE, check=False).returncode


@contextlib.contextmanager
def broker(site: Site, commands: list[Command]) -> Iterator[str]:
    """Run the page's commands for RabbitMQ if this user may; otherwise make a virtual host."""
    if not may_control_the_broker():
        with services.broker() as url:
            yield url
        return
    shell = site.shell(site.folder)
    where = urlsplit(services.url_of("RabbitMQ")).netloc.rpartition("@")[2]
    try:
        for command in commands:
            shell.run(site.named(command.text))
        yield f"rabbit://{site.name}:{site.rabbit_pass}@{where}/{site.name}"
    finally:
        shell.run(f"rabbitmqctl delete_vhost {site.name}")
        shell.run(f"rabbitmqctl delete_user {site.name}")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a host without Kingbird."""
    return Site(tmp_path)


@pytest.fixture
def installing(site: Site) -> Iterator[Future[Any]]:
    """Install the package by the page's commands, in the background."""
    services.require("MariaDB", "RabbitMQ")
    source = site.folder / "source"
    copy_source(source)
    shell = site.shell(source, HOME=str(Path.home()))
    package = [each for each in to_run(SERVICE) if each.words.startswith(PACKAGE)]
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(lambda: [shell.run(each.text) for each in package])


@pytest.fixture
def empty_cloud(site: Site, installing: Future[Any]) -> Iterator[Any]:
    """Start a cloud without Kingbird's users and endpoints."""
    from minicloud.cloud import Cloud

    cloud = Cloud(site.folder / "cloud", regions=REGIONS, free_ports=True)
    try:
        cloud.up()
        admin = Person(cloud, "admin")
        admin.keystone("DELETE", f"/users/{cloud.users['kingbird']}")
        yield cloud
    finally:
        cloud.down()


def start(command: Command, shell: Shell, name: str) -> Program:
    """Start a program of the page."""
    script = ["/bin/bash", "-c", shell.script(command.text)]
    log = shell.folder / f"{name}.log"
    return Program(script, log, backend="threading", PYTHONPATH="", HOME=str(shell.folder))


def answers_as_shown(shell: Shell, command: Command) -> bool:
    """Return True if a command prints the output of the page.  It fails while nobody listens."""
    return shell.run(f"{command.text} || true").strip() == command.output.strip()


def checks(output: str) -> dict[str, list[str]]:
    """Return result and details of each check, but for the details that name the cloud's ports."""
    boxes = output.partition("Upgrade Check Results")[2].split("Check: ")[1:]
    found = {}
    for box in boxes:
        name, *lines = [line.strip("|+- ") for line in box.splitlines()]
        found[name] = [line for line in lines if line]
    assert found["Data import"][1].startswith("Details: ")
    found["Data import"] = found["Data import"][:1]
    return found


def test_a_stranger_installs_kingbird_and_syncs_a_region(
    site: Site, empty_cloud: Any, installing: Future[Any]
) -> None:
    commands = [each for each in to_run(SERVICE) if not each.words.startswith(PACKAGE)]
    rabbit = [each for each in commands if each.words.startswith("rabbitmqctl ")]
    site.keystone = empty_cloud.auth_url.removesuffix("/v3")
    with contextlib.ExitStack() as stack:
        stack.enter_context(database(site, "MariaDB", 0))
        site.transport_url = stack.enter_context(broker(site, rabbit))
        config = site.folder / "etc" / "kingbird" / "kingbird.conf"
        config.parent.mkdir(parents=True)
        shell = site.shell(site.folder, **Person(empty_cloud, "admin").environment)
        config.write_text(shell.translate((SOURCE / "install" / "kingbird.conf").read_text()))
        (check,) = [text for text in literal(SERVICE, "text") if "Upgrade Check" in text]
        for command in commands:
            if command in rabbit:
                continue
            if "/opt/kingbird" in command.words:
                installing.result()
            if command.words.startswith(SERVICES):
                program = start(command, shell, command.words.split()[0].rpartition("/")[2])
                # The configuration holds passwords, which the log may not contain.
                stack.callback(WATCH.ended, config, [program.log], {})
                stack.callback(program.stop)
                continue
            if command.words.startswith("curl "):
                eventually("all is well", functools.partial(answers_as_shown, shell, command))
                continue
            asks = "--password-prompt" in command.words
            output = shell.run(command.text, answer=site.kingbird_pass if asks else None)
            # Log lines come before the output.
            if "upgrade check" in command.words:
                assert checks(output) == checks(check)
            else:
                assert output.strip().endswith(command.output.strip())
        sync_a_region(site, empty_cloud)
        WATCH.ended(config, [the_same_under_uwsgi(site, shell)], {})


def sync_a_region(site: Site, cloud: Any) -> None:
    """Run the first example of wildcards in the user guide, as a member."""
    demo = Person(cloud, "demo")
    images = [demo.make("RegionOne", b"data", tags=["one"]) for _ in range(3)]
    shell = site.shell(site.folder, **demo.environment)
    shell.run(to_run(WHOLE)[0].text)

    def ended() -> Any:
        (row,) = json.loads(shell.run("kingbird sync list -f json"))
        return row["STATUS"] if row["STATUS"] != "IN_PROGRESS" else None

    assert eventually("the job ends", ended) == "SUCCESS"
    for image in images:
        copy = demo.see("RegionTwo", image["id"])
        assert (copy["name"], copy["tags"]) == (image["name"], ["one"])


def the_same_under_uwsgi(site: Site, shell: Shell) -> Path:
    """Serve the API by the uwsgi command of the page about proxies.

    :returns: the log.
    """
    old, site.port = f"127.0.0.1:{site.port}", free_port()
    shell.replacements["0.0.0.0:8118"] = new = f"127.0.0.1:{site.port}"
    assert old != new
    first, command = to_run(PROXY)
    shell.run(first.text)
    program = start(command, shell, "uwsgi")
    try:
        eventually("uwsgi answers", lambda: program.answers(f"http://{new}"))
        assert program.answers(f"http://{new}", "/healthcheck")
    finally:
        program.stop()
    return program.log


def test_the_statements_for_postgresql(tmp_path: Path) -> None:
    services.require("PostgreSQL")
    site = Site(tmp_path)
    with database(site, "PostgreSQL", 1):
        where = urlsplit(services.url_of("PostgreSQL")).netloc.rpartition("@")[2]
        (line,) = re.findall(
            r"^# (connection = postgresql.*)$",
            (SOURCE / "install" / "kingbird.conf").read_text(),
            re.MULTILINE,
        )
        own = f"{site.name}:{site.db_pass}@{where}/{site.name}"
        config = tmp_path / "kingbird.conf"
        config.write_text(
            "[database]\n" + line.replace("kingbird:DB_PASS@DB_HOST/kingbird", own) + "\n"
        )
        shell = Shell(tmp_path, {}, environment())
        made = shell.run(f"kingbird-manage --config-file {config} db sync")
        assert "The database is at revision" in made
