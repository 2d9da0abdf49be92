"""Many requests at once, over connections that stay open."""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import urllib3

from kingbird.tests.functional.leaks.watch import WATCH

#: Seconds for one request, after which it counts as failed.
PATIENCE = 120


@dataclass(frozen=True)
class Answered:
    """What came back.

    :ivar status: of HTTP; 0 when there was no answer.
    """

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Load:
    """Answers in the order of their requests.

    :ivar seconds: from the first request to the last answer.
    """

    answers: list[Answered]
    seconds: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.answers) / self.seconds


def at_once(connections: int, requests: Sequence[Callable[[urllib3.PoolManager], Any]]) -> Load:
    """Make requests, so many at a time.

    :param requests: each makes one with the pool that it is given.
    """
    pool = urllib3.PoolManager(maxsize=connections, block=True, retries=False, timeout=PATIENCE)

    def make(request: Callable[[urllib3.PoolManager], Any]) -> Answered:
        try:
            answer = request(pool)
        except urllib3.exceptions.HTTPError as error:
            return Answered(0, str(error).encode())
        if WATCH.is_on:
            WATCH.answered(answer.headers, answer.data)
        return Answered(answer.status, answer.data)

    begin = time.monotonic()
    with ThreadPoolExecutor(connections) as workers:
        answers = list(workers.map(make, requests))
    seconds = time.monotonic() - begin
    pool.clear()
    return Load(answers, seconds)


def post_jobs(
    url: str, token: str, sync_set: dict[str, Any], count: int, connections: int
) -> Load:
    """Ask for the same job many times.

    :param url: the project's ``os-sync``.
    """
    WATCH.token(token)
    body = json.dumps({"resource_set": sync_set})
    headers = {"X-Auth-Token": token, "Content-Type": "application/json"}

    def post(pool: urllib3.PoolManager) -> Any:
        return pool.request("POST", url, body=body, headers=headers)

    return at_once(connections, [post] * count)


def get(urls: Sequence[str], token: str, connections: int) -> Load:
    """GET some URLs."""
    WATCH.token(token)

    def request(url: str) -> Callable[[urllib3.PoolManager], Any]:
        return lambda pool: pool.request("GET", url, headers={"X-Auth-Token": token})

    return at_once(connections, [request(url) for url in urls])
