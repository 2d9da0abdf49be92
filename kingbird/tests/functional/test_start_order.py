"""The parts start in any order.  Each waits and logs the missing one."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from kingbird.tests.functional.deployment import Deployment, Kind
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually
from kingbird.tests.functional.proxy import refuse

#: The database and the order in which the parts start.
ORDERS = (
    ("MariaDB", ("engine", "api", "database", "broker", "keystone")),
    ("PostgreSQL", ("api", "keystone", "engine", "broker", "database")),
    ("MariaDB", ("database", "engine", "keystone", "api", "broker")),
)
#: Log messages about unavailable parts.
WAITING = {
    "database": "The database can't be used at the moment",
    "broker": "Message broker unreachable",
    "keystone": "postponed: Keystone",
}


class Parts:
    """The parts of a Kingbird, all of which are stopped at first."""

    def __init__(self, running: Deployment) -> None:
        self._running = running
        running.stop()
        self._logs = {path: path.stat().st_size for path in running.logs}
        for relay in running.relays.values():
            relay.cut()
        self._keystone = running.keystone.broken(refuse)
        self._keystone.__enter__()
        self.start: dict[str, Callable[[], Any]] = {
            "engine": running.start_engine,
            "api": running.start_api,
            "database": running.relays["database"].mend,
            "broker": running.relays["broker"].mend,
            "keystone": lambda: self._keystone.__exit__(None, None, None),
        }

    def is_reported(self, away: str) -> bool:
        """Return True if a log says that a part is unavailable."""
        return any(
            WAITING[away].encode() in path.read_bytes()[self._logs.get(path, 0) :]
            for path in self._running.logs
        )


@pytest.mark.parametrize(("database", "order"), ORDERS)
def test_start_order(
    database: str,
    order: tuple[str, ...],
    demo: Person,
    deploy_own: Callable[[Kind], Deployment],
) -> None:
    options = {"engine": {"poll_interval": 1, "lease": 6}}
    running = deploy_own(Kind(database, broker=True, relayed=True, options=options))
    api = KingbirdAPI(running.url, demo)
    image = demo.make("RegionOne")
    for engine in running.engines:
        engine.stop()
    left = api.accepted(sync(demo.make("RegionOne")["id"]))
    parts = Parts(running)
    started: list[str] = []
    for name in order:
        parts.start[name]()
        started.append(name)
        if name == "api":
            # The API answers regardless of other parts.
            assert running.api is not None
            eventually("the API answers", partial(running.api.answers, running.url))
        if name == "engine":
            for other in ("database", "broker"):
                if other not in started:
                    eventually(f"the engine says so: {other}", partial(parts.is_reported, other))
        if {"engine", "database"} <= set(started) and "keystone" not in started:
            # The engine needs Keystone as soon as it has a job.
            eventually("the engine says so: keystone", partial(parts.is_reported, "keystone"))
        away = [other for other in ("keystone", "database") if other not in started]
        if "api" in started and away:
            answer = api.post(sync(image["id"]))
            assert answer.status_code == 503, answer.text
            assert answer.headers["Retry-After"]
            assert answer.json()["error"]["message"]
    eventually("the API answers", lambda: api.call("GET").status_code == 200)
    job = api.run(sync(image["id"]))
    assert job.status == SUCCESS
    assert api.wait(left).status == SUCCESS, "the job of an earlier time"
    for program in (*running.engines, running.api):
        assert program is not None
        assert program.is_running, "a program did not wait"
