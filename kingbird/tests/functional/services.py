"""RabbitMQ, MariaDB and PostgreSQL, with a separate user and database for each caller.

A test is skipped with a reason if a service that it needs is not available.  It fails instead if
``KINGBIRD_REQUIRE_SERVICES=1`` is set.
"""

import atexit
import contextlib
import functools
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import amqp
import kombu
import psycopg2
import pymysql
import pytest
import requests

from kingbird.tests.waiting import PATIENCE, eventually

#: The URL of each service.  The environment variable takes precedence.
URLS = {
    "RabbitMQ": ("KINGBIRD_TEST_RABBITMQ_URL", "rabbit://guest:guest@127.0.0.1:5672/"),
    # PyMySQL reads all certificates of the host for a new connection, which takes 60 ms.
    "MariaDB": (
        "KINGBIRD_TEST_MYSQL_URL",
        "mysql+pymysql://root@127.0.0.1:3306/?ssl_disabled=true",
    ),
    "PostgreSQL": (
        "KINGBIRD_TEST_POSTGRESQL_URL",
        "postgresql+psycopg2://postgres@127.0.0.1:5432/",
    ),
}
REQUIRE = "KINGBIRD_REQUIRE_SERVICES"
#: Seconds after which a service that does not answer is missing.
PROBE = 30
MANAGEMENT_PORT = 15672
QUEUE = "kingbird-engine"


def url_of(service: str) -> str:
    """Return a service's URL."""
    variable, default = URLS[service]
    return os.environ.get(variable) or default


def missing(service: str) -> str | None:
    """Return why a service can't be used, or ``None`` if it can."""
    try:
        with contextlib.closing(_CONNECT[service]()):
            return None
    except Exception as error:
        variable = URLS[service][0]
        return f"{service} does not answer at {url_of(service)} ({variable}): {error}"


def answers(url: str) -> bool:
    """Return True if a RabbitMQ answers."""
    try:
        with contextlib.closing(_rabbitmq(url)):
            return True
    except Exception:
        return False


def required() -> bool:
    """Return True if a missing service is a failure."""
    return os.environ.get(REQUIRE, "") not in ("", "0")


def require(*services: str) -> None:
    """Skip or fail the running test if one of the services is missing."""
    reasons = [reason for reason in map(missing, services) if reason]
    if not reasons:
        return
    if required():
        pytest.fail(f"{REQUIRE} is set, but {'; '.join(reasons)}")
    pytest.skip("; ".join(reasons))


def _rabbitmq(url: str | None = None) -> kombu.Connection:
    connection = kombu.Connection(
        (url or url_of("RabbitMQ")).replace("rabbit://", "amqp://", 1),
        connect_timeout=PROBE,
        transport="pyamqp",
    )
    connection.ensure_connection(max_retries=1, timeout=PROBE)
    return connection


def _mysql() -> Any:
    parts = urlsplit(url_of("MariaDB"))
    return pymysql.connect(
        host=parts.hostname or "127.0.0.1",
        port=parts.port or 3306,
        user=parts.username or "root",
        password=parts.password or "",
        connect_timeout=PROBE,
        autocommit=True,
    )


def _postgresql() -> Any:
    parts = urlsplit(url_of("PostgreSQL"))
    connection = psycopg2.connect(
        host=parts.hostname,
        port=parts.port or 5432,
        user=parts.username or "postgres",
        password=parts.password or None,
        dbname="postgres",
        connect_timeout=PROBE,
    )
    # CREATE DATABASE works outside of transactions only.
    connection.autocommit = True
    return connection


#: Statements that make a database with its user, and statements that drop both.
_STATEMENTS = {
    "MariaDB": (
        (
            "CREATE DATABASE {name} CHARACTER SET utf8mb4",
            "CREATE USER {name}@'%' IDENTIFIED BY '{password}'",
            "GRANT ALL ON {name}.* TO {name}@'%'",
        ),
        ("DROP DATABASE IF EXISTS {name}", "DROP USER IF EXISTS {name}@'%'"),
    ),
    "PostgreSQL": (
        ("CREATE ROLE {name} LOGIN PASSWORD '{password}'", "CREATE DATABASE {name} OWNER {name}"),
        # PostgreSQL drops a database with open connections only by force.
        ("DROP DATABASE IF EXISTS {name} WITH (FORCE)", "DROP ROLE IF EXISTS {name}"),
    ),
}

