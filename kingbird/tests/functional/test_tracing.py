"""Traces contain the spans of a request in all processes, and no secrets."""

import json
import uuid
from collections.abc import Callable, Iterator
from configparser import RawConfigParser
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import oslo_messaging
import pytest
from oslo_config import cfg
from osprofiler import profiler, web

from kingbird.tests.functional.deployment import Deployment, Kind, Options
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.leaks.search import search
from kingbird.tests.functional.leaks.secrets_seen import PASSWORD, TOKEN, TRUST
from kingbird.tests.functional.leaks.watch import WATCH
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.proxy import Proxy

DeployOwn = Callable[[Kind], Deployment]

KEY, OTHER_KEY = uuid.uuid4().hex, uuid.uuid4().hex
OPTIONS: Options = {
    "profiler": {"enabled": "true", "trace_sqlalchemy": "true", "hmac_keys": f"{KEY},{OTHER_KEY}"}
}


class Collector:
    """Collects beginnings and ends of spans."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []

    def info(self, context: Any, publisher: str, event: str, payload: Any, metadata: Any) -> None:
        self.received.append(payload)

    def of(self, end: str) -> dict[str, dict[str, Any]]:
        """Return the beginnings (``-start``) or the ends (``-stop``) of spans."""
        return {one["trace_id"]: one for one in self.received if one["name"].endswith(end)}

    @property
    def kinds(self) -> set[tuple[str, ...]]:
        """Return the kinds of spans by service."""
        found: set[tuple[str, ...]] = set()
        for one in self.of("-start").values():
            service, name, info = one["service"], one["name"].removesuffix("-start"), one["info"]
            about = info.get("requests") or info.get("function") or {}
            what = (about.get("region") or about.get("name") or "-",)
            found.add((service, name, *what))
        return found


@contextmanager
def collecting(running: Deployment) -> Iterator[Collector]:
    """Listen as osprofiler's own command would."""
    conf = cfg.ConfigOpts()
    conf([], default_config_files=[str(running.config)], default_config_dirs=[])
    transport = oslo_messaging.get_notification_transport(conf)
    collector = Collector()
    listener = oslo_messaging.get_notification_listener(
        transport, [oslo_messaging.Target(topic="profiler")], [collector]
    )
    listener.start()
    try:
        yield collector
    finally:
        listener.stop()
        listener.wait()
        transport.cleanup()


def signed(key: str) -> tuple[str, dict[str, str]]:
    """Return a new trace, and the headers that trace a request."""
    try:
        base_id = profiler.init(key).get_base_id()
        return base_id, web.get_trace_id_headers()
    finally:
        profiler.clean()


@pytest.mark.parametrize("backend", ["threading", "eventlet"])
def test_a_request_and_what_comes_of_it(
    backend: str, demo: Person, deploy_own: DeployOwn, glances: dict[str, Proxy], tmp_path: Path
) -> None:
    running = deploy_own(Kind("MariaDB", broker=True, backend=backend, options=OPTIONS))
    api = KingbirdAPI(running.url, demo)
    image = demo.make("RegionOne")["id"]
    wanted = sync(image, target=["RegionTwo", "RegionThree"])
    with collecting(running) as collector:
        # Neither of these requests makes a span.
        assert api.run(sync(image, dry_run=True)).id
        _, headers = signed("another key")
        assert api.call("GET", headers=headers).status_code == 200

        # The second key is accepted too.  The engine signs its calls with the first.
        base_id, headers = signed(OTHER_KEY)
        job_id = api.accepted(wanted, headers=headers)
        assert api.wait(job_id).status == SUCCESS
        expected = {
            ("kingbird-api", "wsgi", "-"),
            ("kingbird-api", "db", "-"),
            ("kingbird-api", "http", "RegionOne"),
            # Keystone
            ("kingbird-api", "http", "-"),
            ("kingbird-engine", "engine", "planning"),
            ("kingbird-engine", "engine", "task"),
            ("kingbird-engine", "db", "-"),
            ("kingbird-engine", "http", "-"),
            ("kingbird-engine", "http", "RegionOne"),
            ("kingbird-engine", "http", "RegionTwo"),
            ("kingbird-engine", "http", "RegionThree"),
        }
        assert eventually("all is traced", lambda: collector.kinds >= expected)
        assert collector.kinds == expected
        # The engine deletes the trust after the job's end, which makes spans of its own.
        assert eventually(
            "all spans have ended",
            lambda: collector.of("-stop").keys() == collector.of("-start").keys(),
        )
        begun = collector.of("-start")

    assert {one["base_id"] for one in collector.received} == {base_id}
    # The spans form one tree, and the request is its root.
    (root,) = [one for one in begun.values() if one["parent_id"] == base_id]
    assert root["name"] == "wsgi-start"
    assert {one["parent_id"] for one in begun.values()} <= {base_id, *begun}
    jobs = [one["info"]["job"]["id"] for one in begun.values() if "job" in one["info"]]
    assert set(jobs) == {job_id}

    # Glance gets the id of the span that calls it.
    (made,) = [
        call for call in glances["RegionTwo"].calls if call.method == "POST" and image in str(call)
    ]
    assert {name.lower() for name in made.headers} >= {"x-trace-info", "x-trace-hmac"}

    traced = tmp_path / "spans"
    traced.write_text(json.dumps(collector.received))
    config = RawConfigParser(default_section="no section stands for all")
    config.read(running.config)
    WATCH.secrets.see_config({name: dict(config[name]) for name in config.sections()})
    secrets = {**WATCH.secrets.of(TOKEN, PASSWORD, TRUST), KEY: "key", OTHER_KEY: "key"}
    assert not list(search(secrets, [traced, *running.logs]))
