"""``/healthcheck`` of a deployment whose parts stop and return one by one."""

import time
from collections.abc import Callable

import pytest
import requests

from kingbird.tests.functional.deployment import Deployment, Kind, Options
from kingbird.tests.functional.leaks.watch import WATCH
from kingbird.tests.functional.programs import eventually
from kingbird.tests.waiting import PATIENCE

DeployOwn = Callable[[Kind], Deployment]

#: No caching, and an engine counts as missing soon after it has died.
OPTIONS: Options = {
    "healthcheck": {"cache_time": 0.2, "timeout": 1},
    "engine": {"lease": 2, "poll_interval": 0.5},
    "oslo_messaging_rabbit": {"heartbeat_timeout_threshold": 3},
}
OK = {"database: OK", "broker: OK", "engine: OK"}


def ask(url: str, method: str = "GET") -> requests.Response:
    """Send the request of a load balancer."""
    with requests.Session() as session:
        session.trust_env = False
        # Even if all three checks block, the answer does not.
        answer = session.request(method, f"{url}/healthcheck", timeout=PATIENCE)
    WATCH.answered(answer.headers, answer.content)
    return answer


def reasons(url: str) -> set[str]:
    """Return the reasons of the response.  Check that its status matches them."""
    answer = ask(url)
    lines = set(answer.text.split("\n"))
    assert answer.status_code == (200 if lines == OK else 503), answer.text
    for secret in ("127.0.0.1", "rabbit", "mysql", "postgresql", "Error", "guest"):
        assert secret not in answer.text
    return lines


def becomes(url: str, *problems: str) -> None:
    """Wait until the response has exactly these problems."""

    lines: set[str] = set()

    def look() -> bool:
        lines.clear()
        lines.update(reasons(url))
        return {each for each in lines if not each.endswith(": OK")} == set(problems)

    try:
        eventually(f"the problems are {problems}", look, poll=0.2)
    except AssertionError as error:
        raise AssertionError(f"{error}; at last {sorted(lines)}") from None


def test_parts_that_stop_and_come_back(deploy_own: DeployOwn) -> None:
    running = deploy_own(Kind("MariaDB", broker=True, relayed=True, options=OPTIONS))
    url = running.url
    becomes(url)
    assert ask(url, "HEAD").status_code == 204

    running.relays["broker"].cut()
    becomes(url, "broker: can't be reached")
    assert ask(url, "HEAD").status_code == 503
    running.relays["broker"].mend()
    becomes(url)

    running.relays["database"].cut()
    becomes(
        url,
        "database: can't be reached",
        "engine: not known, as the database can't be reached",
    )
    running.relays["database"].mend()
    becomes(url)

    # A service that accepts connections but never answers has to be reported in time.
    running.relays["database"].stall()
    becomes(url, "database: does not answer", "engine: does not answer")
    running.relays["database"].go_on()
    becomes(url)
    running.relays["broker"].stall()
    becomes(url, "broker: does not answer")
    running.relays["broker"].go_on()
    becomes(url)

    (engine,) = running.engines
    engine.kill()
    becomes(url, "engine: none is alive")
    running.start_engine()
    becomes(url)


def test_an_engine_that_was_stopped_is_missed_at_once(deploy_own: DeployOwn) -> None:
    running = deploy_own(Kind("PostgreSQL", broker=True, options=OPTIONS))
    becomes(running.url)
    (engine,) = running.engines
    assert engine.stop() == 0
    time.sleep(0.3)
    assert "engine: none is alive" in reasons(running.url)


@pytest.mark.deployments("standalone")
def test_one_process_is_healthy_by_itself(deployment: Deployment) -> None:
    becomes(deployment.url)
