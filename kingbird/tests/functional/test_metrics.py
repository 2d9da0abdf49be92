"""Metrics match the requests that were made and the calls that the proxies recorded."""

import contextlib
import os
import signal
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import requests
from prometheus_client.parser import text_string_to_metric_families

from kingbird.tests.functional.deployment import Deployment, Kind, Options
from kingbird.tests.functional.kingbird_api import SUCCESS, KingbirdAPI, sync, wildcard
from kingbird.tests.functional.people import Person
from kingbird.tests.functional.programs import eventually, free_port
from kingbird.tests.functional.proxy import Proxy, error
from kingbird.tests.waiting import PATIENCE

JOBS = 12
#: The number of other requests of each kind.
READS = 40
THREADS = 8
#: The state of a listening socket in /proc/net/tcp.
LISTENING = "0A"


class Scrape:
    """One response of ``/metrics``, read by Prometheus's own parser."""

    def __init__(self, address: str) -> None:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"http://{address}/metrics", timeout=PATIENCE)
        assert answer.status_code == 200
        self.samples = [
            sample
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        ]

    def by(self, name: str, *labels: str) -> dict[Any, float]:
        """Return the values of a metric by some of its labels, summed over the others."""
        found: dict[Any, float] = defaultdict(float)
        for sample in self.samples:
            if sample.name == f"kingbird_{name}":
                key = tuple(sample.labels[label] for label in labels)
                found[key[0] if len(key) == 1 else key] += sample.value
        return dict(found)

    def value(self, name: str) -> float:
        """Return the value of a metric that has no labels."""
        return self.by(name)[()]


def added(before: dict[Any, float], after: dict[Any, float]) -> dict[Any, float]:
    return {
        key: value - before.get(key, 0)
        for key, value in after.items()
        if value != before.get(key, 0)
    }


def total(*counts: dict[Any, float]) -> dict[Any, float]:
    found: Counter[Any] = Counter()
    for each in counts:
        found.update(each)
    return dict(found)


def answers(address: str) -> bool:
    try:
        Scrape(address)
    except requests.RequestException:
        return False
    return True


def seen(glances: dict[str, Proxy], since: dict[str, int]) -> dict[Any, int]:
    """Count the calls of the proxies by region, method and code."""
    return dict(
        Counter(
            (region, call.method, str(call.status or "none"))
            for region, proxy in glances.items()
            for call in proxy.calls[since[region] :]
        )
    )


