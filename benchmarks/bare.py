"""Bare loops: the same calls over the same number of connections, and nothing else."""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import urllib3

from kingbird.clients.image_lists import PAGE_SIZE, list_query

Image = dict[str, Any]

#: The queries that list a region: visible images, hidden ones, and forced copies.
VISIBLE = list_query()
HIDDEN = list_query(hidden=True)
FORCED = f"kingbird_forced=true&visibility=all&limit={PAGE_SIZE}"
#: The lists of a wildcard job in each region.
LISTS = (VISIBLE, HIDDEN, FORCED)


def post_all(url: str, token: str, records: Sequence[Image], connections: int) -> float:
    """POST records to a Glance.

    :param url: the region's endpoint.
    :param connections: the number of connections, each used by one thread.
    :returns: seconds from the first request to the last response.
    :raises RuntimeError: a record was not created.
    """
    pool = urllib3.PoolManager(maxsize=connections)
    headers = {"X-Auth-Token": token, "Content-Type": "application/json"}

    def post(record: Image) -> int:
        answer = pool.request("POST", f"{url}/v2/images", body=json.dumps(record), headers=headers)
        return answer.status

    begin = time.monotonic()
    with ThreadPoolExecutor(connections) as workers:
        statuses = set(workers.map(post, records))
    seconds = time.monotonic() - begin
    if statuses - {201}:
        raise RuntimeError(f"The bare loop was answered {sorted(statuses)}")
    return seconds


def pages(pool: urllib3.PoolManager, url: str, token: str, query: str) -> Iterator[list[Image]]:
    """Yield a region's images, page by page."""
    following: str | None = f"/v2/images?{query}"
    while following:
        answer = pool.request("GET", f"{url}{following}", headers={"X-Auth-Token": token})
        if answer.status != 200:
            raise RuntimeError(f"The bare loop was answered {answer.status}")
        page = json.loads(answer.data)
        yield page["images"]
        following = page.get("next")


def list_all(urls: Mapping[str, str], token: str, queries: Iterable[str] = LISTS) -> float:
    """List regions completely, with all lists at the same time.

    :returns: seconds from the first request until the last page is parsed.
    """
    walks = [(url, query) for url in urls.values() for query in queries]
    pool = urllib3.PoolManager(num_pools=len(urls), maxsize=len(walks))

    def walk(url: str, query: str) -> int:
        return sum(len(page) for page in pages(pool, url, token, query))

    begin = time.monotonic()
    with ThreadPoolExecutor(len(walks)) as workers:
        # An error is raised here.
        list(workers.map(walk, *zip(*walks, strict=True)))
    return time.monotonic() - begin
