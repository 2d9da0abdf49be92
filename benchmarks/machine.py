"""Describe the machine and the versions of a run."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import kombu
import sqlalchemy as sa
from minicloud.layout import DEFAULT_HOME, SERVICES, Home

from kingbird.tests.functional import services

PACKAGES = (
    "oslo.messaging",
    "SQLAlchemy",
    "keystoneauth1",
    "python-glanceclient",
    "requests",
    "urllib3",
    "orjson",
)


def machine() -> str:
    """Return the processor, the cores and the memory."""
    model = _field("/proc/cpuinfo", "model name")
    memory = int(_field("/proc/meminfo", "MemTotal").split()[0]) / 2**20
    cores = len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores, {memory:.0f} GiB"


def _field(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "unknown"


def versions(whole: bool) -> list[str]:
    """Return the versions of the software in the run.

    :param whole: True if RabbitMQ and MariaDB were used.
    """
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    behind = [f"MariaDB {_database()}", f"RabbitMQ {_broker()}"]
    return [
        f"Python {platform.python_version()}, {packages}",
        ", ".join(behind) if whole else "SQLite, API and engine in one process",
        ", ".join(f"{name.capitalize()} {_service(name)}" for name in SERVICES),
    ]


def _database() -> str:
    engine = sa.create_engine(services.url_of("MariaDB"))
    try:
        with engine.connect() as connection:
            return str(connection.execute(sa.text("SELECT VERSION()")).scalar_one())
    finally:
        engine.dispose()


def _broker() -> str:
    url = services.url_of("RabbitMQ").replace("rabbit://", "amqp://", 1)
    with kombu.Connection(url, transport="pyamqp") as connection:
        return str(connection.connection.server_properties.get("version"))


def _service(name: str) -> str:
    asked = f"from importlib.metadata import version; print(version({name!r}))"
    python = Home(DEFAULT_HOME).python(name)
    done = subprocess.run([python, "-c", asked], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