def test_counts_are_what_happened(
    newcomer: Person,
    other: Person,
    glances: dict[str, Proxy],
    deploy_own: Callable[[Kind], Deployment],
) -> None:
    """Two API workers and two engine workers count correctly under load and with failures."""
    ports = {"api": free_port(), "engine": free_port()}
    kind = Kind("MariaDB", broker=True, workers=2, options={"engine": {"workers": 2}})
    running = deploy_own(kind)
    # API and engine share one file here, so the engine starts with its own port.
    running.stop()
    running.change("metrics", listen=f"127.0.0.1:{ports['engine']}", cache_time=0)
    running.start_engine()
    address = {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    eventually("the engine's metrics are there", lambda: answers(address["engine"]))
    running.change("metrics", listen=address["api"], cache_time=0)
    running.start_api()
    eventually("the API answers", lambda: running.api.answers(running.url))  # type: ignore[union-attr]
    eventually("the API's metrics are there", lambda: answers(address["api"]))
    assert eventually(
        "both engines are alive",
        lambda: Scrape(address["api"]).value("engines_alive") == 2,
    )

    images = [newcomer.make("RegionOne", visibility="private")["id"] for _ in range(JOBS)]
    since = {region: len(proxy.calls) for region, proxy in glances.items()}
    before = {name: Scrape(where) for name, where in address.items()}
    targets = ["RegionTwo", "RegionThree"]

    def user(number: int) -> KingbirdAPI:
        return KingbirdAPI(running.url, newcomer)

    def work(number: int) -> tuple[str, list[int]]:
        api = user(number)
        job = api.accepted(sync(images[number], target=targets))
        codes = [api.call("GET", f"/{job}").status_code]
        return job, codes

    def read(number: int) -> list[int]:
        api = user(number)
        return [
            api.call("GET", "", token="").status_code,
            api.call("GET", project=other.project_id).status_code,
            api.call("GET", f"/{images[0]}").status_code,
            api.get(f"/no/such/path/{number}").status_code,
            api.call("GET", "?limit=1").status_code,
        ]

    def ended() -> bool:
        return sum(Scrape(address["engine"]).by("jobs_ended_total").values()) == JOBS

    with (
        glances["RegionTwo"].broken(error(503), lambda call: call.writes, times=5),
        ThreadPoolExecutor(THREADS) as pool,
    ):
        jobs = pool.map(work, range(JOBS))
        reads = list(pool.map(read, range(READS)))
        # The parser reads responses under load too.
        for where in address.values():
            assert Scrape(where).samples
        accepted = [job for job, _ in jobs]
        eventually("all jobs have ended", ended)
    assert {tuple(codes) for codes in reads} == {(401, 403, 404, 401, 200)}
    after = {name: Scrape(where) for name, where in address.items()}

    # Exactly the requests that were made.
    listed = "/v1.0/{project_id}/os-sync"
    shown = "/v1.0/{project_id}/os-sync/{job_id}"
    assert added(
        before["api"].by("api_requests_total", "method", "route", "code"),
        after["api"].by("api_requests_total", "method", "route", "code"),
    ) == {
        ("POST", listed, "200"): JOBS,
        ("GET", shown, "200"): JOBS,
        ("GET", listed, "401"): READS,
        ("GET", listed, "403"): READS,
        ("GET", shown, "404"): READS,
        ("GET", "other", "401"): READS,
        ("GET", listed, "200"): READS,
    }
    timed = "api_request_duration_seconds_count"
    assert added(
        before["api"].by(timed, "method", "route"), after["api"].by(timed, "method", "route")
    ) == {
        ("POST", listed): JOBS,
        ("GET", shown): JOBS + READS,
        ("GET", listed): 3 * READS,
        ("GET", "other"): READS,
    }

    # The calls that the proxies recorded, of API and engine together.
    def calls(name: str) -> dict[Any, float]:
        labels = ("glance_calls_total", "region", "method", "code")
        return added(before[name].by(*labels), after[name].by(*labels))

    made = seen(glances, since)
    assert made["RegionTwo", "POST", "503"] == 5
    assert total(calls("api"), calls("engine")) == made
    assert {region for region, _, _ in calls("api")} == {"RegionOne"}
    # A failed call is retried until its time is over.
    assert 1 <= after["engine"].by("glance_retries_total", "region")["RegionTwo"] <= 5

    # The items that the API shows.
    stored: Counter[Any] = Counter()
    for job in accepted:
        for item in KingbirdAPI(running.url, newcomer).items(job):
            stored[item["target_region"], item["sync_status"], item["reason"]] += 1
    assert stored["RegionThree", SUCCESS, "created"] == JOBS
    states = Counter(job["sync_status"] for job in KingbirdAPI(running.url, newcomer).jobs())
    assert after["engine"].by("items_ended_total", "region", "status", "reason") == stored
    assert after["engine"].by("jobs_ended_total", "state") == states
    assert after["engine"].by("job_duration_seconds_count", "state") == states

    for scrape in after.values():
        assert scrape.value("database_up") == 1
        assert scrape.value("jobs_in_progress") == 0
        assert scrape.by("queue_size", "kind") == {"job": 0, "task": 0}

    # If the answering worker is killed, another one answers with the same counts.
    engine = running.engines[-1]
    for pid in answering(engine.pids, ports["engine"]):
        os.kill(pid, signal.SIGKILL)
    eventually("another worker answers", lambda: answers(address["engine"]))
    name = "items_ended_total"
    assert Scrape(address["engine"]).by(name) == after["engine"].by(name)


def sockets(pid: int) -> set[str]:
    """Return the inodes of a process's sockets."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(os.readlink(entry).removeprefix("socket:[").removesuffix("]"))
    return found


def answering(pids: Iterable[int], port: int) -> list[int]:
    """Return those processes that listen on a port."""
    return [
        pid
        for pid in pids
        if any(
            line.split()[1].endswith(f":{port:04X}")
            and line.split()[3] == LISTENING
            and line.split()[9] in sockets(pid)
            for line in Path("/proc/net/tcp").read_text().splitlines()[1:]
        )
    ]


def test_a_database_that_is_away(
    newcomer: Person, deploy_own: Callable[[Kind], Deployment]
) -> None:
    address = f"127.0.0.1:{free_port()}"
    options: Options = {
        "metrics": {"listen": address, "cache_time": 0, "database_timeout": 1},
        "DEFAULT": {"debug": "true"},
    }
    running = deploy_own(Kind("MariaDB", options=options, relayed=True))
    api = KingbirdAPI(running.url, newcomer)
    newcomer.make("RegionOne", visibility="private")
    assert api.run(wildcard(filters={"status": "queued"})).status == SUCCESS
    there = Scrape(address)
    assert there.value("database_up") == 1
    # One process is API and engine.
    assert there.by("jobs_ended_total", "state") == {SUCCESS: 1}
    assert sum(there.by("api_requests_total").values()) > 0

    running.relays["database"].cut()
    away = Scrape(address)
    assert away.value("database_up") == 0
    assert away.by("engines_alive") == {}
    assert away.by("jobs_ended_total", "state") == {SUCCESS: 1}

    running.relays["database"].mend()
    eventually("the database is seen again", lambda: Scrape(address).value("database_up") == 1)