_CONNECT: dict[str, Any] = {
    "RabbitMQ": _rabbitmq,
    "MariaDB": _mysql,
    "PostgreSQL": _postgresql,
}


@contextlib.contextmanager
def database(service: str) -> Iterator[str]:
    """Make a database, and drop it afterwards.

    The user is named like the database.  The search for secrets knows its password.

    :yields: its URL as SQLAlchemy reads it.
    """
    name = f"kingbird_test_{uuid.uuid4().hex[:12]}"
    password = uuid.uuid4().hex
    make, drop = _STATEMENTS[service]
    try:
        for statement in make:
            execute(service, statement.format(name=name, password=password))
        parts = urlsplit(url_of(service))
        where = parts.netloc.rpartition("@")[2]
        yield parts._replace(netloc=f"{name}:{password}@{where}", path=f"/{name}").geturl()
    finally:
        for statement in drop:
            execute(service, statement.format(name=name))


def execute(service: str, statement: str) -> None:
    """Run a statement as a user who may make databases."""
    with contextlib.closing(_CONNECT[service]()) as connection, connection.cursor() as cursor:
        cursor.execute(statement)


@contextlib.contextmanager
def broker() -> Iterator[str]:
    """Make a virtual host in RabbitMQ, and delete it with all its queues afterwards.

    Two Kingbirds in one virtual host would take each other's messages, because oslo.messaging
    names queues by the topic only.  If neither the management API nor rabbitmqctl can make a
    virtual host, the one of the URL is used.

    :yields: the URL of the virtual host, as ``transport_url`` takes it.
    """
    name = f"kingbird-test-{uuid.uuid4().hex[:12]}"
    parts = urlsplit(url_of("RabbitMQ"))
    user = _broker_user()
    if user is None or not _make_virtual_host(name, user[0]):
        yield parts.geturl()
        return
    try:
        where = parts.netloc.rpartition("@")[2]
        netloc = f"{user[0]}:{user[1]}@{where}"
        yield parts._replace(netloc=netloc, path=f"/{quote(name)}").geturl()
    finally:
        _manage("DELETE", f"vhosts/{name}") or _control("delete_vhost", name)


@functools.cache
def _broker_user() -> tuple[str, str] | None:
    """Make the user of this run, and delete it at the end of the run.

    The search for secrets knows its password.

    :returns: its name and password, if users can be made.
    """
    name, password = f"kingbird-test-{uuid.uuid4().hex[:12]}", uuid.uuid4().hex
    if _manage("PUT", f"users/{name}", json={"password": password, "tags": ""}):
        atexit.register(_manage, "DELETE", f"users/{name}")
    elif _control("add_user", name, password):
        atexit.register(_control, "delete_user", name)
    else:
        return None
    return name, password


def _make_virtual_host(name: str, user: str) -> bool:
    rights = {"configure": ".*", "write": ".*", "read": ".*"}
    if _manage("PUT", f"vhosts/{name}"):
        return _manage("PUT", f"permissions/{name}/{user}", json=rights)
    return _control("add_vhost", name) and _control(
        "set_permissions", "-p", name, user, ".*", ".*", ".*"
    )


def _manage(method: str, path: str, **kwargs: Any) -> bool:
    parts = urlsplit(url_of("RabbitMQ"))
    try:
        answer = requests.request(
            method,
            f"http://{parts.hostname}:{MANAGEMENT_PORT}/api/{path}",
            auth=(parts.username or "guest", parts.password or "guest"),
            timeout=PROBE,
            **kwargs,
        )
    except requests.RequestException:
        return False
    return answer.ok


def _control(*words: str) -> bool:
    program = shutil.which("rabbitmqctl")
    if program is None:
        return False
    done = subprocess.run(
        [program, "-q", *words], capture_output=True, timeout=PATIENCE, check=False
    )
    return done.returncode == 0


def wait_for_consumers(url: str, count: int) -> None:
    """Wait until that many engines consume messages.  Earlier casts are lost."""
    with contextlib.closing(_rabbitmq(url)) as connection:
        eventually(f"{count} engines listen at {url}", lambda: _consumers(connection) >= count)


def _consumers(connection: kombu.Connection) -> int:
    # A missing queue closes the channel, so each check opens its own.
    with connection.channel() as channel:
        try:
            return int(channel.queue_declare(QUEUE, passive=True).consumer_count)
        except amqp.exceptions.NotFound:
            return 0


def closed_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])
