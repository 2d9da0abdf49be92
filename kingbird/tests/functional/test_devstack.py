"""The files that the devstack plugin writes start a working Kingbird.

Stand-ins replace devstack's functions.  Keystone, the Glances, the broker, the database,
Kingbird's programs and uwsgi are real.
"""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from kingbird.tests.devstack.stack import STACK_PHASES, Result, Stack, options
from kingbird.tests.functional import services
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import BIN, Program, eventually, free_port
from kingbird.tests.waiting import PATIENCE

TARGETS = ["RegionTwo", "RegionThree"]


@pytest.fixture
def stacked(cloud: Any, tmp_path: Path) -> Iterator[tuple[Stack, Result]]:
    """Run devstack's phases with a database and a broker."""
    services.require("MariaDB", "RabbitMQ")
    with services.database("MariaDB") as database, services.broker() as broker:
        stack = Stack(
            tmp_path / "stack",
            BIN,
            database=f"{database}?charset=utf8",
            transport=broker,
            # devstack omits the version too.
            keystone=cloud.auth_url.removesuffix("/v3"),
            variables={
                "SERVICE_PASSWORD": cloud.credentials("kingbird")["password"],
                "SERVICE_HOST": "127.0.0.1",
                "SERVICE_LISTEN_ADDRESS": "127.0.0.1",
                "KINGBIRD_SERVICE_PORT": str(free_port()),
            },
        )
        done = stack.run(*STACK_PHASES)
        assert done.code == 0, done.output
        yield stack, done


@pytest.fixture
def services_of(stacked: tuple[Stack, Result], tmp_path: Path) -> Iterator[dict[str, Program]]:
    """Start the services that the plugin passed to devstack, with the same command lines."""
    _, done = stacked
    running = {}
    for name, command, *more in done.of("run_process"):
        variables: dict[str, Any] = dict(
            pair.split("=", 1) for words in more for pair in words.split()
        )
        running[name] = Program(
            shlex.split(command), tmp_path / f"{name}.log", backend="threading", **variables
        )
    try:
        yield running
    finally:
        for program in running.values():
            program.terminate()
        for program in running.values():
            program.stop()


def test_the_service_starts_and_syncs(
    cloud: Any, demo: Person, stacked: tuple[Stack, Result], services_of: dict[str, Program]
) -> None:
    stack, done = stacked
    api, engine = services_of["kingbird-api"], services_of["kingbird-engine"]
    ((_, url),) = done.of("wait_for_service")
    eventually("the API answers", lambda: api.answers(url, ""))
    transport = options(stack.conf)["DEFAULT"]["transport_url"]
    services.wait_for_consumers(transport, 1)
    engine.check()

    # Clients find the endpoint that devstack registers.
    ((type_, region, public, internal, administrative),) = done.of("get_or_create_endpoint")
    assert public == internal == administrative
    assert public.startswith(url)
    ((name, of_type, _),) = done.of("get_or_create_service")
    assert of_type == type_
    cloud.register_service(type_, name, {region: public})
    newer = Person(cloud, "demo")
    assert newer.session.get_endpoint(service_type=type_, region_name=region) == public

    image = demo.make("RegionOne", b"data", os_distro="plan9", tags=["one"])
    kingbird = KingbirdAPI(public.removesuffix("/v1.0"), demo)
    job = kingbird.run(sync(image["id"], target=TARGETS))
    assert job.status == SUCCESS
    for target in TARGETS:
        record = demo.see(target, image["id"])
        assert (record["name"], record["os_distro"]) == (image["name"], "plan9")
        assert record["tags"] == ["one"]

    # The API answers a request even if it refuses it before reading the body.
    refused = requests.post(
        f"{public}/{demo.project_id}/os-sync", data=b"x" * 500_000, timeout=PATIENCE
    )
    assert refused.status_code == 401
    # uwsgi passes SIGTERM on.  Both end in an orderly way.
    assert engine.stop() == 0, engine.tail()
    assert api.stop() == 0, api.tail()
    password = stack.variables["SERVICE_PASSWORD"]
    for program in (api, engine):
        assert password not in program.log.read_text()


def test_the_end(stacked: tuple[Stack, Result]) -> None:
    stack, _ = stacked
    assert stack.conf.exists()
    done = stack.run("unstack", "clean")
    assert done.code == 0, done.output
    assert not stack.etc.exists()
