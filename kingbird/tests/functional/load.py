"""Sends many requests at once over persistent connections."""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import urllib3

from kingbird.tests.functional.leaks.watch import WATCH

#: The timeout of one request in seconds.
PATIENCE = 120


@dataclass(frozen=True)
class Answered:
    """A response.

    :ivar status: the HTTP status; 0 without a response.
    """

    status: int
    body: bytes

    @property
    def json(self) -> Any:
        """Return the parsed body."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Load:
    """Responses in the order of their requests.

    :ivar seconds: the time from the first request to the last response.
    """

    answers: list[Answered]
    seconds: float

    @property
    def rate(self) -> float:
        """Return the number of requests a second."""
        return len(self.answers) / self.seconds


def at_once(connections: int, requests: Sequence[Callable[[urllib3.PoolManager], Any]]) -> Load:
    """Send requests with limited concurrency.

    :param requests: functions that send one request with the given pool.
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
    """Request the same job many times.

    :param url: the project's ``os-sync``.
    """
    WATCH.token(token)
    body = json.dumps({"resource_set": sync_set})
    headers = {"X-Auth-Token": token, "Content-Type": "application/json"}

    def post(pool: urllib3.PoolManager) -> Any:
        return pool.request("POST", url, body=body, headers=headers)

    return at_once(connections, [post] * count)


def get(urls: Sequence[str], token: str, connections: int) -> Load:
    """Send a GET to each URL."""
    WATCH.token(token)

    def request(url: str) -> Callable[[urllib3.PoolManager], Any]:
        return lambda pool: pool.request("GET", url, headers={"X-Auth-Token": token})

    return at_once(connections, [request(url) for url in urls])
