"""The bare loop: the same POSTs over the same number of connections, and nothing else."""

import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import urllib3


def post_all(url: str, token: str, records: Sequence[dict[str, Any]], connections: int) -> float:
    """POST records to a Glance.

    :param url: the region's endpoint.
    :param connections: how many are used, each by one thread.
    :returns: seconds from the first request to the last answer.
    :raises RuntimeError: a record was not made.
    """
    pool = urllib3.PoolManager(maxsize=connections)
    headers = {"X-Auth-Token": token, "Content-Type": "application/json"}

    def post(record: dict[str, Any]) -> int:
        answer = pool.request("POST", f"{url}/v2/images", body=json.dumps(record), headers=headers)
        return answer.status

    begin = time.monotonic()
    with ThreadPoolExecutor(connections) as workers:
        statuses = set(workers.map(post, records))
    seconds = time.monotonic() - begin
    if statuses != {201}:
        raise RuntimeError(f"The bare loop was answered {sorted(statuses)}")
    return seconds
